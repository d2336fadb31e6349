"""What every ranker is, and how scores become a ranking."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from cvseeker.retrieval.windows import FloatArray, IntArray

if TYPE_CHECKING:
    from cvseeker.retrieval.queries import EncodedQueries


class Ranker(Protocol):
    """Anything that gives a score, higher is better, to every passage for an encoded query."""

    def scores(self, queries: "EncodedQueries") -> FloatArray:
        """Return scores of shape (n_queries, n_passages), float32."""
        ...


def top_k(scores: FloatArray, k: int) -> IntArray:
    """Return the positions of the best scores of each row, best first.

    Ties go to the lower position, so that a ranking never depends on the sorting algorithm.

    Parameters
    ----------
    scores
        Shape (n_queries, n_passages).
    k
        How many positions; no more than there are passages are returned.

    Returns
    -------
    ndarray
        Shape (n_queries, min(k, n_passages)).

    Examples
    --------
    >>> top_k(np.array([[0.1, 0.9, 0.9]], dtype=np.float32), 2).tolist()
    [[1, 2]]
    """
    width = scores.shape[1]
    if k < 1 or width <= 4 * k:
        return np.argsort(-scores, axis=1, kind="stable")[:, :k]
    limits = np.partition(scores, width - k, axis=1)[:, width - k]  # the k-th best of each row
    kept = scores >= limits[:, None]
    plain = kept.sum(axis=1) == k
    best = np.empty((len(scores), k), dtype=np.int64)
    best[plain] = np.nonzero(kept[plain])[1].reshape(-1, k)
    for row in np.flatnonzero(~plain):
        best[row] = _first_best(scores[row], limits[row], k)
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def _first_best(scores: FloatArray, limit: np.float32, k: int) -> IntArray:
    """Return the positions above the limit and, to make k, the first of those that equal it."""
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: k - len(above)]
    if len(above) + len(equal) < k:  # no numbers among them
        return np.argsort(-scores, kind="stable")[:k]
    return np.sort(np.concatenate([above, equal]))
