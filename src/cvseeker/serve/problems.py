"""What went wrong, as RFC 9457 says it: ``application/problem+json``; as OpenAI does under /v1."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cvseeker.core.errors import CVSeekerError, InputError, WorkspaceError

MEDIA_TYPE = "application/problem+json"


def _described(media_type: str, **fields: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
    }
    return {"description": "Refused", "content": {media_type: {"schema": schema}}}


_OURS = _described(MEDIA_TYPE, type="string", title="string", status="integer", detail="string")
_OPENAIS = _described("application/json", error="object")
# What OpenAPI says of refusals.
REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": _OURS, 503: _OURS}
OPENAI_REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": _OPENAIS, 503: _OPENAIS}
# Requests under it are answered as OpenAI's clients expect.
OPENAI = "/v1/"
_OPENAI_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


class Problem(Exception):  # noqa: N818 (RFC 9457's word)
    """A refusal with its status; ``detail`` says what was wrong, expected and to be done."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.headers = dict(headers or {})


def response(path: str, problem: Problem, **more: Any) -> JSONResponse:
    """Return a problem in the form that whoever asks for the path expects."""
    status = problem.status
    if path.startswith(OPENAI):
        kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
        kind = kind or _OPENAI_TYPES.get(status, "invalid_request_error")
        error = {"message": problem.detail, "type": kind, "param": None, "code": None}
        return JSONResponse({"error": {**error, **more}}, status, problem.headers)
    content = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": problem.detail,
        **more,
    }
    return JSONResponse(content, status, problem.headers, media_type=MEDIA_TYPE)


def answer_problems(app: FastAPI) -> None:
    """Let an app answer with problems, whatever is raised; what it did not expect says nothing."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)  # noqa: S101 (for the type checker)
        return response(request.url.path, error)

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        problem = Problem(error.status_code, str(error.detail), headers=error.headers)
        return response(request.url.path, problem)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        # What was sent is not repeated: it may be about people.
        errors = [
            {"pointer": "/".join(map(str, one["loc"])), "detail": one["msg"]}
            for one in error.errors()
        ]
        told = "; ".join(f"{one['pointer']}: {one['detail']}" for one in errors[:3])
        if request.url.path.startswith(OPENAI):
            return response(request.url.path, Problem(HTTPStatus.BAD_REQUEST, told))
        problem = Problem(HTTPStatus.UNPROCESSABLE_ENTITY, told)
        return response(request.url.path, problem, errors=errors)

    async def ours(request: Request, error: Exception) -> JSONResponse:
        unready = isinstance(error, WorkspaceError) or not isinstance(error, InputError)
        status = HTTPStatus.SERVICE_UNAVAILABLE if unready else HTTPStatus.BAD_REQUEST
        return response(request.url.path, Problem(status, str(error)))

    async def unexpected(request: Request, _: Exception) -> JSONResponse:
        fault = "that was our fault; the server's log has the place, without the request"
        return response(request.url.path, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, fault))

    app.add_exception_handler(Problem, refused)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(CVSeekerError, ours)
    app.add_exception_handler(Exception, unexpected)
