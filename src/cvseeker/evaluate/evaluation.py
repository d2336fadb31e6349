"""An evaluation: one or two query sets, what every system did on them, and the files it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import write_json, write_jsonl
from cvseeker.evaluate.compare import SystemResult
from cvseeker.evaluate.facts import dataset_facts
from cvseeker.evaluate.trec import run_file_name, write_run


@dataclass(frozen=True, slots=True)
class EvaluatedSet:
    """A query set and what every system did on it.

    Attributes
    ----------
    name
        ``test`` for the generated test split or the data set given, ``handwritten`` for judged
        queries that no generator made.
    dataset
        Corpus, queries and qrels.
    results
        Name of the system → result.
    level
        What is ranked: ``passage`` or ``resume``.
    resume_of
        Passage id → résumé id; empty where not known.
    facts
        More facts for ``metrics.json``, such as the leakage between splits.
    occupations
        Résumé id → occupation, where they are known.
    """

    name: str
    dataset: RetrievalDataset
    results: Mapping[str, SystemResult]
    level: str = "passage"
    resume_of: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    occupations: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return the ``dataset`` and ``systems`` parts of ``metrics.json``."""
        return {
            "dataset": {"level": self.level, **dataset_facts(self.dataset), **self.facts},
            "systems": {name: result.summary() for name, result in self.results.items()},
        }


def write_evaluation(folder: Path, sets: Sequence[EvaluatedSet]) -> dict[str, Any]:
    """Write ``metrics.json``, ``per_query.jsonl`` and ``runs/*.trec``.

    Parameters
    ----------
    folder
        Where they go.
    sets
        The main set first; further ones stand in ``metrics.json`` under their names and in
        ``runs/<name>/``.

    Returns
    -------
    dict
        The content of ``metrics.json``.
    """
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
                    "top": result.run[query_id][0][0],
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
