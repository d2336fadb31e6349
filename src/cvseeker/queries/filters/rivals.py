"""Counting the passages that BM25 ranks above a query's own, shard by shard of a corpus."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cvseeker.queries.filters.shards import Shard
from cvseeker.retrieval.bm25 import stems
from cvseeker.retrieval.windows import IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DoubleArray = NDArray[np.float64]
TermArray = NDArray[np.int32]

# Lucene's variant of BM25, as in ``cvseeker.retrieval.bm25``.
_K1, _B = 1.5, 0.75
# Scores that differ by less, relatively, are ties: the order in which words are added up must
# decide nothing, at single precision.
TIE = 1e-5
# The commonest terms: adding up whole rows of their weights beats adding up single ones where
# more than about one passage in 25 has a term.
_COMMON = 1024
# Queries whose own scores are computed together.
_BLOCK = 16_384


@dataclass(slots=True)
class Asked:
    """Queries as numbers of terms.

    Attributes
    ----------
    terms
        Shape (n_words,): the words of all queries, one query after the other.
    starts
        Shape (n_queries + 1,): where each query's words begin.
    owners
        Shape (n_queries,): the number of each query's own passage.
    vocabulary
        Stem → number of the term.
    """

    terms: TermArray
    starts: IntArray
    owners: IntArray
    vocabulary: dict[str, int]


def read_queries(queries: Iterable[tuple[str, int]]) -> Asked:
    """Turn queries into numbers of terms; ``queries`` are texts and numbers of passages."""
    vocabulary: dict[str, int] = {}
    terms, starts, owners = array("i"), array("q", [0]), array("q")
    for text, owner in queries:
        terms.extend(vocabulary.setdefault(stem, len(vocabulary)) for stem in stems(text))
        starts.append(len(terms))
        owners.append(owner)
    return Asked(
        terms=np.frombuffer(terms, dtype=np.int32) if terms else np.zeros(0, dtype=np.int32),
        starts=np.frombuffer(starts, dtype=np.int64),
        owners=np.frombuffer(owners, dtype=np.int64) if owners else np.zeros(0, dtype=np.int64),
        vocabulary=vocabulary,
    )


class Statistics:
    """What BM25 needs to know of the whole corpus, and what each query finds in its own passage.

    Parameters
    ----------
    asked
        The queries.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._by_owner = np.argsort(asked.owners, kind="stable")
        self._own_counts = np.zeros(len(asked.terms), dtype=np.uint16)
        self._lengths: list[IntArray] = []
        self._groups: list[IntArray] = []
        self.frequencies = np.zeros(len(asked.vocabulary), dtype=np.int64)
        self.groups: IntArray = np.zeros(0, dtype=np.int64)
        self.lengths: IntArray = np.zeros(0, dtype=np.int64)

    def add(self, shard: Shard) -> None:
        """Count a shard; shards come in the corpus's order."""
        self.lengths = np.concatenate([self.lengths, shard.lengths])
        self.groups = np.concatenate([self.groups, shard.groups])
        self.frequencies += np.bincount(shard.counts.indices, minlength=len(self.frequencies))
        owners = self._asked.owners[self._by_owner]
        begin, end = np.searchsorted(owners, [shard.first, shard.first + len(shard.lengths)])
        queries = self._by_owner[begin:end]
        entries, rows = spans(self._asked.starts, queries)
        passages = self._asked.owners[queries][rows] - shard.first
        counts = _look_up(shard.counts, passages, self._asked.terms[entries])
        self._own_counts[entries] = np.minimum(counts, np.iinfo(np.uint16).max)

    @property
    def idf(self) -> DoubleArray:
        """Shape (n_terms,): how much a term tells."""
        rest = len(self.lengths) - self.frequencies + 0.5
        return np.log1p(rest / (self.frequencies + 0.5))

    @property
    def fullness(self) -> DoubleArray:
        """Shape (n_passages,): what a passage's length takes from its terms' weights."""
        average = self.lengths.mean() or 1.0
        return _K1 * (1 - _B + _B * self.lengths / average)

    def own_scores(self) -> DoubleArray:
        """Return the BM25 score of each query's own passage, shape (n_queries,)."""
        idf, fullness = self.idf, self.fullness
        scores = np.zeros(len(self._asked.owners))
        for begin in range(0, len(scores), _BLOCK):
            queries = np.arange(begin, min(begin + _BLOCK, len(scores)))
            entries, rows = spans(self._asked.starts, queries)
            counts = self._own_counts[entries].astype(np.float64)
            filled = counts + fullness[self._asked.owners[queries]][rows]
            weights = idf[self._asked.terms[entries]] * counts / filled
            scores[queries] = np.bincount(rows, weights, minlength=len(queries))
        return scores


