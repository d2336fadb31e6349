"""Finding a candidate's name in a text, in whatever form it stands there.

A name is taken apart into strong parts ("Nwachukwu", "Bell"), which name somebody on their own, and
weak ones (initials, particles), which only do so beside a strong one. Accents and case are folded
on both sides, letter by letter, so that places in the folded text are places in the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cvseeker.resumes.lexicon import NOT_IN_NAMES, PLACES, TITLE_HEADS, US_STATES
from cvseeker.resumes.redaction.name_words import (
    CREDENTIALS,
    MONTHS,
    NO_NAMES,
    ORDINARY,
    PARTICLES,
    TECHNOLOGY,
    TITLES,
)

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


@dataclass(frozen=True, slots=True)
class Name:
    """A name ready to be looked for."""

    pattern: re.Pattern[str]
    parts: frozenset[str]
    initials: frozenset[str]
    # Beginnings of the parts: a text without any of them has no name.
    stems: tuple[str, ...]


def find_name(text: str, name: str) -> list[tuple[int, int]]:
    """Return where a text names somebody.

    Parameters
    ----------
    text
        Any text.
    name
        The full name; titles, credentials and a nickname in quotation marks may stand in it.

    Returns
    -------
    list of (int, int)
        Start and end of every stretch of the text, in order.

    Examples
    --------
    >>> find_name("Doe, J. wrote it; Jane's team read it", "Jane Doe")
    [(0, 7), (18, 22)]
    """
    known = read_name(name)
    return [] if known is None else [span for span, _ in _find(text, known)]


def names_candidate(query: str, name: str) -> bool:
    """Tell whether a query names the candidate, by the whole name or by any strong part of it.

    Parameters
    ----------
    query
        A query.
    name
        The candidate's full name; an empty one is named by nothing.

    Examples
    --------
    >>> names_candidate("What did kowalczyk build?", "Renata Kowalczyk")
    True
    >>> names_candidate("Will the cook relocate?", "Will Cook")
    False
    """
    known = read_name(name)
    if known is None:
        return False
    for (start, end), number in _find(query, known):
        # A query's first word is a capital's whatever it means.
        if number > 1 or start > 0 or fold(query[:end]).lower() not in ORDINARY:
            return True
    return False


def fold(text: str) -> str:
    """Take the accents off, letter for letter, so that places stay what they are."""
    return text if text.isascii() else text.translate(_FOLD)


@lru_cache(maxsize=4096)
def read_name(name: str) -> Name | None:
    """Take a name apart; ``None`` if it has no strong part."""
    name = unicodedata.normalize("NFC", name)
    runs = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", name)
    lower = [run.lower() for run in runs]
    kept = [
        run
        for run, word in zip(runs, lower, strict=True)
        if word not in TITLES and (word not in CREDENTIALS or word.capitalize() == run)
    ]
    strong = [run for run in kept if len(run) > 1 and run.lower() not in PARTICLES]
    if not strong:
        return None
    parts = frozenset(fold(run).lower() for run in strong)
    initials = frozenset(fold(run)[0].upper() for run in kept)
    pieces = [_piece(run) for run in strong]
    forms = []
    for number, piece in enumerate(pieces):
        others = [*pieces[:number], *pieces[number + 1 :]]
        # "janedoe", "jane_doe87", "j.doe": handles, in any case.
        before = "|".join(others)
        if others:
            forms.append(rf"(?:{before})[._-]?{piece}[._-]?\d*")
        letters = "".join(sorted(initials)).lower()
        # Glued to three letters an initial may make a word ("sash").
        glue = "" if len(strong[number]) > 3 else "(?:[._-]|(?<=@.))"
        forms.append(rf"[{letters}]{glue}[._-]?{piece}\d*")
    alternatives = "|".join([*forms, *sorted(pieces, key=len, reverse=True)])
    wide = any(ord(char) > 0x2E80 for run in strong for char in run)
    edges = ("", "") if wide else (r"(?<![^\W_])", r"(?![^\W_])")
    pattern = re.compile(f"{edges[0]}(?:{alternatives}){edges[1]}")
    stems = tuple({_stem(run) for run in strong})
    return Name(pattern, parts, initials, stems)


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
    return "[\u0300-\u036f]*".join(letters) if not run.isascii() else "".join(letters)


def _find(text: str, name: Name) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield stretches that name somebody, and of how many parts each consists."""
    folded = fold(text)
    lower = folded.lower()
    if not any(stem in lower for stem in name.stems):
        return
    group: list[re.Match[str]] = []
    for match in name.pattern.finditer(lower):
        if _is_placeholder(text, match.start(), match.end()):
            continue
        if group and not _joined(folded, group[-1], match, name):
            yield from _close(folded, group, name)
            group = []
        group.append(match)
    yield from _close(folded, group, name)


def _joined(text: str, one: re.Match[str], other: re.Match[str], name: Name) -> bool:
    """Tell whether two parts stand together as one name; handles do with only space between."""
    if one[0] not in name.parts or other[0] not in name.parts:
        return not text[one.end() : other.start()].strip()
    return bool(_GAP.fullmatch(text, _after_weak(text, one.end(), name), other.start()))


def _is_placeholder(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] == "[" and text[end : end + 1] == "]"


def _after_weak(text: str, end: int, name: Name) -> int:
    """Step over initials and particles that follow a part of the name."""
    while match := _WEAK_AFTER.match(text, end):
        word = match[1]
        if not (word.lower() in PARTICLES or (len(word) == 1 and word.upper() in name.initials)):
            break
        end = match.end()
    return end


def _close(
    text: str, group: list[re.Match[str]], name: Name
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
    proper = any(text[match.start()].isupper() or not _is_word(match[0]) for match in group)
    if (parts > 1 and proper) or _names_alone(text, group[0], name):
        yield (start, end), parts


def _names_alone(text: str, match: re.Match[str], name: Name) -> bool:
    """Tell whether one part by itself names somebody here."""
    word = match[0]
    if word not in name.parts:
        return True
    if word in NO_NAMES:
        return False
    capital = text[match.start()].isupper()
    if not capital:
        return not _is_word(word) and len(word) > 4 and word not in PLACES
    if len(word) == 2 and text[match.start() : match.end()].isupper():
        return False
    return not _means_something_else(text, match.start(), match.end(), word)


def _is_word(part: str) -> bool:
    return any(part in known for known in (ORDINARY, TITLE_HEADS, NOT_IN_NAMES, TECHNOLOGY))


def _means_something_else(text: str, start: int, end: int, word: str) -> bool:
    """Tell whether a part of a name is plainly a trade, a month, a place or a tool here."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    before = text[max(line_start, start - 40) : start]
    after = text[end : line_end if line_end >= 0 else len(text)][:60]
    previous = _WORD_BEFORE.search(before)
    if word in MONTHS and (re.match(r",?\s\d", after) or re.search(r"\d\s$", before)):
        return True
    if word in TITLE_HEADS and previous:
        last = previous[1].lower()
        if last in NOT_IN_NAMES or last in TITLE_HEADS:
            return True
    place = _PLACE_AFTER.match(after)
    if place and (
        place[1].lower() in PLACES or (place[1].lower() in US_STATES and place[1].isupper())
    ):
        return True
    if word in TECHNOLOGY:
        around = before[-40:] + after
        listed = after[:1] in {",", "/", ";"} or before.rstrip()[-1:] in {",", "/", ";", ":"}
        role = re.match(r"\s+(?:\d|developer|engineer|programm|script)", after, re.IGNORECASE)
        return bool(role) or (listed and bool(_LIST_OF_TOOLS.search(around)))
    return False
