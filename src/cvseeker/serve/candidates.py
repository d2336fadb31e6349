"""Searching, and looking at candidates."""

import base64
import binascii
import hashlib
import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from cvseeker.core.insights import Insight
from cvseeker.core.records import Resume
from cvseeker.search import CandidateHit, CandidateSearch, Found
from cvseeker.serve.blind import Mask, blind_facets, nameless
from cvseeker.serve.problems import Problem
from cvseeker.serve.untuned import Opened
from cvseeker.serve.visit import Visited

# A long job description has some 6,000 characters.
LONGEST_QUERY = 50_000
_PARTS = ("bm25", "dense", "late")
# What is kept of a query in the log.
LONGEST_LOGGED = 500
Clause = Annotated[str, Field(min_length=1, max_length=1000)]
Clauses = Annotated[list[Clause], Field(max_length=50)]
TopK = Annotated[int, Field(ge=1, le=100)]


class SearchRequest(BaseModel):
    """What is searched for.

    ``fields`` are exact filters by insights: field → values of which one must be there. ``job``
    says that the query is a job description; a long text is one anyhow.
    """

    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""
    must: Clauses = []
    nice: Clauses = []
    exclude: Clauses = []
    fields: Annotated[dict[str, Clauses], Field(max_length=20)] = {}
    job: bool = False
    top_k: TopK = 10
    cursor: Annotated[str, Field(max_length=200)] | None = None
    blind: bool = False


class Span(BaseModel):
    """Start and end, in characters."""

    start: int
    end: int


class TickModel(BaseModel):
    """A requirement of a job, whether the résumé meets it, and the words that say so."""

    text: str
    must: bool
    state: str = Field(description="met, unclear, or not found")
    evidence: str


class HitModel(BaseModel):
    """A candidate that was found; blind, without all that says who it is."""

    number: int
    name: str
    title: str
    employer: str
    place: str
    years: int | None
    resume_id: str
    score: float
    shares: dict[str, float]
    band: str
    excerpt: str
    words: list[Span] = Field(description="Words of the excerpt that the query has, too.")
    meanings: list[Span] = Field(description="Words that answer one of the query's by meaning.")
    ticks: list[TickModel]
    flags: list[str] = Field(
        default=[], description="Hidden words, and orders to machines: to be seen, none ranks."
    )


class SearchResponse(BaseModel):
    """A page of hits, and how the query was read."""

    reading: str
    notes: list[str]
    requirements: list["RequirementModel"]
    total: int = Field(description="How many candidates fulfil the filter.")
    band: str
    facets: dict[str, dict[str, int]]
    hits: list[HitModel]
    next: str | None = Field(description="The cursor of the next page.")


class CandidateModel(BaseModel):
    """What is known of a candidate; blind, without all that says who it is."""

    number: int
    name: str
    text: str
    resume_id: str = ""
    insights: list[Insight] = []


class RequirementModel(BaseModel):
    """Something that a job requires, or would like."""

    text: str
    must: bool


class RequirementsResponse(BaseModel):
    """What a job description requires."""

    requirements: list[RequirementModel]


class RequirementsRequest(BaseModel):
    """A job description."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_QUERY)]


Number = Annotated[int, Path(ge=1, le=2**62)]
router = APIRouter(prefix="/api", tags=["search"])


@router.post("/search", operation_id="search")
def search(asked: SearchRequest, visit: Visited) -> SearchResponse:
    """Find the candidates who fit best, page by page."""
    reading = CandidateSearch.read(
        asked.query,
        must=asked.must,
        nice=asked.nice,
        exclude=asked.exclude,
        fields=asked.fields,
        job=asked.job,
    )
    digest = _digest(asked)
    with visit.service.searching() as opened:
        skip = _read_cursor(asked.cursor, opened.generation, digest)
        found = opened.search.search(reading, top_k=asked.top_k, skip=skip)
        answer = _response(opened, found, skip, digest, blind=asked.blind)
    visit.log("searched", query=asked.query[:LONGEST_LOGGED], candidates=found.total)
    return answer


@router.get("/search", operation_id="search_by_words")
def search_by_words(
    visit: Visited,
    q: Annotated[str, Query(min_length=1, max_length=LONGEST_QUERY)],
    top_k: Annotated[int, Query(ge=1, le=100)] = 10,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    *,
    blind: bool = False,
) -> SearchResponse:
    """Find candidates by a query in one's own words, or a Boolean one."""
    asked = SearchRequest(query=q, top_k=top_k, cursor=cursor, blind=blind)
    return search(asked, visit)


@router.post("/requirements", operation_id="requirements")
def requirements(asked: RequirementsRequest) -> RequirementsResponse:
    """Cut a job description into what it requires; the rest of it is left out."""
    reading = CandidateSearch.read(asked.text, job=True)
    return RequirementsResponse(requirements=_requirements(reading))


