"""Whether a passage says what a query asks for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from cvseeker.core.insights import Profile
from cvseeker.core.languages import month_numbers
from cvseeker.core.wordlists import read_pairs, read_words
from cvseeker.queries.offline import GENERIC_WORDS, STOP_WORDS, TITLE_HEADS
from cvseeker.resumes import read_insights
from cvseeker.retrieval.bm25 import stems

# PostgreSQL, Node.js, C++, R&D, 10,000, Master's
_TOKEN = re.compile(r"[^\W_]+(?:[.,&'’+#-]+[^\W_]+)*[+#]*")
_PART = re.compile(r"[^\W_]+")
# What stands before a sentence's first word, where a capital says nothing.
_SENTENCE_START = re.compile(r"(?:^|[.?!:;\n\t•*–—\"“”‘(\[]|\s['-])\s*$")
_YEARS_FOLLOW = re.compile(
    r"\s*+(?:\+|plus|or more|[–-]\s?\d+\+?|to \d+)?[\s-]*+"
    r"(?:years?|yrs?|jahre|ans|anni|años|anos|jaar|lat)\b",
    re.IGNORECASE,
)
# A word is read from its beginning only: a long one from everywhere in it takes a square of time.
_OPERAND = r"(?:\([^()]*\)|\"[^\"]*\"|(?<![^\s()])[^\s()]++)"
_EXCLUDED = re.compile(rf"\bNOT\s+{_OPERAND}")
_ALTERNATIVES = re.compile(rf"\((?=[^()]* OR )[^()]*+\)|{_OPERAND}(?: OR {_OPERAND})+")
_OPERATORS = frozenset({"AND", "OR", "NOT", "NEAR"})
# Shorter ones are found inside other words by chance.
_SHORTEST_INSIDE = 4
_SHORTEST_STEM_INSIDE = 5
# Of the neighbours on each side that a name may be abbreviated with.
_MOST_INITIALS = 10

_ASKING = read_words("cvseeker.queries.filters", "asking")
_ABBREVIATIONS = {
    **{month: month[:3] for month in month_numbers("en") if len(month) > 3},
    **read_pairs("cvseeker.queries.filters", "abbreviations"),
}


class Grounding(NamedTuple):
    """What of a query a passage says."""

    # Names, abbreviations and numbers of the query that the passage lacks.
    missing: tuple[str, ...]
    # How many the query has of them altogether.
    names: int
    # Of all that the query asserts, names and other content words, how much the passage has; 1
    # where it asserts nothing.
    share: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """A passage as the check sees it; ``squeezed`` has no spaces, as text from PDF files often."""

    words: frozenset[str]
    stems: frozenset[str]
    squeezed: str
    initials: str
    years: int


class _Name(NamedTuple):
    """A token that names something, and the capitals that it and its neighbours begin with."""

    text: str
    initials: str
    in_years: bool


def grounding(query: str, passage: str, *, capitals: bool = True) -> Grounding:
    """Compare what a query asserts with what a passage says.

    Without ``capitals``, a word with a capital inside a sentence is no name: in German, in titles.

    Examples
    --------
    >>> text = "Nurse at Alder Hospital since 2015, intensive care, ICU ward manager"
    >>> grounding("Who ran an ICU ward at Alder Hospital?", text).missing
    ()
    >>> grounding("a nurse who knows SAP", text).missing
    ('SAP',)
    """
    reading = _read(passage)
    query = _without_options(query, reading)
    names = list(_names(query, capitals=capitals))
    missing = tuple(name.text for name in names if not _says(reading, name))
    content = set(stems(query)) - _generic_stems()
    content -= {stem for name in names for stem in stems(name.text)}
    found = sum(_has_stem(reading, stem) for stem in content) + len(names) - len(missing)
    asserted = len(content) + len(names)
    return Grounding(missing, len(names), found / asserted if asserted else 1.0)


def asks_for_nothing(query: str) -> bool:
    """Tell whether a query could be put to anybody, for it names nothing of any field.

    Examples
    --------
    >>> asks_for_nothing("What do you do?"), asks_for_nothing("Who ran a ward?")
    (True, False)
    """
    named = any(True for _ in _names(query, capitals=True))
    return not named and set(stems(query)) <= _generic_stems()


def _without_options(query: str, reading: _Reading) -> str:
    """Leave out what a Boolean query excludes, and alternatives of which the passage has one."""

    def leave_out(match: re.Match[str]) -> str:
        options = filter(None, map(stems, match[0].split(" OR ")))
        met = any(all(_has_stem(reading, stem) for stem in option) for option in options)
        return " " if met else match[0]

    return _ALTERNATIVES.sub(leave_out, _EXCLUDED.sub(" ", query))


def _names(query: str, *, capitals: bool) -> Iterator[_Name]:
    tokens = list(_TOKEN.finditer(query))
    upper = [match[0][0].isupper() for match in tokens]
    for at, match in enumerate(tokens):
        token = match[0].removesuffix("'s").removesuffix("’s")
        if token in _OPERATORS or token.lower() in _unnamed():
            continue
        inner = any(char.isupper() or char.isdigit() for char in token[1:]) or token[0].isdigit()
        before = query[max(match.start() - 9, 0) : match.start()]
        inside = _SENTENCE_START.search(before) is None
        if inner or (capitals and upper[at] and inside):
            first, last = at, at + 1
            while first > max(0, at - _MOST_INITIALS) and upper[first - 1]:
                first -= 1
            while last < min(len(tokens), at + _MOST_INITIALS) and upper[last]:
                last += 1
            initials = "".join(other[0][0].lower() for other in tokens[first:last])
            in_years = _YEARS_FOLLOW.match(query, match.end()) is not None
            yield _Name(token, initials, in_years)


def _says(reading: _Reading, name: _Name) -> bool:
    token = name.text.lower()
    number = token.rstrip("+").replace(",", "")
    if number.isdecimal():
        # "5+ years" of one who has eight; "name 3 skills".
        within = name.in_years and len(number) < 4 and int(number) <= reading.years
        return within or (len(number) == 1 and not name.in_years) or number in reading.words
    if token[-1] in "+#":
        # C++ is not C#.
        return token in reading.words
    return (
        _has_word(reading, token)
        or all(_has_word(reading, part) for part in _PART.findall(token))
        or any(
            _squeeze(meaning) in reading.squeezed
            for meaning in _ABBREVIATIONS.get(token, "").split("|")
            if meaning
        )
        # NLP for natural language processing, and the other way round.
        or (len(token) > 2 and name.text.isupper() and token in reading.initials)
        or (len(name.initials) > 1 and name.initials in reading.words)
    )


def _has_word(reading: _Reading, word: str) -> bool:
    squeezed = _squeeze(word)
    if word in reading.words:
        return True
    if len(squeezed) >= _SHORTEST_INSIDE and squeezed in reading.squeezed:
        return True
    return any(_has_stem(reading, stem) for stem in stems(word))


def _has_stem(reading: _Reading, stem: str) -> bool:
    return stem in reading.stems or (
        len(stem) >= _SHORTEST_STEM_INSIDE and stem in reading.squeezed
    )


# Queries come passage by passage.
@lru_cache(maxsize=16)
def _read(passage: str) -> _Reading:
    lower = passage.lower()
    parts = _PART.findall(lower)
    return _Reading(
        words=frozenset(_TOKEN.findall(lower)).union(parts, _PART.findall(lower.replace(",", ""))),
        stems=frozenset(stems(passage)),
        squeezed="".join(parts),
        initials="".join(part[0] for part in parts),
        years=Profile.of(read_insights(passage)).years or 0,
    )


def _squeeze(text: str) -> str:
    return "".join(_PART.findall(text.lower()))


@cache
def _plain_words() -> frozenset[str]:
    return STOP_WORDS | GENERIC_WORDS | _ASKING


@cache
def _unnamed() -> frozenset[str]:
    """Return words that name nothing even with a capital, as in "a Senior Sales Representative"."""
    return _plain_words() | TITLE_HEADS


@cache
def _generic_stems() -> frozenset[str]:
    return frozenset(stems(" ".join(_plain_words())))
