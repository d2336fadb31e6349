"""The report's tables, as rows of what is printed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cvseeker.evaluate.compare import (
    BM25,
    COMPARED,
    Comparison,
    Interval,
    Roles,
    display_name,
)
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.evaluate.verdict import answers, questions

METRIC_TITLES = {
    "accuracy@1": "Accuracy@1",
    "accuracy@5": "Hit rate@5",
    "accuracy@10": "Accuracy@10",
    "recall@10": "Recall@10",
    "mrr@10": "MRR@10",
    "ndcg@10": "nDCG@10",
    "map@100": "MAP@100",
}
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table's cell, its 95 % interval, and whether it is its column's best."""

    text: str
    best: bool = False
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A system's row: its name, a hint at what it is, and its cells."""

    name: str
    hint: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A comparison that answers a question, one line a metric, and what of it is printed."""

    question: str
    metric: str
    comparison: Comparison
    printed: Mapping[str, str]


_ANSWERS = {"better": "yes", "worse": "no, worse", "within noise": "no evidence"}
_QUANTISED = {"[int8]": "8 bits a number", "[binary]": "1 bit a number"}


def system_hint(system: str, roles: Roles, variant_of: str = "") -> str:
    """Say in a few words what a system is; ``variant_of`` is the model that it is cut from."""
    if variant_of:
        how = system.removeprefix(variant_of)
        return _QUANTISED.get(how, f"cut to {how.removeprefix('@')} dimensions")
    if system == BM25:
        return "no model"
    if system.startswith("hybrid("):
        return "BM25, vectors and late interaction fused"
    if system.startswith("late("):
        return "token by token"
    if roles.tuning and system in {"base", "tuned"}:
        return "before fine-tuning" if system == "base" else "after fine-tuning"
    return "model alone"


def system_rows(
    evaluated: EvaluatedSet, roles: Roles, intervals: Mapping[str, Mapping[str, Interval]]
) -> list[Row]:
    """Return one row a system: every metric of :data:`METRIC_TITLES` and the seconds."""
    means = {
        name: _means(result, evaluated.dataset.queries)
        for name, result in evaluated.results.items()
    }
    cells = _cells(means, intervals)
    seconds = {name: round(result.seconds, 1) for name, result in evaluated.results.items()}
    fastest = min(seconds.values(), default=0.0)
    return [
        Row(
            display_name(name),
            system_hint(name, roles, evaluated.results[name].variant_of),
            (*cells[name], Cell(f"{seconds[name]:,.1f}", seconds[name] == fastest)),
        )
        for name in evaluated.results
    ]


def truncated_rows(evaluated: EvaluatedSet) -> list[Row]:
    """Return two rows a model: as CVSeeker sees passages, and cut at the model's length.

    Empty where no model was evaluated both ways.
    """
    values: dict[tuple[str, str], dict[str, float]] = {}
    for name, result in evaluated.results.items():
        if result.truncated:
            values[name, "best window"] = _means(result, evaluated.dataset.queries)
            values[name, "cut"] = {
                metric: result.truncated[metric]
                for metric in METRIC_TITLES
                if metric in result.truncated
            }
    cells = _cells(values)
    return [Row(display_name(name), how, cells[name, how]) for name, how in values]


def difference_rows(evaluated: EvaluatedSet) -> list[Difference]:
    """Return the comparisons that a reader asks for, each on nDCG@10 and hit rate@5."""
    found = {metric: answers(evaluated, metric=metric) for metric in COMPARED}
    return [
        Difference(
            question, METRIC_TITLES[metric], one, one.printed() | {"answer": _ANSWERS[one.outcome]}
        )
        for pair, question in questions(evaluated).items()
        for metric, one in ((metric, found[metric][pair]) for metric in COMPARED)
    ]


def _means(result: SystemResult, query_ids: Iterable[str]) -> dict[str, float]:
    rows = [result.per_query[query_id] for query_id in query_ids]
    return {
        metric: sum(row[metric] for row in rows) / len(rows)
        for metric in METRIC_TITLES
        if rows and all(metric in row for row in rows)
    }


def _cells(
    values: Mapping[Key, Mapping[str, float]],
    intervals: Mapping[str, Mapping[Key, Interval]] | None = None,
) -> dict[Key, tuple[Cell, ...]]:
    """Print every metric to three places and mark the best of each column as printed."""
    best = {
        metric: max(
            (round(row[metric], 3) for row in values.values() if metric in row), default=0.0
        )
        for metric in METRIC_TITLES
    }
    return {
        key: tuple(
            Cell(
                f"{row[metric]:.3f}",
                round(row[metric], 3) == best[metric],
                _ends((intervals or {}).get(metric, {}).get(key)),
            )
            if metric in row
            else Cell("–")
            for metric in METRIC_TITLES
        )
        for key, row in values.items()
    }


def _ends(interval: Interval | None) -> str:
    return f"[{interval.low:.3f}, {interval.high:.3f}]" if interval else ""
