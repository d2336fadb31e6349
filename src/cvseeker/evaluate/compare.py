"""Run every system over a data set: BM25, encoders, late interaction, and all of them fused."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cvseeker.config import EvaluateSettings
from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder
from cvseeker.encoder.token_codes import encode_passages_with_codes
from cvseeker.encoder.windows import FloatArray, IntArray, max_over_windows
from cvseeker.evaluate.truncated import truncated_metrics
from cvseeker.progress import Progress, silent
from cvseeker.rank.base import top_k
from cvseeker.rank.bm25 import BM25Ranker
from cvseeker.rank.dense import DenseRanker
from cvseeker.rank.hybrid import fuse
from cvseeker.rank.late import LateInteractionRanker
from cvseeker.rank.metrics import mean_metrics, query_metrics

# The deepest cut-off of the metrics.
METRICS_DEPTH = 100

# Queries whose scores over the whole corpus are held at once.
QUERY_BLOCK = 256


@dataclass(slots=True)
class SystemResult:
    """What one system did on a data set.

    Attributes
    ----------
    name
        ``bm25``, a model's name, ``late(<model's name>)`` or ``hybrid(<model's name>)``.
    run
        Query id → (id, score), best first, at most ``top_k`` deep.
    per_query
        Query id → metric → value.
    seconds
        Encoding the corpus and the queries, and ranking; a model's three systems share them.
    truncated
        What sentence-transformers' ``InformationRetrievalEvaluator`` says of the same model: one
        passage, one vector, cut at the model's length. Empty where it does not apply.
    """

    name: str
    run: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    per_query: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    truncated: dict[str, float] = field(default_factory=dict)

    def summary(self) -> dict[str, object]:
        """Return the mean metrics, the seconds and the truncated metrics, JSON-ready."""
        row: dict[str, object] = {
            **mean_metrics(self.per_query),
            "queries": len(self.per_query),
            "seconds": round(self.seconds, 2),
        }
        if self.truncated:
            row["information_retrieval_evaluator"] = self.truncated
        return row


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is ranked: the passages themselves, or the résumés that they belong to.

    ``ids`` are the passages' or résumés' ids; ``owners``, shape (n_passages,), ascending, gives the
    position in ``ids`` that each passage counts for.
    """

    ids: list[str]
    owners: IntArray

    @classmethod
    def from_corpus(
        cls, passage_ids: Sequence[str], resume_of: Mapping[str, str] | None
    ) -> "Candidates":
        """Rank passages, or résumés where ``resume_of`` (passage id → résumé id) is given.

        The passages of a résumé must follow one another.
        """
        owner_ids = [resume_of[key] if resume_of else key for key in passage_ids]
        ids = list(dict.fromkeys(owner_ids))
        position = {key: at for at, key in enumerate(ids)}
        return cls(ids, np.array([position[key] for key in owner_ids], dtype=np.int64))

    def reduce(self, scores: FloatArray) -> FloatArray:
        """Turn scores of passages into scores of candidates: the best passage counts."""
        return max_over_windows(scores, self.owners)


def compare_systems(
    dataset: RetrievalDataset,
    models: Mapping[str, str | None],
    *,
    settings: EvaluateSettings,
    resume_of: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> dict[str, SystemResult]:
    """Evaluate BM25, every model, its late interaction and its hybrid on one data set.

    Parameters
    ----------
    dataset
        Corpus, queries and qrels; a query without a relevant passage must not be in it.
    models
        Name to show → folder or hub name (``None``: the default base model).
    settings
        Windows, depth and the hybrids' weights.
    resume_of
        Passage id → résumé id, where the qrels name résumés: a résumé's score is its best
        passage's.
    progress
        Called while corpora are encoded.

    Returns
    -------
    dict
        Name of the system → result: ``bm25``; each model, ``late(<model>)``, ``hybrid(<model>)``.

    Raises
    ------
    ModelError
        If a model cannot be found or loaded.
    """
    corpus = list(dataset.corpus.values())
    candidates = Candidates.from_corpus(list(dataset.corpus), resume_of)
    results = {"bm25": SystemResult("bm25")}
    started = time.perf_counter()
    bm25 = BM25Ranker(corpus)
    for query_ids, texts in _blocks(dataset):
        scores = candidates.reduce(bm25.scores(texts))
        _record(results["bm25"], query_ids, scores, candidates, dataset, settings.top_k)
    results["bm25"].seconds = time.perf_counter() - started
    for label, name in models.items():
        encoder = LocalEncoder.from_name(name, windows=settings.windows)
        dense, late, hybrid = (
            SystemResult(name) for name in (label, f"late({label})", f"hybrid({label})")
        )
        shares = (settings.hybrid or encoder.hybrid).shares
        started = time.perf_counter()
        embeddings, codes = encode_passages_with_codes(encoder, corpus, encoder.codec, progress)
        rankers = (bm25, DenseRanker(encoder, embeddings), LateInteractionRanker(encoder, codes))
        for query_ids, texts in _blocks(dataset):
            parts = [ranker.scores(texts) for ranker in rankers]
            systems = zip((dense, late, hybrid), (*parts[1:], fuse(parts, shares)), strict=True)
            for result, values in systems:
                reduced = candidates.reduce(values)
                _record(result, query_ids, reduced, candidates, dataset, settings.top_k)
        for result in (dense, late, hybrid):
            result.seconds = time.perf_counter() - started
        if resume_of is None:
            progress(f"truncated evaluation of {label}", 0, 0, "")
            dense.truncated = truncated_metrics(encoder, dataset)
        results |= {result.name: result for result in (dense, late, hybrid)}
    return results


def _blocks(dataset: RetrievalDataset) -> list[tuple[list[str], list[str]]]:
    query_ids = list(dataset.queries)
    return [
        (block, [dataset.queries[query_id] for query_id in block])
        for begin in range(0, len(query_ids), QUERY_BLOCK)
        if (block := query_ids[begin : begin + QUERY_BLOCK])
    ]


def _record(
    result: SystemResult,
    query_ids: Sequence[str],
    scores: FloatArray,
    candidates: Candidates,
    dataset: RetrievalDataset,
    depth: int,
) -> None:
    """Add a block of queries to a system's result; a short run still has metrics at 100."""
    best = top_k(scores, max(depth, METRICS_DEPTH))
    for query_id, row, positions in zip(query_ids, scores, best, strict=True):
        ranked = [(candidates.ids[at], float(row[at])) for at in positions]
        result.run[query_id] = ranked[:depth]
        result.per_query[query_id] = query_metrics(
            [key for key, _ in ranked], dataset.qrels[query_id]
        )
