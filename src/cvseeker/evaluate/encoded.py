"""A model's vectors of a corpus and its queries, from the cache where they are there."""

from dataclasses import dataclass, fields

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import ModelError
from cvseeker.core.hashes import text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import (
    Arrays,
    EncodedCorpus,
    VectorStore,
    encoder_identity,
    require_numbers,
)
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.retrieval.windows import FloatArray

_QUERIES = ("query_vectors",)
_TOKENS = ("token_vectors", "token_ids", "token_spans", "token_bounds")


@dataclass(frozen=True, slots=True)
class EncodedDataset:
    """All that a model says of a data set, and the seconds that encoding took when it was done."""

    corpus: EncodedCorpus
    queries: EncodedQueries
    seconds: float


def encode_dataset(
    encoder: Encoder,
    label: str,
    dataset: RetrievalDataset,
    store: VectorStore,
    progress: Progress = silent,
) -> EncodedDataset:
    """Encode passages and queries, a local model's tokens too, or read what was encoded before."""
    queries = list(dataset.queries.values())
    local = encoder if isinstance(encoder, LocalEncoder) else None
    corpus = store.encode_corpus(encoder, list(dataset.corpus.values()), progress)
    asked, query_seconds = store.arrays(
        (*_QUERIES, *(_TOKENS if local else ())),
        ("queries", encoder_identity(encoder), text_hash(*queries)),
        lambda: _arrays(EncodedQueries.from_texts(queries, encoder)),
    )
    _check(label, corpus.embeddings.vectors, asked["query_vectors"])
    return EncodedDataset(
        corpus,
        EncodedQueries(
            queries,
            tokenize(queries),
            np.asarray(asked["query_vectors"]),
            TokenVectors(*(np.asarray(asked[name]) for name in _TOKENS)) if local else None,
        ),
        corpus.seconds + query_seconds,
    )


def _arrays(queries: EncodedQueries) -> Arrays:
    if queries.tokens is None:
        return {"query_vectors": queries.vectors}
    arrays = [getattr(queries.tokens, field.name) for field in fields(queries.tokens)]
    return {"query_vectors": queries.vectors, **dict(zip(_TOKENS, arrays, strict=True))}


def _check(label: str, vectors: FloatArray, query_vectors: FloatArray) -> None:
    if vectors.shape[1] != query_vectors.shape[1]:
        raise ModelError(
            f"{label}: vectors of {query_vectors.shape[1]} dimensions for queries and of "
            f"{vectors.shape[1]} for passages; expected one model for both"
        )
    require_numbers(label, "queries", query_vectors)
