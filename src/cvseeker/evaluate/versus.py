"""Two evaluations of the same queries against each other, from the files that they left."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.files import read_json, read_jsonl
from cvseeker.evaluate.compare import (
    COMPARED,
    HEADLINE_METRIC,
    Outcome,
    compare_pairs,
    correct,
    query_groups,
)
from cvseeker.evaluate.report import render
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.evaluate.wording import shown_query, signed, system_names

MOST_QUERIES = 8
_AGAIN = "evaluate both on one data set: cvseeker evaluate --dataset FILE --out DIR"
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SystemChange:
    """One system on one metric in both; the difference is the second less the first."""

    system: str
    metric: str
    first_mean: float
    second_mean: float
    low: float
    high: float
    # Corrected for the number of rows.
    p_value: float
    difference: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class QueryChange:
    """A query whose nDCG@10 changed, with the ranks of its answer, ``None`` where in no run."""

    query_id: str
    text: str
    system: str
    before: float
    after: float
    rank_before: int | None
    rank_after: int | None


@dataclass(frozen=True, slots=True)
class SetVersus:
    """One query set in both evaluations; ``groups`` counts queries with the same answer once."""

    name: str
    queries: int
    groups: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    systems: tuple[SystemChange, ...]
    changed: tuple[QueryChange, ...]

    @property
    def names(self) -> dict[str, str]:
        """What people read for each system's key."""
        both = dict.fromkeys(one.system for one in self.systems)
        return system_names([*both, *self.only_first, *self.only_second])

    def sentence(self) -> str:
        """Say in a sentence or two which systems are better and which are worse in nDCG@10."""
        headline = [one for one in self.systems if one.metric == HEADLINE_METRIC]
        clauses = []
        for outcome in ("better", "worse"):
            names = "; ".join(
                f"{self.names[one.system]} {signed(one.difference)}"
                for one in headline
                if one.outcome == outcome
            )
            if names:
                clauses.append(f"{outcome} in the second: {names}.")
        if not clauses:
            clauses.append("no evidence that any system differs.")
        noun = "query" if self.queries == 1 else "queries"
        return f"On {self.queries:,} {noun}, nDCG@10: {' '.join(clauses)}"


@dataclass(frozen=True, slots=True)
class Versus:
    """Two evaluations, by the names of their folders, and what differs in each query set."""

    first: str
    second: str
    sets: tuple[SetVersus, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)

    def markdown(self) -> str:
        """Return the comparison as Markdown, with tables as GitHub reads them."""
        return render("versus.md", {"versus": self})

    def page(self) -> str:
        """Return the comparison as one self-contained HTML page."""
        return render("versus.html", {"versus": self})


def compare_evaluations(first: Path, second: Path) -> Versus:
    """Compare two evaluations of the same queries, system by system and query by query.

    Both are folders with ``metrics.json`` and ``per_query.jsonl``: before and after.
    """
    ours, theirs = _read_sets(first), _read_sets(second)
    if list(ours) != list(theirs):
        raise InputError(
            f"{second}: query sets {', '.join(theirs)}; expected those of {first}, "
            f"{', '.join(ours)}; {_AGAIN}"
        )
    sets = []
    for name, rows in ours.items():
        _require_same_queries(rows, theirs[name], first, second)
        sets.append(_compare_set(name, rows, theirs[name]))
    if not any(one.systems for one in sets):
        raise InputError(
            f"{second}: no system that {first} has as well; expected one at least, such as bm25; "
            f"{_AGAIN}"
        )
    return Versus(str(first), str(second), tuple(sets))


def _read_sets(folder: Path) -> dict[str, Rows]:
    """Return the rows of an evaluation: name of the set → query id → row."""
    for name in ("metrics.json", "per_query.jsonl"):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder}: no {name} in it; expected the folder of an evaluation, which "
                "cvseeker evaluate --out DIR writes"
            )
    metrics = read_json(folder / "metrics.json")
    if not isinstance(metrics, Mapping) or not isinstance(metrics.get("systems"), Mapping):
        raise InputError(
            f"{folder / 'metrics.json'}: no systems in it; expected what cvseeker evaluate writes"
        )
    sets: dict[str, Rows] = {}
    for number, row in enumerate(read_jsonl(folder / "per_query.jsonl"), start=1):
        if not _is_row(row):
            raise InputError(
                f"{folder / 'per_query.jsonl'}, row {number}: expected query_id, text, relevant "
                "and, in systems, numbers for each metric, as cvseeker evaluate writes them"
            )
        rows = sets.setdefault(row.get("set", "test"), {})
        if row["query_id"] in rows:
            raise InputError(
                f"{folder / 'per_query.jsonl'}, row {number}: query {row['query_id']!r} stands "
                f"twice; expected one row for each; {_AGAIN}"
            )
        rows[row["query_id"]] = row
    if not sets:
        raise InputError(f"{folder / 'per_query.jsonl'}: no queries in it; expected one at least")
    return sets


