"""TREC run files, which every evaluation tool of the field writes and reads."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import DatasetError
from cvseeker.core.files import write_lines
from cvseeker.core.hashes import text_hash
from cvseeker.core.named_files import read_lines


def write_run(path: Path, run: Mapping[str, Sequence[tuple[str, float]]], *, system: str) -> None:
    """Write a run, query id → (id, score), best first; white space in names is percent-encoded."""
    column = lru_cache(maxsize=1_000_000)(_column)
    tail = f"{_column(system)}\n"

    def lines() -> Iterator[str]:
        for query_id, ranked in run.items():
            head = f"{_column(query_id)} Q0"
            yield "".join(
                f"{head} {column(key)} {rank} {score:.9g} {tail}"
                for rank, (key, score) in enumerate(ranked, start=1)
            )

    write_lines(path, lines())


def read_run(
    path: Path, *, query_ids: Sequence[str], candidate_ids: Sequence[str]
) -> dict[str, list[tuple[str, float]]]:
    """Read a run: query id → (id, score), best score first, equal scores in the file's order."""
    known_query = _known(path, "query", query_ids)
    known_candidate = _known(path, "passage or résumé", candidate_ids)
    run: dict[str, dict[str, float]] = {}
    for number, columns in _run_lines(path):
        query_id = known_query(number, columns[0])
        key = known_candidate(number, columns[2])
        ranked = run.setdefault(query_id, {})
        if key in ranked:
            raise DatasetError(f"{path}, line {number}: {key!r} stands twice for {query_id!r}")
        ranked[key] = _score(path, number, columns[4])
    if not run:
        raise DatasetError(f"{path}: an empty run; expected query-id Q0 id rank score system")
    return {
        query_id: sorted(ranked.items(), key=lambda item: -item[1])
        for query_id, ranked in run.items()
    }


def with_run_ids(dataset: RetrievalDataset, runs: Iterable[Path]) -> RetrievalDataset:
    """Add what runs name to a corpus of which only judged ids, and no texts, are known."""
    if dataset.has_texts:
        return dataset
    named = {columns[2]: columns[2] for path in runs for _, columns in _run_lines(path)}
    return replace(dataset, corpus={**dataset.corpus, **named})


def run_file_name(system: str) -> str:
    """Return a system's file name, safe on every system: ``hybrid(tuned).trec``."""
    name = quote(system, safe="()@+=,")
    # File systems allow 255 bytes; the end of a long path says most.
    return f"{name if len(name) <= 200 else f'{text_hash(system)}-{name[-150:]}'}.trec"


def _column(text: str) -> str:
    return "".join(quote(letter) if letter.isspace() else letter for letter in text)


def _run_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the numbers and columns of a run's lines."""
    expected = "a TREC run: query-id Q0 id rank score system"
    for number, line in enumerate(read_lines(path, expected), start=1):
        columns = line.split()
        if columns and len(columns) != 6:
            raise DatasetError(
                f"{path}, line {number}: {len(columns)} columns; expected six: query-id Q0 "
                f"id rank score system; got {line.strip()[:60]!r}"
            )
        if columns:
            yield number, columns


def _score(path: Path, number: int, text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise DatasetError(f"{path}, line {number}: the score is {text[:60]!r}; expected a number")
    return score


def _known(path: Path, what: str, ids: Sequence[str]) -> Callable[[int, str], str]:
    """Return what finds the id that a column stands for."""
    found = {_column(key): key for key in ids} | {key: key for key in ids}

    def look_up(number: int, column: str) -> str:
        if column not in found:
            raise DatasetError(
                f"{path}, line {number}: {what} {column[:200]!r} is not among the {len(ids)} of "
                f"the data set, such as {next(iter(ids), '')!r}"
            )
        return found[column]

    return look_up
