"""Fusion of rankers' scores, with weights that a validation split may choose."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.windows import FloatArray

# The scores that are fused, of BM25, of dense vectors and of late interaction.
Parts = tuple[FloatArray, FloatArray, FloatArray]

Shares = tuple[float, float, float]

# Weights are tried in tenths: what a validation split of a hundred queries can tell apart.
STEPS = 10
# Weights whose mean is this close to the best are as good: their average is taken, which lies in
# the middle of what works and not at its edge. About half the standard error of such a mean.
CLOSE = 0.005
# Of fewer persons each may prefer something of its own: eight preferred keywords alone.
FEWEST_PERSONS = 30
# Standard errors that a loss may be by chance, one-sided, in nine cases of ten.
CHANCE = 1.28
# Parts of the way from the default weights to those that are best.
WAYS = (0.0, 0.25, 0.5, 0.75, 1.0)


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
    values: Callable[[Shares], NDArray[np.float64]], groups: Sequence[str], *, late: bool = True
) -> HybridWeights:
    """Move the hybrid's weights from the defaults to what validation queries prefer.

    Queries about a few persons prefer something by chance, so the weights stay as they are with
    fewer than ``FEWEST_PERSONS``, and else move only as far as is needed to lose nothing beyond
    chance to the best.

    Parameters
    ----------
    values
        Given the shares of BM25, dense vectors and late interaction, returns each query's metric at
        the fused scores, such as nDCG@10, shape (n_queries,).
    groups
        Whom each query is about; the queries of one person say the same.
    late
        Whether there is late interaction.

    Returns
    -------
    HybridWeights
        On the way from the defaults to the average of all weights, in tenths, whose mean is within
        ``CLOSE`` of the best one's.
    """
    default = np.array(HybridWeights().shares) * (1, 1, late)
    default /= default.sum()
    if len(set(groups)) < FEWEST_PERSONS:
        return _weights(default)
    tried = [
        (first / STEPS, second / STEPS, (STEPS - first - second) / STEPS)
        for first, second in product(range(STEPS + 1), repeat=2)
        if (first + second <= STEPS if late else first + second == STEPS)
    ]
    means = [float(values(shares).mean()) for shares in tried]
    close = [
        shares for shares, mean in zip(tried, means, strict=True) if mean >= max(means) - CLOSE
    ]
    learnt = np.mean(close, axis=0)
    best = values(tuple(learnt.tolist()))
    for way in WAYS:
        shares = default + way * (learnt - default)
        loss = best - values(tuple(shares.tolist()))
        if way == WAYS[-1] or loss.mean() <= CHANCE * _standard_error(loss, groups):
            break
    return _weights(shares)


def _weights(shares: NDArray[np.float64]) -> HybridWeights:
    bm25, dense, late = shares.round(3).tolist()
    return HybridWeights(bm25=bm25, dense=dense, late=late)


def _standard_error(values: NDArray[np.float64], groups: Sequence[str]) -> float:
    """Return the standard error of a mean over queries, those of one group varying together.

    References
    ----------
    Liang & Zeger 1986, https://doi.org/10.1093/biomet/73.1.13.
    """
    _, members = np.unique(groups, return_inverse=True)
    sums = np.bincount(members, weights=values - values.mean())
    return float(np.sqrt((sums**2).sum()) / len(values))
