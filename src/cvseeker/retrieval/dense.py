"""Dense ranking: the cosine between a query and the best window of a passage."""

from collections.abc import Sequence

import numpy as np

from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.encoder import Encoder, WindowEmbeddings
from cvseeker.retrieval.windows import FloatArray, max_over_windows

# Rows of scores over windows that are held at once.
QUERY_BLOCK = 256


class DenseRanker:
    """Passages ranked by their best window's cosine with the query.

    Parameters
    ----------
    encoder
        Encodes the queries.
    embeddings
        The corpus, encoded by the same encoder.
    """

    def __init__(self, encoder: Encoder, embeddings: WindowEmbeddings) -> None:
        self.name = encoder.name
        self._encoder = encoder
        self._embeddings = embeddings

    @classmethod
    def from_corpus(
        cls, encoder: Encoder, corpus: Sequence[str], progress: Progress = silent
    ) -> "DenseRanker":
        """Encode a corpus and rank it."""
        return cls(encoder, encoder.encode_passages(corpus, progress))

    def scores(self, queries: Sequence[str]) -> FloatArray:
        """Score every passage for every query.

        Parameters
        ----------
        queries
            The queries.

        Returns
        -------
        ndarray
            Shape (n_queries, n_passages), float32, cosines in [-1, 1].
        """
        vectors = self._encoder.encode_queries(queries)  # (n_queries, dim)
        blocks = [
            max_over_windows(
                vectors[begin : begin + QUERY_BLOCK] @ self._embeddings.vectors.T,
                self._embeddings.owners,
            )
            for begin in range(0, max(len(vectors), 1), QUERY_BLOCK)
        ]
        return np.concatenate(blocks)
