"""Whether a difference between two systems is more than chance, by resampling, and how large it is.

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

from cvseeker.core.errors import InputError

Values = Sequence[float] | NDArray[np.float64]
Matrix = NDArray[np.float64]

PERMUTATIONS = 10_000
# A thousand are usual for a 95 % interval; twice as many keep its third decimal still.
RESAMPLES = 2_000
SEED = 13
# Sums of floats differ in their last digits with the order of adding.
_EQUAL = 1e-9
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
    after which the means lie at least as far apart as they do. The observed order counts as one of
    the swaps, so that the p-value is never 0 (Davison & Hinkley 1997, § 4.3).

    Parameters
    ----------
    first, second
        Shape (n_queries,): one value a query, in the same order.
    groups
        Shape (n_queries,): queries of one group are swapped together. ``None``: each by itself.
    permutations
        How many random swaps are tried.

    Returns
    -------
    float
        Two-sided p-value in (0, 1]; 1 for identical systems.

    Raises
    ------
    InputError
        If there are no values, not as many as there should be, or one that is no number.
    """
    if len(first) != len(second):
        raise InputError(f"{len(first)} values of one system against {len(second)} of the other")
    return pair_p_values(
        np.array([first, second]), [(0, 1)], groups=groups, permutations=permutations, seed=seed
    )[0]


def pair_p_values(
    values: Matrix,
    pairs: Sequence[tuple[int, int]],
    *,
    groups: Sequence[str] | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> list[float]:
    """Test many pairs of systems as :func:`randomization_p_value` does, by the same random swaps.

    Parameters
    ----------
    values
        Shape (n_systems, n_queries).
    pairs
        The rows of ``values`` that are compared.
    groups, permutations, seed
        As of :func:`randomization_p_value`.

    Returns
    -------
    list of float
        One two-sided p-value a pair, each as if that pair had been tested alone.
    """
    sums, _ = _group_sums(values, groups)  # (n_groups, n_systems)
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    totals = sums.sum(axis=0)
    thresholds = np.abs(totals[first] - totals[second]) - _EQUAL
    generator = np.random.default_rng(seed)
    extreme = np.ones(len(first), dtype=np.int64)
    for size in _blocks(permutations, len(sums)):
        signs = generator.integers(0, 2, (size, len(sums)), dtype=np.int8) * 2 - 1
        # A swap turns round the sign of a group's difference, so signs of the two sums do.
        swapped = signs.astype(np.float64) @ sums  # (size, n_systems)
        extreme += (np.abs(swapped[:, first] - swapped[:, second]) >= thresholds).sum(axis=0)
    found: list[float] = (extreme / (permutations + 1)).tolist()
    return found


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

    Returns
    -------
    low, high
        The interval's ends; both are the mean where there is one group only, which says nothing
        of the uncertainty.

    Raises
    ------
    InputError
        If there are no values, one is no number, or there are not as many groups.
    """
    means = resampled_means(np.array([values]), groups=groups, resamples=resamples, seed=seed)
    return percentile_interval(means[:, 0], level=level)


def resampled_means(
    values: Matrix,
    *,
    groups: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Matrix:
    """Draw groups of queries with replacement and return every system's mean over them.

    Parameters
    ----------
    values
        Shape (n_systems, n_queries).
    groups, resamples, seed
        As of :func:`bootstrap_interval`.

    Returns
    -------
    ndarray
        Shape (resamples, n_systems): all systems' means over the same draws, so that two columns'
        difference is the draws of a paired difference.
    """
    sums, sizes = _group_sums(values, groups)  # (n_groups, n_systems), (n_groups,)
    generator = np.random.default_rng(seed)
    means = []
    for size in _blocks(resamples, len(sums)):
        drawn = generator.integers(0, len(sums), (size, len(sums)))
        times = np.array([np.bincount(row, minlength=len(sums)) for row in drawn], np.float64)
        means.append(times @ sums / (times @ sizes)[:, None])
    return np.concatenate(means)


def percentile_interval(
    resampled: NDArray[np.float64], *, level: float = 0.95
) -> tuple[float, float]:
    """Return the ends between which the given share of resampled values, shape (n,), lies."""
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for the number of tests made, by Holm's step-down procedure.

    Returns
    -------
    list of float
        The corrected p-values in the same order, 1 at most. Calling those under α significant
        makes a single error with a probability of α at most, however the tests depend on each
        other.

    References
    ----------
    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
    Statistics 6(2), 65–70.
    """
    if not all(0 <= p_value <= 1 for p_value in p_values):
        raise InputError("a p-value is outside 0 to 1; expected one a test, none of them missing")
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, p_values[at] * (len(order) - rank)))
        corrected[at] = largest
    return corrected


def paired_effect_size(differences: Values) -> float | None:
    """Return Cohen's d_z: the mean paired difference in standard deviations of the differences.

    Unlike a p-value it does not grow with the number of queries.

    Returns
    -------
    float or None
        0 where all differences are 0; ``None`` where they are alike otherwise, or there is one
        only, for then there is no spread to measure by.

    References
    ----------
    Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", § 2.3.5; Lakens 2013,
    https://doi.org/10.3389/fpsyg.2013.00863, formula 6.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.any():
        return 0.0
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return float(values.mean()) / spread if spread > _EQUAL else None


def win_counts(differences: Values) -> tuple[int, int, int]:
    """Count the queries on which the first system is better, as good and worse."""
    values = np.asarray(differences, dtype=np.float64)
    wins, losses = int((values > _EQUAL).sum()), int((values < -_EQUAL).sum())
    return wins, len(values) - wins - losses, losses


def _group_sums(values: Matrix, groups: Sequence[str] | None) -> tuple[Matrix, NDArray[np.float64]]:
    """Return each group's sums, shape (n_groups, n_systems), and sizes, shape (n_groups,)."""
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        raise InputError("no values to compare; expected one a query at least")
    # Every comparison with NaN is false, which would look like a significant difference.
    if not np.isfinite(values).all():
        raise InputError("a value to compare is NaN or infinite; expected a number for each query")
    count = values.shape[1]
    if groups is None:
        return values.T, np.ones(count)
    if len(groups) != count:
        raise InputError(f"{len(groups)} groups for {count} values; expected one a value")
    position = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    owners = np.array([position[group] for group in groups])
    sums = np.array([np.bincount(owners, weights=row) for row in values], np.float64)
    return np.ascontiguousarray(sums.T), np.bincount(owners).astype(np.float64)


def _blocks(rows: int, columns: int) -> list[int]:
    """Cut a matrix of random numbers into blocks of rows that fit into memory."""
    size = max(_BLOCK // columns, 1)
    return [min(size, rows - begin) for begin in range(0, rows, size)]
