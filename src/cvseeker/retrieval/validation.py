"""What a validation split says of an encoder: the shares of its search, and how good that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import read_json, write_json
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.fusion import Parts, Shares, fuse, learn_weights
from cvseeker.retrieval.metrics import QrelsTable, metric_rows
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.windows import FloatArray

# Query id → name of the metric → value.
QueryMetrics = Mapping[str, Mapping[str, float]]
METRIC = "ndcg@10"
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Validation:
    """What validation queries say of an encoder.

    Attributes
    ----------
    shares
        Of BM25, dense vectors and late interaction, those that suit the queries best.
    metrics
        Every metric of every query at these.
    """

    shares: HybridWeights
    metrics: QueryMetrics

    @property
    def mean(self) -> float:
        """Mean nDCG@10."""
        return sum(values[METRIC] for values in self.metrics.values()) / len(self.metrics)

    def write(self, path: Path) -> None:
        """Keep it in a JSON file."""
        write_json(path, {"shares": self.shares.model_dump(), "metrics": self.metrics})

    @classmethod
    def read(cls, path: Path) -> "Validation | None":
        """Read it back; ``None`` if it is not there."""
        if not path.is_file():
            return None
        kept = read_json(path)
        return cls(HybridWeights.model_validate(kept["shares"]), kept["metrics"])


def validate_search(
    encoder: Encoder, datasets: Sequence[RetrievalDataset], store: VectorStore | None = None
) -> Validation:
    """Rank each data set's corpus as search does, at the shares that suit all of them best.

    Parameters
    ----------
    encoder
        In whatever state it is; one without token vectors has no share of late interaction.
    datasets
        Queries that have been trained on by nobody.
    store
        Where vectors are kept; ``None``: nowhere.
    """
    store = store or VectorStore()
    parts = [_parts(encoder, dataset, store) for dataset in datasets]
    tables = [_table(dataset) for dataset in datasets]

    def values(shares: Shares) -> NDArray[np.float64]:
        found = [
            table.metrics(top_k(fuse(part, shares), DEPTH))[METRIC]
            for table, part in zip(tables, parts, strict=True)
        ]
        return np.concatenate(found).astype(np.float64)

    late = isinstance(encoder, LocalEncoder)
    shares = learn_weights(values, query_groups(*datasets), late=late)
    metrics: dict[str, Mapping[str, float]] = {}
    for number, (dataset, part) in enumerate(zip(datasets, parts, strict=True)):
        rows = ranked_metrics(dataset, fuse(part, shares.shares))
        # Each data set numbers its queries as it likes.
        metrics |= {f"{number}/{query_id}": row for query_id, row in rows.items()}
    return Validation(shares, metrics)


def query_groups(*datasets: RetrievalDataset) -> list[str]:
    """Return the person whom each query is about; one about several is a group of its own."""
    groups = []
    for number, dataset in enumerate(datasets):
        for query_id in dataset.queries:
            grades = dataset.qrels[query_id]
            relevant = [passage_id for passage_id, grade in grades.items() if grade > 0]
            about = {dataset.person_groups.get(passage_id, passage_id) for passage_id in relevant}
            single = len(about) == 1
            groups.append(f"person {about.pop()}" if single else f"query {number}/{query_id}")
    return groups


def validate_vectors(encoder: Encoder, dataset: RetrievalDataset) -> QueryMetrics:
    """Rank the data set's corpus by the pooled vectors alone."""
    queries = EncodedQueries.from_texts(list(dataset.queries.values()), encoder, tokens=False)
    windows = encoder.encode_passages(list(dataset.corpus.values()))
    return ranked_metrics(dataset, DenseRanker(windows.vectors, windows.owners).scores(queries))


def ranked_metrics(dataset: RetrievalDataset, scores: FloatArray) -> QueryMetrics:
    """Return every metric of every query for scores, shape (n_queries, n_passages)."""
    values = _table(dataset).metrics(top_k(scores, DEPTH))
    return dict(zip(dataset.queries, metric_rows(values), strict=True))


def fit_codec(encoder: LocalEncoder, dataset: RetrievalDataset, store: VectorStore) -> None:
    """Fit an encoder's ``codec`` to the token vectors of a corpus.

    That of the validation split has 64 passages or more with ten thousand tokens, which are enough.
    """
    encoder.codec = None
    encoded = store.encode_corpus(encoder, list(dataset.corpus.values()))
    encoder.codec = encoded.codes.codec if encoded.codes else None


def _table(dataset: RetrievalDataset) -> QrelsTable:
    return QrelsTable.from_qrels(dataset.qrels, list(dataset.queries), list(dataset.corpus))


def _parts(encoder: Encoder, dataset: RetrievalDataset, store: VectorStore) -> Parts:
    """Return the scores that search is fused of, each of shape (n_queries, n_passages)."""
    corpus = list(dataset.corpus.values())
    queries = EncodedQueries.from_texts(list(dataset.queries.values()), encoder)
    encoded = store.encode_corpus(encoder, corpus)
    bm25 = BM25Ranker(corpus).scores(queries)
    late = encoded.late().scores(queries) if encoded.codes else np.zeros_like(bm25)
    return bm25, encoded.dense().scores(queries), late
