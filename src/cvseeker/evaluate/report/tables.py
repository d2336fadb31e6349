"""The report's tables of systems, and the questions that a reader asks of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cvseeker.evaluate.compare import COMPARED, Comparison, Interval
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.evaluate.verdict import answers, questions
from cvseeker.evaluate.wording import METRIC_TITLES, system_hint

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


def system_rows(
    evaluated: EvaluatedSet, intervals: Mapping[str, Mapping[str, Interval]]
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
            evaluated.names[name],
            system_hint(name, evaluated.results),
            (*cells[name], Cell(f"{seconds[name]:,.1f}", seconds[name] == fastest)),
        )
        for name in evaluated.results
    ]


def truncated_rows(evaluated: EvaluatedSet) -> list[Row]:
    """Return two rows a model: as CVSeeker sees passages, and cut at the model's length."""
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
    return [Row(evaluated.names[name], how, cells[name, how]) for name, how in values]


def difference_rows(evaluated: EvaluatedSet) -> list[tuple[str, str, Comparison]]:
    """Return each question that a reader asks, the metrics that answer it, and the answers."""
    found = {metric: answers(evaluated, metric=metric) for metric in COMPARED}
    return [
        (question, metric, found[metric][pair])
        for pair, question in questions(evaluated).items()
        for metric in COMPARED
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
