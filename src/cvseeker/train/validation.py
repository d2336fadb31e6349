"""How good an encoder is on the validation split while it is being trained."""

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.metrics import QrelsTable, metric_rows
from cvseeker.retrieval.queries import EncodedQueries
from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.windows import FloatArray


def validate_queries(encoder: Encoder, dataset: RetrievalDataset) -> dict[str, dict[str, float]]:
    """Rank the data set's corpus with the encoder and return every metric of every query.

    Parameters
    ----------
    encoder
        The encoder, in whatever state it is.
    dataset
        The validation split.

    Returns
    -------
    dict
        Query id → name of the metric → value, in the data set's order.
    """
    queries = EncodedQueries.from_texts(list(dataset.queries.values()), encoder, tokens=False)
    windows = encoder.encode_passages(list(dataset.corpus.values()))
    return ranked_metrics(dataset, DenseRanker(windows.vectors, windows.owners).scores(queries))


def ranked_metrics(dataset: RetrievalDataset, scores: FloatArray) -> dict[str, dict[str, float]]:
    """Return every metric of every query for scores of a data set's corpus.

    Parameters
    ----------
    dataset
        Queries, qrels and corpus.
    scores
        Shape (n_queries, n_passages), in the data set's order.

    Returns
    -------
    dict
        Query id → name of the metric → value, in the data set's order.
    """
    query_ids = list(dataset.queries)
    table = QrelsTable.from_qrels(dataset.qrels, query_ids, list(dataset.corpus))
    values = table.metrics(top_k(scores, 100))
    return dict(zip(query_ids, metric_rows(values), strict=True))
