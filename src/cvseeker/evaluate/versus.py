"""Two evaluations of the same queries against each other, from the files that they left."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError
from cvseeker.core.files import read_json, read_jsonl
from cvseeker.evaluate.compare import (
    COMPARED,
    HEADLINE_METRIC,
    Comparison,
    compare_values,
    display_name,
    signed,
)
from cvseeker.evaluate.report import METRIC_TITLES, render, shown_query

MOST_QUERIES = 8
HEAD = ("System", "Metric", "Means", "Difference", "95 % interval", "p (Holm)", "Outcome")
_AGAIN = "evaluate both on one data set: cvseeker evaluate --dataset FILE --out DIR"
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SystemChange:
    """One system on one metric: the second evaluation, ``change.first``, against the first."""

    system: str
    metric: str
    change: Comparison

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; the p-value is the corrected one."""
        return {
            "system": self.system,
            "metric": self.metric,
            "first_mean": self.change.second_mean,
            "second_mean": self.change.first_mean,
            "low": self.change.low,
            "high": self.change.high,
            "p_value": self.change.adjusted_p_value,
            "difference": self.change.difference,
            "outcome": self.change.outcome,
        }

    def line(self) -> tuple[str, ...]:
        """Return a table's row, with the columns of :data:`HEAD`."""
        printed = self.change.printed()
        outcome = printed.pop("outcome")
        return (
            display_name(self.system),
            METRIC_TITLES[self.metric],
            *printed.values(),
            "no evidence" if outcome == "within noise" else outcome,
        )


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

    def line(self) -> tuple[str, str]:
        """Return what happened to the query, and its text."""
        ranks = f"rank {self.rank_before or '–'} → {self.rank_after or '–'}"
        values = f"nDCG@10 {self.before:.3f} → {self.after:.3f}"
        return f"{display_name(self.system)}, {ranks}, {values}", self.text


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

    def sentence(self) -> str:
        """Say in a sentence or two which systems are better and which are worse in nDCG@10."""
        headline = [one for one in self.systems if one.metric == HEADLINE_METRIC]
        clauses = []
        for outcome in ("better", "worse"):
            names = "; ".join(
                f"{display_name(one.system)} {signed(one.change.difference)}"
                for one in headline
                if one.change.outcome == outcome
            )
            if names:
                clauses.append(f"{outcome} in the second: {names}.")
        if not clauses:
            clauses.append("no evidence that any system differs.")
        noun = "query" if self.queries == 1 else "queries"
        return f"On {self.queries:,} {noun}, nDCG@10: {' '.join(clauses)}"

    def notes(self) -> list[str]:
        """Say how it was tested, and what only one of the two evaluations has."""
        found = [
            f"Paired by query, over {self.groups:,} groups of queries: those with the same answer "
            "are resampled together. p-values are corrected for the number of rows (Holm)."
        ]
        for where, systems in (("first", self.only_first), ("second", self.only_second)):
            if systems:
                names = "; ".join(display_name(system) for system in systems)
                found.append(f"Only in the {where}: {names}.")
        return found

    def content(self) -> dict[str, Any]:
        """Return what the templates print."""
        return {
            "name": self.name,
            "sentence": self.sentence(),
            "rows": [one.line() for one in self.systems],
            "notes": self.notes(),
            "changed": [one.line() for one in self.changed],
        }


@dataclass(frozen=True, slots=True)
class Versus:
    """Two evaluations, by the names of their folders, and what differs in each query set."""

    first: str
    second: str
    sets: tuple[SetVersus, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        sets = [
            {**asdict(one), "systems": [change.to_dict() for change in one.systems]}
            for one in self.sets
        ]
        return {"first": self.first, "second": self.second, "sets": sets}

    def markdown(self) -> str:
        """Return the comparison as Markdown, with tables as GitHub reads them."""
        return render("versus.md", self._content())

    def page(self) -> str:
        """Return the comparison as one self-contained HTML page."""
        return render("versus.html", self._content())

    def _content(self) -> dict[str, Any]:
        sets = [one.content() for one in self.sets]
        return {"first": self.first, "second": self.second, "columns": HEAD, "sets": sets}


def compare_evaluations(first: Path, second: Path) -> Versus:
    """Compare two evaluations of the same queries, system by system and query by query.

    Parameters
    ----------
    first, second
        Folders with ``metrics.json`` and ``per_query.jsonl``: before and after.

    Returns
    -------
    Versus
        One part a query set, with the systems that both evaluations have; its methods tell it as
        Markdown, as a page or as what JSON holds.

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
    return SetVersus(
        name=name,
        queries=len(query_ids),
        groups=len(set(groups)),
        only_first=tuple(system for system in before if system not in after),
        only_second=tuple(system for system in after if system not in before),
        systems=_system_changes(ours, theirs, both, groups),
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
    ours: Rows, theirs: Rows, systems: Sequence[str], groups: Sequence[str]
) -> tuple[SystemChange, ...]:
    """Compare every metric of every system, one family under Holm's correction."""
    tested = [(system, metric) for system in systems for metric in COMPARED]
    values = {
        f"{when} {system} {metric}": [row["systems"][system][metric] for row in rows]
        for system, metric in tested
        for when, rows in (
            ("before", ours.values()),
            ("after", [theirs[query_id] for query_id in ours]),
        )
    }
    pairs = [(f"after {system} {metric}", f"before {system} {metric}") for system, metric in tested]
    compared = compare_values(values, pairs, groups=groups)
    return tuple(SystemChange(*which, one) for which, one in zip(tested, compared, strict=True))


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
