"""Which passages are worth judging for a query: those that two unlike rankers put first."""

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.ranker import EncodedQueries, Ranker, top_k

# Queries whose scores over the whole corpus are held at once.
QUERY_BLOCK = 256


def pool_passages(
    dataset: RetrievalDataset, encoder: Encoder, *, depth: int, progress: Progress = silent
) -> dict[str, list[str]]:
    """Pool, for each query, its own positives and what BM25 and the encoder put first.

    Queries and qrels are over the corpus that is ranked: one split's. A passage that shares no word
    with the query is none of BM25's; each ranker puts ``depth`` in at most. Returns query id →
    passage ids without repetition: the positives, BM25's and the encoder's, each in their order.

    References
    ----------
    Spärck Jones & van Rijsbergen 1975, "Report on the need for and provision of an 'ideal'
    information retrieval test collection": pooling.
    """
    if not dataset.queries:
        return {}
    passage_ids = list(dataset.corpus)
    texts = list(dataset.corpus.values())
    windows = encoder.encode_passages(texts, progress)
    # What BM25 scores 0 shares no word with the query; a cosine means something anyway.
    rankers: list[tuple[Ranker, float]] = [
        (BM25Ranker(texts), 0.0),
        (DenseRanker(windows.vectors, windows.owners), -np.inf),
    ]
    pools = {
        query_id: dict.fromkeys(key for key, grade in dataset.qrels[query_id].items() if grade > 0)
        for query_id in dataset.queries
    }
    query_ids = list(dataset.queries)
    for begin in range(0, len(query_ids), QUERY_BLOCK):
        block = query_ids[begin : begin + QUERY_BLOCK]
        queries = EncodedQueries.from_texts(
            [dataset.queries[query_id] for query_id in block], encoder, tokens=False
        )
        for ranker, floor in rankers:
            scores = ranker.scores(queries)
            for query_id, row, best in zip(block, scores, top_k(scores, depth), strict=True):
                pools[query_id] |= dict.fromkeys(passage_ids[at] for at in best if row[at] > floor)
        progress("pool", begin + len(block), len(query_ids), "queries")
    return {query_id: list(pool) for query_id, pool in pools.items()}
