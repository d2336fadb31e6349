"""Data sets as LlamaIndex, MTEB and TREC store them on a disk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvseeker.core.datasets.qrels import Qrels, read_trec_qrels
from cvseeker.core.errors import DatasetError
from cvseeker.core.files import read_json, read_jsonl

# The names under which MTEB's retrieval tasks keep their qrels.
QRELS_NAMES = ("qrels", "default", "data")
_SUFFIXES = (".parquet", ".jsonl")


@dataclass(frozen=True, slots=True)
class DatasetContent:
    """What was read: id → text, id → text, and query id → id → grade.

    ``has_texts`` is false where passages are known by their ids alone.
    """

    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: Qrels
    has_texts: bool = True


def is_mteb(folder: Path) -> bool:
    """Tell a folder in MTEB's form: tables of corpus, queries and qrels, in Parquet or JSON lines.

    BEIR's folder, whose qrels are ``qrels/*.tsv``, is none.
    """
    return any(_files(folder, name) for name in QRELS_NAMES) and bool(_files(folder, "corpus"))


def is_trec(path: Path) -> bool:
    """Tell TREC's qrels file, ``.qrels`` or ``.txt``, or a folder of one with ``topics.tsv``."""
    if path.is_dir():
        return (path / "topics.tsv").is_file()
    return path.suffix in {".qrels", ".txt"}


def read_llamaindex(path: Path) -> DatasetContent:
    """Read the JSON form of LlamaIndex's ``EmbeddingQAFinetuneDataset``.

    Raises
    ------
    DatasetError
        If ``corpus``, ``queries`` or ``relevant_docs`` are no objects, or an answer is no list.
    InputError
        If the file is no JSON.
    """
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
    return DatasetContent(
        corpus=content["corpus"],
        queries=queries,
        qrels={query_id: dict.fromkeys(passages, 1) for query_id, passages in relevant.items()},
    )


def read_mteb(folder: Path, split: str) -> DatasetContent:
    """Read a retrieval task as MTEB stores it.

    Parameters
    ----------
    folder
        Holds ``corpus`` (``_id`` or ``id``, ``title``, ``text``), ``queries`` (``_id`` or ``id``,
        ``text``) and ``qrels``, ``default`` or ``data`` (``query-id``, ``corpus-id``, ``score``):
        each a folder of Parquet or JSON lines files, or one such file.
    split
        Files that begin with this name are read where there are some, else all.

    Returns
    -------
    DatasetContent
        Queries without a positive grade are left out.

    Raises
    ------
    DatasetError
        If a file cannot be read, or lacks a column.
    """
    corpus: dict[str, str] = {}
    for where, row in _rows(folder, "corpus", split):
        title, text = row.get("title") or "", row.get("text") or ""
        corpus[_id(where, row)] = f"{title}\n{text}" if title else text
    texts = {
        _id(where, row): row.get("text") or row.get("query") or ""
        for where, row in _rows(folder, "queries", split)
    }
    qrels: Qrels = {}
    name = next(name for name in QRELS_NAMES if _files(folder, name))
    for where, row in _rows(folder, name, split):
        if not {"query-id", "corpus-id", "score"} <= row.keys():
            raise DatasetError(
                f"{where}: columns {', '.join(map(repr, row))}; expected query-id, corpus-id, score"
            )
        grade = _grade(where, row["score"])
        qrels.setdefault(str(row["query-id"]), {})[str(row["corpus-id"])] = grade
    return _answered(DatasetContent(corpus, texts, qrels), folder / name)


