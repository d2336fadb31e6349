"""What the validation split says of an encoder: metrics of each query, and the hybrid's shares."""

from collections.abc import Mapping

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.fusion import learn_weights
from cvseeker.retrieval.metrics import QrelsTable, metric_rows
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.windows import FloatArray

# Query id → name of the metric → value.
QueryMetrics = Mapping[str, Mapping[str, float]]
METRIC = "ndcg@10"


def validate_queries(
    encoder: Encoder, dataset: RetrievalDataset, store: VectorStore | None = None
) -> QueryMetrics:
    """Rank the data set's corpus with the encoder, in whatever state it is."""
    queries = EncodedQueries.from_texts(list(dataset.queries.values()), encoder, tokens=False)
    corpus = list(dataset.corpus.values())
    if store is not None:
        return ranked_metrics(dataset, store.encode_corpus(encoder, corpus).dense().scores(queries))
    windows = encoder.encode_passages(corpus)
    return ranked_metrics(dataset, DenseRanker(windows.vectors, windows.owners).scores(queries))


def ranked_metrics(dataset: RetrievalDataset, scores: FloatArray) -> QueryMetrics:
    """Return every metric of every query for scores, shape (n_queries, n_passages)."""
    query_ids = list(dataset.queries)
    table = QrelsTable.from_qrels(dataset.qrels, query_ids, list(dataset.corpus))
    values = table.metrics(top_k(scores, 100))
    return dict(zip(query_ids, metric_rows(values), strict=True))


def mean_ndcg(scores: QueryMetrics) -> float:
    """Return the mean nDCG@10 over the queries."""
    return sum(values[METRIC] for values in scores.values()) / len(scores)


def fit_late_interaction(
    encoder: LocalEncoder, val: RetrievalDataset, store: VectorStore | None = None
) -> None:
    """Set an encoder's ``codec`` and the shares of its ``hybrid``, by the validation split.

    The codec is fitted to the token vectors of the first passages: the validation corpus is encoded
    for the shares anyway, and its 64 passages or more have the ten thousand tokens that are enough.
    """
    corpus = list(val.corpus.values())
    queries = EncodedQueries.from_texts(list(val.queries.values()), encoder)
    encoder.codec = None
    encoded = (store or VectorStore()).encode_corpus(encoder, corpus)
    encoder.codec = encoded.codes.codec if encoded.codes else None
    encoder.hybrid = learn_weights(
        BM25Ranker(corpus).scores(queries),
        encoded.dense().scores(queries),
        encoded.late().scores(queries),
        lambda scores: mean_ndcg(ranked_metrics(val, scores)),
    )
