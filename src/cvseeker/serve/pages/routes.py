"""The search page, and what belongs to it."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from cvseeker.core.errors import CVSeekerError, InputError
from cvseeker.core.record import NAME, Shortlists
from cvseeker.resumes import Ingested
from cvseeker.serve.candidates import LONGEST_LOGGED, Served, bare, hit_model
from cvseeker.serve.lists import recorded
from cvseeker.serve.log import log
from cvseeker.serve.pages import adding, people, tables
from cvseeker.serve.pages.forms import Asked
from cvseeker.serve.pages.html import is_blind, page_router, pieces, render, set_blind
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Opened, Service

PER_PAGE = 10
_STATIC = Path(__file__).parent.parent / "static"
_NAME = 80
router = page_router()


def add_pages(app: FastAPI) -> None:
    """Add the page and what it is made of to an app."""
    for one in (router, people.router, tables.router, adding.router):
        app.include_router(one)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")


@router.get("/")
def search_page(request: Request, service: Served, *, kept: str = "") -> Response:
    """Show the search, and what it found where the address says what for."""
    searches = _searches(service)
    if kept in searches:
        asked, blind = Asked.from_kept(searches[kept]), is_blind(request)
    else:
        asked = Asked.from_form(request.query_params)
        # A form that was sent without scripts says whether; an address alone changes nothing.
        sent = request.query_params.get("sent") == "1"
        blind = asked.blind if sent else asked.blind or is_blind(request)
    content = _found(service, asked, "", blind=blind)
    _log_search(request, service, asked, content)
    response = render("search.html", "search", asked=asked, searches=searches, **content)
    set_blind(response, blind=blind)
    return response


@router.post("/hits")
async def hits(request: Request, service: Served) -> Response:
    """Return what was found, or the next page of it."""
    asked = Asked.from_form(await request.form())
    cursor = request.query_params.get("cursor", "")
    content = await run_in_threadpool(_found, service, asked, cursor, blind=asked.blind)
    _log_search(request, service, asked, content)
    is_more = bool(cursor and content["found"])
    template = "_hits.html" if is_more else "_found.html"
    response = render(template, asked=asked, q=asked.text[:300], **content)
    set_blind(response, blind=asked.blind)
    return response


@router.post("/job-text")
def job_text(file: UploadFile) -> Response:
    """Read a job description out of a file, as an ingest reads one."""
    from cvseeker.core.settings import IngestSettings

    with TemporaryDirectory() as folder:
        path = Path(folder) / f"job{Path(file.filename or '').suffix.lower()[:8]}"
        path.write_bytes(file.file.read())
        try:
            text = Ingested.text_of(path, IngestSettings(workers=1))
        except InputError as error:
            detail = str(error).replace(str(path), file.filename or "the file")
            return render("_job.html", job="", refusal=detail)
    response = render("_job.html", job=text, refusal="")
    response.headers["HX-Trigger-After-Swap"] = "jobread"
    return response


@router.post("/searches/keep")
async def keep_search(request: Request, service: Served) -> Response:
    """Keep the search that the form holds."""
    form = await request.form()
    asked = Asked.from_form(form)
    name = " ".join(str(form.get("keep_as") or asked.called).split())[:_NAME]
    if asked.is_empty or not name:
        return render("_said.html", said="There is nothing to keep yet.", undo=None)
    with recorded(service) as record:
        Shortlists(record).keep_search(name, asked.to_kept())
    said = f"Kept as “{name}”; it is offered when the search is empty."
    return render("_said.html", said=said, undo=None)


@router.post("/searches/forget")
def forget_search(service: Served, name: Annotated[str, Form()]) -> Response:
    """Forget a search that was kept."""
    with recorded(service) as record:
        kept = Shortlists(record).searches().get(name, "")
        Shortlists(record).keep_search(name, "")
    undo = {"to": "/searches/again", "with": {"name": name, "form": kept}}
    return render("_said.html", said=f"Forgot “{name}”.", undo=undo)


@router.post("/searches/again")
def keep_again(
    service: Served, name: Annotated[str, Form()], form: Annotated[str, Form()]
) -> Response:
    """Undo that a search was forgotten."""
    with recorded(service) as record:
        Shortlists(record).keep_search(name[:_NAME], Asked.from_kept(form).to_kept())
    return render("_said.html", said=f"Kept “{name}” again.", undo=None)


def _searches(service: Service) -> dict[str, str]:
    if not (service.workspace.path / NAME).is_file():
        return {}
    with recorded(service) as record:
        return Shortlists(record).searches()


def _log_search(
    request: Request, service: Service, asked: Asked, content: Mapping[str, Any]
) -> None:
    if found := content["found"]:
        query = asked.text[:LONGEST_LOGGED]
        log(request, service, "searched", query=query, candidates=found["total"])


def _found(service: Service, asked: Asked, cursor: str, *, blind: bool) -> dict[str, Any]:
    """Search, and return what the template shows; a refusal is told on the page."""
    told: dict[str, Any] = {"found": None, "refusal": "", "people": 0, "blind": blind}
    told |= {"workspace": str(service.workspace.path), "lists": {}}
    if reason := service.readiness():
        return told if service.generation == "" else {**told, "refusal": reason}
    told["people"] = len(service.open().search.pool.numbers)
    if asked.is_empty:
        return told
    generation, _, skipped = cursor.partition("-")
    skip = int(skipped[:9]) if skipped.isascii() and skipped.isdecimal() else 0
    try:
        reading, requirements = asked.read()
        with service.searching() as opened:
            if cursor and generation != opened.generation:
                skip = 0
            found = opened.search.search(reading, top_k=PER_PAGE, skip=skip, weights=asked.weights)
            shown = marked(opened, found.hits, blind=blind)
    except (CVSeekerError, Problem) as error:
        return {**told, "refusal": str(error)}
    last = skip + len(found.hits)
    told["found"] = {
        "reading": found.reading.shown,
        "notes": found.reading.notes,
        "requirements": requirements,
        "total": found.total,
        "band": found.band,
        "facets": _facets(found.facets, asked, blind=blind),
        "first": skip + 1,
        "hits": shown,
        "next": f"{opened.generation}-{last}" if found.hits and last < found.total else None,
    }
    return told


def _facets(
    counts: Mapping[str, Mapping[str, int]], asked: Asked, *, blind: bool
) -> dict[str, dict[str, int]]:
    """Return what can be ticked: not what is already, nor places where they are hidden."""
    return {
        name: {
            value: count
            for value, count in values.items()
            if value not in asked.fields.get(name, ())
        }
        for name, values in counts.items()
        if not (blind and name == "place")
    }


def marked(opened: Opened, found: Any, *, blind: bool) -> list[Mapping[str, Any]]:
    """Return hits with their excerpts cut where words are marked."""
    shown: list[Mapping[str, Any]] = []
    for one in found:
        model = hit_model(opened, one, blind=blind)
        spans = [(span.start, span.end, "word") for span in model.words]
        spans += [(span.start, span.end, "meaning") for span in model.meanings]
        flags = [bare(opened, one.number, flag) if blind else flag for flag in one.flags]
        cut = list(pieces(model.excerpt, spans))
        shown.append({**model.model_dump(), "marked": cut, "flags": flags})
    return shown
