"""Whether a candidate has what a job asks for: met, not found or unclear, with the evidence."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from cvseeker.core.languages import language_of
from cvseeker.core.records import Resume
from cvseeker.core.wordlists import read_words
from cvseeker.retrieval.bm25 import stems
from cvseeker.retrieval.codec import TokenCodec, unit
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.query import Requirement
from cvseeker.search.sentences import Span, sentence_spans

State = Literal["met", "not found", "unclear"]

# Chosen on 177 pairs of other jobs and other people (benchmarks/job_descriptions/developed_on.tsv):
# the share of what is asked for that must be answered, with what the nearest sentence's cosine has
# beyond the usual one, and below which nothing is; cosines at which a word begins to answer
# another, and answers it wholly.
_MET, _NOTHING = 0.3, 0.2
_USUAL = 0.45
_NEAR, _SAME = 0.5, 0.8
_ORDER: tuple[State, ...] = ("not found", "unclear", "met")
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_YEARS = re.compile(
    rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)})\s*(?:\+|plus|or more)?\s*(?:[-–]\s?\d{{1,2}}\s*)?"
    r"(?:years?|yrs?)\b",
    re.IGNORECASE,
)
# "20 or more", which is no alternative, and SAP FI/CO, which is one thing.
_MORE = re.compile(r"\bor (?:more|above|over|higher|better)\b", re.IGNORECASE)
_OR = re.compile(
    r"\bor\b|\s/\s|(?<=[a-z]{4})/(?=\w{4})|\bsuch as\b|\be\.?g\b|\blike\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+[+#]*")
_BRACKETS = re.compile(r"[()]")
_LISTED = re.compile(rf"{_OR.pattern}|[(),]", re.IGNORECASE)
_SPEAKING = re.compile(
    r"fluen|speak|spoken|language|native|lingual|mother tongue|written|proficien|\bgood\b|\bplus\b"
    r"|asset|advantage|helps?\b",
    re.IGNORECASE,
)
# What makes of "has it" a "had it", "will have it" or "has some of it".
_HEDGE = re.compile(
    r"\b(?:lapsed|expired|expected|in progress|not yet|finishing|completes?|studying|enrolled"
    r"|gave up|basic|beginner|elementary|enough to|exposure to)\b",
    re.IGNORECASE,
)
_SPEAKS_WELL = re.compile(
    r"fluent|native|mother tongue|excellent|business|proficien|\bC[12]\b", re.IGNORECASE
)
_SPEAKS_SOME = re.compile(
    r"\b(?:A[12]|B1|basic|beginner|elementary|school|some|learning|studying|improving|limited"
    r"|enough|reading|rusty|conversational|intermediate)\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\n,;|]|\.\s")


@dataclass(frozen=True, slots=True)
class Tick:
    """A requirement, whether it is met, and the words of the résumé that say so."""

    requirement: Requirement
    state: State
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement: of each alternative the words that count, (n_words, k), and all in one, (k,).

    Where the model gives no token vectors, k is 0.
    """

    requirement: Requirement
    alternatives: tuple[tuple[tuple[str, ...], FloatArray, FloatArray], ...]


def read_asked(
    requirements: Sequence[Requirement], encoded: EncodedQueries, codec: TokenCodec | None
) -> list[Asked]:
    """Read requirements, which have been encoded together, as words that must be answered."""
    found = []
    for row, one in enumerate(requirements):
        vectors, starts = np.zeros((0, 0), np.float32), np.zeros(0, np.int64)
        if codec is not None and encoded.tokens is not None:
            tokens = encoded.tokens[row : row + 1]
            vectors, starts = codec.project(tokens.vectors), tokens.spans[:, 0]
        alternatives = []
        for begin, end in _alternatives(one.text):
            spans = [word.span() for word in _WORD.finditer(one.text, begin, end)]
            spans = [span for span in spans if _says_something(one.text[slice(*span)])]
            if spans:
                words = tuple(one.text[slice(*span)] for span in spans)
                means = _means(vectors, starts, spans)
                alternatives.append((words, means, unit(means.sum(axis=0, keepdims=True))[0]))
        found.append(Asked(one, tuple(alternatives)))
    return found


