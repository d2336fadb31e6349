"""Templates filled, what they may load, and refusals as people see them."""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined

from cvseeker.core.errors import CVSeekerError, WorkspaceError
from cvseeker.serve.access import LOGIN
from cvseeker.serve.candidates import hit_model
from cvseeker.serve.problems import Problem, response
from cvseeker.serve.untuned import Opened
from cvseeker.serve.visit import BLIND, Visit

# No code but ours, no style but ours, nothing from elsewhere, and nobody frames the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What programs ask for; all else is people's.
_OF_PROGRAMS = ("/api/", "/v1/", "/metrics", "/openapi.json")

_templates = Environment(
    loader=PackageLoader("cvseeker.serve.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, visit: Visit, *, status: int = 200, **content: Any) -> HTMLResponse:
    """Fill a template."""
    view, caller = visit.request.url.path.split("/")[1], visit.caller
    shown = {"view": view, "caller": caller, "blind": visit.blind, **content}
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return HTMLResponse(_templates.get_template(template).render(shown), status, headers=headers)


def said(
    visit: Visit, what: str, *, happened: str = "", undo: str = "", **fields: Any
) -> HTMLResponse:
    """Say what was done; ``undo`` is where ``fields`` are sent to take it back."""
    back = {"to": undo, "with": fields} if undo else None
    response = render("_said.html", visit, said=what, undo=back)
    response.headers.update({"HX-Trigger": happened} if happened else {})
    return response


class _PageRoute(APIRoute):
    """A route whose refusals are pages, or parts of one where a part was asked for."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def answer_people(request: Request) -> Response:
            try:
                return await answer(request)
            except Problem as problem:
                return _refusal(request, problem.status, problem.detail)
            except RequestValidationError:
                return _refusal(request, HTTPStatus.NOT_FOUND, "there is no such page")
            except CVSeekerError as error:
                unready = isinstance(error, WorkspaceError)
                status = HTTPStatus.SERVICE_UNAVAILABLE if unready else HTTPStatus.BAD_REQUEST
                return _refusal(request, status, str(error))

        return answer_people


def _refusal(request: Request, status: int, detail: str) -> Response:
    is_part = request.headers.get("hx-request") == "true"
    template = "_refusal.html" if is_part else "refusal.html"
    return render(template, Visit(request), status=status, refusal=detail)


def refuse(request: Request, problem: Problem) -> Response:
    """Return a refusal before any route is asked: people without a session are sent to sign in."""
    path = request.url.path
    if path.startswith(_OF_PROGRAMS) or problem.status == HTTPStatus.MISDIRECTED_REQUEST:
        return response(path, problem)
    if problem.status != HTTPStatus.UNAUTHORIZED:
        return _refusal(request, problem.status, problem.detail)
    if request.headers.get("hx-request") == "true":
        return Response(status_code=problem.status, headers={"HX-Redirect": LOGIN})
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{LOGIN}?{urlencode({'to': path + query})}", HTTPStatus.SEE_OTHER)


def page_router() -> APIRouter:
    """Return a router for pages, which are no part of the API's description."""
    return APIRouter(
        include_in_schema=False, default_response_class=HTMLResponse, route_class=_PageRoute
    )


def set_blind(response: Response, *, blind: bool) -> None:
    """Hide names on the pages that follow, or do not."""
    if blind:
        response.set_cookie(BLIND, "1", httponly=True, samesite="strict")
    else:
        response.delete_cookie(BLIND, httponly=True, samesite="strict")


def pieces(text: str, spans: Sequence[tuple[int, int, str]]) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) for a text and its marked spans, kind empty for what is not marked."""
    at = 0
    for start, end, kind in sorted(spans):
        if start < at:
            continue
        yield "", text[at:start]
        yield kind, text[start:end]
        at = end
    yield "", text[at:]


def marked(opened: Opened, found: Any, *, blind: bool) -> list[Mapping[str, Any]]:
    """Return hits with their excerpts cut where words are marked."""
    shown: list[Mapping[str, Any]] = []
    for one in found:
        hit = hit_model(opened, one, blind=blind)
        spans = [(span.start, span.end, "word") for span in hit.words]
        spans += [(span.start, span.end, "meaning") for span in hit.meanings]
        shown.append({**hit.model_dump(), "marked": list(pieces(hit.excerpt, spans))})
    return shown