def number_by_frequency(asked: Asked, frequencies: IntArray) -> tuple[Asked, IntArray]:
    """Give the terms new numbers, the commonest first.

    Parameters
    ----------
    asked
        The queries.
    frequencies
        Shape (n_terms,): passages that have the term.

    Returns
    -------
    Asked
        The same queries.
    ndarray
        Shape (n_terms,): the old number of each term.
    """
    old_numbers = np.argsort(-frequencies, kind="stable")
    numbers = np.empty(len(old_numbers), dtype=np.int32)
    numbers[old_numbers] = np.arange(len(old_numbers), dtype=np.int32)
    vocabulary = {stem: int(numbers[old]) for stem, old in asked.vocabulary.items()}
    return Asked(numbers[asked.terms], asked.starts, asked.owners, vocabulary), old_numbers


class Rivals:
    """The passages of a shard, as rivals of every query's own passage.

    Parameters
    ----------
    shard
        The passages; their terms are numbered by frequency.
    idf
        Shape (n_terms,).
    fullness
        Shape (n_passages,), of the shard's passages.
    """

    def __init__(self, shard: Shard, *, idf: DoubleArray, fullness: DoubleArray) -> None:
        counts = shard.counts
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        counts.data *= idf[counts.indices] / (counts.data + fullness[rows])
        weights = counts.T.tocsr().astype(np.float32)  # (n_terms, n_passages)
        self._common = weights[:_COMMON].toarray()
        self._rare = weights[_COMMON:]
        # The passages of each group stand together in this order.
        self._by_group = np.argsort(shard.groups, kind="stable")
        self._groups = shard.groups[self._by_group]

    def better(
        self, asked: Asked, queries: IntArray, *, own: DoubleArray, groups: IntArray
    ) -> IntArray:
        """Count the passages that beat each query's own.

        Parameters
        ----------
        asked
            All queries, their terms numbered by frequency.
        queries
            Shape (n,): the queries that are wanted.
        own
            Shape (n,): the scores to beat.
        groups
            Shape (n,): the person groups whose passages do not count.

        Returns
        -------
        ndarray
            Shape (n,), int64.
        """
        entries, rows = spans(asked.starts, queries)
        terms = asked.terms[entries]
        common = terms < _COMMON
        scores = (
            _matrix(terms[common], rows[common], len(queries), len(self._common)) @ self._common
        )
        rare = (
            _matrix(terms[~common] - _COMMON, rows[~common], len(queries), self._rare.shape[0])
            @ self._rare
        )
        scores[np.repeat(np.arange(len(queries)), np.diff(rare.indptr)), rare.indices] += rare.data
        wins = scores > (own * (1 + TIE)).astype(np.float32)[:, None]  # (n_queries, n_passages)
        kin, of = self._kin(groups)
        wins[of, kin] = False
        better: IntArray = np.count_nonzero(wins, axis=1)
        return better

    def _kin(self, groups: IntArray) -> tuple[IntArray, IntArray]:
        """Return the passages of some groups, and the place of each one's group among those."""
        begins = np.searchsorted(self._groups, groups, side="left")
        ends = np.searchsorted(self._groups, groups, side="right")
        places, of = spans_between(begins, ends)
        return self._by_group[places], of


def _matrix(terms: TermArray, rows: IntArray, queries: int, width: int) -> "csr_array":
    """Return words of queries, of which ``rows`` ascends, as a matrix (n_queries, width)."""
    from scipy.sparse import csr_array

    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=queries))])
    ones = np.ones(len(terms), dtype=np.float32)
    return csr_array((ones, terms, starts), shape=(queries, width))


def spans(starts: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray]:
    """Return the positions of the chosen ones' entries, and which chosen one each belongs to."""
    return spans_between(starts[chosen], starts[chosen + 1])


def spans_between(begins: IntArray, ends: IntArray) -> tuple[IntArray, IntArray]:
    """Return the numbers from each begin to its end, and the place of the pair each is from."""
    lengths = ends - begins
    rows = np.repeat(np.arange(len(begins)), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(len(rows)) + (begins - before)[rows], rows


def _look_up(matrix: "csr_array", rows: IntArray, columns: TermArray) -> DoubleArray:
    """Return single entries of a sparse matrix, shape (n,)."""
    width = matrix.shape[1]
    keys = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    if not len(keys):
        return np.zeros(len(rows))
    wanted = rows * width + columns
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, matrix.data[places], 0.0)
