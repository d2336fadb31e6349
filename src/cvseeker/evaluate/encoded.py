"""A model's vectors of a corpus and its queries, from the cache where they are there."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import ModelError
from cvseeker.core.files import text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.queries import EncodedQueries
from cvseeker.retrieval.store import Arrays, VectorStore, encoder_identity
from cvseeker.retrieval.token_codes import TokenCodes
from cvseeker.retrieval.tokens import TokenVectors, encode_queries_with_tokens
from cvseeker.retrieval.windows import FloatArray, IntArray

_QUERIES = ("query_vectors",)
_TOKENS = ("token_vectors", "token_ids", "token_spans", "token_bounds")


@dataclass(frozen=True, slots=True)
class EncodedDataset:
    """All that a model says of a data set.

    ``vectors``, shape (n_windows, dim), are float32 and of unit length; ``owners``, shape
    (n_windows,), ascending, gives each window's passage; ``codes`` are for late interaction,
    ``None`` for an encoder that gives no token vectors; ``seconds`` is what encoding took when it
    was done.
    """

    vectors: FloatArray
    owners: IntArray
    queries: EncodedQueries
    codes: TokenCodes | None
    seconds: float


def encode_dataset(
    encoder: Encoder,
    label: str,
    dataset: RetrievalDataset,
    store: VectorStore,
    progress: Progress = silent,
) -> EncodedDataset:
    """Encode a data set's passages and queries, or read what was encoded before.

    A local model also gives token vectors; ``label`` is what the encoder is called in messages.
    """
    queries = list(dataset.queries.values())
    local = encoder if isinstance(encoder, LocalEncoder) else None
    corpus = store.encode_corpus(encoder, list(dataset.corpus.values()), progress)
    asked, query_seconds = store.arrays(
        (*_QUERIES, *(_TOKENS if local else ())),
        ("queries", encoder_identity(encoder), text_hash(*queries)),
        lambda: _with_tokens(local, queries) if local else _query_vectors(encoder, queries),
    )
    _check(label, corpus.embeddings.vectors, asked["query_vectors"])
    return EncodedDataset(
        vectors=corpus.embeddings.vectors,
        owners=corpus.embeddings.owners,
        queries=EncodedQueries(
            queries,
            tokenize(queries),
            np.asarray(asked["query_vectors"]),
            TokenVectors(*(np.asarray(asked[name]) for name in _TOKENS)) if local else None,
        ),
        codes=corpus.codes,
        seconds=corpus.seconds + query_seconds,
    )


def _with_tokens(encoder: LocalEncoder, queries: Sequence[str]) -> Arrays:
    pooled, tokens = encode_queries_with_tokens(encoder, queries)
    arrays = [getattr(tokens, field.name) for field in fields(tokens)]
    return {"query_vectors": pooled, **dict(zip(_TOKENS, arrays, strict=True))}


def _query_vectors(encoder: Encoder, queries: Sequence[str]) -> Arrays:
    return {"query_vectors": encoder.encode_queries(queries)}


def _check(label: str, vectors: FloatArray, query_vectors: FloatArray) -> None:
    if vectors.shape[1] != query_vectors.shape[1]:
        raise ModelError(
            f"{label}: vectors of {query_vectors.shape[1]} dimensions for queries and of "
            f"{vectors.shape[1]} for passages; expected one model for both"
        )
    broken = np.flatnonzero(~np.isfinite(query_vectors).all(axis=1))
    if len(broken):
        raise ModelError(
            f"{label}: {len(broken)} of {len(query_vectors)} vectors of queries hold NaN or "
            "infinity; expected numbers: the model is damaged or was trained too fast"
        )
