"""What a system did on a data set: its rankings, its metrics, and what it costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.candidates import Candidates
from cvseeker.evaluate.encoded import EncodedDataset
from cvseeker.retrieval.metrics import QrelsTable, Unjudged, mean_metrics, metric_rows
from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.windows import FloatArray, IntArray

# The deepest cut-off of the metrics.
METRICS_DEPTH = 100


class RankedRun(Mapping[str, list[tuple[str, float]]]):
    """Query id → (id, score), best first, kept as numbers: a tenth of the memory.

    Parameters
    ----------
    ids
        What positions stand for.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._blocks: list[tuple[IntArray, FloatArray]] = []
        self._places: dict[str, tuple[int, int]] = {}

    def add(self, query_ids: Sequence[str], positions: IntArray, scores: FloatArray) -> None:
        """Add the rankings of further queries, both of shape (n_queries, depth)."""
        self._places |= {key: (len(self._blocks), row) for row, key in enumerate(query_ids)}
        self._blocks.append((positions.astype(np.int32), scores.astype(np.float32)))

    def __getitem__(self, query_id: str) -> list[tuple[str, float]]:
        """Return a query's ranking."""
        block, row = self._places[query_id]
        positions, scores = self._blocks[block]
        return [
            (self._ids[at], score)
            for at, score in zip(positions[row].tolist(), scores[row].tolist(), strict=True)
        ]

    def __iter__(self) -> Iterator[str]:
        """Go through the query ids."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self._places)


@dataclass(slots=True)
class SystemResult:
    """What one system did on a data set.

    Attributes
    ----------
    name
        ``bm25``, a model's name, ``late(<model's name>)``, ``hybrid(<model's name>)``, a variant of
        a model such as ``<model's name>@256`` or ``<model's name>[int8]``, or a name given to a
        run or to vectors made elsewhere.
    run
        Query id → (id, score), best first, at most ``top_k`` deep.
    per_query
        Query id → metric → value.
    seconds
        Encoding the corpus and the queries, and ranking; a model's systems share the encoding,
        which counts as long as it took when it was done. 0 for a run made elsewhere.
    truncated
        What sentence-transformers' ``InformationRetrievalEvaluator`` says of the same model: one
        passage, one vector, cut at the model's length. Empty where it does not apply.
    bytes_per_passage
        What ranking needs of a passage, without its text; ``None`` where not known.
    variant_of
        The model that a cut or quantised variant is made of; empty for anything else.
    encoded
        The vectors that a model ranked by; ``None`` for what is no model.
    """

    name: str
    run: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    per_query: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    truncated: dict[str, float] = field(default_factory=dict)
    bytes_per_passage: float | None = None
    variant_of: str = ""
    encoded: EncodedDataset | None = None

    def summary(self) -> dict[str, object]:
        """Return the mean metrics, what they cost, and the truncated metrics, JSON-ready."""
        row: dict[str, object] = {
            **mean_metrics(self.per_query),
            "queries": len(self.per_query),
            "seconds": round(self.seconds, 2),
        }
        if self.bytes_per_passage is not None:
            row["bytes_per_passage"] = round(self.bytes_per_passage, 1)
        if self.truncated:
            row["information_retrieval_evaluator"] = self.truncated
        return row


@dataclass(frozen=True, slots=True)
class Contest:
    """One data set, ready for any number of systems.

    Attributes
    ----------
    dataset
        Corpus, queries and qrels.
    candidates
        What is ranked.
    qrels
        The qrels as arrays.
    depth
        Of the runs that are kept.
    unjudged
        What unjudged candidates count as.
    """

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
    ) -> "Contest":
        """Lay out a data set; ``resume_of`` where the qrels name résumés."""
        candidates = Candidates.from_corpus(list(dataset.corpus), resume_of)
        table = QrelsTable.from_qrels(dataset.qrels, list(dataset.queries), candidates.ids)
        return cls(dataset, candidates, table, settings.top_k, settings.unjudged)

    @property
    def ranking_depth(self) -> int:
        """How many candidates are ranked: a short run still has metrics at 100."""
        return max(self.depth, METRICS_DEPTH)

    def open(self, name: str, *, variant_of: str = "") -> SystemResult:
        """Return an empty result of a system on this data set."""
        return SystemResult(name, RankedRun(self.candidates.ids), variant_of=variant_of)

    def record_scores(self, result: SystemResult, first_row: int, scores: FloatArray) -> None:
        """Add a block of queries by their scores of all passages, (n_queries, n_passages)."""
        scores = self.candidates.reduce(scores)
        best = top_k(scores, self.ranking_depth)
        self.record(result, first_row, best, np.take_along_axis(scores, best, axis=1))

    def record(
        self, result: SystemResult, first_row: int, positions: IntArray, scores: FloatArray
    ) -> None:
        """Add a block of queries by their best candidates and these candidates' scores.

        Parameters
        ----------
        result
            Of :meth:`open`.
        first_row
            The first query's place in the data set.
        positions, scores
            Shape (n_queries, ranking_depth), best first.
        """
        query_ids = list(self.dataset.queries)[first_row : first_row + len(positions)]
        if isinstance(result.run, RankedRun):
            result.run.add(query_ids, positions[:, : self.depth], scores[:, : self.depth])
        values = self.qrels.metrics(positions, first_row=first_row, unjudged=self.unjudged)
        result.per_query |= zip(query_ids, metric_rows(values), strict=True)
