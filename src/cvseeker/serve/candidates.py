"""Searching, and looking at candidates."""

import base64
import binascii
import hashlib
import json
import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cvseeker.resumes import redact
from cvseeker.search import CandidateHit, CandidateSearch, Found
from cvseeker.serve.log import log
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Opened, Service

# A long job description has some 6,000 characters.
LONGEST_QUERY = 50_000
# What is kept of it in the log.
LONGEST_LOGGED = 500
# A name's word of so many letters is an initial, and any word's.
_INITIAL = 2
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


class InsightModel(BaseModel):
    """A value that was read from a résumé, and where it stands in its text."""

    kind: str
    value: str
    start: int
    end: int
    confidence: float


class CandidateModel(BaseModel):
    """What is known of a candidate; blind, without all that says who it is."""

    number: int
    name: str
    text: str
    resume_id: str = ""
    insights: list[InsightModel] = []


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


def service_of(request: Request) -> Service:
    """Return the app's service."""
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]
Number = Annotated[int, Path(ge=1, le=2**62)]
# Facets that may tell who somebody is.
NAMING = ("place", "employer")
router = APIRouter(prefix="/api", tags=["search"])


@router.post("/search", operation_id="search")
def search(asked: SearchRequest, request: Request, service: Served) -> SearchResponse:
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
    with service.searching() as opened:
        skip = _read_cursor(asked.cursor, opened.generation, digest)
        found = opened.search.search(reading, top_k=asked.top_k, skip=skip)
        answer = _response(opened, found, skip, digest, blind=asked.blind)
    log(request, service, "searched", query=asked.query[:LONGEST_LOGGED], candidates=found.total)
    return answer


@router.get("/search", operation_id="search_by_words")
def search_by_words(
    request: Request,
    service: Served,
    q: Annotated[str, Query(min_length=1, max_length=LONGEST_QUERY)],
    top_k: Annotated[int, Query(ge=1, le=100)] = 10,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    *,
    blind: bool = False,
) -> SearchResponse:
    """Find candidates by a query in one's own words, or a Boolean one."""
    asked = SearchRequest(query=q, top_k=top_k, cursor=cursor, blind=blind)
    return search(asked, request, service)


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
def candidate(
    number: Number, request: Request, response: Response, service: Served, *, blind: bool = False
) -> Any:
    """Return what is known of a candidate: the text, and insights with where they stand in it."""
    opened = service.open()
    resume = _resume(opened, number)
    tag = f'"{hashlib.sha256(f"{resume.text}{resume.insights}{blind}".encode()).hexdigest()[:24]}"'
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    log(request, service, "viewed", number=number, blind=blind)
    if blind:
        return CandidateModel(number=number, name=_nameless(number), text=masked(opened, number))
    return CandidateModel(
        number=number,
        name=resume.profile.name,
        text=resume.text,
        resume_id=resume.resume_id,
        insights=[
            InsightModel(
                kind=one.kind,
                value=one.value,
                start=one.start,
                end=one.end,
                confidence=one.confidence,
            )
            for one in resume.insights
        ],
    )


@router.get("/candidates/{number}/similar", operation_id="similar")
def similar(
    number: Number,
    request: Request,
    service: Served,
    top_k: Annotated[int, Query(ge=1, le=100)] = 10,
    *,
    blind: bool = False,
) -> SearchResponse:
    """Find the candidates who are most like one."""
    with service.searching() as opened:
        _resume(opened, number)
        found = opened.search.similar(str(number), top_k=top_k)
        answer = _response(opened, found, 0, None, blind=blind)
    log(request, service, "searched", like=number, candidates=found.total)
    return answer


@router.get("/facets", operation_id="facets")
def facets(service: Served) -> dict[str, dict[str, int]]:
    """Count what all candidates have."""
    pool = service.open().search.pool
    return pool.facets()


def masked(opened: Opened, number: int) -> str:
    """Return a résumé's text without what says who it is."""
    return bare(opened, number, opened.search.pool.resumes[number].text)


def bare(opened: Opened, number: int, text: str) -> str:
    """Mask what says who a candidate is, and where they live or have lived."""
    resume = opened.search.pool.resumes[number]
    text = redact(text, name=resume.profile.name).text
    where = [one for one in resume.insights if one.kind == "place"]
    for label, said in (
        ("[NAME]", {word for word in resume.profile.name.split() if len(word) > _INITIAL}),
        ("[PLACE]", {said for one in where for said in (one.text, one.value)}),
    ):
        if any(said):
            words = "|".join(map(re.escape, sorted(filter(None, said), key=len, reverse=True)))
            text = re.sub(rf"(?<!\w)(?:{words})(?!\w)", label, text, flags=re.IGNORECASE)
    return text


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
        facets={kind: of for kind, of in found.facets.items() if not blind or kind not in NAMING},
        hits=[hit_model(opened, hit, blind=blind) for hit in found.hits],
        next=_write_cursor(opened.generation, digest or "", shown) if more else None,
    )


def hit_model(opened: Opened, hit: CandidateHit, *, blind: bool) -> HitModel:
    """Return a hit as it is sent."""
    told = hit.to_dict()
    shown = {key: told[key] for key in ("number", "title", "employer", "years", "score", "band")}
    who = {key: told[key] for key in ("name", "place", "resume_id")}
    excerpt, words, meanings = hit.excerpt.text, hit.excerpt.words, hit.excerpt.meanings
    if blind:
        who = {"name": _nameless(hit.number), "place": "", "resume_id": ""}
        shown |= {key: bare(opened, hit.number, told[key]) for key in ("title", "employer")}
        hidden = bare(opened, hit.number, excerpt)
        if hidden != excerpt:
            excerpt, words, meanings = hidden, (), ()
    return HitModel(
        **shown,
        **who,
        shares=told["shares"],
        excerpt=excerpt,
        words=[Span(start=start, end=end) for start, end in words],
        meanings=[Span(start=start, end=end) for start, end in meanings],
        ticks=[
            TickModel(
                text=one.requirement.text,
                must=one.requirement.must,
                state=one.state,
                evidence=bare(opened, hit.number, one.evidence) if blind else one.evidence,
            )
            for one in hit.ticks
        ],
    )


def _requirements(reading: Any) -> list[RequirementModel]:
    return [RequirementModel(text=one.text, must=one.must) for one in reading.requirements]


def _resume(opened: Opened, number: int) -> Any:
    resume = opened.search.pool.resumes.get(number)
    if resume is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"no candidate {number}")
    return resume


def _nameless(number: int) -> str:
    return f"Candidate {number}"


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
