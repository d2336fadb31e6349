"""Queries in every form that a ranker takes, made in one forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.query_encoder import QueryEncoder
from cvseeker.retrieval.tokens import TokenVectors, encode_queries_with_tokens
from cvseeker.retrieval.windows import FloatArray


@dataclass(frozen=True, slots=True)
class EncodedQueries:
    """Queries as words for BM25, as pooled vectors and as token vectors.

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
