"""All systems against all: which can be told apart, in letters and in words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

from cvseeker.evaluate.compare import (
    HEADLINE_METRIC,
    Comparison,
    compare_pairs,
    compares_tuning,
    headline_pair,
    mean_intervals,
    ranking,
)
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import METRIC_TITLES

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
    """All systems on one metric, best first, those that share a letter, and every pair of them."""

    metric: str
    systems: tuple[Standing, ...]
    tie_groups: tuple[tuple[str, ...], ...]
    pairs: tuple[Comparison, ...]

    def between(self, first: str, second: str) -> Comparison:
        """Return the comparison of two systems, the first less the second."""
        found = next(one for one in self.pairs if {one.first, one.second} == {first, second})
        return found if found.first == first else found.turned_round()

    def sentences(self, names: Mapping[str, str]) -> list[str]:
        """Say which systems cannot be told apart, and whether one is better than all others."""
        best = self.tie_groups[0] if self.tie_groups else ()
        metric, sentences = METRIC_TITLES[self.metric], []
        if len(best) == 1 and len(self.systems) > 1:
            sentences.append(f"“{names[best[0]]}” is better than every other system on {metric}.")
        for group in self.tie_groups:
            if len(group) > 1:
                number = _NUMBERS[len(group)] if len(group) < len(_NUMBERS) else str(len(group))
                *first, last = (f"“{names[system]}”" for system in group)
                sentences.append(
                    f"These {number} can’t be told apart on {metric}: {'; '.join(first)} and "
                    f"{last}."
                )
        return sentences


def compare_all(evaluated: EvaluatedSet) -> Standings:
    """Compare every system with every other: the one family of tests that a set has.

    Whether fine-tuning helped search is asked before anything is measured; all other pairs are
    corrected for their number.
    """
    order = [name for name, _ in ranking(evaluated)]
    planned = headline_pair(evaluated) if compares_tuning(evaluated) else None
    asked = [
        planned if planned is not None and set(planned) == set(pair) else pair
        for pair in combinations(order, 2)
    ]
    pairs = compare_pairs(evaluated, asked, planned=planned)
    apart = {frozenset((one.first, one.second)) for one in pairs if one.outcome != "within noise"}
    groups = tie_groups(order, apart)
    means = mean_intervals(evaluated, HEADLINE_METRIC)
    systems = [
        Standing(name, **asdict(means[name]), letters=_letters(name, groups)) for name in order
    ]
    return Standings(HEADLINE_METRIC, tuple(systems), tuple(groups), tuple(pairs))


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
