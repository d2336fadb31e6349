"""The seed metric of this field: one passage, one vector, cut at the model's length.

The figures are those of sentence-transformers' ``InformationRetrievalEvaluator`` with its defaults,
and ``hit_rate@5`` is that of LlamaIndex's notebooks: whether the expected passage is among the five
that are retrieved by the same vectors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import EVALUATOR_METRICS, QrelsTable
from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.windows import IntArray

# Queries whose scores over the corpus are held at once, and the deepest cut-off.
QUERY_BLOCK = 256
DEPTH = 100


def truncated_metrics(
    encoder: LocalEncoder, dataset: RetrievalDataset, cache: VectorStore | None = None
) -> dict[str, float]:
    """Return the metrics of both by their own names less the similarity's, to six decimals."""
    # Ties go to the lower id, as theirs do.
    ids = sorted(dataset.corpus)
    corpus, queries = [dataset.corpus[key] for key in ids], list(dataset.queries.values())

    cache = cache or VectorStore(None)
    options: dict[str, Any] = {"batch_size": 32, "show_progress_bar": False}
    prompt = encoder.query_prompt or None
    passages, _ = cache.arrays(
        encoder,
        "truncated-passages",
        corpus,
        lambda: {"passages": encoder.model.encode_document(corpus, **options)},
    )
    asked, _ = cache.arrays(
        encoder,
        "truncated-queries",
        queries,
        lambda: {"queries": encoder.model.encode_query(queries, prompt=prompt, **options)},
    )
    rankings = _rankings(encoder, passages["passages"], asked["queries"])
    relevant = {
        query_id: {key: int(grade > 0) for key, grade in dataset.qrels[query_id].items()}
        for query_id in dataset.queries
    }
    table = QrelsTable.from_qrels(relevant, list(dataset.queries), ids)
    values = table.metrics(rankings, metrics=EVALUATOR_METRICS)
    return {name: round(float(value.mean()), 6) for name, value in values.items()}


def _rankings(encoder: LocalEncoder, corpus: NDArray[Any], asked: NDArray[Any]) -> IntArray:
    """Rank by the model's own similarity, which is the cosine for most; (n_queries, DEPTH)."""
    import torch

    passages = torch.from_numpy(np.array(corpus, dtype=np.float32))
    queries = torch.from_numpy(np.array(asked, dtype=np.float32))
    blocks = []
    for begin in range(0, len(queries), QUERY_BLOCK):
        scores = encoder.model.similarity(queries[begin : begin + QUERY_BLOCK], passages)
        blocks.append(top_k(scores.numpy(), DEPTH))
    return np.concatenate(blocks)
