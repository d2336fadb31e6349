"""Cutting lines into stretches of words that stand together.

A chunk never crosses punctuation, a line's end, a function word, an adverb or a verb in the past,
so that what is taken from it reads as a whole.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from cvseeker.queries.offline.lexicon import INNER_WORDS, MONTHS, STOP_WORDS
from cvseeker.queries.offline.verbs import GERUNDS, PAST_FORMS

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
