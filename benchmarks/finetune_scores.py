"""How good the contenders of ``finetune.py`` are, and when ours was as good as another."""

from typing import Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.evaluate.truncated import truncated_metrics
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import mean_metrics, query_metrics
from cvseeker.retrieval.ranker import EncodedQueries, Ranker, top_k

BOTH_WAYS = ("truncated", "windowed")
SHOWN = ("ndcg@10", "hit@5", "mrr@10")
# Way of evaluation → metric → mean over the test queries.
Scores = dict[str, dict[str, float]]


def model_scores(name: str, test: RetrievalDataset, ways: tuple[str, ...] = BOTH_WAYS) -> Scores:
    """Evaluate a model, all of them through the same windows: CVSeeker's defaults."""
    encoder = LocalEncoder.from_name(name, windows=FinetuneSettings().windows)
    scores = {}
    if "truncated" in ways:
        found = truncated_metrics(encoder, test)
        scores["truncated"] = {
            "ndcg@10": found["ndcg@10"],
            # One passage among the first five: accuracy in that evaluator's words.
            "hit@5": found["accuracy@5"],
            "mrr@10": found["mrr@10"],
        }
    if "windowed" in ways:
        windows = encoder.encode_passages(list(test.corpus.values()))
        ranker = DenseRanker(windows.vectors, windows.owners)
        scores["windowed"] = ranker_scores(ranker, test, encoder)
    return scores


def bm25_scores(test: RetrievalDataset) -> Scores:
    """Evaluate BM25, which cuts nothing off and needs no windows."""
    scores = ranker_scores(BM25Ranker(list(test.corpus.values())), test)
    return dict.fromkeys(BOTH_WAYS, scores)


def ranker_scores(
    ranker: Ranker, test: RetrievalDataset, encoder: LocalEncoder | None = None
) -> dict[str, float]:
    """Return a ranker's means over the test queries."""
    passage_ids = list(test.corpus)
    queries = EncodedQueries.from_texts(list(test.queries.values()), encoder, tokens=False)
    ranking = top_k(ranker.scores(queries), 100)
    found = mean_metrics(
        {
            query_id: query_metrics([passage_ids[at] for at in row], test.qrels[query_id])
            for query_id, row in zip(test.queries, ranking, strict=True)
        }
    )
    return {"ndcg@10": found["ndcg@10"], "hit@5": found["hit_rate@5"], "mrr@10": found["mrr@10"]}


def first_reaching(
    snapshots: list[dict[str, Any]], target: float, way: str, test: RetrievalDataset
) -> dict[str, Any] | None:
    """Return the first snapshot whose nDCG@10 is at least the target.

    Parameters
    ----------
    snapshots
        In order; each gets what is found out about it as its ``scores``.
    target
        What is to be reached.
    way
        Of evaluation.
    test
        The test data.
    """
    for snapshot in snapshots:
        scores = snapshot.setdefault("scores", {})
        if way not in scores:
            scores |= model_scores(snapshot["folder"], test, (way,))
        if scores[way]["ndcg@10"] >= target:
            return snapshot
    return None
