"""The report's tables: systems, families of queries, and every query with what was found for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cvseeker.evaluate.analysis import Analysis
from cvseeker.evaluate.compare import (
    HEADLINE_METRIC,
    Comparison,
    Interval,
    Pair,
    headline_pair,
    mean_value,
    metric_values,
    models_of,
    ranking,
    search_of,
    shown_systems,
)
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.evaluate.ties import Standings
from cvseeker.evaluate.wording import BM25, METRIC_TITLES, shown_query, system_hint

Key = TypeVar("Key")

# Results of a query that are listed, and queries that are: half a megabyte of them.
FIRST = 5
MOST_QUERIES = 500


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
class Family:
    """Queries of one origin: the systems' mean nDCG@10, and the headline's pair compared."""

    name: str
    queries: int
    means: Mapping[str, float]
    gain: Comparison | None
    decides: bool = False
    part: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A query, each shown system's nDCG@10, the change, and each system's first results.

    A result is (id, grade); what has no grade has 0.
    """

    text: str
    kind: str
    values: tuple[float, ...]
    change: float
    first: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


def charted_systems(evaluated: EvaluatedSet) -> list[str]:
    """Return keyword search, searches and models' vectors alone, the best first."""
    models = models_of(evaluated)
    wanted = {BM25, *models, *(search_of(evaluated, model) for model in models)}
    return [name for name, _ in ranking(evaluated) if name in wanted]


def system_rows(
    evaluated: EvaluatedSet, intervals: Mapping[str, Mapping[str, Interval]], standings: Standings
) -> list[Row]:
    """Return one row a system: all metrics, seconds, bytes of a passage, tie letters."""
    letters = {one.system: one.letters for one in standings.systems}
    means = {name: _means(result) for name, result in evaluated.results.items()}
    cells = _cells(means, intervals)
    seconds = {name: round(result.seconds, 1) for name, result in evaluated.results.items()}
    fastest = min(seconds.values(), default=0.0)
    return [
        Row(
            evaluated.names[name],
            system_hint(name, evaluated.results),
            (
                *cells[name],
                Cell(f"{seconds[name]:,.1f}", seconds[name] == fastest),
                Cell(f"{size:,.0f}" if (size := result.bytes_per_passage) else "–"),
                Cell(letters[name]),
            ),
        )
        for name, result in evaluated.results.items()
    ]


def truncated_rows(evaluated: EvaluatedSet) -> list[Row]:
    """Return two rows a model: as CVSeeker sees passages, and cut at the model's length."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for name, result in evaluated.results.items():
        if result.truncated:
            values[name, "best window"] = _means(result)
            values[name, "cut"] = {
                metric: result.truncated[metric]
                for metric in METRIC_TITLES
                if metric in result.truncated
            }
    cells = _cells(values)
    return [Row(evaluated.names[name], how, cells[name, how]) for name, how in values]


def family_rows(
    sets: Mapping[str, EvaluatedSet],
    analyses: Mapping[str, Analysis],
    deciding: EvaluatedSet,
) -> list[Family]:
    """Return a row a set of queries, by its title, and one each for people trained on and not."""
    rows = []
    for title, one in sets.items():
        analysis = analyses[one.name]
        pair = headline_pair(one)
        gain = analysis.significance.between(*pair) if pair else None
        means = {name: mean_value(one, name) for name in shown_systems(one)}
        rows.append(Family(title, len(one.dataset.queries), means, gain, one is deciding))
        if people := analysis.slices.get("people"):
            rows += [
                Family(part.name, part.queries, part.means, part.gain, part=True)
                for part in people.rows
            ]
    return rows


def listed_queries(evaluated: EvaluatedSet, pair: Pair | None) -> list[Listed]:
    """Return every query, or those that changed most where there are too many to list."""
    query_ids, columns = list(evaluated.dataset.queries), shown_systems(evaluated)
    values = {name: metric_values(evaluated, name, HEADLINE_METRIC, query_ids) for name in columns}
    changes = [0.0] * len(query_ids)
    if pair is not None:
        first, second = (values[name] for name in pair)
        changes = [one - other for one, other in zip(first, second, strict=True)]
    order = sorted(range(len(query_ids)), key=lambda at: -abs(changes[at]))
    chosen = sorted(order[:MOST_QUERIES], key=lambda at: -changes[at])
    listed = charted_systems(evaluated)
    return [
        Listed(
            shown_query(evaluated.dataset.queries[query_ids[at]]),
            evaluated.dataset.kinds.get(query_ids[at], ""),
            tuple(values[name][at] for name in columns),
            changes[at],
            tuple((evaluated.names[one], _first(evaluated, one, query_ids[at])) for one in listed),
        )
        for at in chosen
    ]


def _first(evaluated: EvaluatedSet, system: str, query_id: str) -> tuple[tuple[str, int], ...]:
    grades = evaluated.dataset.qrels[query_id]
    found = evaluated.results[system].run[query_id][:FIRST]
    return tuple((key, grades.get(key, 0)) for key, _ in found)


def _means(result: SystemResult) -> dict[str, float]:
    rows: Sequence[Mapping[str, float]] = list(result.per_query.values())
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
