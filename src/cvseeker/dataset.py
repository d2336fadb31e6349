"""A corpus, queries and their qrels, read and written in LlamaIndex's form and in BEIR's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvseeker.dataset_writer import DatasetWriter, write_llamaindex_json
from cvseeker.errors import DatasetError, InputError
from cvseeker.files import read_json, read_jsonl
from cvseeker.qrels import Qrels, read_qrels
from cvseeker.records import Passage, Query


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
            If there are no passages or queries, a text is empty or no Unicode, a query has no
            relevant passage, or the qrels name an unknown id.
        """
        if not self.corpus:
            raise DatasetError(f"{source}: no passages; expected at least one in 'corpus'")
        _refuse_unusable(source, "passage", self.corpus)
        if not needs_queries:
            return
        if not self.queries:
            raise DatasetError(
                f"{source}: no queries; write some with: "
                f"cvseeker generate --corpus {source} --out FILE"
            )
        _refuse_unusable(source, "query", self.queries)
        for query_id in self.queries:
            grades = self.qrels.get(query_id, {})
            if not any(grade > 0 for grade in grades.values()):
                raise DatasetError(
                    f"{source}: query {query_id!r} has no relevant passage; "
                    "give it one or remove it"
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
        """Return the passages named, with the queries that are answered among them alone."""
        kept = {
            query_id: {key: grade for key, grade in grades.items() if key in passage_ids}
            for query_id, grades in self.qrels.items()
            if all(key in passage_ids for key, grade in grades.items() if grade > 0)
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


def read_dataset(
    path: Path, *, needs_queries: bool = True, split: str = "test"
) -> RetrievalDataset:
    """Read a LlamaIndex JSON file or a BEIR folder and check it.

    Parameters
    ----------
    path
        A JSON file with ``corpus``, ``queries`` and ``relevant_docs``, or a folder with
        ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/*.tsv``.
    needs_queries
        Whether queries and qrels must be there; a corpus to generate for needs none.
    split
        Which of a BEIR folder's qrels are read: ``qrels/<split>.tsv`` where there is one.

    Returns
    -------
    RetrievalDataset

    Raises
    ------
    DatasetError
        If the path is neither, or its content cannot be used; see :meth:`RetrievalDataset.check`.
    """
    if not path.exists():
        raise DatasetError(
            f"{path}: no such file; expected a LlamaIndex JSON file or a BEIR folder"
        )
    try:
        dataset = _read_beir(path, split) if path.is_dir() else _read_llamaindex(path)
    except InputError as error:
        raise DatasetError(str(error)) from error
    dataset.check(path, needs_queries=needs_queries)
    return dataset


def write_llamaindex(dataset: RetrievalDataset, path: Path) -> None:
    """Write the JSON form of LlamaIndex's ``EmbeddingQAFinetuneDataset``."""
    write_llamaindex_json(
        path,
        queries=dataset.queries.items(),
        corpus=dataset.corpus.items(),
        relevant=(
            (query_id, [key for key, grade in grades.items() if grade > 0])
            for query_id, grades in dataset.qrels.items()
        ),
    )


def write_beir(dataset: RetrievalDataset, folder: Path, *, split: str) -> None:
    """Write ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv`` into ``folder``."""
    with DatasetWriter(folder, split=split) as writer:
        for passage_id, text in dataset.corpus.items():
            group = dataset.person_groups.get(passage_id, "")
            writer.add_passage(passage_id, text, person_group=group)
        for query_id, text in dataset.queries.items():
            grades, kind = dataset.qrels[query_id], dataset.kinds.get(query_id, "")
            writer.add_query(query_id, text, grades=grades, kind=kind)


def read_judgements(
    folder: Path, *, split: str = "test"
) -> tuple[dict[str, str], dict[str, str], Qrels]:
    """Read the queries and qrels of a BEIR folder; what they name need not be in a corpus there.

    Parameters
    ----------
    folder
        Holds ``queries.jsonl`` and ``qrels/*.tsv``.
    split
        The qrels that are read, ``qrels/<split>.tsv``; where there is none, the first by name.

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
    files = sorted((folder / "qrels").glob("*.tsv"), key=lambda file: (file.stem != split, file))
    if not files:
        return {}, {}, {}
    qrels = {
        query_id: grades
        for query_id, grades in read_qrels(files[0]).items()
        if any(grade > 0 for grade in grades.values())
    }
    rows = dict(_beir_rows(folder / "queries.jsonl"))
    missing = next((query_id for query_id in qrels if query_id not in rows), None)
    if missing is not None:
        raise DatasetError(f"{files[0]}: query {missing!r} is not in {folder / 'queries.jsonl'}")
    queries = {query_id: rows[query_id].get("text") or "" for query_id in qrels}
    kinds = {
        query_id: kind for query_id in qrels if (kind := _read_metadata(rows[query_id], "kind"))
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
    for query_id, passages in relevant.items():
        if not isinstance(passages, list) or not all(isinstance(key, str) for key in passages):
            raise DatasetError(
                f"{path}: 'relevant_docs' of query {query_id!r} must be a list of passage ids"
            )
    return RetrievalDataset(
        corpus=content["corpus"],
        queries=queries,
        qrels={query_id: dict.fromkeys(passages, 1) for query_id, passages in relevant.items()},
    )


def _read_beir(folder: Path, split: str) -> RetrievalDataset:
    corpus: dict[str, str] = {}
    groups: dict[str, str] = {}
    for key, row in _beir_rows(folder / "corpus.jsonl"):
        title, text = row.get("title") or "", row.get("text") or ""
        corpus[key] = f"{title}\n{text}" if title else text
        if group := _read_metadata(row, "person_group"):
            groups[key] = group
    queries, kinds, qrels = read_judgements(folder, split=split)
    return RetrievalDataset(corpus, queries, qrels, kinds, groups)


def _beir_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of a BEIR file with their ids."""
    for number, row in enumerate(read_jsonl(path), start=1):
        if "_id" not in row:
            raise DatasetError(f"{path}, row {number}: no '_id'; expected '_id' and 'text'")
        yield str(row["_id"]), row


def _refuse_unusable(source: object, what: str, texts: Mapping[str, Any]) -> None:
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise DatasetError(f"{source}: {what} {key!r} has no text; remove it or fill it in")
        if not _is_unicode(key) or not _is_unicode(text):
            raise DatasetError(
                f"{source}: {what} {key!r} holds half a surrogate pair, which is no Unicode text; "
                "repair or remove it"
            )


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _read_metadata(row: Mapping[str, Any], name: str) -> str:
    """Return a value of a row's metadata, empty where there is none."""
    metadata = row.get("metadata")
    return str(metadata.get(name) or "") if isinstance(metadata, dict) else ""
