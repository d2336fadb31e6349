"""Cutting a text into lines, and lines into stretches of words that stand together.

A chunk never crosses punctuation, a line's end, a function word, an adverb or a verb in the past,
so that what is taken from it reads as a whole.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from cvseeker.queries.offline.lexicon import (
    ADDRESSES,
    INNER_WORDS,
    MONTHS,
    PERSONAL_LABELS,
    STOP_WORDS,
)
from cvseeker.queries.offline.verbs import GERUNDS, PAST_FORMS

# What gives personal data and codes away, and what each then looks like.
_SIGNS = re.compile(r"@|://|www|xxx|\.(?:com|org|net|edu|gov|io)")
_ADDRESS, _LINK = r"\S+@\S+", r"(?:https?://|www\.)\S+"
_SITE = r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io)\b\S*"
_TRIPLE = r"\S*(\w)\1\1\S*"
_LONG_NUMBER = r"\+?\d[\d\s().-]{6,}\d"
# Every boundary begins with one of a few characters, which the regex engine finds fastest.
_BOUNDARY = re.compile(
    r"""
    [,;:!?|•·()\[\]{}<>"“”=*…\t_\s–—./] (?:
        (?<= [,;:!?|•·()\[\]{}<>"“”=*…\t_] ) [,;:!?|•·()\[\]{}<>"“”=*…\t_]*
        | (?<=\s)[-–—~/]+\s | (?<=[–—])
        # also where the space after a full stop is lost
        | (?<=\.)(?=\s|$) | (?<=[a-z\d)]\.)(?=[A-Z][a-z])
        | (?<=/)(?<![A-Z]/) | (?<=/)(?![A-Z])      # "buyer/planner", but PL/SQL
    )
    """,
    re.VERBOSE,
)
# JavaScript, C++, B.Com, node.js, R&D, e-mail, .NET; 3D, 4G
_TOKEN = re.compile(r"\.?[^\W\d_][\w&'’./+#-]*|\d[A-Za-z][A-Za-z0-9]*")
_DATE_WORDS = (MONTHS - {"may"}).union(
    "mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday present "
    "ongoing till am pm gmt".split()
)
_BULLETS = re.compile(r"^[\s•●▪■◦○·*>\-–—~+=_#|➢✓❖▶§\uf000-\uf0ff�]+")


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Strip a word's plural, -ing or -ed, lightly, so that its forms are counted together."""
    # Lighter than BM25's Snowball, which joins what queries keep apart: "organ", "organization".
    text = word.lower()
    if "’" in text or "'" in text:
        text = text.replace("’", "'").removesuffix("'s").rstrip("'")
    if not text.endswith(("s", "g", "d", "e")):
        return text
    if len(text) > 4 and text.endswith("ies"):
        text = text[:-3] + "y"
    elif len(text) > 3 and text.endswith("s") and not text.endswith(("ss", "us", "is")):
        text = text[:-1]
    for ending in ("ing", "ed"):
        if len(text) > len(ending) + 3 and text.endswith(ending):
            text = text[: -len(ending)]
            text = text[:-1] if text[-1] == text[-2] and text[-1] not in "ls" else text
            break
    return text[:-1] if len(text) > 3 and text.endswith("e") else text


def unwrap(text: str) -> list[str]:
    """Return a text's lines without bullets, wrapped ones joined, personal data left out."""
    lines: list[str] = []
    open_end = False
    for raw in text.splitlines():
        line = " ".join((raw if raw[:1].isalnum() else _BULLETS.sub("", raw)).split())
        if not line:
            continue
        if open_end and line[0].islower() and raw.lstrip()[:1] == line[0]:
            lines[-1] += " " + line
        elif not PERSONAL_LABELS.match(line) and not (len(line) < 90 and _is_address(line)):
            lines.append(_mask(line))
        else:
            open_end = False
            continue
        open_end = len(line) >= 40 and line[-1] not in ".:;!?"
    return lines


def _is_address(line: str) -> bool:
    maybe = _LEADING_NUMBER.match(line) or _ADDRESS_SIGNS.search(line.lower())
    return bool(maybe and ADDRESSES.search(line))


