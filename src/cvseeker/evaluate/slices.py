"""The systems on parts of the queries: where a gain comes from, and where it is none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cvseeker.evaluate.compare import (
    Comparison,
    compare_pairs,
    correct,
    mean_value,
    query_groups,
    roles_of,
    shown_systems,
)
from cvseeker.evaluate.cuts import Cut, query_cuts
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import BM25

# More would not fit; the rest is one row.
MOST_ROWS = 20
# Of fewer, a resampled interval says nothing.
FEWEST_PEOPLE = 6


@dataclass(frozen=True, slots=True)
class SliceRow:
    """Some of the queries: how many, about how many people, and each system's mean on them.

    ``gain`` compares the candidate with the reference, corrected for the rows of the table.
    """

    name: str
    queries: int
    people: int
    means: Mapping[str, float]
    gain: Comparison | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of the gain's interval, ``None`` where people are too few for one."""
        if self.gain is None or self.people < FEWEST_PEOPLE:
            return None
        return self.gain.low, self.gain.high


@dataclass(frozen=True, slots=True)
class SliceTable:
    """One way of slicing the queries, and how it was done."""

    title: str
    note: str
    rows: tuple[SliceRow, ...]


def slice_tables(evaluated: EvaluatedSet) -> dict[str, SliceTable]:
    """Slice the queries in every way that the data set allows and that has two rows at least."""
    return {
        cut.key: SliceTable(cut.title, cut.note, tuple(rows))
        for cut in query_cuts(evaluated)
        if len(rows := _rows(evaluated, cut)) > 1
    }


def widest_gain(tables: Mapping[str, SliceTable]) -> float:
    """Return the furthest end of all intervals, for one scale of all drawings."""
    intervals = [row.interval for table in tables.values() for row in table.rows]
    return max([abs(end) for interval in intervals if interval for end in interval] + [0.05])


def _rows(evaluated: EvaluatedSet, cut: Cut) -> list[SliceRow]:
    parts = _parts(cut)
    roles, shown = roles_of(evaluated), shown_systems(evaluated)
    against = roles.reference or BM25
    gains: list[Comparison] = []
    if roles.candidate is not None and against in evaluated.results:
        pair = [(roles.candidate, against)]
        gains = correct(
            [compare_pairs(evaluated, pair, query_ids=query_ids)[0] for query_ids in parts.values()]
        )
    return [
        SliceRow(
            name=name,
            queries=len(query_ids),
            people=len(set(query_groups(evaluated, query_ids))),
            means={system: mean_value(evaluated, system, query_ids) for system in shown},
            gain=gains[at] if gains else None,
        )
        for at, (name, query_ids) in enumerate(parts.items())
    ]


def _parts(cut: Cut) -> dict[str, list[str]]:
    """Return the queries of each part, small ones together; empty where all is one part."""
    counts = Counter(cut.names.values())
    order = list(cut.order) or sorted(counts, key=lambda name: (-counts[name], name))
    kept = set(order[: MOST_ROWS if len(order) <= MOST_ROWS else MOST_ROWS - 1])
    members: dict[str, list[str]] = {name: [] for name in order if name in kept}
    for query_id, name in cut.names.items():
        members.setdefault(name if name in kept else "all others", []).append(query_id)
    filled = {name: query_ids for name, query_ids in members.items() if query_ids}
    return filled if len(filled) > 1 else {}
