"""Finding a known name in a text in whatever form it stands there.

A name is taken apart into strong parts ("Nwachukwu", "Bell"), which name somebody on their own, and
weak ones (initials, particles), which only do so beside a strong one. Accents and case are folded
on both sides, letter by letter, so that places in the folded text are places in the text.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from cvseeker.core.languages import words_of
from cvseeker.core.wordlists import read_words
from cvseeker.resumes.lexicon import MONTHS, NOT_IN_NAMES, PARTICLES, PLACES, STATES, TITLE_HEADS

HONORIFICS = words_of("honorifics")
CREDENTIALS = read_words("cvseeker.resumes", "credentials")
TECHNOLOGY = read_words("cvseeker.resumes", "technology_names")
ORDINARY = read_words("cvseeker.resumes", "ordinary_names")
_WEAK = read_words("cvseeker.resumes", "weak_names")
_WORDS = ORDINARY | TITLE_HEADS | NOT_IN_NAMES | TECHNOLOGY

_LETTERS = {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ı": "i", "’": "'"}
_FOLD = str.maketrans(
    {
        **{
            chr(code): base
            for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))
            if (base := unicodedata.normalize("NFD", chr(code))[0]).isascii()
        },
        **_LETTERS,
    }
)
# Letters that some write as two.
_SPELT_OUT = {"ä": "ae?", "ö": "oe?", "ü": "ue?", "ø": "oe?", "å": "aa?", "æ": "(?:ae|æ)"}
_SPELT_OUT |= {"œ": "(?:oe|œ)", "ß": "(?:ss|ß)", "þ": "(?:th|þ)", "ð": "[dð]"}

_LIST_OF_TOOLS = re.compile(
    r"(?i)(?<!\w)(?:sql|html|css|python|java|javascript|linux|git|c\+\+|c#)"
)
_GAP = re.compile(r"[ \t]*[-.,'’‘\"“”()_]{0,2}[ \t]*\n?[ \t]*")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)[ \t]$")
_INITIAL_AFTER = re.compile(r",?[ \t]+([A-Z])\.(?![^\W_])")
_WEAK_AFTER = re.compile(r",?[ \t-]+([A-Z]|[A-Za-z]{2,6})(?![^\W_])\.?")
_WEAK_BEFORE = re.compile(r"(?<![^\W_])(?:[A-Z]\.?|[A-Za-z]{2,6})[ \t-]*$")
_PLACE_AFTER = re.compile(r",[ \t]+([A-Z][A-Za-z.]*(?:[ \t][A-Z][a-z]+)?)")

_MARKS = "\u0300-\u036f\u064b-\u065f"
# Vowels of Indian scripts are marks behind their letters; none of them makes a name another.
_VOWEL_SIGNS = (
    "\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d\u0b82"
    "\u0bbe-\u0bcd\u0c3e-\u0c4d\u0cbe-\u0ccd\u0d3e-\u0d4d\u0e31\u0e34-\u0e4e"
)
LETTER = rf"(?:[^\W\d_]|[{_MARKS}{_VOWEL_SIGNS}])"


def fold(text: str) -> str:
    """Take the accents off, letter for letter, so that places stay what they are."""
    return text if text.isascii() else text.translate(_FOLD)


class Form(NamedTuple):
    """A name taken apart; a text without any of the stems, beginnings of parts, has no name."""

    pattern: re.Pattern[str]
    parts: frozenset[str]
    initials: frozenset[str]
    stems: tuple[str, ...]


@lru_cache(maxsize=4096)
def take_apart(name: str) -> Form | None:
    """Take a name apart; ``None`` if it has no strong part."""
    name = re.sub(f"[{_MARKS}]", "", unicodedata.normalize("NFC", name))
    kept = [
        run
        for run in re.findall(rf"{LETTER}+(?:['’]{LETTER}+)*", name)
        if (word := run.lower()) not in HONORIFICS
        and (word not in CREDENTIALS or word.capitalize() == run)
    ]
    wide = any(ord(char) > 0x2E80 for run in kept for char in run)
    # A given name of one letter names somebody behind the family's alone.
    kept += ["".join(kept)] if wide else []
    strong = [run for run in kept if len(run) > 1 and run.lower() not in PARTICLES]
    if not strong:
        return None
    parts = frozenset(fold(run).lower() for run in strong)
    initials = frozenset(fold(run)[0].upper() for run in kept)
    pieces = [_piece(run) for run in strong]
    apart = [" ".join(run) for run in parts if len(run) > 2 and run.isascii()]
    alternatives = "|".join(
        [*_handles(strong, pieces, initials), *apart, *sorted(pieces, key=len, reverse=True)]
    )
    edges = ("", "") if wide else (r"(?<![^\W_])", r"(?![^\W_])")
    pattern = re.compile(f"{edges[0]}(?:{alternatives}){edges[1]}")
    stems = {_stem(run) for run in strong} | {run[:3] for run in apart}
    return Form(pattern, parts, initials, tuple(stems))


def _handles(
    strong: Sequence[str], pieces: Sequence[str], initials: frozenset[str]
) -> Iterator[str]:
    """Yield patterns of "janedoe", "jane_doe87", "j.doe", in any case."""
    letters = "".join(sorted(initials)).lower()
    for number, piece in enumerate(pieces):
        others = [*pieces[:number], *pieces[number + 1 :]]
        if others:
            yield rf"(?:{'|'.join(others)})[._-]?{piece}[._-]?\d*"
        # Glued to three letters an initial may make a word ("sash").
        glue = "" if len(strong[number]) > 3 else "(?:[._-]|(?<=@.))"
        yield rf"[{letters}]{glue}[._-]?{piece}\d*"


def _stem(run: str) -> str:
    """Return the letters before the first that may be spelt in two ways."""
    return re.split("[^a-z]", run.lower(), maxsplit=1)[0][:4] if run[0].isascii() else ""


def _piece(run: str) -> str:
    """Return a pattern for one part of a name, over folded text."""
    if ord(run[0]) > 0x2E80:
        return " ?".join(run)
    letters = []
    for char in run.lower():
        if char in "'’":
            letters.append("['’`]?")
        else:
            letters.append(_SPELT_OUT.get(char) or re.escape(fold(char)))
    return f"[{_MARKS}]*".join(letters) if not run.isascii() else "".join(letters)


def find_spans(text: str, name: Form) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield stretches that name somebody, and of how many parts each consists."""
    folded = fold(text)
    lower = folded.lower()
    if not any(stem in lower for stem in name.stems):
        return
    group: list[re.Match[str]] = []
    for match in name.pattern.finditer(lower):
        # A placeholder, "[NAME]", names nobody.
        if text[match.start() - 1 : match.start()] == "[" and text[match.end() :][:1] == "]":
            continue
        if group and not _joined(folded, group[-1], match, name):
            yield from _close(folded, group, name)
            group = []
        group.append(match)
    yield from _close(folded, group, name)


