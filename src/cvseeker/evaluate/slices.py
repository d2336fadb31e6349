"""The systems on parts of the queries: where a gain comes from, and where it is none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cvseeker.evaluate.compare import (
    BM25,
    HEADLINE_METRIC,
    Comparison,
    compare_pair,
    correct,
    display_name,
    mean_value,
    p_in_words,
    query_groups,
    roles_of,
    rounded,
    shown_systems,
)
from cvseeker.evaluate.cuts import Cut, query_cuts
from cvseeker.evaluate.results import EvaluatedSet

# More would not fit; the rest is one row.
MOST_ROWS = 20
# Of fewer, a resampled interval says nothing.
FEWEST_PEOPLE = 6


@dataclass(frozen=True, slots=True)
class SliceRow:
    """Some of the queries: how many, about how many people, and what the systems do on them.

    ``means`` is system → mean; ``gain`` compares the candidate with the reference, corrected for
    the rows of the table, ``None`` where there are no two systems to compare.
    """

    name: str
    queries: int
    people: int
    means: Mapping[str, float]
    gain: Comparison | None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "name": self.name,
            "queries": self.queries,
            "people": self.people,
            "means": rounded(dict(self.means)),
            "gain": rounded(self.gain.to_dict()) if self.gain else None,
        }


@dataclass(frozen=True, slots=True)
class SliceTable:
    """One way of slicing the queries, and how it was done."""

    key: str
    title: str
    note: str
    rows: tuple[SliceRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "title": self.title,
            "note": self.note,
            "rows": [row.to_dict() for row in self.rows],
        }


def slice_tables(evaluated: EvaluatedSet, *, metric: str = HEADLINE_METRIC) -> list[SliceTable]:
    """Slice the queries in every way that the data set allows and that has two rows at least."""
    return [
        SliceTable(cut.key, cut.title, cut.note, tuple(rows))
        for cut in query_cuts(evaluated)
        if len(rows := _rows(evaluated, cut, metric)) > 1
    ]


def _rows(evaluated: EvaluatedSet, cut: Cut, metric: str) -> list[SliceRow]:
    counts = Counter(cut.names.values())
    order = list(cut.order) or sorted(counts, key=lambda name: (-counts[name], name))
    kept = set(order[: MOST_ROWS if len(order) <= MOST_ROWS else MOST_ROWS - 1])
    members: dict[str, list[str]] = {name: [] for name in order if name in kept}
    for query_id, name in cut.names.items():
        members.setdefault(name if name in kept else "all others", []).append(query_id)
    filled = {name: query_ids for name, query_ids in members.items() if query_ids}
    if len(filled) < 2:
        return []
    roles, shown = roles_of(evaluated), shown_systems(evaluated)
    against = roles.reference or BM25
    gains: list[Comparison] = []
    if roles.candidate is not None and against in evaluated.results:
        gains = correct(
            [
                compare_pair(
                    evaluated, roles.candidate, against, metric=metric, query_ids=query_ids
                )
                for query_ids in filled.values()
            ]
        )
    return [
        SliceRow(
            name=name,
            queries=len(query_ids),
            people=len(set(query_groups(evaluated, query_ids))),
            means={
                system: mean_value(evaluated, system, metric=metric, query_ids=query_ids)
                for system in shown
            },
            gain=gains[at] if gains else None,
        )
        for at, (name, query_ids) in enumerate(filled.items())
    ]


def slices_context(tables: Sequence[SliceTable]) -> list[dict[str, Any]]:
    """Return what the report prints of each table; ``low``, ``at`` and ``high`` run from 0 to 160.

    The middle of a drawing is a difference of 0, and all drawings have one scale.
    """
    gains = [
        row.gain
        for table in tables
        for row in table.rows
        if row.gain is not None and row.people >= FEWEST_PEOPLE
    ]
    reach = max([abs(end) for gain in gains for end in (gain.low, gain.high)] + [0.05])
    return [
        {
            "title": table.title,
            "note": table.note,
            "reach": f"{reach:.2f}",
            "systems": [display_name(name) for name in table.rows[0].means],
            "rows": [
                {
                    "name": row.name,
                    "queries": row.queries,
                    "means": [f"{value:.3f}" for value in row.means.values()],
                    "gain": None if row.gain is None else _gain(row, row.gain, reach),
                }
                for row in table.rows
            ],
        }
        for table in tables
    ]


def _gain(row: SliceRow, gain: Comparison, reach: float) -> dict[str, Any]:
    few, printed = row.people < FEWEST_PEOPLE, gain.printed()
    ends = (gain.difference,) * 2 if few else (gain.low, gain.high)
    low, at, high = (
        round(min(max(80 + 80 * value / reach, 0), 160), 1)
        for value in (ends[0], gain.difference, ends[1])
    )
    return {
        "low": low,
        "at": at,
        "high": high,
        "change": printed["difference"],
        "interval": "too few" if few else printed["interval"],
        "p_value": p_in_words(gain.adjusted_p_value),
        "outcome": gain.outcome,
    }
