"""Data sets as LlamaIndex, BEIR, MTEB and TREC store them on a disk."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cvseeker.core.datasets.dataset import UNKNOWN, RetrievalDataset
from cvseeker.core.datasets.qrels import (
    Qrels,
    grade_once,
    read_qrels,
    read_trec_qrels,
    whole_grade,
)
from cvseeker.core.errors import DatasetError, InputError
from cvseeker.core.files import read_json, read_jsonl
from cvseeker.core.named_files import read_lines

# The names under which MTEB's retrieval tasks keep their qrels.
_QRELS_NAMES = ("qrels", "default", "data")
_SUFFIXES = (".parquet", ".jsonl")


def read_dataset(
    path: Path, *, needs_queries: bool = True, split: str = "test"
) -> RetrievalDataset:
    """Read a data set in LlamaIndex's, BEIR's, MTEB's or TREC's form and check it.

    Queries without a positive grade are left out, but for LlamaIndex's, which has none. A query
    that cannot be used costs itself and not the set: ``left_out`` says which, and why.

    Parameters
    ----------
    path
        LlamaIndex's JSON file with ``corpus``, ``queries`` and ``relevant_docs``; a folder with
        ``corpus`` and ``queries`` as JSON lines or Parquet and qrels as BEIR or MTEB keep them, see
        :func:`read_judgements`; TREC's qrels, ``.qrels`` or ``.txt``, or a folder of one with
        ``topics.tsv`` (id, tab, text) and, if passages are to be ranked and not only runs
        evaluated, ``corpus.jsonl`` or ``corpus.tsv``. Without a corpus, the ids that TREC's qrels
        judge stand for passages; without topics, the queries' ids for their texts.
    needs_queries
        Whether queries and qrels must be there; a corpus to generate for needs none.
    split
        Which of a folder's qrels are read where there are several.
    """
    if not path.exists():
        raise DatasetError(
            f"{path}: no such file; expected a LlamaIndex JSON file or a BEIR folder"
        )
    try:
        if _is_trec(path):
            dataset = _read_trec(path, split)
        else:
            dataset = _read_folder(path, split) if path.is_dir() else _read_llamaindex(path)
    except InputError as error:
        raise DatasetError(str(error)) from error
    if needs_queries and not dataset.queries:
        _refuse_empty_qrels(path)
    dataset = dataset.usable() if needs_queries else dataset
    dataset.check(path, needs_queries=needs_queries)
    return dataset


def read_split(folder: Path, split: str) -> RetrievalDataset:
    """Read a split that CVSeeker wrote in BEIR's form; of few persons, none may be in it."""
    if not (folder / "corpus.jsonl").stat().st_size:
        return RetrievalDataset({}, {}, {})
    return read_dataset(folder, split=split, needs_queries=False)


def read_judgements(folder: Path, *, split: str = "test") -> RetrievalDataset:
    """Read the queries and qrels of a folder; what they name need not be in a corpus there.

    The folder holds ``queries`` (``_id`` or ``id``, ``text``), JSON lines or Parquet, one file or a
    folder of such, and either BEIR's ``qrels/*.tsv`` or MTEB's tables ``qrels``, ``default`` or
    ``data`` (``query-id``, ``corpus-id``, ``score``). ``split`` names the qrels: where there are
    none of that name, BEIR's first or all of MTEB's. Queries without a positive grade are left out.
    """
    judged = _read_judgements(folder, split)
    if not judged.queries:
        raise DatasetError(
            f"{folder}: no judged queries; expected queries.jsonl and qrels/test.tsv with a grade "
            "above 0 for each query"
        )
    return judged


def _read_judgements(folder: Path, split: str) -> RetrievalDataset:
    """Read a folder's queries and qrels; empty without any qrels."""
    name = next((name for name in _QRELS_NAMES if _files(folder, name)), "")
    tables = sorted((folder / "qrels").glob("*.tsv"), key=lambda file: (file.stem != split, file))
    if name:
        source, qrels = folder / name, _mteb_qrels(folder, name, split)
    elif tables:
        source, qrels = tables[0], read_qrels(tables[0])
    else:
        return RetrievalDataset({}, {}, {})
    rows = dict(_keyed(_rows(folder, "queries", split)))
    texts = {key: row.get("text") or row.get("query") or "" for key, row in rows.items()}
    dataset = _answered(RetrievalDataset({}, texts, qrels), source)
    kinds = {key: kind for key in dataset.qrels if (kind := _metadata(rows[key], "kind"))}
    return replace(dataset, kinds=kinds)


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


def _read_folder(folder: Path, split: str) -> RetrievalDataset:
    """Read BEIR's form, or MTEB's, which differs in its qrels."""
    corpus: dict[str, str] = {}
    groups: dict[str, str] = {}
    for key, row in _keyed(_rows(folder, "corpus", split)):
        corpus[key] = _passage_text(row)
        if group := _metadata(row, "person_group"):
            groups[key] = group
    return replace(_read_judgements(folder, split), corpus=corpus, person_groups=groups)


