"""Lines of a résumé and the pieces that separators and dates cut them into.

Rules over them prefer silence to a wrong value; the tagger reads what has no such shape.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cvseeker.core.insights import InsightKind
from cvseeker.core.languages import month_numbers, words_of
from cvseeker.core.records import SectionKind
from cvseeker.resumes.lexicon import MONTH

# White space before a separator, from its first character on: no run of it is searched twice.
GAP_BEFORE = r"(?:(?<!\s)\s+)?"
SEPARATORS = re.compile(
    rf"{GAP_BEFORE}(?:[|•·\t]| {{2,}}|[–—]|\s-\s|\b(?:at|bei|chez|presso|bij)\b|@|;|/(?=\s)|[()])"
    # What anonymised résumés have in a name's place.
    r"\s*|Company Name|(?<!\w)City ?, ?State(?!\w)|,\s+|:\s+|[，、：]"
)
DATE = re.compile(
    rf"\b(?:(?:{MONTH})[a-z]*\.?[ ,'’]*)?"
    r"(?:\d{1,2}[/.])*(?:19|20)?\d\d\b|\b(?:present|current|now|to date|till date)\b",
    re.IGNORECASE,
)

# Patterns that are looked for everywhere begin with a set of characters: it fails soonest.
CONTACT = re.compile(
    r"[@\dlL\[](?:(?<=@)|(?<=\d)[\d\s().-]{7,}\d|(?<=[lL])(?i:inkedin\.com)"
    r"|(?<=\[)(?i:phone|email)\])"
)
_WORD = re.compile(r"\S+")
_DATE_WORDS = frozenset(
    word
    for word in (*month_numbers(), *words_of("present"), *words_of("seasons"), *words_of("since"))
)


class Piece(NamedTuple):
    """A stretch of the text, and how sure it is that it says what it is taken for."""

    kind: InsightKind
    start: int
    end: int
    confidence: float
    value: str = ""


class Line(NamedTuple):
    """A segment of the text and the kind of section that it stands in."""

    start: int
    end: int
    kind: SectionKind
    is_heading: bool


def cut_pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a line at its separators and dates."""
    cuts = [match.span() for match in SEPARATORS.finditer(text, start, end)]
    cuts += [match.span() for match in DATE.finditer(text, start, end)]
    for a, b in (*sorted(cuts), (end, end)):
        if a > start:
            piece = _without_dates(text, *strip_piece(text, start, a))
            if piece[1] - piece[0] > 1:
                yield piece
        start = max(start, b)


def _without_dates(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the months, "since" and "today" at both ends."""
    words = list(_WORD.finditer(text, start, end))
    while words and words[0][0].lower().strip(".,'’") in _DATE_WORDS:
        words.pop(0)
    while words and words[-1][0].lower().strip(".,'’") in _DATE_WORDS:
        words.pop()
    return (words[0].start(), words[-1].end()) if words else (start, start)


def strip_piece(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave the signs at both ends out."""
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip(" -–—,.|:#*\"'\n"))
    right = len(piece) - len(piece.rstrip(" -–—,.|:#*\"'\n"))
    return (start + left, end - right) if left < len(piece) else (start, start)
