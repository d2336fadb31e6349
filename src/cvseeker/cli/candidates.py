"""What a search for candidates prints: cards to read, rows for a spreadsheet."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cvseeker.cli.streams import put, put_json, say
from cvseeker.cli.terminal import stdout
from cvseeker.core.screen import as_cell, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cvseeker.search import CandidateHit, Found

_MARK = "\N{REPLACEMENT CHARACTER}"
_WORD = re.compile(r"[^\W\d_]+")
_CONTACT = re.compile(r"\S+@\S+|(?:https?://|www\.)\S+|\+?\d[\d ().-]{7,}\d")
_SHORTEST_NAME = 3
_COLUMNS = ("rank", "number", "name", "title", "employer", "years", "place", "fit", "why", "path")
_NOTHING = "nothing fits well"
# Facets that may tell who somebody is.
_NAMING = ("place", "employer")
_SHOWN_FACETS = ("title", "place", "language")
_STATES = {"met": ("✓", "green"), "unclear": ("?", "yellow"), "not found": ("✗", "red")}


def hidden(hit: "CandidateHit") -> "CandidateHit":
    """Return a hit without what names somebody, as long as it was, so that marks stay in place."""
    words = {word.casefold() for word in _WORD.findall(f"{hit.name} {Path(hit.resume_id).stem}")}
    names = {word for word in words if len(word) >= _SHORTEST_NAME}

    def masked(text: str) -> str:
        plain = _CONTACT.sub(lambda found: "•" * len(found[0]), text)
        return _WORD.sub(
            lambda found: "•" * len(found[0]) if found[0].casefold() in names else found[0], plain
        )

    return replace(
        hit,
        name=f"Candidate {hit.number}",
        resume_id="",
        passage_id="",
        path="",
        title=masked(hit.title),
        employer=masked(hit.employer),
        place=masked(hit.place),
        excerpt=replace(hit.excerpt, text=masked(hit.excerpt.text)),
        ticks=tuple(replace(tick, evidence=masked(tick.evidence)) for tick in hit.ticks),
        flags=tuple(map(masked, hit.flags)),
    )


def called(hit: "CandidateHit") -> str:
    """Return what a candidate is called: their name, or their number where it is not known."""
    return hit.name or f"Candidate {hit.number}"


def cards(found: "Found", *, first: int) -> list["RenderableType"]:
    """Draw hits, each with who it is, how well they fit, and why."""
    drawn: list[RenderableType] = []
    if found.band == _NOTHING:
        drawn.append(Text("Nothing fits well; the nearest:", "bold yellow"))
    for rank, hit in enumerate(found.hits, start=first):
        drawn += [_card(hit, rank), Text("")]
    return drawn


def _card(hit: "CandidateHit", rank: int) -> Text:
    card = Text(f"{rank}. ")
    card.append(_safe(called(hit)), "bold")
    work = " at ".join(_safe(one) for one in (hit.title, hit.employer) if one)
    years = "" if hit.years is None else f"{hit.years} years"
    facts = [work, years, _safe(hit.place)]
    card.append("".join(f" · {one}" for one in facts if one))
    if hit.band:
        card.append(f"   {hit.band}", "bold" if hit.band == "strong" else "")
    if hit.excerpt.text:
        card.append("\n   ").append_text(_marked(hit))
    for tick in hit.ticks:
        sign, style = _STATES[tick.state]
        wish = "" if tick.requirement.must else " (nice to have)"
        card.append(f"\n   {sign} ", style).append(_safe(tick.requirement.text) + wish)
        if tick.evidence:
            card.append(f" — {_safe(tick.evidence)}", "dim")
    for flag in hit.flags:
        card.append(f"\n   ! {_safe(flag)}", "bold red")
    if hit.path or hit.resume_id:
        card.append(f"\n   {_safe(hit.path or hit.resume_id)}", "dim")
    return card


def _marked(hit: "CandidateHit") -> Text:
    """Mark words that the query has in one style, those that mean the same in another."""
    excerpt = hit.excerpt
    text = Text(printable(excerpt.text, lines=True, mark=_MARK))
    for start, end in excerpt.words:
        text.stylize("bold yellow", start, end)
    for start, end in excerpt.meanings:
        text.stylize("underline cyan", start, end)
    return Text(" ").join(text.split("\n"))


def _safe(text: str) -> str:
    return printable(" ".join(text.split()), mark=_MARK)


def rows(found: "Found", *, first: int) -> list[dict[str, Any]]:
    """Return hits as JSON-ready dictionaries."""
    return [{"rank": rank, **hit.to_dict()} for rank, hit in enumerate(found.hits, start=first)]


def as_csv(found: "Found", *, first: int) -> str:
    """Return hits as CSV; what a spreadsheet would take for a formula begins with an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for rank, hit in enumerate(found.hits, start=first):
        years = "" if hit.years is None else str(hit.years)
        path = hit.path or hit.resume_id
        texts = (called(hit), hit.title, hit.employer, years, hit.place, hit.band)
        cells = (str(rank), str(hit.number), *texts, hit.excerpt.text, path)
        writer.writerow([as_cell(_safe(cell)) for cell in cells])
    return file.getvalue()


def show(found: "Found", *, skip: int, blind: bool, form: str) -> None:
    """Print what was found: as cards, as JSON or as CSV; how it was read goes to stderr."""
    first = skip + 1
    if blind:
        facets = {kind: values for kind, values in found.facets.items() if kind not in _NAMING}
        found = replace(found, hits=tuple(map(hidden, found.hits)), facets=facets)
    if found.reading.shown:
        say(f"read as {found.reading.shown}")
    for note in found.reading.notes:
        say(note)
    if form == "json":
        if found.band == _NOTHING:
            say(_NOTHING)
        put_json(rows(found, first=first))
        return
    if form == "csv":
        put(as_csv(found, first=first))
        return
    console = stdout()
    for card in cards(found, first=first):
        console.print(card)
    last = skip + len(found.hits)
    console.print(Text(f"{first} to {last} of {found.total}" if found.hits else "nobody"))
    line = facets_line(found.facets)
    if line:
        console.print(Text(line, "dim"))


def facets_line(facets: Mapping[str, Mapping[str, int]]) -> str:
    """Return the most frequent values of some kinds, in one line."""
    parts = []
    for kind in _SHOWN_FACETS:
        values = list(facets.get(kind, {}).items())[:3]
        if values:
            told = ", ".join(f"{_safe(value)} ({count})" for value, count in values)
            parts.append(f"{kind}: {told}")
    return " · ".join(parts)
