"""How large a difference between two systems is, whatever its significance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Sums of floats differ in their last digits with the order of adding.
_EQUAL = 1e-9


def paired_effect_size(differences: Sequence[float] | NDArray[np.float64]) -> float | None:
    """Return Cohen's d_z: the mean paired difference in standard deviations of the differences.

    Unlike a p-value it does not grow with the number of queries.

    Parameters
    ----------
    differences
        Shape (n_queries,): one system's value less the other's, query by query.

    Returns
    -------
    float or None
        0 where all differences are 0; ``None`` where they are alike otherwise, or there is one
        only, for then there is no spread to measure by.

    References
    ----------
    Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", § 2.3.5; Lakens 2013,
    https://doi.org/10.3389/fpsyg.2013.00863, formula 6.

    Examples
    --------
    >>> paired_effect_size([0.0, 1.0, 2.0])
    1.0
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.any():
        return 0.0
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return float(values.mean()) / spread if spread > _EQUAL else None


def win_counts(differences: Sequence[float] | NDArray[np.float64]) -> tuple[int, int, int]:
    """Count the queries on which the first system is better, as good and worse.

    Parameters
    ----------
    differences
        Shape (n_queries,): the first system's value less the second's, query by query.

    Returns
    -------
    wins, ties, losses
        They add up to the queries.

    Examples
    --------
    >>> win_counts([0.5, 0.0, -0.1, 1.0])
    (2, 1, 1)
    """
    values = np.asarray(differences, dtype=np.float64)
    wins, losses = int((values > _EQUAL).sum()), int((values < -_EQUAL).sum())
    return wins, len(values) - wins - losses, losses
