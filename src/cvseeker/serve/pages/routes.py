"""The addresses of the page."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool

from cvseeker.core.errors import CVSeekerError
from cvseeker.serve.candidates import HitModel, Number, Served, hit_model, masked
from cvseeker.serve.pages.forms import Asked
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Opened, Service

PER_PAGE = 10
_STATIC = Path(__file__).parent.parent / "static"
# No code but ours, no style but ours, nothing from elsewhere, and nobody frames the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "frame-src 'self'"
)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_templates = Environment(
    loader=PackageLoader("cvseeker.serve.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def add_pages(app: FastAPI) -> None:
    """Add the page and what it is made of to an app."""
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")


def render(template: str, view: str, **content: Any) -> HTMLResponse:
    """Fill a template."""
    text = _templates.get_template(template).render(view=view, **content)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return HTMLResponse(text, headers=headers)


@router.get("/")
def search_page(request: Request, service: Served) -> Response:
    """Show the search, and what it found where the address says what for."""
    asked = Asked.from_form(request.query_params)
    return render("search.html", "search", asked=asked, **_found(service, asked, ""))


@router.post("/hits")
async def hits(request: Request, service: Served) -> Response:
    """Return what was found, or the next page of it."""
    asked = Asked.from_form(await request.form())
    cursor = request.query_params.get("cursor", "")
    content = await run_in_threadpool(_found, service, asked, cursor)
    template = "_hits.html" if cursor and content["found"] else "_found.html"
    return render(template, "search", asked=asked, **content)


@router.get("/similar/{number}")
def similar_page(number: Number, service: Served, *, blind: bool = False) -> Response:
    """Show who is most like somebody."""
    with service.searching() as opened:
        resume_of(opened, number)
        found = opened.search.similar(str(number), top_k=PER_PAGE)
        shown = {"first": 1, "next": None, "hits": _marked(opened, found.hits, blind=blind)}
    name = shown_name(opened, number, blind=blind)
    asked = Asked(blind=blind)
    return render("similar.html", "search", asked=asked, name=name, number=number, found=shown)


@router.get("/people/{number}")
def person_page(number: Number, service: Served, *, q: str = "", blind: bool = False) -> Response:
    """Show a candidate: insights, and the résumé beside."""
    opened = service.open()
    return render("person.html", "search", q=q, **_person(opened, number, blind=blind))


@router.get("/compare")
def compare_page(request: Request, service: Served, *, blind: bool = False) -> Response:
    """Show up to four candidates side by side."""
    opened = service.open()
    numbers = [int(one) for one in request.query_params.getlist("n") if one.isdecimal()][:4]
    people = [_person(opened, number, blind=blind) for number in dict.fromkeys(numbers)]
    return render("compare.html", "search", people=people)


def _found(service: Service, asked: Asked, cursor: str) -> dict[str, Any]:
    """Search, and return what the template shows; a refusal is told on the page."""
    told: dict[str, Any] = {"found": None, "refusal": "", "people": 0}
    told["workspace"] = str(service.workspace.path)
    if reason := service.readiness():
        return told if service.generation == "" else {**told, "refusal": reason}
    told["people"] = len(service.open().search.pool.numbers)
    if asked.is_empty:
        return told
    generation, _, skipped = cursor.partition("-")
    skip = int(skipped) if skipped.isdecimal() else 0
    try:
        reading, requirements = asked.read()
        with service.searching() as opened:
            if cursor and generation != opened.generation:
                skip = 0
            found = opened.search.search(reading, top_k=PER_PAGE, skip=skip, weights=asked.weights)
            shown = _marked(opened, found.hits, blind=asked.blind)
    except (CVSeekerError, Problem) as error:
        return {**told, "refusal": str(error)}
    last = skip + len(found.hits)
    told["found"] = {
        "reading": found.reading.shown,
        "notes": found.reading.notes,
        "requirements": requirements,
        "total": found.total,
        "band": found.band,
        "facets": {} if asked.blind else found.facets,
        "first": skip + 1,
        "hits": shown,
        "next": f"{opened.generation}-{last}" if found.hits and last < found.total else None,
    }
    return told


def _marked(opened: Opened, found: Any, *, blind: bool) -> list[Mapping[str, Any]]:
    """Return hits with their excerpts cut where words are marked."""
    models = [hit_model(opened, hit, blind=blind) for hit in found]
    return [{**one.model_dump(), "marked": list(pieces(one))} for one in models]


def pieces(hit: HitModel) -> Iterator[tuple[str, str]]:
    """Yield (kind, text): kind is "word", "meaning", or "" for what is not marked."""
    spans = [(one.start, one.end, "word") for one in hit.words]
    spans += [(one.start, one.end, "meaning") for one in hit.meanings]
    at = 0
    for start, end, kind in sorted(spans):
        if start < at:
            continue
        yield "", hit.excerpt[at:start]
        yield kind, hit.excerpt[start:end]
        at = end
    yield "", hit.excerpt[at:]


def resume_of(opened: Opened, number: int) -> Any:
    """Return a candidate's résumé."""
    resume = opened.search.pool.resumes.get(number)
    if resume is None:
        raise Problem(404, f"no candidate {number}")
    return resume


def shown_name(opened: Opened, number: int, *, blind: bool) -> str:
    """Return what a candidate is called on the page."""
    resume = resume_of(opened, number)
    return "" if blind else str(resume.profile.name)


def _person(opened: Opened, number: int, *, blind: bool) -> dict[str, Any]:
    resume = resume_of(opened, number)
    hidden = ("name", "place") if blind else ()
    insights: dict[str, list[str]] = {}
    for one in resume.insights:
        if one.kind not in hidden and one.value not in insights.setdefault(one.kind, []):
            insights[one.kind].append(one.value)
    return {
        "number": number,
        "name": shown_name(opened, number, blind=blind),
        "insights": {kind: values for kind, values in insights.items() if values},
        "text": masked(opened, number) if blind else resume.text,
        "file": "" if blind else resume.resume_id,
        "blind": blind,
    }


@router.get("/shortlists")
def shortlists_page(request: Request, service: Served) -> Response:
    """Show the shortlists, and who is on one of them."""
    from cvseeker.serve import lists

    names = lists.shortlists(service)
    chosen = request.query_params.get("name") or next(iter(names), "")
    rows = lists.shortlist_rows(service, chosen) if chosen in names else []
    return render("shortlists.html", "shortlists", names=names, chosen=chosen, rows=rows)
