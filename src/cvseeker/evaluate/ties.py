"""All systems against all: which can be told apart, in letters and in words."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from cvseeker.evaluate.compare import (
    HEADLINE_METRIC,
    Comparison,
    compare_pairs,
    display_name,
    mean_intervals,
    ranking,
    rounded,
    signed,
)
from cvseeker.evaluate.results import EvaluatedSet

_NUMBERS = "no one two three four five six seven eight nine ten".split()


@dataclass(frozen=True, slots=True)
class Standing:
    """A system's mean, the ends of its 95 % interval, and the letters of its tie groups."""

    system: str
    mean: float
    low: float
    high: float
    letters: str


@dataclass(frozen=True, slots=True)
class Standings:
    """All systems on one metric, best first, and every pair of them.

    ``comparisons`` are corrected for their number, the better mean first; ``groups`` holds the
    systems that share a letter, in the order of the letters.
    """

    metric: str
    systems: tuple[Standing, ...]
    comparisons: tuple[Comparison, ...]
    groups: tuple[tuple[str, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "metric": self.metric,
            "systems": [rounded(asdict(one)) for one in self.systems],
            "tie_groups": [list(group) for group in self.groups],
            "pairs": [rounded(one.to_dict()) for one in self.comparisons],
        }


def compare_all(evaluated: EvaluatedSet, *, metric: str = HEADLINE_METRIC) -> Standings:
    """Compare every system with every other, corrected for the number of pairs."""
    order = [name for name, _ in ranking(evaluated, metric=metric)]
    comparisons = compare_pairs(evaluated, list(combinations(order, 2)), metric=metric)
    apart = {
        frozenset((one.first, one.second)) for one in comparisons if one.outcome != "within noise"
    }
    groups = tie_groups(order, apart)
    means = mean_intervals(evaluated, metric)
    systems = [
        Standing(name, **asdict(means[name]), letters=_letters(name, groups)) for name in order
    ]
    return Standings(metric, tuple(systems), tuple(comparisons), tuple(groups))


def tie_groups(order: Sequence[str], apart: Collection[frozenset[str]]) -> list[tuple[str, ...]]:
    """Group systems, best first, of which no two are ``apart``; a system may be in several groups.

    They are the largest such groups: two systems share one if and only if they are not ``apart``.

    References
    ----------
    Piepho 2004, "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons",
    https://doi.org/10.1198/1061860043515: insert and absorb.

    Examples
    --------
    >>> tie_groups(["a", "b", "c"], [frozenset("ac")])
    [('a', 'b'), ('b', 'c')]
    """
    groups = [frozenset(order)]
    for first, second in combinations(order, 2):
        if frozenset((first, second)) not in apart:
            continue
        parted = [part for group in groups for part in _part(group, first, second)]
        groups = [
            part
            for at, part in enumerate(parted)
            if not any(part < other for other in parted) and part not in parted[:at]
        ]
    place = {name: at for at, name in enumerate(order)}
    return sorted(
        (tuple(sorted(group, key=place.__getitem__)) for group in groups),
        key=lambda group: [place[name] for name in group],
    )


def _part(group: frozenset[str], first: str, second: str) -> list[frozenset[str]]:
    """Part a group that holds both of two systems into one without each."""
    return [group - {first}, group - {second}] if {first, second} <= group else [group]


def _letters(system: str, groups: Sequence[tuple[str, ...]]) -> str:
    """Return the letters of a system's groups, space between them beyond the alphabet's end."""
    names = [_letter(at) for at, group in enumerate(groups) if system in group]
    return ("" if len(groups) <= 26 else " ").join(names)


def _letter(position: int) -> str:
    before, at = divmod(position, 26)
    return (_letter(before - 1) if before else "") + chr(ord("a") + at)


def tie_sentences(standings: Standings) -> list[str]:
    """Say which systems cannot be told apart, and whether one is better than all the others."""
    best = standings.groups[0] if standings.groups else ()
    metric = _metric_title(standings.metric)
    sentences = []
    if len(best) == 1 and len(standings.systems) > 1:
        sentences.append(f"{display_name(best[0])} is better than every other system on {metric}.")
    for group in standings.groups:
        if len(group) > 1:
            number = _NUMBERS[len(group)] if len(group) < len(_NUMBERS) else str(len(group))
            names = [display_name(name) for name in group]
            sentences.append(
                f"These {number} can’t be told apart on {metric}: {'; '.join(names[:-1])} and "
                f"{names[-1]}."
            )
    return sentences


def _metric_title(metric: str) -> str:
    """Return a metric's name as it is printed."""
    name, _, depth = metric.partition("@")
    known = {"ndcg": "nDCG", "mrr": "MRR", "map": "MAP"}
    title = known.get(name, name.replace("_", " "))
    return f"{title}@{depth}" if depth else title


def significance_context(standings: Standings) -> dict[str, Any]:
    """Return what the report's page on significance prints."""
    return {
        "metric": _metric_title(standings.metric),
        "sentences": tie_sentences(standings),
        "systems": [
            {
                "name": display_name(one.system),
                "mean": f"{one.mean:.3f}",
                "interval": f"{one.low:.3f} to {one.high:.3f}",
                "letters": one.letters,
            }
            for one in standings.systems
        ],
        "pairs": [
            {
                "first": display_name(one.first),
                "second": display_name(one.second),
                **one.printed(),
                "effect": "–" if one.effect_size is None else signed(one.effect_size),
                "counts": f"{one.wins:,} / {one.ties:,} / {one.losses:,}",
            }
            for one in standings.comparisons
        ],
    }
