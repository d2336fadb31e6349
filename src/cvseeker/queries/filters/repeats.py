"""Finding queries that repeat an earlier one, word order, inflection and small words aside."""

import re
from array import array
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval.bm25 import stems as stems_of

# Stems leave these out, but "5 years" is not "8 years", and "NOT SAP" not "SAP".
_TELLING = re.compile(r"\b\d\b|\bNOT\b")

# Sets that share two buckets are compared. At a similarity of 0.8 that happens with a chance of
# 98 %, at 0.9 with 99.999 %, at 0.4 with 0.3 %, and always to equal sets: binomial, of so many
# bands with a chance of similarity ** rows each.
_BANDS, _ROWS = 20, 6
_BUCKET_BITS = 20


class Repeats:
    """Remembers queries and recognises those that repeat one.

    Two queries are alike if the Jaccard similarity of their sets of stems reaches a limit. MinHash
    proposes the earlier queries to compare with, and the sets themselves decide. 600,000 queries
    take about 150 MB.

    Parameters
    ----------
    similarity
        The limit, from 0.6 to 1; with 1 only equal sets are alike.

    Examples
    --------
    >>> repeats = Repeats(0.8)
    >>> [repeats.first_alike(text) for text in ("ICU nurse", "welder", "Nurses, ICU")]
    [None, None, 0]
    """

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._count = 0
        # Of each query remembered: its number among all that were given, and its stems' hashes.
        self._numbers = array("I")
        self._ends = array("Q", [0])
        self._stems = array("I")
        # Each bucket of each band is a chain: the position, from 1, of the query that came last,
        # and for every query that of the one before it.
        self._last = np.zeros((_BANDS, 1 << _BUCKET_BITS), dtype=np.uint32)
        self._before = array("I")

    def first_alike(self, query: str) -> int | None:
        """Find the first query that this one repeats; where there is none, remember this one.

        Parameters
        ----------
        query
            The text of a query.

        Returns
        -------
        int or None
            How many queries were given before that first one.
        """
        stems = _stem_hashes(query)
        buckets = _buckets(stems)
        number, self._count = self._count, self._count + 1
        for position in sorted(self._neighbours(buckets)):
            if self._is_alike(stems, position):
                return self._numbers[position]
        self._remember(number, stems, buckets)
        return None

    def _neighbours(self, buckets: list[int]) -> set[int]:
        """Return the positions of the queries that share two buckets."""
        once: set[int] = set()
        found: set[int] = set()
        for band, bucket in enumerate(buckets):
            at = int(self._last[band, bucket])
            while at:
                (found if at in once else once).add(at)
                at = self._before[(at - 1) * _BANDS + band]
        return {at - 1 for at in found}

    def _is_alike(self, stems: set[int], position: int) -> bool:
        others = self._stems[self._ends[position] : self._ends[position + 1]]
        shared = len(stems.intersection(others))
        return shared >= self._similarity * (len(stems) + len(others) - shared)

    def _remember(self, number: int, stems: set[int], buckets: list[int]) -> None:
        self._numbers.append(number)
        self._stems.extend(sorted(stems))
        self._ends.append(len(self._stems))
        for band, bucket in enumerate(buckets):
            self._before.append(int(self._last[band, bucket]))
            self._last[band, bucket] = len(self._numbers)


def _stem_hashes(query: str) -> set[int]:
    """Return hashes of a query's stems; one of nothing but small words is a stem of its own."""
    stems = {*stems_of(query), *_TELLING.findall(query)}
    words = stems or {" ".join(query.casefold().split())}
    return {crc32(word.encode("utf-8", "replace")) for word in words}


def _buckets(stems: set[int]) -> list[int]:
    """Return the bucket of each band; sets that are equal have equal ones."""
    hashes = np.fromiter(stems, dtype=np.uint64, count=len(stems))
    signature = (hashes[:, None] * _FACTORS + _OFFSETS).min(axis=0)  # (bands · rows,) modulo 2**64
    # The upper bits are mixed best.
    rows = (signature >> np.uint64(32)).reshape(_BANDS, _ROWS)
    keys = ((rows * _MIXERS).sum(axis=1) * _MIXERS[0]) >> np.uint64(64 - _BUCKET_BITS)
    chosen: list[int] = keys.tolist()
    return chosen


def _draw_constants() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    draw = np.random.default_rng(13).integers
    high = np.iinfo(np.uint64).max
    factors = draw(0, high, _BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
    offsets = draw(0, high, _BANDS * _ROWS, dtype=np.uint64)
    mixers = draw(0, high, _ROWS, dtype=np.uint64) | np.uint64(1)
    return factors, offsets, mixers


_FACTORS, _OFFSETS, _MIXERS = _draw_constants()
