"""Candidates: one, those like one, some side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response

from cvseeker.core.insights import InsightKind
from cvseeker.core.records import Resume
from cvseeker.retrieval.bm25 import matched_spans
from cvseeker.serve.blind import IDENTIFYING, Mask
from cvseeker.serve.candidates import Number, resume_of
from cvseeker.serve.pages.html import marked, page_router, pieces, render
from cvseeker.serve.pages.originals import original_pdf, page_count, page_image
from cvseeker.serve.problems import Problem
from cvseeker.serve.uploads import remove
from cvseeker.serve.visit import Visit, Visited

ALIKE, SIDE_BY_SIDE = 10, 4
CALLED: dict[InsightKind, str] = {
    "name": "Name",
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
def person_page(number: Number, visit: Visited, *, q: Words = "") -> Response:
    """Show a candidate: insights, and the résumé beside."""
    person = _person(visit, number)
    visit.log("viewed", number=number)
    has_pages = not visit.blind and original_pdf(visit.service, number) is not None
    text = person["text"]
    spans = [(start, end, "word") for start, end in matched_spans(q, text)] if q.strip() else []
    cut = list(pieces(text, spans))
    return render("person.html", visit, q=q, marked=cut, has_pages=has_pages, **person)


@router.get("/people/{number}/pages")
def person_pages(number: Number, visit: Visited, *, q: Words = "") -> Response:
    """Return the pages of the original."""
    count = min(page_count(_original(visit, number)), 30)
    return render("_pages.html", visit, number=number, q=q, count=count)


@router.get("/people/{number}/pages/{page}")
def person_image(number: Number, page: Number, visit: Visited, *, q: Words = "") -> Response:
    """Return a page of the original, with the words of a query lit up."""
    path = _original(visit, number)
    text = resume_of(visit.service.open(), number).text
    words = {text[start:end].lower() for start, end in matched_spans(q, text)} if q.strip() else ()
    headers = {"Cache-Control": "private, no-store"}
    return Response(page_image(path, page, sorted(words)), media_type="image/png", headers=headers)


@router.delete("/people/{number}")
def remove_person(number: Number, visit: Visited) -> Response:
    """Remove a candidate from everything, and show the receipt."""
    return render("_receipt.html", visit, receipts=remove(number, visit))


@router.get("/similar/{number}")
def similar_page(number: Number, visit: Visited) -> Response:
    """Show who is most like somebody."""
    with visit.service.searching() as opened:
        name = "" if visit.blind else resume_of(opened, number).profile.name
        found = opened.search.similar(str(number), top_k=ALIKE)
        hits = marked(opened, found.hits, blind=visit.blind)
    visit.log("searched", like=number, candidates=found.total)
    shown = {"first": 1, "next": None, "hits": hits}
    return render("similar.html", visit, q="", found=shown, name=name, number=number)


@router.get("/compare")
def compare_page(visit: Visited) -> Response:
    """Show some candidates side by side."""
    asked = [one[:18] for one in visit.request.query_params.getlist("n")]
    numbers = dict.fromkeys(int(one) for one in asked if one.isascii() and one.isdecimal())
    people = [_person(visit, number) for number in list(numbers)[:SIDE_BY_SIDE]]
    for one in people:
        visit.log("viewed", number=one["number"])
    return render("compare.html", visit, people=people)


def _original(visit: Visit, number: int) -> Path:
    path = None if visit.blind else original_pdf(visit.service, number)
    if path is None:
        raise Problem(404, f"candidate {number} has no pages to show")
    return path


def _person(visit: Visit, number: int) -> dict[str, Any]:
    """Return what the templates show of a candidate."""
    resume = resume_of(visit.service.open(), number)
    hide: Callable[[str], str] = Mask(resume) if visit.blind else str
    return {
        "number": number,
        "name": "" if visit.blind else resume.profile.name,
        "insights": _insights(resume, hide, blind=visit.blind),
        "flags": list(map(hide, resume.metadata.get("flags", "").splitlines())),
        "text": hide(resume.text),
        "file": "" if visit.blind else resume.resume_id,
    }


def _insights(resume: Resume, hide: Callable[[str], str], *, blind: bool) -> dict[str, list[str]]:
    """Return what was read off, under what people call it; blind, without who it is."""
    shown: dict[str, list[str]] = {}
    for one in resume.insights:
        if blind and one.kind in IDENTIFYING:
            continue
        value = hide(one.value)
        if one.kind == "title_years":
            years, _, title = value.partition(" ")
            value = f"{title}: {years}"
        values = shown.setdefault(CALLED[one.kind], [])
        if value and value not in values:
            values.append(value)
    return {called: values for called, values in shown.items() if values}
