"""Shortlists, the log, and the evaluation's report."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from cvseeker.core.record import FIRST, NAME, Journal, Shortlists
from cvseeker.serve import lists
from cvseeker.serve.candidates import Served
from cvseeker.serve.lists import recorded, shortlist_rows, shortlists
from cvseeker.serve.log import log
from cvseeker.serve.pages.html import is_blind, page_router, render
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Service

_LOGGED = 100
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
ListName = Annotated[str, Form(max_length=100)]
Note = Annotated[str | None, Form(max_length=10_000)]
Tags = Annotated[str | None, Form(max_length=2000)]
Listed = Annotated[int, Form(ge=1, le=2**62)]
router = page_router()


@router.get("/shortlists")
def shortlists_page(request: Request, service: Served, *, name: str = "") -> Response:
    """Show the shortlists, and who is on one of them."""
    names = shortlists(service) if (service.workspace.path / NAME).is_file() else {}
    chosen = name if name in names else next(iter(names), "")
    rows = _rows(service, chosen, request) if names else []
    return render("shortlists.html", "shortlists", names=names, chosen=chosen, rows=rows)


@router.post("/shortlists/add")
def add(number: Listed, request: Request, service: Served, *, shortlist: ListName = "") -> Response:
    """Put a candidate on a list."""
    name = shortlist.strip() or FIRST
    with recorded(service) as record:
        kept = Shortlists(record)
        known = name in kept.names() and any(one.number == number for one in kept.entries(name))
        kept.put(name, number)
    if known:
        return render("_said.html", said=f"Candidate {number} is on “{name}” already.", undo=None)
    log(request, service, "shortlisted", number=number, shortlist=name)
    undo = {"to": "/shortlists/remove", "with": {"shortlist": name, "number": number}}
    return render("_said.html", said=f"Candidate {number} is on “{name}” now.", undo=undo)


@router.post("/shortlists/change")
def change(
    number: Listed,
    shortlist: ListName,
    request: Request,
    service: Served,
    *,
    note: Note = None,
    tags: Tags = None,
) -> Response:
    """Change what is written beside a candidate."""
    with recorded(service) as record:
        split = None if tags is None else tuple(tags.split(","))
        Shortlists(record).put(shortlist, number, note=note, tags=split)
    log(request, service, "shortlisted", number=number, shortlist=shortlist)
    return render("_said.html", said="Saved.", undo=None)


@router.post("/shortlists/remove")
def remove(number: Listed, shortlist: ListName, request: Request, service: Served) -> Response:
    """Take a candidate off a list; what stood there can be put back."""
    with recorded(service) as record:
        entry = Shortlists(record).take_off(shortlist, number)
    if entry is None:
        raise Problem(404, f"candidate {number} is not on {shortlist!r}")
    log(request, service, "taken off a shortlist", number=number, shortlist=shortlist)
    back = {"shortlist": shortlist, "number": number, "note": entry.note}
    back |= {"tags": ",".join(entry.tags), "added": entry.added}
    undo = {"to": "/shortlists/back", "with": back}
    said = f"Candidate {number} was taken off “{shortlist}”."
    response = render("_said.html", said=said, undo=undo)
    response.headers["HX-Trigger"] = "listed"
    return response


@router.post("/shortlists/back")
def put_back(
    number: Listed,
    shortlist: ListName,
    request: Request,
    service: Served,
    *,
    added: Annotated[float, Form(ge=0)],
    note: Note = None,
    tags: Tags = None,
) -> Response:
    """Undo that a candidate was taken off."""
    with recorded(service) as record:
        split = tuple((tags or "").split(","))
        Shortlists(record).put(shortlist, number, note=note or "", tags=split, added=added)
    log(request, service, "shortlisted", number=number, shortlist=shortlist)
    said = f"Candidate {number} is back on “{shortlist}”."
    response = render("_said.html", said=said, undo=None)
    response.headers["HX-Trigger"] = "listed"
    return response


@router.post("/shortlists/delete")
def delete(shortlist: ListName, request: Request, service: Served) -> Response:
    """Delete a list that nobody is on, so that nothing is lost."""
    with recorded(service) as record:
        if Shortlists(record).entries(shortlist):
            raise Problem(409, f"somebody is on {shortlist!r}; take them off first")
        Shortlists(record).delete(shortlist)
    log(request, service, "deleted a shortlist", shortlist=shortlist)
    return Response(headers={"HX-Redirect": "/shortlists"})


@router.get("/shortlists/rows")
def rows_of(request: Request, service: Served, *, name: str = "") -> Response:
    """Return the rows of a list."""
    return render("_rows.html", rows=_rows(service, name, request), chosen=name)


@router.get("/shortlists/export")
def export_list(
    request: Request, service: Served, *, name: str, form: Literal["csv", "json"] = "csv"
) -> Response:
    """Export a list, without names where they are hidden."""
    return lists.export(name, request, service, form, blind=is_blind(request))


@router.get("/history")
def history_page(
    service: Served, *, before: Annotated[int | None, Query(ge=1, le=2**62)] = None
) -> Response:
    """Show who viewed, exported and changed what."""
    if not (service.workspace.path / NAME).is_file():
        return render("history.html", "history", entries=[], older=None)
    service.log.flush()
    with recorded(service) as record:
        found = Journal(record).entries(limit=_LOGGED, before=before)
    entries = [
        {
            "at": f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%S}",
            "who": one.who,
            "what": one.what,
            "about": ", ".join(f"{name}: {value}" for name, value in one.about.items()),
        }
        for one in found
    ]
    older = found[-1].entry if len(found) == _LOGGED else None
    return render("history.html", "history", entries=entries, older=older)


@router.get("/report")
def report(service: Served) -> Response:
    """Show the evaluation's report, in which its own script runs alone, as nobody's."""
    try:
        content = (service.workspace.stage_folder("evaluation") / "report.html").read_bytes()
    except OSError:
        return render("report.html", "report", workspace=str(service.workspace.path))
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


def _rows(service: Service, name: str, request: Request) -> list[dict[str, Any]]:
    return shortlist_rows(service, name, blind=is_blind(request))
