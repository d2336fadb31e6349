"""A model's vectors of a corpus and its queries, from the cache where they are there."""

from dataclasses import dataclass

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import ModelError
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import VectorStore


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
    corpus = store.encode_corpus(encoder, list(dataset.corpus.values()), progress)
    queries, seconds = store.encode_queries(encoder, list(dataset.queries.values()))
    dims = queries.vectors.shape[1], corpus.embeddings.vectors.shape[1]
    if dims[0] != dims[1]:
        raise ModelError(
            f"{label}: vectors of {dims[0]} dimensions for queries and of {dims[1]} for passages; "
            "expected one model for both"
        )
    return EncodedDataset(corpus, queries, corpus.seconds + seconds)
