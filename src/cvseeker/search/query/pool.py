"""The candidates as filters see them: texts and insights, looked up in the record."""

import operator
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError
from cvseeker.core.record import Record
from cvseeker.core.records import Resume
from cvseeker.core.wordlists import read_pairs
from cvseeker.retrieval.boolean import Leaf, SearchedText, Tree, evaluate
from cvseeker.search.query.fulltext import FullText

BoolArray = NDArray[np.bool_]

# What is counted beside the hits.
FACETS = ("title", "skill", "employer", "degree", "place", "language", "certificate")
FIELDS = read_pairs("cvseeker.search.query", "fields")
_LEVELS = {
    level: frozenset(words.split())
    for level, words in read_pairs("cvseeker.search.query", "degree_levels").items()
}
_COMPARISON = re.compile(r"([<>]=?|=)?\s*(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_YEARS = re.compile(r"(\d{1,3})(\+)?")
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")
_IN_TEXTS = frozenset({"word", "phrase", "prefix"})
# SQLite's numbers have 19 digits at most.
_LONGEST_NUMBER = 19


class Pool:
    """The candidates of a record, in which filters are evaluated and facets counted.

    Nothing is read before it is asked for, and what is written to the record is seen at once.
    Several threads may use one.

    Parameters
    ----------
    workspace
        The folder with the record.

    Raises
    ------
    WorkspaceError
        If there is none, or it cannot be used.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace, self._threads = workspace, threading.local()
        self.resumes: Mapping[int, Resume] = _Resumes(self)
        self._everybody: tuple[int, dict[str, dict[str, int]]] = (-1, {})
        _ = self.record

    @property
    def record(self) -> Record:
        """The record, opened once in each thread."""
        if not hasattr(self._threads, "record"):
            self._threads.record = Record.open(self._workspace)
        record: Record = self._threads.record
        return record

    @property
    def words(self) -> FullText:
        """The words of all of them."""
        if not hasattr(self._threads, "words"):
            self._threads.words = FullText(self.record)
        words: FullText = self._threads.words
        return words

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Everybody's number, ascending."""
        rows = self.record.rows("SELECT number FROM candidates")
        return np.sort(np.fromiter((number for (number,) in rows), np.int64))

    def number_of(self, name: str) -> int | None:
        """Return a candidate's number, given their résumé's id or the number itself."""
        query = "SELECT number FROM candidates WHERE resume_id = ? OR number = ?"
        number = int(name) if name.isdecimal() and len(name) < _LONGEST_NUMBER else -1
        found: tuple[int] | None = next(self.record.rows(query, (name, number)), None)
        return found[0] if found else None

    def allowed(self, tree: Tree) -> list[int]:
        """Return the numbers of the candidates for whom a filter holds, in their order.

        Raises
        ------
        InputError
            If a field is compared with what is no number, date or degree.
        """
        numbers = self.numbers

        def holds(leaf: Leaf) -> BoolArray:
            found = self._having(leaf)
            return np.isin(numbers, np.fromiter(found, np.int64, len(found)))

        found: list[int] = numbers[evaluate(tree, holds)].tolist()
        return found

    def _having(self, leaf: Leaf) -> set[int]:
        """Return the numbers of those for whom a leaf holds."""
        if leaf.kind in _IN_TEXTS:
            return self.words.having(leaf)
        holds = _condition(leaf)
        if leaf.kind == "since":
            rows = self.record.rows("SELECT number, modified FROM candidates WHERE modified > 0")
            return {number for number, modified in rows if holds(_day(modified))}
        if leaf.kind == "years":
            return {number for number, years in self._first("years").items() if holds(years)}
        word = SearchedText.words_of(_split(leaf)[1]).split()[:1]
        likes = [f"%{one.rstrip('+#')}%" for one in word if one.isascii()] * 2
        narrowed = " AND (value LIKE ? OR text LIKE ?)" if likes and not _is_level(leaf) else ""
        query = f"SELECT number, value, text FROM insights WHERE kind = ?{narrowed}"
        rows = self.record.rows(query, (leaf.kind, *(likes if narrowed else ())))
        if _is_level(leaf):
            levels: dict[int, float] = {}
            for number, *texts in rows:
                level = max(map(_highest, texts))
                levels[number] = max(level, levels.get(number, level))
            return {number for number, level in levels.items() if level >= 0 and holds(level)}
        return {number for number, value, text in rows if holds(value) or holds(text)}

    def _first(self, kind: str) -> dict[int, int]:
        query = "SELECT number, value FROM insights WHERE kind = ? ORDER BY rowid DESC"
        return {number: int(value) for number, value in self.record.rows(query, (kind,))}

    def facets(
        self, numbers: Collection[int] | None = None, *, most: int = 10
    ) -> dict[str, dict[str, int]]:
        """Count values among candidates: kind → value → how many of them have it, most first.

        ``None``: among everybody.
        """
        if numbers is not None:
            return self._counted("json_each(?) AS those CROSS JOIN insights", numbers, most)
        sequence = self.record.sequence
        if self._everybody[0] != sequence:
            self._everybody = sequence, self._counted("insights", None, most)
        return self._everybody[1]

    def _counted(
        self, tables: str, numbers: Collection[int] | None, most: int
    ) -> dict[str, dict[str, int]]:
        join = "" if numbers is None else "insights.number = those.value AND "
        query = (
            f"SELECT kind, insights.value, count(DISTINCT number) AS many FROM {tables} "
            f"WHERE {join}kind IN ({', '.join('?' * len(FACETS))}) GROUP BY kind, insights.value "
            "ORDER BY many DESC, insights.value"
        )
        values = FACETS if numbers is None else (str(list(numbers)), *FACETS)
        counted: dict[str, dict[str, int]] = {kind: {} for kind in FACETS}
        for kind, value, count in self.record.rows(query, values):
            if len(counted[kind]) < most:
                counted[kind][value] = count
        return counted


class _Resumes(Mapping[int, Resume]):
    """Everybody's résumé, read when it is asked for."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __getitem__(self, number: int) -> Resume:
        for candidate in self._pool.record.candidates([number]):
            return candidate.resume
        raise KeyError(number)

    def __iter__(self) -> Iterator[int]:
        return iter(self._pool.numbers.tolist())

    def __len__(self) -> int:
        return self._pool.record.count


def check(tree: Tree) -> None:
    """Refuse a filter with a field that is compared with what is no number, date or degree."""

    def is_readable(leaf: Leaf) -> bool:
        return leaf.kind in _IN_TEXTS or bool(_condition(leaf))

    evaluate(tree, is_readable)


def _condition(leaf: Leaf) -> Callable[[Any], bool]:
    """Return what tells whether a field's value is what is asked for."""
    sign, value = _split(leaf)
    if leaf.kind == "years":
        years, compare = _years(leaf, value), _COMPARE[sign or "="]
        return lambda known: bool(compare(known, years))
    if leaf.kind == "since":
        date, compare = _date(leaf, value), _COMPARE[sign or ">="]
        return lambda day: bool(compare(day[: len(date)], date))
    if _is_level(leaf):
        level, compare = _level(leaf, value), _COMPARE[sign or "="]
        return lambda known: bool(compare(known, level))
    # These words, the last one perhaps cut short.
    wanted = SearchedText.words_of(value)
    wanted = wanted[:-1] if value.endswith("*") else wanted
    if not wanted.strip():
        raise InputError(f"{leaf}: expected a word after {leaf.kind}:")
    return lambda text: wanted in SearchedText.words_of(text)


def _is_level(leaf: Leaf) -> bool:
    sign, value = _split(leaf)
    return leaf.kind == "degree" and (bool(sign) or value.lower() in _LEVELS)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


@lru_cache(maxsize=20_000)
def _highest(degree: str) -> int:
    """Return the level of a degree, -1 where none is known."""
    words = set(SearchedText.words_of(degree).split())
    ranks = [rank for rank, names in enumerate(_LEVELS.values()) if words & names]
    return max(ranks, default=-1)


def _split(leaf: Leaf) -> tuple[str, str]:
    match = _COMPARISON.fullmatch(leaf.text)
    return (match[1] or "", match[2].strip()) if match else ("", leaf.text)


def _years(leaf: Leaf, value: str) -> float:
    match = _YEARS.fullmatch(value)
    if not match:
        raise InputError(f"{leaf}: expected a number of years, such as years>=5")
    return float(match[1])


def _date(leaf: Leaf, value: str) -> str:
    if not _DATE.fullmatch(value):
        raise InputError(f"{leaf}: expected a date, such as since:2024-05-31 or since:2024")
    return value


def _level(leaf: Leaf, value: str) -> float:
    names = list(_LEVELS)
    found = [rank for rank, words in enumerate(_LEVELS.values()) if value.lower() in words]
    if not found:
        raise InputError(f"{leaf}: expected one of {', '.join(names)}, such as degree>=master")
    return float(found[0])