class Evidence:
    """What a candidate's passages say: their sentences, and the words of each.

    Parameters
    ----------
    resume
        The candidate's.
    text, vectors, starts
        From :meth:`cvseeker.search.index.CandidateIndex.words`.
    """

    def __init__(self, resume: Resume, text: str, vectors: FloatArray, starts: IntArray) -> None:
        spans = sentence_spans(text)
        words = [match.span() for match in _WORD.finditer(text)]
        self.resume, self.sentences = resume, [text[slice(*span)] for span in spans]
        self._means, self._words = _means(vectors, starts, spans), _means(vectors, starts, words)
        begins = np.array([begin for begin, _ in spans], np.int64)
        self._owners = begins.searchsorted([begin for begin, _ in words], side="right") - 1
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        for row, (begin, end) in enumerate(words):
            for stem in stems(text[begin:end]):
                self._by_stem[stem].append(row)

    def answer(
        self, words: Sequence[str], vectors: FloatArray, whole: FloatArray
    ) -> tuple[float, str]:
        """Return how well words are answered, and the sentence that answers them best."""
        grades = np.zeros((len(words), len(self.sentences)))
        if vectors.shape[1] and len(self._words):
            near = np.clip((vectors @ self._words.T - _NEAR) / (_SAME - _NEAR), 0, 1)
            np.maximum.at(grades.T, self._owners, near.T)
        for row, word in enumerate(words):
            holders = [self._by_stem.get(stem, ()) for stem in stems(word)]
            grades[row, self._owners[list(set(holders[0]).intersection(*holders[1:]))]] = 1
        share = float(grades.max(axis=1).mean())
        cosines = self._means @ whole if whole.size else np.full(len(self.sentences), _USUAL)
        best = int((grades.mean(axis=0) + cosines).argmax())
        return share + float(cosines.max()) - _USUAL, self.sentences[best]


def tick(asked: Asked, evidence: Evidence) -> Tick:
    """Tell whether a candidate meets a requirement."""
    text = asked.requirement.text
    languages = _asked_languages(text)
    if languages:
        return _spoken(asked.requirement, languages, evidence.resume)
    answers = [evidence.answer(*one) for one in asked.alternatives if evidence.sentences]
    value, sentence = max(answers, default=(0.0, ""))
    states: list[State] = ["unclear"]
    if answers:
        states = ["met" if value >= _MET else "not found" if value < _NOTHING else "unclear"]
        if _HEDGE.search(sentence) and not _HEDGE.search(text):
            states.append("unclear")
    years, known = _years(text), evidence.resume.profile.years
    if years:
        states = states if answers else []
        states.append("unclear" if known is None else "met" if known >= years else "not found")
    state = min(states, key=_ORDER.index)
    shown = "" if state == "not found" else " ".join(sentence.split())
    return Tick(asked.requirement, state, shown)


def _asked_languages(asked: str) -> list[str]:
    """Return the languages that must be spoken, in their order."""
    words = [word for word in _WORD.findall(asked.lower()) if _says_something(word)]
    named = [word for word in words if word in read_words("cvseeker.resumes", "languages")]
    return named if named and (_SPEAKING.search(asked) or len(named) == len(words)) else []


def _spoken(requirement: Requirement, languages: Sequence[str], resume: Resume) -> Tick:
    """Tell whether somebody speaks languages: all, or one where an "or" stands between them."""
    text = requirement.text
    known: dict[str, State] = {"english": "met"} if language_of(resume.text) == "en" else {}
    for one in resume.insights:
        if one.kind == "language":
            before, after = resume.text[: one.start], resume.text[one.end :]
            level = f"{_BETWEEN.split(before)[-1]} {_BETWEEN.split(after, maxsplit=1)[0]}"
            some = _SPEAKS_WELL.search(text) and _SPEAKS_SOME.search(level)
            known[one.value.lower()] = "unclear" if some else "met"
    states = sorted((known.get(one, "not found") for one in languages), key=_ORDER.index)
    between = text.lower().partition(languages[0])[2].rpartition(languages[-1])[0]
    state = states[-1] if _OR.search(between) else states[0]
    evidence = ", ".join(sorted(one.capitalize() for one in set(languages) & known.keys()))
    return Tick(requirement, state, "" if state == "not found" else evidence)


def _alternatives(asked: str) -> Iterator[Span]:
    """Yield where the parts stand one of which is enough; so is a name, or what it stands for."""
    plain = _MORE.sub(lambda match: " " * len(match[0]), asked)
    cuts = (_LISTED if _OR.search(plain) else _BRACKETS).finditer(plain)
    ends = [0, *(end for match in cuts for end in match.span()), len(asked)]
    yield from zip(ends[::2], ends[1::2], strict=True)


def _means(vectors: FloatArray, starts: IntArray, spans: Sequence[Span]) -> FloatArray:
    """Return the mean of the token vectors that begin in each stretch, (n, k), unit length."""
    sums = np.zeros((len(spans), vectors.shape[1]), np.float32)
    if len(spans) and len(starts):
        begins, ends = np.array(spans, np.int64).T
        owners = begins.searchsorted(starts, side="right") - 1
        inside = (owners >= 0) & (starts < ends[owners])
        np.add.at(sums, owners[inside], vectors[inside])
    return unit(sums)


def _says_something(word: str) -> bool:
    lower = word.lower()
    is_number = lower.isdigit() or lower in _NUMBERS
    return not is_number and lower not in _fillers() and bool(stems(lower))


@cache
def _fillers() -> frozenset[str]:
    return read_words("cvseeker.search.query", "asking")


def _years(asked: str) -> int:
    """Return the fewest years that are asked for; 0 where none are."""
    found = [match[1].lower() for match in _YEARS.finditer(asked)]
    return max((int(one) if one.isdigit() else _NUMBERS.index(one) + 1 for one in found), default=0)
