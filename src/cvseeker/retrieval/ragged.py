"""Ragged arrays: rows of several owners in one array, and how many each owner has in another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval.windows import IntArray


def rows_of(bounds: IntArray, chosen: IntArray) -> IntArray:
    """Return the rows of the chosen owners, one owner's after the other's, shape (n_rows,).

    Owner i has the rows from ``bounds[i]`` to ``bounds[i + 1]``.

    Examples
    --------
    >>> rows_of(np.array([0, 2, 2, 5]), np.array([2, 0])).tolist()
    [2, 3, 4, 0, 1]
    """
    sizes = bounds[chosen + 1] - bounds[chosen]
    ends = np.cumsum(sizes)
    return np.repeat(bounds[chosen] - (ends - sizes), sizes) + np.arange(sizes.sum())


def bounds_of(sizes: NDArray[Any]) -> IntArray:
    """Return where the rows of each owner begin and end, shape (n_owners + 1,)."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def take_rows(
    arrays: Mapping[str, NDArray[Any]], chosen: IntArray, ragged: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[Any]]:
    """Return the rows of the chosen owners in ragged arrays, in the order given.

    ``ragged`` names the arrays by the array of how many rows each owner has in them, which is
    returned too.
    """
    taken = {}
    for sizes, names in ragged.items():
        rows = rows_of(bounds_of(arrays[sizes]), chosen)
        taken[sizes] = arrays[sizes][chosen]
        taken |= {name: arrays[name][rows] for name in names}
    return taken
