"""What every ranker takes, is and gives: encoded queries, scores, and the ranking they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.query_encoder import QueryEncoder
from cvseeker.retrieval.tokens import TokenVectors, encode_queries_with_tokens
from cvseeker.retrieval.windows import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class EncodedQueries:
    """Queries in every form that a ranker takes, made in one forward pass.

    Attributes
    ----------
    texts
        n queries.
    words
        Each query's stemmed words, stop words left out.
    vectors
        Shape (n, dim), float32, unit length; dim is 0 where no encoder was given.
    tokens
        Their token vectors; ``None`` where the encoder gives none.
    """

    texts: Sequence[str]
    words: Sequence[list[str]]
    vectors: FloatArray
    tokens: TokenVectors | None = None

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str],
        encoder: Encoder | QueryEncoder | None = None,
        *,
        tokens: bool = True,
    ) -> Self:
        """Encode queries, with the model's query prompt.

        Parameters
        ----------
        texts
            n queries.
        encoder
            Gives the vectors; ``None``: words alone.
        tokens
            Whether token vectors are wanted where the encoder has them.
        """
        if encoder is None:
            return cls(texts, tokenize(texts), np.zeros((len(texts), 0), dtype=np.float32))
        if isinstance(encoder, QueryEncoder):
            return cls(texts, tokenize(texts), *encoder.encode(texts))
        if tokens and isinstance(encoder, LocalEncoder):
            return cls(texts, tokenize(texts), *encode_queries_with_tokens(encoder, texts))
        return cls(texts, tokenize(texts), encoder.encode_queries(texts))

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, rows: slice) -> Self:
        """Return some neighbouring queries."""
        return type(self)(
            self.texts[rows],
            self.words[rows],
            self.vectors[rows],
            None if self.tokens is None else self.tokens[rows],
        )


class Ranker(Protocol):
    """Anything that gives a score, higher is better, to every passage for an encoded query."""

    def scores(self, queries: EncodedQueries) -> FloatArray:
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
    width = scores.shape[1]
    if k < 1 or width <= 4 * k:
        return np.argsort(-scores, axis=1, kind="stable")[:, :k]
    limits = np.partition(scores, width - k, axis=1)[:, width - k]  # the k-th best of each row
    kept = scores >= limits[:, None]
    plain = kept.sum(axis=1) == k
    best = np.empty((len(scores), k), dtype=np.int64)
    best[plain] = np.nonzero(kept[plain])[1].reshape(-1, k)
    for row in np.flatnonzero(~plain):
        best[row] = _first_best(scores[row], limits[row], k)
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def _first_best(scores: FloatArray, limit: np.float32, k: int) -> IntArray:
    """Return the positions above the limit and, to make k, the first of those that equal it."""
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: k - len(above)]
    if len(above) + len(equal) < k:  # no numbers among them
        return np.argsort(-scores, kind="stable")[:k]
    return np.sort(np.concatenate([above, equal]))