def _joined(text: str, one: re.Match[str], other: re.Match[str], name: Form) -> bool:
    """Tell whether two parts stand together as one name; handles do with only space between."""
    if one[0] not in name.parts or other[0] not in name.parts:
        return not text[one.end() : other.start()].strip()
    return bool(_GAP.fullmatch(text, _after_weak(text, one.end(), name), other.start()))


def _after_weak(text: str, end: int, name: Form) -> int:
    """Step over initials and particles that follow a part of the name."""
    while match := _WEAK_AFTER.match(text, end):
        word = match[1]
        if not (word.lower() in PARTICLES or (len(word) == 1 and word.upper() in name.initials)):
            break
        end = match.end()
    return end


def _close(
    text: str, group: list[re.Match[str]], name: Form
) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield a finished group's place, if it names somebody."""
    if not group:
        return
    start, end = group[0].start(), group[-1].end()
    parts = len(group)
    # An initial before or after makes it a name: "J. Doe", "Doe, J.".
    while match := _WEAK_BEFORE.search(text, max(0, start - 8), start):
        word = match[0].rstrip(" \t-.")
        initial = len(word) == 1 and word in name.initials
        if not (initial or (word.lower() in PARTICLES and word.lower() != "e")):
            break
        parts += initial
        start = match.start()
    tail = _INITIAL_AFTER.match(text, end)
    if tail and tail[1] in name.initials:
        parts, end = parts + 1, tail.end()
    if "(" in text[start:end] and text[end : end + 1] == ")":
        end += 1
    # "A cook will" is no "Will Cook".
    proper = any(text[match.start()].isupper() or match[0] not in _WORDS for match in group)
    if (parts > 1 and proper) or _names_alone(text, group[0], name):
        yield (start, end), parts


def _names_alone(text: str, match: re.Match[str], name: Form) -> bool:
    """Tell whether one part by itself names somebody here."""
    word = match[0]
    if word not in name.parts:
        return True
    if word in _WEAK:
        return False
    if ord(word[0]) > 0x2E80:
        return len(word) > 2 or name.parts == {word}
    if not text[match.start()].isupper():
        return word not in _WORDS and len(word) > 4 and word not in PLACES
    if len(word) == 2 and text[match.start() : match.end()].isupper():
        return False
    return not _means_something_else(text, match.start(), match.end(), word)


def _means_something_else(text: str, start: int, end: int, word: str) -> bool:
    """Tell whether a part of a name is plainly a trade, a month, a place or a tool here."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    before = text[max(line_start, start - 40) : start]
    after = text[end : line_end if line_end >= 0 else len(text)][:60]
    if word in MONTHS and (re.match(r",?\s\d", after) or re.search(r"\d\s$", before)):
        return True
    previous = _WORD_BEFORE.search(before)
    if word in TITLE_HEADS and previous and previous[1].lower() in NOT_IN_NAMES | TITLE_HEADS:
        return True
    place = _PLACE_AFTER.match(after)
    if place and (
        place[1].lower() in PLACES or (place[1].isupper() and place[1].lower() in STATES)
    ):
        return True
    if word in TECHNOLOGY:
        listed = after[:1] in {",", "/", ";"} or before.rstrip()[-1:] in {",", "/", ";", ":"}
        role = re.match(r"\s+(?:\d|developer|engineer|programm|script)", after, re.IGNORECASE)
        return bool(role) or (listed and bool(_LIST_OF_TOOLS.search(before + after)))
    return False
