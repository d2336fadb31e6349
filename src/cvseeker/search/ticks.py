"""Whether a candidate has what a job asks for: met, not found or unclear, with the evidence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from cvseeker.core.records import Resume
from cvseeker.core.wordlists import read_words
from cvseeker.retrieval.bm25 import stems
from cvseeker.retrieval.boolean import SearchedText
from cvseeker.retrieval.late import WordMatch
from cvseeker.search.query import Requirement
from cvseeker.search.why import explain

State = Literal["met", "not found", "unclear"]

# Shares of what is asked for that must be answered, and below which nothing is.
_MET, _NOTHING = 0.7, 0.35
# Cosines from which on a word of the passage answers one of the requirement, wholly and by half.
_SAME, _NEAR = 0.75, 0.6
_EVIDENCE = 120
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_YEARS = re.compile(
    rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)})\s*(?:\+|plus|or more)?\s*(?:[-–]\s?\d{{1,2}}\s*)?"
    r"(?:years?|yrs?)\b",
    re.IGNORECASE,
)
_OR = re.compile(r"\bor\b|/|\bsuch as\b|\be\.?g\b|\bincluding\b|\blike\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tick:
    """A requirement, whether it is met, and the words of the résumé that say so."""

    requirement: Requirement
    state: State
    evidence: str = ""


def tick(
    requirement: Requirement, resume: Resume, passage: str, matches: Sequence[WordMatch]
) -> Tick:
    """Tell whether a candidate meets a requirement.

    ``passage`` is the one of theirs that comes nearest to it, ``matches`` which words of it answer
    which of the requirement's.
    """
    asked = requirement.text
    answered, span = _answered(asked, SearchedText.from_text(resume.text), matches)
    states: list[State] = [] if answered is None else [_by_share(answered)]
    years = _years(asked)
    if years:
        known = resume.profile.years
        states.append("unclear" if known is None else "met" if known >= years else "not found")
    state = _worst(states) if states else "unclear"
    if state == "not found":
        return Tick(requirement, state)
    evidence = explain(asked, passage, matches, span, length=_EVIDENCE).text
    return Tick(requirement, state, " ".join(evidence.split()))


def _by_share(share: float) -> State:
    return "met" if share >= _MET else "not found" if share < _NOTHING else "unclear"


def _worst(states: Sequence[State]) -> State:
    ordered: tuple[State, ...] = ("not found", "unclear", "met")
    return next(state for state in ordered if state in states)


def _answered(
    asked: str, text: SearchedText, matches: Sequence[WordMatch]
) -> tuple[float | None, tuple[int, int]]:
    """Return the share of what is asked for that is answered, and where best; ``None``: no words.

    Of alternatives the one that is answered best counts.
    """
    total = value = 0.0
    span, best = (0, 0), -1.0
    for group in _alternatives(asked, matches):
        weight = max(match.weight for match in group)
        answers = [_answer(asked, text, match) for match in group]
        total += weight
        value += weight * max(answers)
        for match, answer in zip(group, answers, strict=True):
            if answer * match.weight > best:
                best, span = answer * match.weight, match.passage_span
    return (value / total if total else None), span


def _answer(asked: str, text: SearchedText, match: WordMatch) -> float:
    """Return how well a word is answered: by itself, by its like, by half, or not."""
    wanted = stems(asked[slice(*match.query_span)])
    if wanted and text.stems.issuperset(wanted):
        return 1.0
    return 1.0 if match.similarity >= _SAME else 0.5 if match.similarity >= _NEAR else 0.0


def _alternatives(asked: str, matches: Sequence[WordMatch]) -> Iterator[list[WordMatch]]:
    """Yield the words that say what is asked for, those that stand side by side with an "or"."""
    group: list[WordMatch] = []
    for match in matches:
        if not _says_something(asked[slice(*match.query_span)]):
            continue
        between = asked[group[-1].query_span[1] : match.query_span[0]] if group else ""
        if group and not (_OR.search(between) or (_is_list(between) and _OR.search(asked))):
            yield group
            group = []
        group.append(match)
    if group:
        yield group


def _is_list(between: str) -> bool:
    return between.strip() in (",", "(", ", (")


def _says_something(word: str) -> bool:
    lower = word.lower()
    found = stems(lower)
    is_number = lower.isdigit() or lower in _NUMBERS
    return bool(found) and not is_number and not _fillers().issuperset(found)


@cache
def _fillers() -> frozenset[str]:
    words = read_words("cvseeker.search.query", "asking")
    return frozenset(stem for word in words for stem in stems(word))


def _years(asked: str) -> int:
    """Return the fewest years that are asked for; 0 where none are."""
    found = [match[1].lower() for match in _YEARS.finditer(asked)]
    return max((int(one) if one.isdigit() else _NUMBERS.index(one) + 1 for one in found), default=0)
