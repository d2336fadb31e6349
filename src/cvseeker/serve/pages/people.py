"""Candidates: one, those like one, some side by side."""

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from cvseeker.retrieval.bm25 import matched_spans
from cvseeker.serve.candidates import Number, Served, bare, masked
from cvseeker.serve.log import log
from cvseeker.serve.pages.html import is_blind, page_router, pieces, render
from cvseeker.serve.pages.originals import original_pdf, page_count, page_image
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Opened, Service

ALIKE, SIDE_BY_SIDE = 10, 4
# What tells who somebody is.
_IDENTIFYING = ("name", "place")
_CALLED = {
    "title": "Titles",
    "employer": "Employers",
    "place": "Places",
    "degree": "Degrees",
    "institution": "Institutions",
    "skill": "Skills",
    "language": "Languages",
    "certificate": "Certificates",
    "years": "Years of work",
    "title_years": "Years as",
}
Words = Annotated[str, Query(max_length=5000)]
router = page_router()


@router.get("/people/{number}")
def person_page(number: Number, request: Request, service: Served, *, q: Words = "") -> Response:
    """Show a candidate: insights, and the résumé beside."""
    opened, blind = service.open(), is_blind(request)
    person = _person(opened, number, blind=blind)
    log(request, service, "viewed", number=number)
    has_pages = not blind and original_pdf(service, number) is not None
    text = person["text"]
    spans = [(start, end, "word") for start, end in matched_spans(q, text)] if q.strip() else []
    shown = {**person, "marked": list(pieces(text, spans)), "has_pages": has_pages}
    return render("person.html", "search", q=q, blind=blind, **shown)


@router.get("/people/{number}/pages")
def person_pages(number: Number, request: Request, service: Served, *, q: Words = "") -> Response:
    """Return the pages of the original."""
    path = _original(service, number, request)
    return render("_pages.html", number=number, q=q, count=min(page_count(path), 30))


@router.get("/people/{number}/pages/{page}")
def person_image(
    number: Number, page: Number, request: Request, service: Served, *, q: Words = ""
) -> Response:
    """Return a page of the original, with the words of a query lit up."""
    path = _original(service, number, request)
    text = _resume(service.open(), number).text
    words = {text[start:end].lower() for start, end in matched_spans(q, text)} if q.strip() else ()
    headers = {"Cache-Control": "private, no-store"}
    return Response(page_image(path, page, sorted(words)), media_type="image/png", headers=headers)


@router.get("/similar/{number}")
def similar_page(number: Number, request: Request, service: Served) -> Response:
    """Show who is most like somebody."""
    from cvseeker.serve.pages.routes import marked

    blind = is_blind(request)
    with service.searching() as opened:
        person = _person(opened, number, blind=blind)
        found = opened.search.similar(str(number), top_k=ALIKE)
        shown = {"first": 1, "next": None, "hits": marked(opened, found.hits, blind=blind)}
    return render("similar.html", "search", q="", found=shown, name=person["name"], number=number)


@router.get("/compare")
def compare_page(request: Request, service: Served) -> Response:
    """Show some candidates side by side."""
    opened, blind = service.open(), is_blind(request)
    asked = [one[:18] for one in request.query_params.getlist("n")]
    numbers = dict.fromkeys(int(one) for one in asked if one.isascii() and one.isdecimal())
    people = [_person(opened, number, blind=blind) for number in list(numbers)[:SIDE_BY_SIDE]]
    return render("compare.html", "search", people=people)


def _original(service: Service, number: int, request: Request) -> Any:
    path = None if is_blind(request) else original_pdf(service, number)
    if path is None:
        raise Problem(404, f"candidate {number} has no pages to show")
    return path


def _resume(opened: Opened, number: int) -> Any:
    resume = opened.search.pool.resumes.get(number)
    if resume is None:
        raise Problem(404, f"no candidate {number}")
    return resume


def _person(opened: Opened, number: int, *, blind: bool) -> dict[str, Any]:
    """Return what the templates show of a candidate."""
    resume = _resume(opened, number)
    flags = resume.metadata.get("flags", "").splitlines()
    return {
        "number": number,
        "name": "" if blind else resume.profile.name,
        "insights": _insights(opened, number, blind=blind),
        "flags": [bare(opened, number, flag) if blind else flag for flag in flags],
        "text": masked(opened, number) if blind else resume.text,
        "file": "" if blind else resume.resume_id,
    }


def _insights(opened: Opened, number: int, *, blind: bool) -> dict[str, list[str]]:
    """Return what was read off, under what people call it; blind, without who it is."""
    shown: dict[str, list[str]] = {}
    for one in _resume(opened, number).insights:
        if blind and one.kind in _IDENTIFYING:
            continue
        value = bare(opened, number, one.value) if blind else one.value
        if one.kind == "title_years":
            years, _, title = value.partition(" ")
            value = f"{title}: {years}"
        called = _CALLED.get(one.kind, one.kind.capitalize())
        if value and value not in shown.setdefault(called, []):
            shown[called].append(value)
    return {called: values for called, values in shown.items() if values}
