"""A corpus, queries and their qrels, read and written in LlamaIndex's form and in BEIR's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvseeker.errors import DatasetError
from cvseeker.files import read_json, read_jsonl, write_json, write_jsonl, write_text
from cvseeker.records import Passage, Query

Qrels = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class RetrievalDataset:
    """Passages, queries, and which passages answer which query.

    Attributes
    ----------
    corpus
        Passage id → text.
    queries
        Query id → text.
    qrels
        Query id → passage id → grade; a grade above 0 is relevant.
    kinds
        Query id → kind of query, where known.
    person_groups
        Passage id → person group, where known.
    """

    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: Qrels
    kinds: Mapping[str, str] = field(default_factory=dict)
    person_groups: Mapping[str, str] = field(default_factory=dict)

    def check(self, source: object = "the data set", *, needs_queries: bool = True) -> None:
        """Refuse a data set that cannot be trained on or evaluated with.

        Parameters
        ----------
        source
            Where the data set came from, for the message.
        needs_queries
            Whether a corpus alone is too little.

        Raises
        ------
        DatasetError
            If there are no passages or queries, a text is empty, a query has no relevant passage,
            or the qrels name an unknown id.
        """
        if not self.corpus:
            raise DatasetError(f"{source}: no passages; expected at least one in 'corpus'")
        _refuse_empty(source, "passage", self.corpus)
        if not needs_queries:
            return
        if not self.queries:
            raise DatasetError(
                f"{source}: no queries; write some with: cvseeker generate --corpus {source} --out FILE"
            )
        _refuse_empty(source, "query", self.queries)
        for query_id in self.queries:
            grades = self.qrels.get(query_id, {})
            if not any(grade > 0 for grade in grades.values()):
                raise DatasetError(
                    f"{source}: query {query_id!r} has no relevant passage; give it one or remove it"
                )
        for query_id, grades in self.qrels.items():
            if query_id not in self.queries:
                raise DatasetError(f"{source}: the qrels name an unknown query {query_id!r}")
            for passage_id in grades:
                if passage_id not in self.corpus:
                    raise DatasetError(
                        f"{source}: query {query_id!r} points to passage {passage_id!r}, "
                        f"which is not among the {len(self.corpus)} of the corpus"
                    )

    def subset(self, passage_ids: set[str]) -> "RetrievalDataset":
        """Return the passages named, with the queries whose relevant passages are all among them."""
        kept = {
            query_id: grades
            for query_id, grades in self.qrels.items()
            if set(grades) <= passage_ids
        }
        return RetrievalDataset(
            corpus={key: text for key, text in self.corpus.items() if key in passage_ids},
            queries={key: text for key, text in self.queries.items() if key in kept},
            qrels=kept,
            kinds={key: kind for key, kind in self.kinds.items() if key in kept},
            person_groups={
                key: group for key, group in self.person_groups.items() if key in passage_ids
            },
        )


def dataset_from_records(passages: list[Passage], queries: list[Query]) -> RetrievalDataset:
    """Build a data set in which each query is answered by the passage it was written about."""
    return RetrievalDataset(
        corpus={passage.passage_id: passage.text for passage in passages},
        queries={query.query_id: query.text for query in queries},
        qrels={query.query_id: {query.passage_id: 1} for query in queries},
        kinds={query.query_id: query.kind for query in queries},
        person_groups={passage.passage_id: passage.person_group for passage in passages},
    )


def read_dataset(path: Path, *, needs_queries: bool = True) -> RetrievalDataset:
    """Read a LlamaIndex JSON file or a BEIR folder and check it.

    Parameters
    ----------
    path
        A JSON file with ``corpus``, ``queries`` and ``relevant_docs``, or a folder with
        ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/*.tsv``.
    needs_queries
        Whether queries and qrels must be there; a corpus to generate for needs none.

    Returns
    -------
    RetrievalDataset

    Raises
    ------
    DatasetError
        If the path is neither, or its content cannot be used; see :meth:`RetrievalDataset.check`.
    """
    if path.is_dir():
        dataset = _read_beir(path)
    elif path.is_file():
        dataset = _read_llamaindex(path)
    else:
        raise DatasetError(f"{path}: no such file; expected a LlamaIndex JSON file or a BEIR folder")
    dataset.check(path, needs_queries=needs_queries)
    return dataset


def write_llamaindex(dataset: RetrievalDataset, path: Path) -> None:
    """Write the JSON form of LlamaIndex's ``EmbeddingQAFinetuneDataset``."""
    write_json(
        path,
        {
            "queries": dataset.queries,
            "corpus": dataset.corpus,
            "relevant_docs": {
                query_id: [key for key, grade in grades.items() if grade > 0]
                for query_id, grades in dataset.qrels.items()
            },
            "mode": "text",
        },
    )


def write_beir(dataset: RetrievalDataset, folder: Path, *, split: str) -> None:
    """Write ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv`` into ``folder``."""
    write_jsonl(
        folder / "corpus.jsonl",
        (
            {"_id": key, "title": "", "text": text, "metadata": _metadata("person_group", dataset.person_groups.get(key))}
            for key, text in dataset.corpus.items()
        ),
    )
    write_jsonl(
        folder / "queries.jsonl",
        (
            {"_id": key, "text": text, "metadata": _metadata("kind", dataset.kinds.get(key))}
            for key, text in dataset.queries.items()
        ),
    )
    rows = [
        f"{query_id}\t{passage_id}\t{grade}\n"
        for query_id, grades in dataset.qrels.items()
        for passage_id, grade in grades.items()
    ]
    write_text(folder / "qrels" / f"{split}.tsv", "".join(["query-id\tcorpus-id\tscore\n", *rows]))


def read_qrels(path: Path) -> Qrels:
    """Read BEIR's ``query-id<TAB>corpus-id<TAB>score`` file.

    Raises
    ------
    DatasetError
        If a line has another number of columns or its grade is no whole number.
    """
    qrels: Qrels = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        columns = line.split("\t")
        if number == 1 and columns[-1].strip() == "score":
            continue
        try:
            query_id, passage_id, grade = columns
            qrels.setdefault(query_id, {})[passage_id] = int(grade)
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected query-id, corpus-id and a whole-number score, "
                f"separated by tabs; got {line[:60]!r}"
            ) from None
    return qrels


def read_judgements(folder: Path) -> tuple[dict[str, str], dict[str, str], Qrels]:
    """Read the queries and qrels of a BEIR folder; what they name need not be in a corpus there.

    Parameters
    ----------
    folder
        Holds ``queries.jsonl`` and ``qrels/*.tsv``; of several, ``qrels/test.tsv`` is read.

    Returns
    -------
    queries, kinds, qrels
        Query id → text, query id → kind where known, query id → id → grade. A query without a
        positive grade is left out of all three.

    Raises
    ------
    DatasetError
        If the qrels name a query that is not in ``queries.jsonl``.
    """
    files = sorted((folder / "qrels").glob("*.tsv"), key=lambda file: (file.stem != "test", file))
    if not files:
        return {}, {}, {}
    qrels = {
        query_id: grades
        for query_id, grades in read_qrels(files[0]).items()
        if any(grade > 0 for grade in grades.values())
    }
    rows = {str(row["_id"]): row for row in read_jsonl(folder / "queries.jsonl")}
    missing = next((query_id for query_id in qrels if query_id not in rows), None)
    if missing is not None:
        raise DatasetError(f"{files[0]}: query {missing!r} is not in {folder / 'queries.jsonl'}")
    queries = {query_id: rows[query_id]["text"] for query_id in qrels}
    kinds = {
        query_id: kind
        for query_id in qrels
        if (kind := (rows[query_id].get("metadata") or {}).get("kind"))
    }
    return queries, kinds, qrels


def _read_llamaindex(path: Path) -> RetrievalDataset:
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("corpus"), dict):
        raise DatasetError(
            f"{path}: no 'corpus' object; expected LlamaIndex's JSON with 'queries', 'corpus' and "
            "'relevant_docs'"
        )
    queries = content.get("queries") or {}
    relevant = content.get("relevant_docs") or {}
    if not isinstance(queries, dict) or not isinstance(relevant, dict):
        raise DatasetError(f"{path}: 'queries' and 'relevant_docs' must be JSON objects")
    return RetrievalDataset(
        corpus=content["corpus"],
        queries=queries,
        qrels={query_id: dict.fromkeys(passages, 1) for query_id, passages in relevant.items()},
    )


def _read_beir(folder: Path) -> RetrievalDataset:
    corpus: dict[str, str] = {}
    groups: dict[str, str] = {}
    for row in read_jsonl(folder / "corpus.jsonl"):
        title, text = row.get("title") or "", row.get("text") or ""
        corpus[str(row["_id"])] = f"{title}\n{text}" if title else text
        if group := (row.get("metadata") or {}).get("person_group"):
            groups[str(row["_id"])] = group
    queries, kinds, qrels = read_judgements(folder)
    return RetrievalDataset(corpus, queries, qrels, kinds, groups)


def _refuse_empty(source: object, what: str, texts: Mapping[str, Any]) -> None:
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise DatasetError(f"{source}: {what} {key!r} has no text; remove it or fill it in")


def _metadata(name: str, value: str | None) -> dict[str, str]:
    return {name: value} if value else {}
