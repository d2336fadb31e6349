"""Templates filled, what they may load, refusals as people see them, and who is blind."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined

from cvseeker.core.errors import CVSeekerError, WorkspaceError
from cvseeker.serve.problems import Problem

# No code but ours, no style but ours, nothing from elsewhere, and nobody frames the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Whoever has switched to "blind" sees no name on any page until they switch back.
BLIND = "cvseeker_blind"

_templates = Environment(
    loader=PackageLoader("cvseeker.serve.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, view: str = "", *, status: int = 200, **content: Any) -> HTMLResponse:
    """Fill a template."""
    text = _templates.get_template(template).render(view=view, **content)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return HTMLResponse(text, status, headers=headers)


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
    return render(template, status=status, refusal=detail)


def page_router() -> APIRouter:
    """Return a router for pages, which are no part of the API's description."""
    return APIRouter(
        include_in_schema=False, default_response_class=HTMLResponse, route_class=_PageRoute
    )


def is_blind(request: Request) -> bool:
    """Tell whether names are hidden."""
    return request.cookies.get(BLIND) == "1"


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