def _is_row(row: Mapping[str, Any]) -> bool:
    """Tell whether a row has what is compared."""
    kinds = {"query_id": str, "text": str, "relevant": Mapping, "systems": Mapping}
    return (
        all(isinstance(row.get(key), kind) for key, kind in kinds.items())
        and isinstance(row.get("set", "test"), str)
        and all(type(grade) is int for grade in row["relevant"].values())
        and all(map(_is_scored, row["systems"].values()))
    )


def _is_scored(values: object) -> bool:
    """Tell whether a system's part of a row has what is compared; every metric is in [0, 1]."""
    return (
        isinstance(values, Mapping)
        and all(
            type(values.get(metric)) in {int, float} and 0 <= values[metric] <= 1
            for metric in COMPARED
        )
        and (values.get("rank") is None or type(values["rank"]) is int)
    )


def _require_same_queries(ours: Rows, theirs: Rows, first: Path, second: Path) -> None:
    for query_id in {**ours, **theirs}:
        if query_id not in ours or query_id not in theirs:
            lacking = second if query_id in ours else first
            raise InputError(
                f"{lacking}: no query {query_id!r}, which the other evaluation has; expected the "
                f"same {len(ours):,} queries in both, found {len(theirs):,} in {second}; {_AGAIN}"
            )
        if ours[query_id]["text"] != theirs[query_id]["text"]:
            raise InputError(
                f"{second}: query {query_id!r} is another text than in {first}; expected the same "
                f"queries in both; {_AGAIN}"
            )


def _compare_set(name: str, ours: Rows, theirs: Rows) -> SetVersus:
    """Compare every system that all rows of both evaluations have, as systems of one set."""
    before, after = _systems(ours), _systems(theirs)
    both = [system for system in before if system in after]
    dataset = RetrievalDataset(
        corpus={},
        queries={query_id: row["text"] for query_id, row in ours.items()},
        qrels={query_id: dict(row["relevant"]) for query_id, row in ours.items()},
    )
    results = {
        f"{when} {system}": SystemResult(
            system, per_query={query_id: row["systems"][system] for query_id, row in rows.items()}
        )
        for when, rows in (("before", ours), ("after", theirs))
        for system in both
    }
    evaluated = EvaluatedSet(name, dataset, results)
    return SetVersus(
        name=name,
        queries=len(ours),
        groups=len(set(query_groups(evaluated, list(ours)))),
        only_first=tuple(system for system in before if system not in after),
        only_second=tuple(system for system in after if system not in before),
        systems=_system_changes(evaluated, both),
        changed=_query_changes(ours, theirs, both),
    )


def _systems(rows: Rows) -> list[str]:
    """Return the systems that every row has."""
    first = next(iter(rows.values()))
    return [
        system
        for system in first["systems"]
        if all(system in row["systems"] for row in rows.values())
    ]


def _system_changes(evaluated: EvaluatedSet, systems: list[str]) -> tuple[SystemChange, ...]:
    """Compare every metric of every system, one family under Holm's correction."""
    pairs = [(f"after {system}", f"before {system}") for system in systems]
    compared = {metric: compare_pairs(evaluated, pairs, metric=metric) for metric in COMPARED}
    tested = [(system, metric) for system in systems for metric in COMPARED]
    corrected = correct([compared[metric][systems.index(system)] for system, metric in tested])
    return tuple(
        SystemChange(
            system,
            metric,
            one.second_mean,
            one.first_mean,
            one.low,
            one.high,
            one.adjusted_p_value,
            one.difference,
            one.outcome,
        )
        for (system, metric), one in zip(tested, corrected, strict=True)
    )


def _query_changes(ours: Rows, theirs: Rows, systems: list[str]) -> tuple[QueryChange, ...]:
    """Return the queries that changed most, each in the system where it changed most."""
    most: dict[str, QueryChange] = {}
    for query_id, row in ours.items():
        for system in systems:
            before, after = (rows[query_id]["systems"][system] for rows in (ours, theirs))
            change = QueryChange(
                query_id,
                shown_query(row["text"]),
                system,
                before[HEADLINE_METRIC],
                after[HEADLINE_METRIC],
                before.get("rank"),
                after.get("rank"),
            )
            if _size(change) > (_size(most[query_id]) if query_id in most else 0.0):
                most[query_id] = change
    return tuple(sorted(most.values(), key=lambda change: -_size(change))[:MOST_QUERIES])


def _size(change: QueryChange) -> float:
    return abs(change.after - change.before)
