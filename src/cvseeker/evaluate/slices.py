"""The systems on parts of the queries: where a gain comes from, and where it is none."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from cvseeker.evaluate.compare import (
    Comparison,
    Pair,
    compare_pairs,
    correct,
    headline_pair,
    mean_value,
    query_groups,
    shown_systems,
)
from cvseeker.evaluate.cuts import Cut, query_cuts
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.retrieval.metrics import query_metrics

# More would not fit; the rest is one row.
MOST_ROWS = 20
# Of fewer, a resampled interval says nothing.
FEWEST_PEOPLE = 6
# Its name, the set that it is a part of, and its queries.
Part = tuple[str, EvaluatedSet, Sequence[str]]
TRAINED_ON, NOT_TRAINED_ON = "people who were trained on", "people who were not"


@dataclass(frozen=True, slots=True)
class SliceRow:
    """Some of the queries: how many, about how many people, and each system's mean on them.

    ``gain`` compares the headline's pair, corrected for the rows of the table.
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


def slice_tables(
    evaluated: EvaluatedSet, *, trained_on: Collection[str] = ()
) -> dict[str, SliceTable]:
    """Slice the queries in every way that the data set allows and that has two rows at least.

    ``trained_on`` are the answering passages of people who were trained on.
    """
    pair, shown = headline_pair(evaluated), shown_systems(evaluated)
    tables = {
        cut.key: SliceTable(cut.title, cut.note, rows)
        for cut in query_cuts(evaluated)
        if len(rows := _rows(_parts(evaluated, cut), pair, shown)) > 1
    }
    people = _rows(_people(evaluated, trained_on, shown), pair, shown)
    if len(people) > 1:
        note = "Right answers about the others are taken out of the rankings."
        tables["people"] = SliceTable("By whether people were trained on", note, people)
    return tables


def _people(
    evaluated: EvaluatedSet, trained_on: Collection[str], shown: Sequence[str]
) -> list[Part]:
    """Part the answers, not the queries: people who were trained on, and people who were not."""
    owner_of = evaluated.resume_of if evaluated.level == "resume" else {}
    known = {owner_of.get(key, key) for key in trained_on}
    right = {
        key for row in evaluated.dataset.qrels.values() for key, grade in row.items() if grade > 0
    }
    if not right & known:
        return []
    parts = {TRAINED_ON: right - known, NOT_TRAINED_ON: right & known}
    found = [(name, *_without(evaluated, others, shown)) for name, others in parts.items()]
    return [part for part in found if part[2]]


def _without(
    evaluated: EvaluatedSet, others: AbstractSet[str], shown: Sequence[str]
) -> tuple[EvaluatedSet, list[str]]:
    """Take right answers out of all rankings, and return the queries that have others left."""
    unjudged = evaluated.facts.get("unjudged", "as-irrelevant")
    qrels = {
        query_id: kept
        for query_id, grades in evaluated.dataset.qrels.items()
        if any((kept := {key: grades[key] for key in grades.keys() - others}).values())
    }
    results = {
        name: SystemResult(
            name,
            per_query={
                query_id: query_metrics(
                    [key for key, _ in evaluated.results[name].run[query_id] if key not in others],
                    grades,
                    unjudged=unjudged,
                )
                for query_id, grades in qrels.items()
            },
        )
        for name in shown
    }
    dataset = replace(evaluated.dataset, qrels=qrels)
    return replace(evaluated, dataset=dataset, results=results), list(qrels)


def widest_gain(tables: Mapping[str, SliceTable]) -> float:
    """Return the furthest end of all intervals, for one scale of all drawings."""
    intervals = [row.interval for table in tables.values() for row in table.rows]
    return max([abs(end) for interval in intervals if interval for end in interval] + [0.05])


def _rows(parts: Sequence[Part], pair: Pair | None, shown: Sequence[str]) -> tuple[SliceRow, ...]:
    """Compare the headline's pair on each part, one family under Holm's correction."""
    gains: Sequence[Comparison | None] = [None] * len(parts)
    if pair is not None:
        gains = correct([compare_pairs(one, [pair], query_ids=ids)[0] for _, one, ids in parts])
    return tuple(
        SliceRow(
            name=name,
            queries=len(ids),
            people=len(set(query_groups(one, ids))),
            means={system: mean_value(one, system, ids) for system in shown},
            gain=gain,
        )
        for (name, one, ids), gain in zip(parts, gains, strict=True)
    )


def _parts(evaluated: EvaluatedSet, cut: Cut) -> list[Part]:
    """Part the queries, small parts together; empty where all is one part."""
    counts = Counter(cut.names.values())
    order = list(cut.order) or sorted(counts, key=lambda name: (-counts[name], name))
    kept = set(order[: MOST_ROWS if len(order) <= MOST_ROWS else MOST_ROWS - 1])
    members: dict[str, list[str]] = {name: [] for name in order if name in kept}
    for query_id, name in cut.names.items():
        members.setdefault(name if name in kept else "all others", []).append(query_id)
    filled: list[Part] = [
        (name, evaluated, query_ids) for name, query_ids in members.items() if query_ids
    ]
    return filled if len(filled) > 1 else []
