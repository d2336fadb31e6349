"""Whether a candidate has what a job asks for: met, not found or unclear, with the evidence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from cvseeker.core.languages import language_of
from cvseeker.core.records import Resume
from cvseeker.core.wordlists import read_words
from cvseeker.retrieval.bm25 import stems
from cvseeker.retrieval.boolean import SearchedText
from cvseeker.retrieval.late import WordMatch
from cvseeker.search.index import Scored
from cvseeker.search.query import Requirement
from cvseeker.search.why import explain

State = Literal["met", "not found", "unclear"]

# Chosen on 41 pairs of other jobs and other people's résumés: shares of what is asked for that must
# be answered, and below which nothing is; cosines from which on a word answers another, wholly and
# by half; what the passage's own cosines beyond the usual ones add to the share.
_MET, _NOTHING = 0.55, 0.45
_SAME, _NEAR = 0.7, 0.58
_DENSE, _LATE = 0.9, 1.5
_USUAL_DENSE, _USUAL_LATE = 0.4, 0.55
_EVIDENCE = 120
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_YEARS = re.compile(
    rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)})\s*(?:\+|plus|or more)?\s*(?:[-–]\s?\d{{1,2}}\s*)?"
    r"(?:years?|yrs?)\b",
    re.IGNORECASE,
)
_OR = re.compile(r"\bor\b|/|\bsuch as\b|\be\.?g\b|\blike\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_BRACKETS = re.compile(r"[()]")
_LISTED = re.compile(rf"{_OR.pattern}|[(),]", re.IGNORECASE)
_SPEAKING = re.compile(
    r"fluen|speak|spoken|language|native|lingual|mother tongue|written|proficien|\bgood\b|\bplus\b"
    r"|asset|advantage|helps?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A requirement, whether it is met, and the words of the résumé that say so."""

    requirement: Requirement
    state: State
    evidence: str = ""


def tick(
    requirement: Requirement, resume: Resume, found: Scored, matches: Sequence[WordMatch]
) -> Tick:
    """Tell whether a candidate meets a requirement.

    ``found`` is their passage that comes nearest to it, ``matches`` which words of it answer which
    of the requirement's.
    """
    asked = requirement.text
    answered, span = _answered(asked, SearchedText.from_text(resume.text), matches)
    languages = _asked_languages(asked)
    if languages:
        return _spoken(requirement, languages, resume)
    states: list[State] = [] if answered is None else [_by_share(answered + _nearness(found))]
    years = _years(asked)
    if years:
        known = resume.profile.years
        states.append("unclear" if known is None else "met" if known >= years else "not found")
    state = _worst(states) if states else "unclear"
    if state == "not found":
        return Tick(requirement, state)
    evidence = explain(asked, found.passage.text, matches, span, length=_EVIDENCE).text
    return Tick(requirement, state, " ".join(evidence.split()))


def _asked_languages(asked: str) -> set[str]:
    """Return the languages that must be spoken."""
    words = [word for word in _WORD.findall(asked.lower()) if _says_something(word)]
    named = {word for word in words if word in _language_names()}
    return named if named and (_SPEAKING.search(asked) or len(named) == len(words)) else set()


def _spoken(requirement: Requirement, languages: set[str], resume: Resume) -> Tick:
    """Tell whether somebody speaks languages: all of them, or one where there is an "or"."""
    known = {one.value.lower() for one in resume.insights if one.kind == "language"}
    if language_of(resume.text) == "en":
        known.add("english")
    spoken = languages & known
    enough = bool(spoken) if _OR.search(requirement.text) else spoken == languages
    evidence = ", ".join(sorted(one.capitalize() for one in spoken))
    return Tick(requirement, "met" if enough else "not found", evidence if enough else "")


@cache
def _language_names() -> frozenset[str]:
    return read_words("cvseeker.resumes", "languages")


def _nearness(found: Scored) -> float:
    """Return what a passage's cosines add to the share of words that it answers."""
    _, dense, late = found.parts
    return _DENSE * (dense - _USUAL_DENSE) + (_LATE * (late - _USUAL_LATE) if late else 0)


def _by_share(share: float) -> State:
    return "met" if share >= _MET else "not found" if share < _NOTHING else "unclear"


def _worst(states: Sequence[State]) -> State:
    ordered: tuple[State, ...] = ("not found", "unclear", "met")
    return next(state for state in ordered if state in states)


def _answered(
    asked: str, text: SearchedText, matches: Sequence[WordMatch]
) -> tuple[float | None, tuple[int, int]]:
    """Return the share of what is asked for that is answered, and where best; ``None``: no words.

    Of alternatives, and of what stands in brackets beside a name, the best answered one counts.
    """
    shares: list[float] = []
    span, best = (0, 0), -1.0
    for begin, end in _alternatives(asked):
        words = [one for one in matches if begin <= one.query_span[0] < end]
        words = [one for one in words if _says_something(asked[slice(*one.query_span)])]
        total = sum(one.weight for one in words)
        if total > 0:
            answers = [_answer(asked, text, one) for one in words]
            pairs = list(zip(words, answers, strict=True))
            shares.append(sum(one.weight * answer for one, answer in pairs) / total)
            strongest, answer = max(pairs, key=lambda pair: pair[0].weight * pair[1])
            if strongest.weight * answer > best:
                best, span = strongest.weight * answer, strongest.passage_span
    return max(shares, default=None), span


def _answer(asked: str, text: SearchedText, match: WordMatch) -> float:
    """Return how well a word is answered: by itself, by its like, by half, or not."""
    wanted = stems(asked[slice(*match.query_span)])
    if wanted and text.stems.issuperset(wanted):
        return 1.0
    return 1.0 if match.similarity >= _SAME else 0.5 if match.similarity >= _NEAR else 0.0


def _alternatives(asked: str) -> Iterator[tuple[int, int]]:
    """Yield where the parts stand one of which is enough."""
    begin = 0
    for match in (_LISTED if _OR.search(asked) else _BRACKETS).finditer(asked):
        yield begin, match.start()
        begin = match.end()
    yield begin, len(asked)


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
