"""Dense ranking: the cosine between a query and the best window of a passage."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from cvseeker.core.errors import ModelError
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

# Rows of scores over all windows that are held at once.
QUERY_BLOCK = 256
# Scores that are held at once where only the best are wanted: 2,048 × 8,192, 64 MB.
NEAREST_QUERIES = 2048
NEAREST_VECTORS = 8192


class DenseRanker:
    """Passages ranked by their best window's cosine with the query.

    Parameters
    ----------
    vectors
        Shape (n_windows, dim), float32, unit length: the corpus's windows.
    owners
        Shape (n_windows,): the position of each window's passage, ascending from 0.
    """

    def __init__(self, vectors: FloatArray, owners: IntArray) -> None:
        self._vectors = vectors
        self._owners = owners

    def scores(self, queries: EncodedQueries) -> FloatArray:
        """Score every passage by the queries' pooled vectors: cosines, (n_queries, n_passages)."""
        dim = self._vectors.shape[1]
        if queries.vectors.shape[1] != dim:
            raise ModelError(
                f"queries of {queries.vectors.shape[1]} dimensions for a corpus of {dim}; expected "
                "both encoded by one model"
            )
        blocks = [
            max_over_windows(
                queries.vectors[begin : begin + QUERY_BLOCK] @ self._vectors.T, self._owners
            )
            for begin in range(0, max(len(queries), 1), QUERY_BLOCK)
        ]
        return np.concatenate(blocks)


class Rows(Protocol):
    """Vectors that are read a block at a time: an array, one on disk, or one that is decoded."""

    def __len__(self) -> int:
        """Return the number of vectors."""
        ...

    def __getitem__(self, rows: slice, /) -> FloatArray:
        """Return some of them, shape (n, dim), float32."""
        ...


def nearest(
    queries: FloatArray, vectors: Rows, k: int, *, owners: IntArray | None = None
) -> tuple[IntArray, FloatArray]:
    """Find the k candidates of highest inner product, exactly, without holding all scores at once.

    Ties go to the lower position, as in :func:`~cvseeker.retrieval.ranker.top_k`.

    Parameters
    ----------
    queries
        Shape (n_queries, dim), float32.
    vectors
        Shape (n_vectors, dim), float32; may lie on disk. Finite numbers.
    k
        How many candidates; no more than there are.
    owners
        Shape (n_vectors,): the candidate of each vector, ascending from 0 with none left out; a
        candidate's score is its best vector's. ``None``: each vector is one.

    Returns
    -------
    positions, scores
        Both of shape (n_queries, min(k, n_candidates)), int64 and float32, best first.
    """
    found = [
        _nearest(queries[begin : begin + NEAREST_QUERIES], vectors, k, owners)
        for begin in range(0, max(len(queries), 1), NEAREST_QUERIES)
    ]
    return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


def _nearest(
    queries: FloatArray, vectors: Rows, k: int, owners: IntArray | None
) -> tuple[IntArray, FloatArray]:
    """Keep the k best seen so far, and of each further block only what beats the last of them."""
    positions = np.empty((len(queries), 0), dtype=np.int64)
    scores = np.empty((len(queries), 0), dtype=np.float32)
    for first_candidate, first_vector, last_vector, starts in _blocks(len(vectors), owners):
        block = queries @ vectors[first_vector:last_vector].T  # (n_queries, n_vectors)
        if starts is not None:
            block = np.maximum.reduceat(block, starts, axis=1)  # (n_queries, n_candidates)
        if scores.shape[1] < k:
            best = top_k(block, k)
            rows = np.arange(len(queries))
            added = best, np.take_along_axis(block, best, axis=1)
        else:
            rows, added = _beating(block, scores[:, -1])
        if added[0].shape[1]:
            joined = np.concatenate([scores[rows], added[1]], axis=1)
            order = np.argsort(-joined, axis=1, kind="stable")[:, :k]
            places = np.concatenate([positions[rows], added[0] + first_candidate], axis=1)
            if scores.shape[1] < k:
                positions = np.take_along_axis(places, order, axis=1)
                scores = np.take_along_axis(joined, order, axis=1)
            else:
                positions[rows] = np.take_along_axis(places, order, axis=1)
                scores[rows] = np.take_along_axis(joined, order, axis=1)
    return positions, scores


def _beating(block: FloatArray, limits: FloatArray) -> tuple[IntArray, tuple[IntArray, FloatArray]]:
    """Return the rows that hold scores above their limits, and those scores, filled up with -∞."""
    at = np.flatnonzero(block > limits[:, None])
    hit_rows, columns = np.divmod(at, block.shape[1])
    rows, counts = np.unique(hit_rows, return_counts=True)
    width = int(counts.max()) if len(counts) else 0
    slots = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    lines = np.repeat(np.arange(len(rows)), counts)
    places = np.zeros((len(rows), width), dtype=np.int64)
    values = np.full((len(rows), width), -np.inf, dtype=np.float32)
    places[lines, slots] = columns
    values[lines, slots] = block.ravel()[at]
    return rows, (places, values)


def _blocks(count: int, owners: IntArray | None) -> Iterator[tuple[int, int, int, IntArray | None]]:
    """Cut vectors into blocks, between candidates.

    Yield the first candidate, the ends of the block, and where each of its candidates begins.
    """
    first = None if owners is None else np.flatnonzero(np.diff(owners, prepend=-1))
    if first is None or len(first) == count:
        for begin in range(0, count, NEAREST_VECTORS):
            yield begin, begin, min(begin + NEAREST_VECTORS, count), None
        return
    bounds = np.append(first, count)
    cuts = np.unique(
        np.append(np.searchsorted(bounds, np.arange(0, count, NEAREST_VECTORS)), len(first))
    )
    for candidate, after in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        begin = int(bounds[candidate])
        yield candidate, begin, int(bounds[after]), bounds[candidate:after] - begin
