"""Whether a difference between two systems is more than chance, by resampling.

Queries about the same person tend to be found or missed together, so where groups are known whole
groups are resampled: six queries about one résumé are not six independent witnesses.

References
----------
Smucker, Allan & Carterette 2007, "A comparison of statistical significance tests for information
retrieval evaluation", https://doi.org/10.1145/1321440.1321528: the paired randomization test.
Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13: percentile intervals.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvseeker.errors import InputError

Values = Sequence[float] | NDArray[np.float64]

PERMUTATIONS = 10_000
# A thousand are usual for a 95 % interval; twice as many keep its third decimal still.
RESAMPLES = 2_000
SEED = 13
# Random numbers that are held at once: 32 MB.
_BLOCK = 4_000_000


def randomization_p_value(
    first: Values,
    second: Values,
    *,
    groups: Sequence[str] | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> float:
    """Test whether two systems' mean values differ, by the paired randomization test.

    If the systems were alike, each query's two values could as well have come the other way round.
    So the values are swapped at random, whole groups at a time; the p-value is the share of swaps
    after which the means lie at least as far apart as they do.

    Parameters
    ----------
    first, second
        Shape (n_queries,): one value a query, in the same order.
    groups
        Shape (n_queries,): queries of one group are swapped together. ``None``: each by itself.
    permutations
        How many random swaps are tried.
    seed
        Seed of the swaps.

    Returns
    -------
    float
        Two-sided p-value in (0, 1]; 1 for identical systems.

    Raises
    ------
    InputError
        If there are no values, or as many as there should be are not given.

    References
    ----------
    Smucker, Allan & Carterette 2007, https://doi.org/10.1145/1321440.1321528. The observed order
    counts as one of the swaps, so that the p-value is never 0 (Davison & Hinkley 1997, § 4.3).

    Examples
    --------
    >>> randomization_p_value([0.2, 0.4, 0.9], [0.2, 0.4, 0.9])
    1.0
    >>> randomization_p_value([1.0] * 20, [0.5] * 20) < 0.001
    True
    """
    if len(first) != len(second):
        raise InputError(f"{len(first)} values of one system against {len(second)} of the other")
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    sums, _ = _group_sums(difference, groups)
    # Sums of floats differ in their last digits with the order of adding.
    threshold = abs(sums.sum()) - 1e-9
    generator = np.random.default_rng(seed)
    extreme = 0
    for size in _blocks(permutations, len(sums)):
        signs = generator.integers(0, 2, (size, len(sums)), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ sums) >= threshold).sum())
    return (extreme + 1) / (permutations + 1)


def bootstrap_interval(
    values: Values,
    *,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean, such as a mean difference.

    Parameters
    ----------
    values
        Shape (n_queries,): one value a query.
    groups
        Shape (n_queries,): queries of one group are drawn together. ``None``: each by itself.
    level
        The share of resampled means that the interval holds, from 0 to 1.
    resamples
        How many samples are drawn with replacement.
    seed
        Seed of the draws.

    Returns
    -------
    low, high
        The interval's ends; both are the mean where there is one group only, which says nothing
        of the uncertainty.

    Raises
    ------
    InputError
        If there are no values, or as many groups as values are not given.

    References
    ----------
    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.

    Examples
    --------
    >>> bootstrap_interval([0.5, 0.5, 0.5])
    (0.5, 0.5)
    """
    sums, sizes = _group_sums(np.asarray(values, dtype=np.float64), groups)
    generator = np.random.default_rng(seed)
    means = []
    for size in _blocks(resamples, len(sums)):
        drawn = generator.integers(0, len(sums), (size, len(sums)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def _group_sums(
    values: NDArray[np.float64], groups: Sequence[str] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each group's sum and size, both of shape (n_groups,)."""
    if not len(values):
        raise InputError("no values to compare; expected one a query at least")
    if groups is None:
        return values, np.ones_like(values)
    if len(groups) != len(values):
        raise InputError(f"{len(groups)} groups for {len(values)} values; expected one a value")
    position = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    owners = np.array([position[group] for group in groups])
    sums = np.bincount(owners, weights=values).astype(np.float64)
    return sums, np.bincount(owners).astype(np.float64)


def _blocks(rows: int, columns: int) -> list[int]:
    """Cut a matrix of random numbers into blocks of rows that fit into memory."""
    size = max(_BLOCK // columns, 1)
    return [min(size, rows - begin) for begin in range(0, rows, size)]
