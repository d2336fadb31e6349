"""What every ranker is, and how scores become a ranking."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cvseeker.encoder.windows import FloatArray, IntArray


class Ranker(Protocol):
    """Anything that gives a score, higher is better, to every passage for a query."""

    name: str

    def scores(self, queries: Sequence[str]) -> FloatArray:
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
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]