def _read_trec(path: Path, split: str) -> RetrievalDataset:
    folder = path if path.is_dir() else path.parent
    found = [*folder.glob("qrels*.txt"), *folder.glob("*.qrels")] if path.is_dir() else [path]
    if not found:
        raise DatasetError(f"{path}: no qrels; expected qrels.txt beside topics.tsv")
    file = min(found, key=lambda one: (split not in one.name, one))
    qrels = read_trec_qrels(file)
    queries, corpus = {query_id: query_id for query_id in qrels}, {}
    if path.is_dir():
        queries = _pairs(folder / "topics.tsv")
        corpus = _trec_corpus(folder, split)
    judged = {key: key for grades in qrels.values() for key in grades}
    dataset = RetrievalDataset(corpus or judged, queries, qrels, has_texts=bool(corpus))
    return _answered(dataset, file)


def _trec_corpus(folder: Path, split: str) -> dict[str, str]:
    """Return the corpus beside TREC's qrels, empty where there is none."""
    if (folder / "corpus.jsonl").is_file():
        rows = _keyed(_rows(folder, "corpus", split))
        return {key: _passage_text(row) for key, row in rows}
    table = folder / "corpus.tsv"
    return _pairs(table) if table.exists() else {}


def _is_trec(path: Path) -> bool:
    return (path / "topics.tsv").exists() if path.is_dir() else path.suffix in {".qrels", ".txt"}


def _refuse_empty_qrels(path: Path) -> None:
    """Refuse qrels that are there and answer no query."""
    files = [*path.glob("qrels/*"), *path.glob("qrels*.txt"), *path.glob("*.qrels")]
    if _is_trec(path) or files:
        raise DatasetError(
            f"{path}: no grade above 0 in {', '.join(file.name for file in files) or 'the qrels'}; "
            "expected one a query at least: query-id, id, grade"
        )


def _answered(dataset: RetrievalDataset, source: Path) -> RetrievalDataset:
    """Leave out queries without a positive grade."""
    qrels = {
        query_id: grades
        for query_id, grades in dataset.qrels.items()
        if any(grade > 0 for grade in grades.values())
    }
    known = {query_id: grades for query_id, grades in qrels.items() if query_id in dataset.queries}
    if qrels and not known:
        raise DatasetError(
            f"{source}: query {next(iter(qrels))!r} is not among the {len(dataset.queries)} "
            f"queries, such as {next(iter(dataset.queries), '')!r}"
        )
    left_out = {query_id: UNKNOWN for query_id in qrels if query_id not in known}
    queries = {query_id: dataset.queries[query_id] for query_id in known}
    return replace(dataset, queries=queries, qrels=known, left_out=left_out)


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
        raise DatasetError(
            f"{folder / name}.jsonl: no such file; expected it, or {name}/ with Parquet or JSON "
            "lines"
        )
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


def _mteb_qrels(folder: Path, name: str, split: str) -> Qrels:
    qrels: Qrels = {}
    for where, row in _rows(folder, name, split):
        if not {"query-id", "corpus-id", "score"} <= row.keys():
            raise DatasetError(
                f"{where}: columns {', '.join(map(repr, row))}; expected query-id, corpus-id, score"
            )
        query_id, passage_id, score = (row[name] for name in ("query-id", "corpus-id", "score"))
        try:
            grade = whole_grade(score)
        except ValueError:
            raise DatasetError(
                f"{where}: the score is {score!r}; expected a whole number"
            ) from None
        grade_once(qrels, str(query_id), str(passage_id), grade, where=where)
    return qrels


def _keyed(rows: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield rows by their ids, each once; two texts of one id are refused."""
    seen: dict[str, Any] = {}
    for where, row in rows:
        key = row.get("_id", row.get("id"))
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise DatasetError(f"{where}: no '_id', a text or a number; expected '_id' and 'text'")
        if (key := str(key)) not in seen:
            seen[key] = hash(str(row.get("text")))
            yield key, row
        # Written twice, the same row does no harm; another text would answer other queries.
        elif seen[key] != hash(str(row.get("text"))):
            raise DatasetError(
                f"{where}: {key!r} stands twice, with different texts; expected an id of its own "
                "for each"
            )


def _passage_text(row: Mapping[str, Any]) -> Any:
    """Return a passage's text, its title above it; what is no text is refused by the check."""
    title, text = row.get("title") or "", row.get("text") or ""
    return f"{title}\n{text}" if title else text


def _metadata(row: Mapping[str, Any], name: str) -> str:
    """Return a value of a row's metadata, empty where there is none."""
    metadata = row.get("metadata")
    return str(metadata.get(name) or "") if isinstance(metadata, dict) else ""


def _pairs(path: Path) -> dict[str, str]:
    """Return the texts of a table of two columns by their ids."""
    return {key: row["text"] for key, row in _keyed(_pair_rows(path))}


def _pair_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(read_lines(path, "ids and texts, separated by tabs"), start=1):
        key, tab, text = line.rstrip("\r\n").partition("\t")
        if line.strip() and not tab:
            raise DatasetError(
                f"{path}, line {number}: expected an id, a tab and a text; got "
                f"{line.strip()[:60]!r}"
            )
        if line.strip():
            yield f"{path}, line {number}", {"_id": key, "text": text}
