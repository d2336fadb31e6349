"""What says who candidates are, masked where somebody prefers not to know."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cvseeker.core.records import Resume
from cvseeker.resumes import redact

# Kinds of insights that say who somebody is, or where.
IDENTIFYING = ("name", "place")
# A name's word of so many letters is an initial, and any word's.
_INITIAL = 2
_WORD = re.compile(r"\w{3,}")
# What more candidates than this have in common is nobody's name.
_SHARED = 20


def nameless(number: int) -> str:
    """Return what a candidate is called instead."""
    return f"Candidate {number}"


class Mask:
    """Masks a candidate's name, contacts and dates of birth, and where they live or have lived."""

    def __init__(self, resume: Resume) -> None:
        self._name, self._text = resume.profile.name, resume.text
        where = [one for one in resume.insights if one.kind == "place"]
        self._words = _labelled(
            [self._name], [said for one in where for said in (one.text, one.value)]
        )

    def __call__(self, text: str) -> str:
        """Return a text of theirs without all that."""
        return _covered(redact(text, name=self._name).text, self._words)

    def about(self, text: str) -> str:
        """Return what somebody wrote about them without it, and without words of it alone."""
        own, told = (set(_WORD.findall(one)) for one in (self._text, self(self._text)))
        return _covered(self(text), [("[HIDDEN]", _any_of(own - told))])


def blind_facets(pool: Any, facets: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return facets without places, and without values that name those who have them."""
    return {
        kind: {
            value: count
            for value, count in values.items()
            if count > _SHARED or not _names(pool, kind, value)
        }
        for kind, values in facets.items()
        if kind not in IDENTIFYING
    }


def _names(pool: Any, kind: str, value: str) -> bool:
    """Tell whether a value has a word of the name or the place of somebody who has it."""
    query = (
        "SELECT who.kind, who.value, who.text FROM insights AS one "
        "JOIN insights AS who ON who.number = one.number AND who.kind IN ('name', 'place') "
        "WHERE one.kind = ? AND one.value = ?"
    )
    rows = list(pool.record.rows(query, (kind, value)))
    names = [said for what, *both in rows if what == "name" for said in both]
    places = [said for what, *both in rows if what == "place" for said in both]
    return _covered(value, _labelled(names, places)) != value


_Words = list[tuple[str, "re.Pattern[str]"]]


def _labelled(names: Iterable[str], places: Iterable[str]) -> _Words:
    parts = {word for name in names for word in name.split() if len(word) > _INITIAL}
    # "Graz, Austria" is told by either.
    towns = {part.strip() for place in places for part in (place, *place.split(","))}
    both: tuple[tuple[str, Collection[str]], ...] = (("[NAME]", parts), ("[PLACE]", towns))
    return [(label, _any_of(words)) for label, words in both if any(words)]


def _any_of(words: Iterable[str]) -> "re.Pattern[str]":
    parts = "|".join(map(re.escape, sorted(filter(None, words), key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?:{parts or '(?!)'})(?!\w)", re.IGNORECASE)


def _covered(text: str, words: _Words) -> str:
    for label, pattern in words:
        text = pattern.sub(label, text)
    return text