@router.get(
    "/candidates/{number}",
    operation_id="candidate",
    response_model=CandidateModel,
    responses={304: {"description": "As it was"}},
)
def candidate(number: Number, response: Response, visit: Visited, *, blind: bool = False) -> Any:
    """Return what is known of a candidate: the text, and insights with where they stand in it."""
    resume = resume_of(visit.service.open(), number)
    tag = f'"{hashlib.sha256(f"{resume.text}{resume.insights}{blind}".encode()).hexdigest()[:24]}"'
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    if visit.request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    visit.log("viewed", number=number, blind=blind)
    if blind:
        return CandidateModel(number=number, name=nameless(number), text=Mask(resume)(resume.text))
    return CandidateModel(
        number=number,
        name=resume.profile.name,
        text=resume.text,
        resume_id=resume.resume_id,
        insights=list(resume.insights),
    )


@router.get("/candidates/{number}/similar", operation_id="similar")
def similar(
    number: Number,
    visit: Visited,
    top_k: Annotated[int, Query(ge=1, le=100)] = 10,
    *,
    blind: bool = False,
) -> SearchResponse:
    """Find the candidates who are most like one."""
    with visit.service.searching() as opened:
        resume_of(opened, number)
        found = opened.search.similar(str(number), top_k=top_k)
        answer = _response(opened, found, 0, None, blind=blind)
    visit.log("searched", like=number, candidates=found.total)
    return answer.model_copy(update={"reading": f"like candidate {number}"}) if blind else answer


@router.get("/facets", operation_id="facets")
def facets(visit: Visited, *, blind: bool = False) -> dict[str, dict[str, int]]:
    """Count what all candidates have."""
    pool = visit.service.open().search.pool
    return blind_facets(pool, pool.facets()) if blind else pool.facets()


def _response(
    opened: Opened, found: Found, skip: int, digest: str | None, *, blind: bool
) -> SearchResponse:
    shown = skip + len(found.hits)
    more = digest is not None and shown < found.total and bool(found.hits)
    return SearchResponse(
        reading=found.reading.shown,
        notes=list(found.reading.notes),
        requirements=_requirements(found.reading),
        total=found.total,
        band=found.band,
        facets=blind_facets(opened.search.pool, found.facets) if blind else found.facets,
        hits=[hit_model(opened, hit, blind=blind) for hit in found.hits],
        next=_write_cursor(opened.generation, digest or "", shown) if more else None,
    )


def hit_model(opened: Opened, hit: CandidateHit, *, blind: bool) -> HitModel:
    """Return a hit as it is sent."""
    words, meanings = hit.excerpt.words, hit.excerpt.meanings
    model = HitModel(
        number=hit.number,
        name=hit.name,
        title=hit.title,
        employer=hit.employer,
        place=hit.place,
        years=hit.years,
        resume_id=hit.resume_id,
        score=hit.score,
        shares=dict(zip(_PARTS, hit.shares, strict=True)),
        band=hit.band,
        excerpt=hit.excerpt.text,
        words=[Span(start=start, end=end) for start, end in words],
        meanings=[Span(start=start, end=end) for start, end in meanings],
        ticks=[
            TickModel(
                text=one.requirement.text,
                must=one.requirement.must,
                state=one.state,
                evidence=one.evidence,
            )
            for one in hit.ticks
        ],
        flags=list(hit.flags),
    )
    return _hidden(model, Mask(resume_of(opened, hit.number))) if blind else model


def _hidden(hit: HitModel, mask: Mask) -> HitModel:
    """Return a hit without who it is; words are marked only where the excerpt stays as it was."""
    excerpt = mask(hit.excerpt)
    update: dict[str, Any] = {"name": nameless(hit.number), "place": "", "resume_id": ""}
    update |= {"title": mask(hit.title), "employer": mask(hit.employer), "excerpt": excerpt}
    update |= {} if excerpt == hit.excerpt else {"words": [], "meanings": []}
    update["flags"] = [mask(one) for one in hit.flags]
    update["ticks"] = [one.model_copy(update={"evidence": mask(one.evidence)}) for one in hit.ticks]
    return hit.model_copy(update=update)


def _requirements(reading: Any) -> list[RequirementModel]:
    return [RequirementModel(text=one.text, must=one.must) for one in reading.requirements]


def resume_of(opened: Opened, number: int) -> Resume:
    """Return a candidate's résumé."""
    resume = opened.search.pool.resumes.get(number)
    if resume is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"no candidate {number}")
    return resume


def _digest(asked: SearchRequest) -> str:
    text = asked.model_dump_json(exclude={"cursor", "top_k", "blind"})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write_cursor(generation: str, digest: str, skip: int) -> str:
    content = json.dumps([generation, digest, skip]).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _read_cursor(cursor: str | None, generation: str, digest: str) -> int:
    """Return how many hits come before the page."""
    if cursor is None:
        return 0
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        of_generation, of_digest, skip = json.loads(content)
    except (ValueError, TypeError, binascii.Error):
        raise Problem(HTTPStatus.BAD_REQUEST, "the cursor is none of ours; leave it out") from None
    if of_generation != generation:
        raise Problem(HTTPStatus.CONFLICT, "the index is another than the cursor's; search again")
    if of_digest != digest or not isinstance(skip, int) or not 0 <= skip <= 2**31:
        raise Problem(HTTPStatus.BAD_REQUEST, "the cursor is another search's; leave it out")
    return skip
