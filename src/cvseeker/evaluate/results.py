"""What systems did on a data set: rankings, metrics, costs, and the files that tell of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import write_json, write_jsonl
from cvseeker.evaluate.encoded import EncodedDataset
from cvseeker.evaluate.evidence import dataset_facts
from cvseeker.evaluate.trec import run_file_name, write_run
from cvseeker.evaluate.wording import system_names
from cvseeker.retrieval.metrics import mean_metrics
from cvseeker.retrieval.windows import FloatArray, IntArray


class RankedRun(Mapping[str, list[tuple[str, float]]]):
    """Query id → (id, score), best first, kept as numbers: a tenth of the memory."""

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

    ``name`` is its key in ``metrics.json``, see :mod:`cvseeker.evaluate.wording`. ``run`` is query
    id → (id, score), best first, at most ``top_k`` deep; ``per_query`` query id → metric → value.

    ``seconds`` are for encoding the corpus and the queries, and ranking; a model's systems share
    the encoding, which counts as long as it took when it was done. ``bytes_per_passage`` is what
    ranking needs of a passage, without its text. ``truncated`` is what sentence-transformers'
    ``InformationRetrievalEvaluator`` says of the same model, ``encoded`` the vectors that a model
    ranked by.
    """

    name: str
    run: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    per_query: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    truncated: dict[str, float] = field(default_factory=dict)
    bytes_per_passage: float | None = None
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
class EvaluatedSet:
    """A query set and what every system did on it, nothing before they are run.

    ``name`` is ``test`` for the generated test split or the data set given, ``handwritten`` for
    judged queries that no generator made; ``level`` is what is ranked, ``passage`` or ``resume``.
    ``resume_of`` is passage id → résumé id and ``occupations`` résumé id → occupation, where known;
    ``facts`` stand in ``metrics.json`` besides.
    """

    name: str
    dataset: RetrievalDataset
    results: Mapping[str, SystemResult] = field(default_factory=dict)
    level: str = "passage"
    resume_of: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    occupations: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """What people read for each system's key."""
        return system_names(self.results)

    def summary(self) -> dict[str, Any]:
        """Return the ``dataset`` and ``systems`` parts of ``metrics.json``."""
        return {
            "dataset": {"level": self.level, **dataset_facts(self.dataset), **self.facts},
            "systems": {name: result.summary() for name, result in self.results.items()},
        }


def write_evaluation(folder: Path, sets: Sequence[EvaluatedSet]) -> dict[str, Any]:
    """Write ``metrics.json``, which is returned, ``per_query.jsonl`` and ``runs/*.trec``."""
    metrics = sets[0].summary()
    for further in sets[1:]:
        metrics[further.name] = further.summary()
    for number, evaluated in enumerate(sets):
        runs = folder / "runs" / (evaluated.name if number else "")
        for name, result in evaluated.results.items():
            write_run(runs / run_file_name(name), result.run, system=name)
    write_jsonl(
        folder / "per_query.jsonl", (row for evaluated in sets for row in _query_rows(evaluated))
    )
    write_json(folder / "metrics.json", metrics)
    return metrics


def _query_rows(evaluated: EvaluatedSet) -> list[dict[str, Any]]:
    """Return one row a query: its text, its kind, and every system's metrics for it."""
    return [
        {
            "set": evaluated.name,
            "query_id": query_id,
            "text": text,
            "kind": evaluated.dataset.kinds.get(query_id, ""),
            "relevant": evaluated.dataset.qrels[query_id],
            "systems": {
                name: {
                    **{key: round(value, 6) for key, value in result.per_query[query_id].items()},
                    "rank": first_rank(result, query_id, evaluated.dataset.qrels[query_id]),
                    "top": next((key for key, _ in result.run[query_id]), None),
                }
                for name, result in evaluated.results.items()
            },
        }
        for query_id, text in evaluated.dataset.queries.items()
    ]


def first_rank(result: SystemResult, query_id: str, grades: Mapping[str, int]) -> int | None:
    """Return the rank of the best-graded passage or résumé found first, ``None`` if in no run."""
    best = max(grades.values())
    return next(
        (
            rank
            for rank, (key, _) in enumerate(result.run[query_id], start=1)
            if grades.get(key, 0) == best
        ),
        None,
    )


def plain(value: Any, places: int = 6) -> Any:
    """Return dataclasses, mappings and sequences as JSON has them, numbers to so many places."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    elif is_dataclass(value):
        value = {part.name: getattr(value, part.name) for part in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part, places) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, places) for part in value]
    return round(value, places) if isinstance(value, float) else value
