"""The search page, and adding résumés."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import FastAPI, Form, UploadFile
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from cvseeker.core.errors import CVSeekerError, InputError
from cvseeker.core.record import NAME, Shortlists
from cvseeker.core.settings import IngestSettings
from cvseeker.resumes import Ingested
from cvseeker.search import Found
from cvseeker.serve.blind import blind_facets
from cvseeker.serve.candidates import LONGEST_LOGGED
from cvseeker.serve.lists import recorded
from cvseeker.serve.pages import people, session, tables
from cvseeker.serve.pages.forms import MODELS, Asked
from cvseeker.serve.pages.html import marked, page_router, render, said, set_blind
from cvseeker.serve.service import Service
from cvseeker.serve.untuned import Making, Opened
from cvseeker.serve.uploads import LARGEST_UPLOAD, MOST_FILES, Files, Upload, upload
from cvseeker.serve.visit import Visit, Visited

PER_PAGE = 10
_STATIC = Path(__file__).parent.parent / "static"
_NAME = 80
router = page_router()


def add_pages(app: FastAPI) -> None:
    """Add the page and what it is made of to an app."""
    for one in (router, people.router, tables.router, session.router):
        app.include_router(one)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")


@router.get("/")
def search_page(visit: Visited, *, kept: str = "") -> Response:
    """Show the search, and what it found where the address says what for."""
    searches, query = _searches(visit.service), visit.request.query_params
    if kept in searches:
        asked, blind = Asked.from_kept(searches[kept]), visit.blind
    else:
        asked = Asked.from_form(query)
        # A form that was sent without scripts says whether; an address alone changes nothing.
        blind = asked.blind or (visit.blind and query.get("sent") != "1")
    content = _found(visit, asked, "", blind=blind)
    response = render("search.html", visit, searches=searches, models=MODELS, **content)
    set_blind(response, blind=blind)
    return response


@router.post("/hits")
async def hits(visit: Visited) -> Response:
    """Return what was found, or the next page of it."""
    form = await visit.request.form()
    asked, cursor = Asked.from_form(form), visit.request.query_params.get("cursor", "")
    content = await run_in_threadpool(
        _found, visit, asked, cursor, blind=asked.blind, live=form.get("live") == "1"
    )
    is_more = bool(cursor and content["found"])
    response = render("_hits.html" if is_more else "_found.html", visit, **content)
    set_blind(response, blind=asked.blind)
    return response


@router.post("/job-text")
def job_text(file: UploadFile, visit: Visited) -> Response:
    """Read a job description out of a file, as an ingest reads one."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"job{Path(file.filename or '').suffix.lower()[:8]}"
        path.write_bytes(file.file.read())
        try:
            text = Ingested.text_of(path, IngestSettings(workers=1))
        except InputError as error:
            detail = str(error).replace(str(path), file.filename or "the file")
            return render("_job.html", visit, job="", refusal=detail)
    response = render("_job.html", visit, job=text, refusal="")
    response.headers["HX-Trigger-After-Swap"] = "jobread"
    return response


@router.post("/searches/keep")
async def keep_search(visit: Visited) -> Response:
    """Keep the search that the form holds."""
    form = await visit.request.form()
    asked = Asked.from_form(form)
    name = " ".join(str(form.get("keep_as") or asked.called).split())[:_NAME]
    if asked.is_empty or not name:
        return said(visit, "There is nothing to keep yet.")
    with recorded(visit.service) as record:
        Shortlists(record).keep_search(name, asked.to_kept())
    return said(visit, f"Kept as “{name}”; it is offered when the search is empty.")


@router.post("/searches/forget")
def forget_search(visit: Visited, name: Annotated[str, Form()]) -> Response:
    """Forget a search that was kept."""
    with recorded(visit.service) as record:
        kept = Shortlists(record).searches().get(name, "")
        Shortlists(record).keep_search(name, "")
    return said(visit, f"Forgot “{name}”.", undo="/searches/again", name=name, form=kept)


@router.post("/searches/again")
def keep_again(
    visit: Visited, name: Annotated[str, Form()], form: Annotated[str, Form()]
) -> Response:
    """Undo that a search was forgotten."""
    with recorded(visit.service) as record:
        Shortlists(record).keep_search(name[:_NAME], Asked.from_kept(form).to_kept())
    return said(visit, f"Kept “{name}” again.")


@router.get("/upload")
def upload_page(visit: Visited) -> Response:
    """Show where files are dropped."""
    return render("upload.html", visit, most=MOST_FILES)


@router.post("/upload", max_body_size=LARGEST_UPLOAD)
def upload_files(files: Files, visit: Visited) -> Response:
    """Keep files, and show what becomes of them."""
    return render("_job_state.html", visit, job=upload(files, Response(), visit))


@router.get("/upload/jobs/{job}")
def job_state(found: Upload, visit: Visited) -> Response:
    """Return what has become of an upload."""
    return render("_job_state.html", visit, job=found)


def _searches(service: Service) -> dict[str, str]:
    if not (service.workspace.path / NAME).is_file():
        return {}
    with recorded(service) as record:
        return Shortlists(record).searches()


def _found(
    visit: Visit, asked: Asked, cursor: str, *, blind: bool, live: bool = False
) -> dict[str, Any]:
    """Search, and return what the template shows; a refusal is told on the page."""
    service = visit.service
    shown: dict[str, Any] = {"found": None, "making": None, "refusal": "", "people": 0}
    shown |= {"asked": asked, "q": asked.text[:300], "blind": blind}
    shown |= {"workspace": str(service.workspace.path), "chosen": None, "model": ""}
    if reason := service.readiness():
        return shown if service.generation == "" else {**shown, "refusal": reason}
    shown["people"] = len(service.open().search.pool.numbers)
    if chosen := service.chosen():
        shown |= {"chosen": chosen, "model": asked.model or chosen.model}
    if asked.is_empty:
        return shown
    try:
        reading, requirements = asked.read()
        with service.searching(untuned=shown["model"] == "untuned") as opened:
            skip = _skipped(cursor, opened.generation)
            found = opened.search.search(reading, top_k=PER_PAGE, skip=skip, weights=asked.weights)
            shown["found"] = _shown(opened, found, asked, skip, blind=blind)
    except Making as making:
        return {**shown, "making": str(making)}
    except CVSeekerError as error:
        return {**shown, "refusal": str(error)}
    shown["found"]["requirements"] = requirements
    query = asked.text[:LONGEST_LOGGED]
    visit.log("searched", query=query, candidates=found.total, live=live)
    return shown


def _skipped(cursor: str, generation: str) -> int:
    """Return how many hits come before the page; none in another index."""
    of, _, skipped = cursor.partition("-")
    return int(skipped[:9]) if of == generation and skipped.isdecimal() else 0


def _shown(opened: Opened, found: Found, asked: Asked, skip: int, *, blind: bool) -> dict[str, Any]:
    """Return what the template shows of a page of hits."""
    last = skip + len(found.hits)
    facets = blind_facets(opened.search.pool, found.facets) if blind else found.facets
    return {
        "reading": found.reading.shown,
        "notes": found.reading.notes,
        "total": found.total,
        "band": found.band,
        # What can be ticked: not what is already.
        "facets": {
            name: {
                value: count
                for value, count in values.items()
                if value not in asked.fields.get(name, ())
            }
            for name, values in facets.items()
        },
        "first": skip + 1,
        "hits": marked(opened, found.hits, blind=blind),
        "next": f"{opened.generation}-{last}" if found.hits and last < found.total else None,
    }
