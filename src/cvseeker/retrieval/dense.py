"""Dense ranking: the cosine between a query and the best window of a passage."""

from typing import TYPE_CHECKING

import numpy as np

from cvseeker.core.errors import ModelError
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

if TYPE_CHECKING:
    from cvseeker.retrieval.queries import EncodedQueries

# Rows of scores over windows that are held at once.
QUERY_BLOCK = 256


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

    def scores(self, queries: "EncodedQueries") -> FloatArray:
        """Score every passage by the queries' pooled vectors.

        Returns
        -------
        ndarray
            Shape (n_queries, n_passages), float32, cosines in [-1, 1].

        Raises
        ------
        ModelError
            If the queries' vectors have another dimension than the corpus's.
        """
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
