"""Two evaluations of the same queries against each other, from the files that they left."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.core.files import read_json, read_jsonl
from cvseeker.evaluate.comparison import HEADLINE_METRIC, SIGNIFICANT, Outcome
from cvseeker.evaluate.report.excerpts import shown_query
from cvseeker.evaluate.report.intervals import COMPARED
from cvseeker.retrieval.significance import bootstrap_interval, holm, pair_p_values

MOST_QUERIES = 8
_AGAIN = "evaluate both on one data set: cvseeker evaluate --dataset FILE --out DIR"
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SystemChange:
    """One system on one metric in both evaluations; the difference is the second less the first.

    ``low`` and ``high`` are the ends of its 95 % interval; ``p_value`` is two-sided and corrected
    for the number of systems and metrics of the set (Holm).
    """

    system: str
    metric: str
    first_mean: float
    second_mean: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        """Return the second evaluation's mean less the first's."""
        return self.second_mean - self.first_mean

    @property
    def outcome(self) -> Outcome:
        """Say what the second evaluation is in comparison with the first."""
        if self.p_value >= SIGNIFICANT:
            return "within noise"
        return "better" if self.difference > 0 else "worse"


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
    """One query set in both evaluations.

    ``groups`` is how many groups of queries there are, those with the same answer being one;
    ``only_first`` and ``only_second`` are systems that the other evaluation lacks.
    """

    name: str
    queries: int
    groups: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    systems: tuple[SystemChange, ...]
    changed: tuple[QueryChange, ...]


@dataclass(frozen=True, slots=True)
class Versus:
    """Two evaluations, by the names of their folders, and what differs in each query set."""

    first: str
    second: str
    sets: tuple[SetVersus, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        content = asdict(self)
        for told, one in zip(content["sets"], self.sets, strict=True):
            for row, change in zip(told["systems"], one.systems, strict=True):
                row |= {"difference": change.difference, "outcome": change.outcome}
        return content


def compare_evaluations(first: Path, second: Path) -> Versus:
    """Compare two evaluations of the same queries, system by system and query by query.

    Parameters
    ----------
    first, second
        Folders with ``metrics.json`` and ``per_query.jsonl``: before and after.

    Returns
    -------
    Versus
        One part a query set, with the systems that both evaluations have.

    Raises
    ------
    InputError
        If a file is missing or not as ``cvseeker evaluate`` writes it, if the two have different
        queries, or no system in common.
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
        sets.setdefault(str(row.get("set", "test")), {})[row["query_id"]] = row
    if not sets:
        raise InputError(f"{folder / 'per_query.jsonl'}: no queries in it; expected one at least")
    return sets


def _is_row(row: Mapping[str, Any]) -> bool:
    """Tell whether a row has what is compared."""
    systems = row.get("systems")
    if not (
        isinstance(row.get("query_id"), str)
        and isinstance(row.get("text"), str)
        and isinstance(row.get("relevant"), Mapping)
        and isinstance(systems, Mapping)
    ):
        return False
    return all(
        isinstance(values, Mapping)
        and all(isinstance(values.get(metric), int | float) for metric in COMPARED)
        for values in systems.values()
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
    """Compare every system that all rows of both evaluations have."""
    query_ids = list(ours)
    before, after = _systems(ours), _systems(theirs)
    both = [system for system in before if system in after]
    groups = [_group(ours[query_id]) for query_id in query_ids]
    pairs = [(system, metric) for system in both for metric in COMPARED]
    return SetVersus(
        name=name,
        queries=len(query_ids),
        groups=len(set(groups)),
        only_first=tuple(system for system in before if system not in after),
        only_second=tuple(system for system in after if system not in before),
        systems=_system_changes(ours, theirs, pairs, groups),
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


def _group(row: Mapping[str, Any]) -> str:
    """Return the query's only answer: queries about one passage or résumé are drawn together."""
    answers = [key for key, grade in row["relevant"].items() if grade > 0]
    return f"answer {answers[0]}" if len(answers) == 1 else f"query {row['query_id']}"


def _system_changes(
    ours: Rows, theirs: Rows, pairs: Sequence[tuple[str, str]], groups: Sequence[str]
) -> tuple[SystemChange, ...]:
    if not pairs:
        return ()
    values = np.array(
        [
            [rows[query_id]["systems"][system][metric] for query_id in ours]
            for system, metric in pairs
            for rows in (ours, theirs)
        ],
        dtype=np.float64,
    )  # (2 * n_pairs, n_queries)
    columns = [(2 * at + 1, 2 * at) for at in range(len(pairs))]
    corrected = holm(pair_p_values(values, columns, groups=groups))
    changes = []
    for (system, metric), (after, before), p_value in zip(pairs, columns, corrected, strict=True):
        low, high = bootstrap_interval(values[after] - values[before], groups=groups)
        means = float(values[before].mean()), float(values[after].mean())
        changes.append(SystemChange(system, metric, *means, low, high, p_value))
    return tuple(changes)


def _query_changes(ours: Rows, theirs: Rows, systems: Sequence[str]) -> tuple[QueryChange, ...]:
    """Return the queries that changed most, each in the system where it changed most."""
    moves: dict[str, QueryChange] = {}
    for query_id, row in ours.items():
        for system in systems:
            before, after = row["systems"][system], theirs[query_id]["systems"][system]
            change = QueryChange(
                query_id,
                shown_query(row["text"]),
                system,
                before[HEADLINE_METRIC],
                after[HEADLINE_METRIC],
                before.get("rank"),
                after.get("rank"),
            )
            if _size(change) > (_size(moves[query_id]) if query_id in moves else 0.0):
                moves[query_id] = change
    return tuple(sorted(moves.values(), key=lambda change: -_size(change))[:MOST_QUERIES])


def _size(change: QueryChange) -> float:
    return abs(change.after - change.before)
