"""Shortlists, the log, and the evaluation's report."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Form, Query
from fastapi.responses import HTMLResponse, Response

from cvseeker.core.record import FIRST, NAME, Shortlists
from cvseeker.serve import lists
from cvseeker.serve.lists import keep, recorded, shortlist_rows, taken_off
from cvseeker.serve.pages.html import page_router, render, said
from cvseeker.serve.problems import Problem
from cvseeker.serve.visit import Visit, Visited

_LOGGED = 100
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
ListName = Annotated[str, Form(max_length=100)]
Note = Annotated[str | None, Form(max_length=10_000)]
Tags = Annotated[str | None, Form(max_length=2000)]
Listed = Annotated[int, Form(ge=1, le=2**62)]
router = page_router()


@router.get("/shortlists")
def shortlists_page(visit: Visited, *, name: str = "") -> Response:
    """Show the shortlists, and who is on one of them."""
    names = lists.shortlists(visit)
    chosen = name if name in names else next(iter(names), "")
    rows = _rows(visit, chosen) if names else []
    return render("shortlists.html", visit, names=names, chosen=chosen, rows=rows)


@router.post("/shortlists/add")
def add(number: Listed, visit: Visited, *, shortlist: ListName = "") -> Response:
    """Put a candidate on a list."""
    name = shortlist.strip() or FIRST
    with recorded(visit.service) as record:
        kept = Shortlists(record)
        known = name in kept.names() and any(one.number == number for one in kept.entries(name))
    if known:
        return said(visit, f"Candidate {number} is on “{name}” already.")
    keep(visit, name, number)
    what = f"Candidate {number} is on “{name}” now."
    return said(visit, what, undo="/shortlists/remove", shortlist=name, number=number)


@router.post("/shortlists/change")
def change(
    number: Listed, shortlist: ListName, visit: Visited, *, note: Note = None, tags: Tags = None
) -> Response:
    """Change what is written beside a candidate."""
    split = None if tags is None else tuple(tags.split(","))
    keep(visit, shortlist, number, note=note, tags=split)
    return said(visit, "Saved.")


@router.post("/shortlists/remove")
def remove(number: Listed, shortlist: ListName, visit: Visited) -> Response:
    """Take a candidate off a list; what stood there can be put back."""
    entry = taken_off(visit, shortlist, number)
    stood = {"note": entry.note, "tags": ",".join(entry.tags), "added": entry.added}
    what = f"Candidate {number} was taken off “{shortlist}”."
    back = {"shortlist": shortlist, "number": number, **stood}
    return said(visit, what, happened="listed", undo="/shortlists/back", **back)


@router.post("/shortlists/back")
def put_back(
    number: Listed,
    shortlist: ListName,
    visit: Visited,
    *,
    added: Annotated[float, Form(ge=0)],
    note: Note = None,
    tags: Tags = None,
) -> Response:
    """Undo that a candidate was taken off."""
    split = tuple((tags or "").split(","))
    keep(visit, shortlist, number, note=note or "", tags=split, added=added)
    return said(visit, f"Candidate {number} is back on “{shortlist}”.", happened="listed")


@router.post("/shortlists/delete")
def delete(shortlist: ListName, visit: Visited) -> Response:
    """Delete a list that nobody is on, so that nothing is lost."""
    if shortlist_rows(visit.service, shortlist):
        raise Problem(409, f"somebody is on {shortlist!r}; take them off first")
    lists.delete(shortlist, visit)
    return Response(headers={"HX-Redirect": "/shortlists"})


@router.get("/shortlists/rows")
def rows_of(visit: Visited, *, name: str = "") -> Response:
    """Return the rows of a list."""
    return render("_rows.html", visit, rows=_rows(visit, name), chosen=name)


@router.get("/shortlists/export")
def export_list(visit: Visited, *, name: str, form: Literal["csv", "json"] = "csv") -> Response:
    """Export a list, without names where they are hidden."""
    return lists.export(name, visit, form, blind=visit.blind)


@router.get("/history")
def history_page(
    visit: Visited, *, before: Annotated[int | None, Query(ge=1, le=2**62)] = None
) -> Response:
    """Show who viewed, exported and changed what; blind, without the words."""
    has_record = (visit.service.workspace.path / NAME).is_file()
    found = lists.entries(visit, _LOGGED, before) if has_record else []
    entries = [
        {
            "at": f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%S}",
            "who": one.who,
            "what": one.what,
            "about": ", ".join(
                f"{name}: {value}"
                for name, value in one.about.items()
                if not (visit.blind and isinstance(value, str))
            ),
        }
        for one in found
    ]
    older = found[-1].entry if len(found) == _LOGGED else None
    return render("history.html", visit, entries=entries, older=older)


@router.get("/report")
def report(visit: Visited) -> Response:
    """Show the evaluation's report, in which its own script runs alone, as nobody's."""
    place = visit.service.workspace
    try:
        content = (place.stage_folder("evaluation") / "report.html").read_bytes()
    except OSError:
        return render("report.html", visit, workspace=str(place.path))
    if visit.blind:
        return render("report.html", visit, workspace="")
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE.findall(content)
    )
    allowed = hashes or "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox allow-scripts"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "private, no-store"}
    return HTMLResponse(content, headers=headers)


def _rows(visit: Visit, name: str) -> list[dict[str, Any]]:
    return shortlist_rows(visit.service, name, blind=visit.blind)
