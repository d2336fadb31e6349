"""Fusion of BM25 and dense scores."""

from collections.abc import Sequence

import numpy as np

from cvseeker.encoder.windows import FloatArray
from cvseeker.rank.base import Ranker


class HybridRanker:
    """A convex combination of two rankers' min-max normalised scores.

    Parameters
    ----------
    lexical
        Usually BM25.
    dense
        Usually an encoder's.
    lexical_weight
        The share of ``lexical``, from 0 to 1.

    References
    ----------
    Bruch, Gai & Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval",
    https://arxiv.org/abs/2210.11934: a convex combination beats reciprocal rank fusion.
    """

    def __init__(self, lexical: Ranker, dense: Ranker, *, lexical_weight: float = 0.5) -> None:
        self.name = f"hybrid({dense.name})"
        self._lexical = lexical
        self._dense = dense
        self._lexical_weight = lexical_weight

    def scores(self, queries: Sequence[str]) -> FloatArray:
        """Return fused scores, shape (n_queries, n_passages), float32, in [0, 1]."""
        return fuse(
            self._lexical.scores(queries),
            self._dense.scores(queries),
            weight=self._lexical_weight,
        )


def fuse(first: FloatArray, second: FloatArray, *, weight: float) -> FloatArray:
    """Combine two score matrices after min-max normalising each row.

    Parameters
    ----------
    first, second
        Shape (n_queries, n_passages), float32.
    weight
        The share of ``first``, from 0 to 1.

    Returns
    -------
    ndarray
        Shape (n_queries, n_passages), float32, in [0, 1].

    Examples
    --------
    >>> fuse(np.float32([[0, 4]]), np.float32([[0.5, 0.5]]), weight=0.5).tolist()
    [[0.0, 0.5]]
    """
    share = np.float32(weight)
    return share * min_max(first) + (1 - share) * min_max(second)


def min_max(scores: FloatArray) -> FloatArray:
    """Scale each row to [0, 1]; a row whose scores are all equal becomes 0."""
    low = scores.min(axis=1, keepdims=True)
    span = scores.max(axis=1, keepdims=True) - low
    scaled = np.zeros_like(scores)
    np.divide(scores - low, span, out=scaled, where=span > 0)
    return scaled
