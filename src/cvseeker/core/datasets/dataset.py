"""A corpus, queries and their qrels, read in the forms of the field, written in two of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvseeker.core.datasets.qrels import Qrels, read_qrels
from cvseeker.core.datasets.readers import is_mteb, is_trec, read_llamaindex, read_mteb, read_trec
from cvseeker.core.datasets.writer import DatasetWriter, write_llamaindex_json
from cvseeker.core.errors import DatasetError, InputError
from cvseeker.core.files import read_jsonl
from cvseeker.core.records import Passage, Query


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
    has_texts
        Whether passages have texts; of TREC's qrels alone only the ids are known.
    """

    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: Qrels
    kinds: Mapping[str, str] = field(default_factory=dict)
    person_groups: Mapping[str, str] = field(default_factory=dict)
    has_texts: bool = True

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
    """Read a data set in LlamaIndex's, BEIR's, MTEB's or TREC's form and check it.

    Parameters
    ----------
    path
        A JSON file with ``corpus``, ``queries`` and ``relevant_docs``; a folder with
        ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/*.tsv``; one as MTEB stores it (see
        :func:`~cvseeker.core.datasets.readers.read_mteb`); TREC's qrels, or a folder with them and
        ``topics.tsv`` (see :func:`~cvseeker.core.datasets.readers.read_trec`).
    needs_queries
        Whether queries and qrels must be there; a corpus to generate for needs none.
    split
        Which of a folder's qrels are read: ``qrels/<split>.tsv`` where there is one.

    Returns
    -------
    RetrievalDataset

    Raises
    ------
    DatasetError
        If the path is none of these, its qrels have no grade above 0, or its content cannot be
        used; see :meth:`RetrievalDataset.check`.
    """
    if not path.exists():
        raise DatasetError(
            f"{path}: no such file; expected a LlamaIndex JSON file or a BEIR folder"
        )
    try:
        dataset = _read(path, split)
        if needs_queries and not dataset.queries:
            _refuse_empty_qrels(path)
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


def _read(path: Path, split: str) -> RetrievalDataset:
    """Read a data set in whatever form it is."""
    if is_trec(path):
        content = read_trec(path, split)
    elif not path.is_dir():
        content = read_llamaindex(path)
    elif is_mteb(path):
        content = read_mteb(path, split)
    else:
        return _read_beir(path, split)
    return RetrievalDataset(
        content.corpus, content.queries, content.qrels, has_texts=content.has_texts
    )


def _refuse_empty_qrels(path: Path) -> None:
    """Refuse qrels that are there and answer no query."""
    files = [*path.glob("qrels/*"), *path.glob("qrels*.txt"), *path.glob("*.qrels")]
    if is_trec(path) or files:
        raise DatasetError(
            f"{path}: no grade above 0 in {', '.join(file.name for file in files) or 'the qrels'}; "
            "expected one a query at least: query-id, id, grade"
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
