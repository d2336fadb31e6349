"""A corpus as a stream of term matrices, for BM25 over more passages than memory holds."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval.bm25 import WORD, tokenize
from cvseeker.retrieval.windows import IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_WORD = re.compile(WORD)
# Passages read at a time, and words whose stems are remembered.
_BATCH = 256
_REMEMBERED = 200_000
# What a word is that no query has, and one that BM25 leaves out.
_UNASKED, _STOP_WORD = -1, -2


@dataclass(frozen=True, slots=True)
class Shard:
    """Neighbouring passages.

    Attributes
    ----------
    first
        The number of the first passage in the corpus.
    counts
        Shape (n_passages, n_terms), sparse: how often a passage has a term.
    lengths
        Shape (n_passages,): the passages' words, those that are no term included.
    groups
        Shape (n_passages,): a number for each person group.
    """

    first: int
    counts: "csr_array"
    lengths: IntArray
    groups: IntArray


def term_shards(
    passages: Iterable[tuple[str, str]], vocabulary: Mapping[str, int], *, size: int
) -> Iterator[Shard]:
    """Count the terms of a corpus, shard by shard.

    Parameters
    ----------
    passages
        Text and person group of each passage.
    vocabulary
        Stem → number of the term; other stems only add to a passage's length.
    size
        Passages in a shard.

    Yields
    ------
    Shard
    """
    reader = _TermReader(vocabulary)
    stream = iter(passages)
    first = 0
    while True:
        rows: list[IntArray] = []
        groups: list[int] = []
        while len(rows) < size:
            batch = list(islice(stream, min(_BATCH, size - len(rows))))
            if not batch:
                break
            rows += reader.read([text for text, _ in batch])
            numbers = range(first + len(groups), first + len(rows))
            groups += [
                group_number(group, number)
                for (_, group), number in zip(batch, numbers, strict=True)
            ]
        if not rows:
            return
        yield _shard(first, rows, groups, terms=len(vocabulary))
        first += len(rows)


def group_number(group: str, passage: int) -> int:
    """Return a number for a person group; a passage without one is a group of its own.

    64 bits tell groups apart and take less room than their names.

    Parameters
    ----------
    group
        Its name, may be empty.
    passage
        The number of the passage.

    Returns
    -------
    int
    """
    return hash(group) if group else passage


def _shard(first: int, rows: Sequence[IntArray], groups: Sequence[int], *, terms: int) -> Shard:
    from scipy.sparse import csr_array

    found = [np.unique(row[row >= 0], return_counts=True) for row in rows]
    starts = np.cumsum([0, *(len(present) for present, _ in found)])
    indices = np.concatenate([present for present, _ in found])
    data = np.concatenate([counts for _, counts in found]).astype(np.float64)
    return Shard(
        first=first,
        counts=csr_array((data, indices.astype(np.int32), starts), shape=(len(rows), terms)),
        lengths=np.array([len(row) for row in rows], dtype=np.int64),
        groups=np.array(groups, dtype=np.int64),
    )


class _TermReader:
    """Turns texts into numbers of terms, stop words left out, and remembers words."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        self._known: dict[str, int] = {}

    def read(self, texts: Sequence[str]) -> list[IntArray]:
        """Return each text's terms in reading order."""
        words = [_WORD.findall(text.lower()) for text in texts]
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        new = list(set().union(*words).difference(self._known))
        for word, stems in zip(new, tokenize(new), strict=True):
            number = self._vocabulary.get(stems[0], _UNASKED) if stems else _STOP_WORD
            self._known[word] = number
        return [self._numbers(line) for line in words]

    def _numbers(self, words: Sequence[str]) -> IntArray:
        numbers: NDArray[np.int64] = np.fromiter(
            map(self._known.__getitem__, words), dtype=np.int64, count=len(words)
        )
        kept: IntArray = numbers[numbers != _STOP_WORD]
        return kept
