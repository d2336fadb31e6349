"""A test collection: a data set laid out for rankings of its passages, or of its résumés."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.results import RankedRun, SystemResult
from cvseeker.retrieval.metrics import QrelsTable, Unjudged, metric_rows
from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

# The deepest cut-off of the metrics.
METRICS_DEPTH = 100


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
        """Rank passages, or résumés by ``resume_of``, whose passages must follow one another."""
        owner_ids = [resume_of[key] if resume_of else key for key in passage_ids]
        ids = list(dict.fromkeys(owner_ids))
        position = {key: at for at, key in enumerate(ids)}
        return cls(ids, np.array([position[key] for key in owner_ids], dtype=np.int64))

    def reduce(self, scores: FloatArray) -> FloatArray:
        """Turn scores of passages into scores of candidates: the best passage counts."""
        if len(self.ids) == len(self.owners):
            return scores
        return max_over_windows(scores, self.owners)


@dataclass(frozen=True, slots=True)
class Collection:
    """One data set, ready for any number of systems; ``depth`` is that of the runs kept."""

    dataset: RetrievalDataset
    candidates: Candidates
    qrels: QrelsTable
    depth: int
    unjudged: Unjudged

    @classmethod
    def from_dataset(
        cls,
        dataset: RetrievalDataset,
        settings: EvaluateSettings,
        resume_of: Mapping[str, str] | None = None,
    ) -> "Collection":
        """Lay out a data set; ``resume_of`` where the qrels name résumés."""
        candidates = Candidates.from_corpus(list(dataset.corpus), resume_of)
        table = QrelsTable.from_qrels(dataset.qrels, list(dataset.queries), candidates.ids)
        return cls(dataset, candidates, table, settings.top_k, settings.unjudged)

    @property
    def ranking_depth(self) -> int:
        """How many candidates are ranked: a short run still has metrics at 100."""
        return max(self.depth, METRICS_DEPTH)

    def open(self, name: str) -> SystemResult:
        """Return an empty result of a system on this data set."""
        return SystemResult(name, RankedRun(self.candidates.ids))

    def record_scores(self, result: SystemResult, first_row: int, scores: FloatArray) -> None:
        """Add a block of queries by their scores of all passages, (n_queries, n_passages)."""
        scores = self.candidates.reduce(scores)
        best = top_k(scores, self.ranking_depth)
        self.record(result, first_row, best, np.take_along_axis(scores, best, axis=1))

    def record(
        self, result: SystemResult, first_row: int, positions: IntArray, scores: FloatArray
    ) -> None:
        """Add a block of queries by their best candidates, (n_queries, ranking_depth)."""
        query_ids = list(self.dataset.queries)[first_row : first_row + len(positions)]
        if isinstance(result.run, RankedRun):
            result.run.add(query_ids, positions[:, : self.depth], scores[:, : self.depth])
        values = self.qrels.metrics(positions, first_row=first_row, unjudged=self.unjudged)
        result.per_query |= zip(query_ids, metric_rows(values), strict=True)
