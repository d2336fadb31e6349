"""Fusion of rankers' scores, with weights that a validation split may choose."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.windows import FloatArray

# The scores that are fused, of BM25, of dense vectors and of late interaction.
Parts = tuple[FloatArray, FloatArray, FloatArray]

# Weights are tried in tenths: what a validation split of a hundred queries can tell apart.
STEPS = 10
# Weights whose mean is this close to the best are as good: their average is taken, which lies in
# the middle of what works and not at its edge. About half the standard error of such a mean.
CLOSE = 0.005


def fuse(scores: Sequence[FloatArray], weights: Sequence[float]) -> FloatArray:
    """Combine score matrices after min-max normalising each row.

    Parameters
    ----------
    scores
        Each of shape (n_queries, n_passages), float32.
    weights
        The share of each; shares of any sum are scaled to 1.

    Returns
    -------
    ndarray
        Shape (n_queries, n_passages), float32, in [0, 1].

    Raises
    ------
    InputError
        If no share is above 0.

    References
    ----------
    Bruch, Gai & Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval",
    https://arxiv.org/abs/2210.11934: a convex combination beats reciprocal rank fusion.

    Examples
    --------
    >>> fuse([np.float32([[0, 4]]), np.float32([[0.5, 0.5]])], [0.5, 0.5]).tolist()
    [[0.0, 0.5]]
    """
    total = sum(weights)
    if total <= 0:
        raise InputError(f"the hybrid's weights are {list(weights)}; expected one above 0")
    fused = np.zeros_like(scores[0])
    for part, weight in zip(scores, weights, strict=True):
        if weight:
            fused += np.float32(weight / total) * min_max(part)
    return fused


def min_max(scores: FloatArray) -> FloatArray:
    """Scale each row to [0, 1]; a row whose scores are all equal becomes 0."""
    low = scores.min(axis=1, keepdims=True)
    span = scores.max(axis=1, keepdims=True) - low
    scaled = np.zeros_like(scores)
    np.divide(scores - low, span, out=scaled, where=span > 0)
    return scaled


def learn_weights(
    mean: Callable[[tuple[float, float, float]], float], *, late: bool = True
) -> HybridWeights:
    """Choose the hybrid's weights by what they do on validation queries.

    Parameters
    ----------
    mean
        Given the shares of BM25, dense vectors and late interaction, returns a mean metric of the
        fused scores, such as nDCG@10.
    late
        Whether there is late interaction.

    Returns
    -------
    HybridWeights
        The average of all weights, in tenths, whose mean is within ``CLOSE`` of the best one's.
    """
    found = {
        shares: mean(shares)
        for first, second in product(range(STEPS + 1), repeat=2)
        if first + second <= STEPS and (late or first + second == STEPS)
        for shares in [(first / STEPS, second / STEPS, (STEPS - first - second) / STEPS)]
    }
    best = max(found.values())
    close = np.array([shares for shares, value in found.items() if value >= best - CLOSE])
    first_share, second_share, third_share = close.mean(axis=0).round(3).tolist()
    return HybridWeights(bm25=first_share, dense=second_share, late=third_share)
