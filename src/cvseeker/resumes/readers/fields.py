"""Fields of any program: what their names say that they hold, and their values as text.

What a field holds is read off its name, by ``words/fields.txt``: exports of a hundred programs
differ in their nesting and spelling, and hardly in their words.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from cvseeker.core.wordlists import read_pairs
from cvseeker.resumes.readers.html import plain
from cvseeker.resumes.sections import find_sections

Fields = Mapping[str, Any]
# In the order in which a résumé shows them.
HEADINGS = {
    "summary": "Summary",
    "experience": "Experience",
    "volunteering": "Volunteering",
    "education": "Education",
    "projects": "Projects",
    "skills": "Skills",
    "languages": "Languages",
    "certificates": "Certificates",
    "awards": "Awards",
    "publications": "Publications",
    "interests": "Interests",
    "references": "References",
}
NAME_PARTS = ("given", "middle", "family")
CONTACTS = ("place", "email", "phone", "url")
_PLACE_PARTS = (
    "address addressline street postalcode city municipality region state country".split()
)
_PREFIX = re.compile(
    r"^(?:candidate|applicant|current|latest|recent|primary|personal|professional|educational|your|my)(?=..)"
)
_ENDING = re.compile(r"(?:list|entries|entry|items|info|information|section|s)$")
_PLURALS = ((re.compile(r"ies$"), "y"), (re.compile(r"es$"), ""))
_NO_LETTER = re.compile(r"[\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
# Keys, pictures and other words that no person reads.
_OPAQUE = re.compile(r"data:[\w/+.-]+[;,]|(?<![\w./:-])(?!https?:)[\w+/=-]{80}", re.ASCII)
_TIME_OF_DAY = re.compile(r"(?<=\d)T\d\d:.*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_ABSENT = frozenset(("", "null", "none", "nan", "n/a", "#n/a", "na", "-", "--", "0000-00-00"))


@cache
def field_role(name: str) -> tuple[str, str]:
    """Return what a field of this name holds as a list of objects, and what else; or empty."""
    roles = read_pairs("cvseeker.resumes", "fields")
    plain_name = bare_name(name)
    for text in (plain_name, _PREFIX.sub("", plain_name)):
        plurals = (pattern.sub(ending, text) for pattern, ending in _PLURALS)
        for key in (text, _ENDING.sub("", text), *plurals):
            if key in roles:
                first, _, second = roles[key].partition(" ")
                return first, second or first
    return "", ""


@cache
def _heading_role(name: str) -> str:
    """Return the section that a field's name heads in a résumé, in any language; or empty."""
    sections = find_sections(label(name))
    kind = sections[0].kind if sections and sections[0].title else ""
    return kind if kind in HEADINGS else ""


def tells(name: str) -> bool:
    """Tell a column that says something of the candidate, however short, by its name."""
    role = field_role(name)[1] or _heading_role(name)
    return role in (*HEADINGS, *NAME_PARTS, *CONTACTS, "name", "what", "who", "body", "remark")


def role_of(name: str, value: Any) -> str:
    """Return what a field holds, as a list of objects or as anything else."""
    several, one = field_role(str(name))
    if several or isinstance(value, Mapping):
        return several if is_list_of_objects(value) else one
    return _heading_role(name)


def bare_name(name: str) -> str:
    """Return the letters of a field's name in lower case, without its namespace."""
    return _NO_LETTER.sub("", str(name).rpartition(":")[2].lower())


def label(name: str) -> str:
    """Return a field's name as a person would write it."""
    words = _CAMEL.sub(" ", str(name).rpartition(":")[2]).split()
    return " ".join(words).capitalize()


def words(value: Any) -> str:
    """Return a value as one line, a list by commas, an object by its name."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, Mapping):
        main = main_text(value)
        return main or ", ".join(
            text
            for name, one in value.items()
            if field_role(str(name))[1] != "drop" and (text := words(one))
        )
    if isinstance(value, list):
        return ", ".join(text for one in value if (text := words(one)))
    return " ".join(lines_of(value))


def lines_of(value: Any) -> list[str]:
    """Return a value as lines, the items of a list as bullets."""
    if isinstance(value, list):
        return [f"• {text}" for one in value if (text := words(one))]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in lines_of(one)]
    if is_absent(value) or str(value).lower() in ("true", "false"):
        return []
    text = plain(str(value))
    return [] if _OPAQUE.search(text) else text.split("\n")


def main_text(value: Fields) -> str:
    """Return what an object is called, where it has a field for that."""
    for wanted in ("name", "label", "title", "value", "text", "description"):
        for name, one in value.items():
            bare = bare_name(name)
            if bare == wanted and isinstance(one, str | Mapping) and (text := words(one)):
                return text
    return ""


def place_text(value: Any) -> str:
    """Return a place from its street to its country."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(place_text, value)))
    if not isinstance(value, Mapping):
        return words(value)
    if text := main_text(value):
        return text
    parts = [
        (place_rank(str(name)), place_text(one))
        for name, one in value.items()
        if field_role(str(name))[1] != "drop"
    ]
    return ", ".join(
        dict.fromkeys(text for _, text in sorted(parts, key=lambda part: part[0]) if text)
    )


def place_rank(name: str) -> int:
    """Return where a part of a place stands, from its street to its country."""
    bare = bare_name(name)
    ranks = (rank for rank, part in enumerate(_PLACE_PARTS) if bare.startswith(part))
    return next(ranks, len(_PLACE_PARTS))


def date_text(value: Any) -> str:
    """Return a date as it stands, or put together from its parts."""
    if isinstance(value, list):
        return next(filter(None, map(date_text, value)), "")
    if not isinstance(value, Mapping):
        return "" if is_absent(value) else _TIME_OF_DAY.sub("", words(value))
    if has_year(value):
        parts = {str(name).lower(): words(one).strip("-") for name, one in value.items()}
        found = [parts.get(name, "") for name in ("year", "month", "day")]
        known = found[: found.index("")] if "" in found else found
        return "-".join(part.zfill(2) for part in known)
    return next(filter(None, map(date_text, value.values())), "")


def sortable(date: str) -> str:
    """Return a date with its year first."""
    year = _YEAR.search(date)
    return f"{year[0] if year else ''} {date}"


def has_year(value: Fields) -> bool:
    """Tell an object that is a date in parts."""
    return any(
        str(name).lower() == "year" and not isinstance(one, Mapping) for name, one in value.items()
    )


def is_list_of_objects(value: Any) -> bool:
    """Tell a list that holds objects."""
    return isinstance(value, list) and any(isinstance(one, Mapping) for one in value)


def is_true(value: Any) -> bool:
    """Tell what any program writes for yes."""
    return value is True or str(value).strip().lower() in ("true", "1", "yes")


def is_absent(value: Any) -> bool:
    """Tell what any program writes where there is nothing."""
    if isinstance(value, Mapping | list):
        return not value
    return value is None or str(value).strip().lower() in _ABSENT
