"""The candidates as filters see them: their texts and insights, a column each."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError
from cvseeker.core.insights import Insight
from cvseeker.core.records import Resume
from cvseeker.core.wordlists import read_pairs
from cvseeker.retrieval.boolean import Leaf, SearchedText, Tree, evaluate

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


class Pool:
    """Candidates, in which filters are evaluated and facets counted.

    Parameters
    ----------
    resumes
        Each candidate's number and résumé.
    modified
        When their files were last written, in seconds since 1970; nobody's is known without it.
    """

    def __init__(
        self, resumes: Iterable[tuple[int, Resume]], modified: Mapping[int, float] | None = None
    ) -> None:
        self.resumes = dict(resumes)
        self.numbers = np.fromiter(self.resumes, np.int64)
        self._modified = modified or {}
        words_of = SearchedText.words_of
        self._values: dict[str, list[tuple[str, int]]] = {}
        for row, resume in enumerate(self.resumes.values()):
            for insight in resume.insights:
                self._values.setdefault(insight.kind, []).extend(
                    (text, row) for text in {words_of(insight.value), words_of(insight.text)}
                )

    @cached_property
    def texts(self) -> list[SearchedText]:
        """Their texts, read for Boolean queries."""
        return [SearchedText.from_text(resume.text) for resume in self.resumes.values()]

    @cached_property
    def words(self) -> Counter[str]:
        """In how many résumés each word stands, in lower case."""
        return Counter(word for text in self.texts for word in set(text.spaced.split()))

    def allowed(self, tree: Tree) -> list[int]:
        """Return the numbers of the candidates for whom a filter holds, in their order.

        Raises
        ------
        InputError
            If a field is compared with what is no number, date or degree.
        """
        found: list[int] = self.numbers[evaluate(tree, self.holds)].tolist()
        return found

    def holds(self, leaf: Leaf) -> BoolArray:
        """Return for which candidates a leaf holds, shape (n_candidates,)."""
        if leaf.kind in ("word", "phrase", "prefix"):
            return np.fromiter((text.has(leaf) for text in self.texts), bool, len(self.numbers))
        sign, value = _split(leaf)
        if leaf.kind == "years":
            return _compared(self._years, sign or "=", _years(leaf, value))
        if leaf.kind == "since":
            return _compared(self._dates, sign or ">=", _date(leaf, value))
        if leaf.kind == "degree" and (sign or value.lower() in _LEVELS):
            return _compared(self._levels, sign or "=", _level(leaf, value))
        return self._with_value(leaf, value)

    def _with_value(self, leaf: Leaf, value: str) -> BoolArray:
        """Return who has an insight that has these words, the last one perhaps cut short."""
        wanted = SearchedText.words_of(value)
        wanted = wanted[:-1] if value.endswith("*") else wanted
        if not wanted.strip():
            raise InputError(f"{leaf}: expected a word after {leaf.kind}:")
        found = np.zeros(len(self.numbers), dtype=bool)
        found[[row for text, row in self._values.get(leaf.kind, ()) if wanted in text]] = True
        return found

    @cached_property
    def _years(self) -> NDArray[np.float64]:
        """The length of each working life in years; NaN where it is not known."""
        return np.array(
            [
                np.nan if (known := resume.profile.years) is None else known
                for resume in self.resumes.values()
            ],
            dtype=np.float64,
        )

    @cached_property
    def _dates(self) -> NDArray[np.str_]:
        """The day on which each file was last written, empty where it is not known."""
        days = [
            datetime.fromtimestamp(self._modified[number], UTC).date().isoformat()
            if number in self._modified
            else ""
            for number in self.resumes
        ]
        return np.array(days, dtype=np.str_)

    @cached_property
    def _levels(self) -> NDArray[np.float64]:
        """Each candidate's highest degree; NaN where none is known."""
        levels = np.full(len(self.numbers), np.nan)
        for text, row in self._values.get("degree", ()):
            words = set(text.split())
            ranks = [rank for rank, names in enumerate(_LEVELS.values()) if words & names]
            levels[row] = np.fmax(levels[row], max(ranks, default=np.nan))
        return levels

    def insights(self, number: int, kind: str) -> list[Insight]:
        """Return what was read off a candidate's résumé, each value once."""
        found = {
            one.value.casefold(): one for one in self.resumes[number].insights if one.kind == kind
        }
        return list(found.values())

    def facets(self, numbers: Collection[int], *, most: int = 10) -> dict[str, dict[str, int]]:
        """Count values among candidates: kind → value → how many of them have it, most first."""
        counted: dict[str, dict[str, int]] = {}
        for kind in FACETS:
            counts = Counter(
                value
                for number in numbers
                for value in {i.value for i in self.insights(number, kind)}
            )
            ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            counted[kind] = dict(ordered[:most])
        return counted


def check(tree: Tree) -> None:
    """Refuse a filter with a field that is compared with what is no number, date or degree."""
    evaluate(tree, Pool([]).holds)


def _split(leaf: Leaf) -> tuple[str, str]:
    match = _COMPARISON.fullmatch(leaf.text)
    return (match[1] or "", match[2].strip()) if match else ("", leaf.text)


def _compared(column: NDArray[Any], sign: str, wanted: float | str) -> BoolArray:
    """Compare what is known; what is not known fulfils nothing."""
    known = column != "" if column.dtype.kind == "U" else ~np.isnan(column)
    if isinstance(wanted, str):
        column = np.array([day[: len(wanted)] for day in column.tolist()], dtype=np.str_)
    fulfilled: BoolArray = known & _COMPARE[sign](column, wanted)
    return fulfilled


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
