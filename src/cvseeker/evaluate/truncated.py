"""The seed metric of this field: one passage, one vector, cut at the model's length.

The figures are those of sentence-transformers' ``InformationRetrievalEvaluator`` with its defaults,
and ``hit_rate@5`` is that of LlamaIndex's notebooks: whether the expected passage is among the five
that are retrieved by the same vectors.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.datasets.dataset import RetrievalDataset
from cvseeker.core.files import text_hash
from cvseeker.evaluate.cache import VectorCache, encoder_identity
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import (
    Grades,
    accuracy,
    average_precision,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)
from cvseeker.retrieval.metrics import query_metrics as metrics_of_query
from cvseeker.retrieval.ranker import top_k

# Queries whose scores over the corpus are held at once, and the deepest cut-off.
QUERY_BLOCK = 256
DEPTH = 100


def _precision_up_to(grades: Grades, ideal: Grades, *, k: int) -> float:
    """Return the average precision out of what could be found in k ranks, as they count it."""
    return average_precision(grades, ideal[:k], k=k)


TRUNCATED_METRICS: dict[str, partial[float]] = {
    **{f"accuracy@{k}": partial(accuracy, k=k) for k in (1, 3, 5, 10)},
    "hit_rate@5": partial(accuracy, k=5),
    **{f"precision@{k}": partial(precision, k=k) for k in (1, 3, 5, 10)},
    **{f"recall@{k}": partial(recall, k=k) for k in (1, 3, 5, 10)},
    "ndcg@10": partial(ndcg, k=10),
    "mrr@10": partial(reciprocal_rank, k=10),
    "map@100": partial(_precision_up_to, k=DEPTH),
}


def truncated_metrics(
    encoder: LocalEncoder, dataset: RetrievalDataset, cache: VectorCache | None = None
) -> dict[str, float]:
    """Compute what ``InformationRetrievalEvaluator`` and LlamaIndex's hit rate say of a model.

    Parameters
    ----------
    encoder
        The model; its windows are not used.
    dataset
        Corpus, queries and qrels; grades are only relevant (> 0) or not.
    cache
        Where vectors are kept; ``None``: nowhere.

    Returns
    -------
    dict
        The evaluator's metrics under its own names less the similarity's (``cosine_``), and
        ``hit_rate@5``; six decimals.
    """
    # Ties go to the lower id, as theirs do.
    ids = sorted(dataset.corpus)
    corpus, queries = [dataset.corpus[key] for key in ids], list(dataset.queries.values())

    cache = cache or VectorCache(None)
    options: dict[str, Any] = {"batch_size": 32, "show_progress_bar": False}
    prompt = encoder.query_prompt or None
    identity = encoder_identity(encoder)
    passages, _ = cache.arrays(
        ("passages",),
        ("truncated passages", identity, text_hash(*corpus)),
        lambda: {"passages": encoder.model.encode_document(corpus, **options)},
    )
    asked, _ = cache.arrays(
        ("queries",),
        ("truncated queries", identity, text_hash(*queries)),
        lambda: {"queries": encoder.model.encode_query(queries, prompt=prompt, **options)},
    )
    rankings = _rankings(encoder, passages["passages"], asked["queries"])
    per_query = [
        metrics_of_query(
            [ids[at] for at in row],
            {key: int(grade > 0) for key, grade in dataset.qrels[query_id].items()},
            metrics=TRUNCATED_METRICS,
        )
        for query_id, row in zip(dataset.queries, rankings, strict=True)
    ]
    return {
        name: round(sum(values[name] for values in per_query) / len(per_query), 6)
        for name in TRUNCATED_METRICS
    }


def _rankings(encoder: LocalEncoder, corpus: NDArray[Any], asked: NDArray[Any]) -> list[list[int]]:
    """Rank by the model's own similarity, which is the cosine for most."""
    import torch

    passages = torch.from_numpy(np.array(corpus, dtype=np.float32))
    queries = torch.from_numpy(np.array(asked, dtype=np.float32))
    rankings: list[list[int]] = []
    for begin in range(0, len(queries), QUERY_BLOCK):
        scores = encoder.model.similarity(queries[begin : begin + QUERY_BLOCK], passages)
        rankings += top_k(scores.numpy(), DEPTH).tolist()
    return rankings
