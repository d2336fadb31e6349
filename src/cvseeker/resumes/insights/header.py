"""The name and the place on a résumé's first lines."""

import re

from cvseeker.core.wordlists import read_words
from cvseeker.resumes.insights.jobs import is_title
from cvseeker.resumes.insights.pieces import CONTACT, DATE, GAP_BEFORE, SEPARATORS
from cvseeker.resumes.lexicon import (
    LANGUAGES,
    NOT_IN_NAMES,
    PARTICLES,
    PLACES,
    STATES,
    TITLE_HEADS,
)
from cvseeker.resumes.name_candidates import NAME_WORD, name_without_capitals

_ONLY_TITLES = TITLE_HEADS - read_words("cvseeker.resumes", "surnames")
_LABELLED_NAME = re.compile(r"^(?:full )?name\s*[:\-]+\s*(.{3,50})$", re.IGNORECASE | re.MULTILINE)
_DOCUMENT = re.compile(r"^(?:curriculum vitae|resume|cv)\b[\s:of–-]*", re.IGNORECASE)
_NAME_END = re.compile(rf"{GAP_BEFORE}(?:\||,| {{2,}}|•| [–—-] )\s*")
# An address may be wrapped after its comma, and within a region; above a city stands a name.
_CITY = r"[A-Z][a-zé'’.-]+(?:[^\S\n][A-Z][a-zé'’.-]+){0,2}"
_LOCATION = re.compile(rf"(?<![\w@])({_CITY}),\s*([A-Z][A-Za-z]+(?:\s[A-Z][a-z]+){{0,2}})(?![\w])")
_LABELLED_LOCATION = re.compile(
    r"^(?:location|city|based in|address|current location)\s*:\s*(.{3,60})$",
    re.IGNORECASE | re.MULTILINE,
)
# Of "12 Elm Street Austin" only the city is wanted.
_STREET = re.compile(r"\b(?:Street|St\.|Road|Rd\.?|Ave\.?|Avenue|Lane|Drive)\s")


def find_name(header: str, text: str) -> str:
    """Return the name on the first lines, if something about them says that they are a header."""
    if labelled := _LABELLED_NAME.search(text):
        candidate = labelled[1].strip()
        if is_name(candidate):
            return candidate
    lines = [line.strip("•#* ") for line in header.split("\n") if line.strip()][:8]
    for number, line in enumerate(lines[:3]):
        candidate = _DOCUMENT.sub("", _NAME_END.split(line)[0])
        if not is_name(candidate):
            candidate = name_without_capitals(line)
        if not candidate or DATE.search(line) or _place_in(line).startswith(candidate):
            continue
        around = "\n".join([line[len(candidate) :], *lines[number + 1 : number + 6]])
        if (
            CONTACT.search(around)
            or _place_in(around)
            or any(
                is_title(piece.strip()) for piece in SEPARATORS.split(around.replace("\n", " | "))
            )
        ):
            return candidate
    return ""


def is_name(candidate: str) -> bool:
    """Tell whether a stretch has the words and the capitals of a name."""
    tokens = candidate.split()
    if not 2 <= len(tokens) <= 4 or not all(NAME_WORD.fullmatch(word) for word in tokens):
        return False
    lower = [word.lower().strip(".") for word in tokens]
    if any(word in NOT_IN_NAMES or word in LANGUAGES for word in lower):
        return False
    if any(word in TITLE_HEADS for word in lower[:-1]) or lower[-1] in _ONLY_TITLES:
        return False
    if " ".join(lower) in PLACES or "xxx" in lower:
        return False
    return all(word[0].isupper() or word in PARTICLES for word in tokens) and len(lower[-1]) > 1


def find_location(header: str) -> str:
    """Return the city and the region on the first lines."""
    if (match := _LABELLED_LOCATION.search(header)) and (place := _place_in(match[1])):
        return place
    return _place_in("\n".join(header.split("\n")[:10]))


def _place_in(text: str) -> str:
    for match in _LOCATION.finditer(text):
        city, region = match[1], match[2]
        if any(word.lower().strip(".") in NOT_IN_NAMES for word in city.split()):
            continue
        tokens = region.split()
        while tokens:
            place = " ".join(tokens)
            is_state = place.isupper() and place.lower() in STATES
            if is_state or place.lower() in PLACES:
                return f"{_STREET.split(city)[-1]}, {place}"
            tokens.pop()
    return ""