# What every address has one of; found faster than the address.
_LEADING_NUMBER = re.compile(r"\W*\d")
_ADDRESS_SIGNS = re.compile(
    r"nagar|vihar|colony|taluk|tehsil|vill|dist|pin ?code|p\.o|post box|h\.? ?no|door no"
    r"|flat no|plot no|house no|po box|apt"
)


def _mask(line: str) -> str:
    """Put a bar in the place of addresses, links, long numbers and what is crossed out."""
    signs = set(_SIGNS.findall(line.lower()))
    number = bool(_A_LONG_NUMBER.search(line))
    if not signs and not number:
        return line
    masks = (
        "@" in signs and _ADDRESS,
        not signs.isdisjoint(("://", "www")) and _LINK,
        any(sign[0] == "." for sign in signs) and _SITE,
        bool(_A_TRIPLE.search(line)) and _TRIPLE,
        number and _LONG_NUMBER,
    )
    return _any_of(masks).sub(" | ", line)


@cache
def _any_of(masks: Iterable[str | bool]) -> re.Pattern[str]:
    """Return a pattern of those masks that a line may need: the others are slow to fail."""
    return re.compile("|".join(mask for mask in masks if isinstance(mask, str)), re.IGNORECASE)


_A_LONG_NUMBER = re.compile(r"\d[\d\s().-]{6,}\d")
_A_TRIPLE = re.compile(r"(\w)\1\1", re.IGNORECASE)


class Chunk(NamedTuple):
    """Words that stand together, their stems, and their first word's place in the passage.

    ``alone`` where nothing but punctuation surrounds them, as around an item of a list.
    """

    words: list[str]
    stems: list[str]
    position: int
    alone: bool


def chunks(lines: Iterable[str]) -> list[Chunk]:
    """Return the stretches of content words between punctuation, function words and verbs."""
    found: list[Chunk] = []
    position = 0
    for line in lines:
        for segment in _BOUNDARY.split(line):
            tokens = segment.split()
            if tokens:
                _cut(tokens, position, found)
                position += len(tokens)
    return found


def _cut(tokens: list[str], position: int, found: list[Chunk]) -> None:
    """Cut what stands between two punctuation marks into chunks."""
    words: list[str] = []
    stems: list[str] = []
    for at, token in enumerate(tokens):
        word, root, role = _read(token)
        if (
            role == "content"
            or (role == "gerund" and at)
            or (role == "inner" and words and stems[-1] not in INNER_WORDS)
        ):
            words.append(word)
            stems.append(root)
        elif words:
            _close(words, stems, position + at, found, alone=False)
            words, stems = [], []
    if words:
        _close(words, stems, position + len(tokens), found, alone=len(words) == len(tokens))


def _close(
    words: list[str], stems: list[str], stop: int, found: list[Chunk], *, alone: bool
) -> None:
    start = stop - len(words)
    if stems[-1] in INNER_WORDS:
        words.pop()
        stems.pop()
    found.append(Chunk(words, stems, start, alone))


@lru_cache(maxsize=200_000)
def _read(token: str) -> tuple[str, str, str]:
    """Return a token's word, its stem, and its role: content, gerund, inner or break."""
    if token == "&":
        return "and", "and", "inner"
    word = token.strip("'’‘`.-&/") if token.lower() != ".net" else token
    low = word.lower()
    if low in INNER_WORDS:
        return low, low, "inner"
    if low in _BREAKS or (low.endswith("ly") and len(low) > 5 and low not in _NO_ADVERBS):
        return word, low, "break"
    if not _TOKEN.fullmatch(word) or (len(word) == 1 and word not in "CR"):
        return word, low, "break"
    return word, stem(word), "gerund" if low in GERUNDS and word[0].isupper() else "content"


_BREAKS = STOP_WORDS | _DATE_WORDS | PAST_FORMS
_NO_ADVERBS = frozenset({"family", "assembly", "supply", "anomaly", "butterfly", "reply"})
