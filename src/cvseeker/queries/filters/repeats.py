"""Finding queries that repeat an earlier one, word order, inflection and small words aside."""

import re
from array import array
from collections.abc import Collection
from math import ceil

import numpy as np

from cvseeker.retrieval.bm25 import stems as stems_of

# Stems leave these out, but "5 years" is not "8 years", and "NOT SAP" not "SAP".
_TELLING = re.compile(r"\b\d\b|\bNOT\b")

# Stems that are compared beyond those that a query which is alike may lack: with more of them fewer
# queries are candidates, but commoner stems are looked up.
_SHARED = 3


class Repeats:
    """Remembers queries and recognises those that repeat one.

    Two queries are alike if the Jaccard similarity of their sets of stems reaches a limit. A query
    that is alike lacks few of the stems, so that it has one of the rarest: only the queries that
    have one are compared. 600,000 queries take about 100 MB.
    """

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._count = 0
        self._vocabulary: dict[str, int] = {}
        # Of each query remembered: its number among all that were given, and its stems.
        self._numbers = array("I")
        self._ends = array("Q", [0])
        self._stems = array("I")
        # Of each stem: the queries remembered that have it.
        self._having: list[array[int]] = []

    def first_alike(self, query: str) -> int | None:
        """Find the first query that this one repeats; where there is none, remember this one.

        Returns how many queries were given before that first one.
        """
        stems = {self._number(stem) for stem in _stems(query)}
        number, self._count = self._count, self._count + 1
        for position in self._candidates(stems):
            if self._is_alike(stems, position):
                return self._numbers[position]
        self._remember(number, stems)
        return None

    def _number(self, stem: str) -> int:
        number = self._vocabulary.setdefault(stem, len(self._vocabulary))
        if number == len(self._having):
            self._having.append(array("I"))
        return number

    def _candidates(self, stems: Collection[int]) -> list[int]:
        """Return, in order, the queries remembered that have some of the rarest stems.

        One that is alike lacks so many stems at most; of so many more it has all.
        """
        shared = ceil(self._similarity * len(stems) - 1e-9)
        least = min(_SHARED, shared)
        rarest_first = sorted((self._having[stem] for stem in stems), key=len)
        compared = rarest_first[: len(stems) - shared + least]
        positions = [np.frombuffer(having, dtype=np.uint32) for having in compared if having]
        if len(positions) < least:
            return []
        found, times = np.unique(np.concatenate(positions), return_counts=True)
        candidates: list[int] = found[times >= least].tolist()
        return candidates

    def _is_alike(self, stems: set[int], position: int) -> bool:
        others = self._stems[self._ends[position] : self._ends[position + 1]]
        shared = len(stems.intersection(others))
        return shared >= self._similarity * (len(stems) + len(others) - shared)

    def _remember(self, number: int, stems: Collection[int]) -> None:
        for stem in stems:
            self._having[stem].append(len(self._numbers))
        self._numbers.append(number)
        self._stems.extend(stems)
        self._ends.append(len(self._stems))


def _stems(query: str) -> set[str]:
    """Return a query's stems; one of nothing but small words is a stem of its own."""
    stems = {*stems_of(query), *_TELLING.findall(query)}
    return stems or {" ".join(query.casefold().split())}