def read_trec(path: Path, split: str) -> DatasetContent:
    """Read TREC's qrels, with the topics and the corpus that stand beside them.

    Parameters
    ----------
    path
        A qrels file, or a folder with ``topics.tsv`` (id, tab, text), one file ``qrels*.txt`` or
        ``*.qrels`` or several of which one is named after the split, and, if passages are to be
        ranked and not only runs evaluated, ``corpus.jsonl`` or ``corpus.tsv``.
    split
        Of the qrels.

    Returns
    -------
    DatasetContent
        Without a corpus, the judged ids stand for passages; without topics, the queries' ids for
        their texts.

    Raises
    ------
    DatasetError
        If there are no qrels, or a file cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    found = [*folder.glob("qrels*.txt"), *folder.glob("*.qrels")] if path.is_dir() else [path]
    if not found:
        raise DatasetError(f"{path}: no qrels; expected qrels.txt beside topics.tsv")
    file = min(found, key=lambda one: (split not in one.name, one))
    qrels = read_trec_qrels(file)
    queries, corpus = {query_id: query_id for query_id in qrels}, {}
    if path.is_dir():
        queries, corpus = dict(_pairs(folder / "topics.tsv")), dict(_corpus(folder))
    judged = {key: key for grades in qrels.values() for key in grades}
    content = DatasetContent(corpus or judged, queries, qrels, has_texts=bool(corpus))
    return _answered(content, file)


def _answered(content: DatasetContent, source: Path) -> DatasetContent:
    """Leave out queries without a positive grade, as BEIR's reader does."""
    qrels = {
        query_id: grades
        for query_id, grades in content.qrels.items()
        if any(grade > 0 for grade in grades.values())
    }
    missing = next((query_id for query_id in qrels if query_id not in content.queries), None)
    if missing is not None:
        raise DatasetError(
            f"{source}: query {missing!r} is not among the {len(content.queries)} queries, such as "
            f"{next(iter(content.queries), '')!r}"
        )
    queries = {query_id: content.queries[query_id] for query_id in qrels}
    return DatasetContent(content.corpus, queries, qrels, content.has_texts)


def _files(folder: Path, name: str) -> list[Path]:
    """Return a table's files: those of the folder of its name, or the one file of its name."""
    inside = (folder / name).rglob("*") if (folder / name).is_dir() else ()
    return sorted(
        path
        for path in (*inside, *(folder / f"{name}{suffix}" for suffix in _SUFFIXES))
        if path.suffix in _SUFFIXES and path.is_file()
    )


def _rows(folder: Path, name: str, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a table's rows, each with where it stands."""
    files = _files(folder, name)
    if not files:
        raise DatasetError(f"{folder}: no {name}; expected {name}/ with Parquet or JSON lines")
    chosen = [file for file in files if file.stem.startswith(split)] or files
    for file in chosen:
        rows: Iterable[dict[str, Any]]
        rows = _parquet_rows(file) if file.suffix == ".parquet" else read_jsonl(file)
        for number, row in enumerate(rows, start=1):
            yield f"{file}, row {number}", row


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:100]
        raise DatasetError(f"{path}: not readable as Parquet ({reason})") from error


def _id(where: str, row: dict[str, Any]) -> str:
    key = row.get("_id", row.get("id"))
    if key is None:
        raise DatasetError(f"{where}: no '_id'; expected '_id' and 'text'")
    return str(key)


def _grade(where: str, score: object) -> int:
    if isinstance(score, int | float) and score == int(score):
        return int(score)
    raise DatasetError(f"{where}: the score is {score!r}; expected a whole number")


def _corpus(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield ids and texts of the corpus beside TREC's qrels; nothing where there is none."""
    if (folder / "corpus.jsonl").is_file():
        for number, row in enumerate(read_jsonl(folder / "corpus.jsonl"), start=1):
            title, text = row.get("title") or "", row.get("text") or ""
            where = f"{folder / 'corpus.jsonl'}, row {number}"
            yield _id(where, row), f"{title}\n{text}" if title else text
    elif (folder / "corpus.tsv").is_file():
        yield from _pairs(folder / "corpus.tsv")


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the ids and texts of a table of two columns."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                key, tab, text = line.rstrip("\r\n").partition("\t")
                if line.strip() and not tab:
                    raise DatasetError(
                        f"{path}, line {number}: expected an id, a tab and a text; got "
                        f"{line.strip()[:60]!r}"
                    )
                if line.strip():
                    yield key, text
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot read this table ({error})") from error
