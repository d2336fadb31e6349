"""The server: routes, who may ask, and what is measured."""

import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from cvseeker import __version__
from cvseeker.core.errors import InputError
from cvseeker.serve import candidates, embeddings, lists, uploads
from cvseeker.serve.access import (
    AccessMiddleware,
    RateLimit,
    Sessions,
    Tokens,
    is_loopback,
    served_hosts,
)
from cvseeker.serve.pages import add_pages, refuse
from cvseeker.serve.problems import REFUSALS, Problem, answer_problems
from cvseeker.serve.service import Service

# Whoever still listens to what becomes of an upload is let go.
_ENDING_SECONDS = 5
# Larger than any job description; uploads have a limit of their own.
LARGEST_BODY = 5_000_000
# A person at a page sends a few a second; fifty persons behind one address, a hundred.
PER_SECOND, BURST = 50.0, 200
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # "no-referrer" would have forms of our own say that they come from nowhere.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def create_app(
    workspace: Path, *, host: str = "127.0.0.1", allowed_hosts: Collection[str] = ()
) -> FastAPI:
    """Return the application that serves a workspace.

    Parameters
    ----------
    workspace
        The folder.
    host
        The address that it listens on.
    allowed_hosts
        Other names under which it may be asked.

    Raises
    ------
    InputError
        If others than this machine reach the address, and the workspace has no token.
    """
    tokens = Tokens(workspace)
    if not is_loopback(host) and not tokens:
        raise InputError(
            f"{host}: others than this machine reach that address, and {workspace} has no token; "
            f"make one first: cvseeker token NAME -w {shlex.quote(str(workspace))}"
        )
    service = Service(workspace, searches=os.cpu_count() or 1)

    @asynccontextmanager
    async def working(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await run_in_threadpool(service.stop)

    app = FastAPI(
        lifespan=working,
        title="CVSeeker",
        version=__version__,
        summary="Search candidates in a workspace.",
        max_body_size=LARGEST_BODY,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    app.state.service, app.state.sessions = service, Sessions(tokens)
    answer_problems(app)
    app.include_router(candidates.router)
    app.include_router(lists.router)
    app.include_router(uploads.router)
    app.include_router(embeddings.embeddings_router("cvseeker", service.load_model))
    add_pages(app)
    _add_operation(app, service)
    app.add_middleware(
        AccessMiddleware,
        sessions=app.state.sessions,
        tokens=tokens,
        hosts=served_hosts(host, allowed_hosts),
        limit=RateLimit(PER_SECOND, BURST),
        open_to_all=is_loopback(host) and not tokens,
        refuse=refuse,
    )
    return app


def _add_operation(app: FastAPI, service: Service) -> None:
    """Tell operators whether it works and how much; count every answer."""

    @app.get("/healthz", tags=["operation"], operation_id="health")
    def health() -> dict[str, str]:
        """Say that the server is up."""
        return {"status": "up", "version": __version__}

    @app.get("/readyz", tags=["operation"], operation_id="ready")
    def ready() -> dict[str, str]:
        """Say that searches can be answered, or why not."""
        if reason := service.readiness():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        return {"status": "ready"}

    @app.get(
        "/metrics", response_class=PlainTextResponse, tags=["operation"], operation_id="metrics"
    )
    def metrics() -> str:
        """Tell Prometheus what was done."""
        return service.measures.text()

    @app.middleware("http")
    async def measure(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "other")
        service.measures.count(request.method, route, response.status_code)
        response.headers.update(_HEADERS)
        return response


def serve(
    workspace: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    allowed_hosts: Collection[str] = (),
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve a workspace until interrupted.

    Parameters
    ----------
    workspace
        The folder.
    host, port
        Where it listens.
    allowed_hosts
        Other names under which it may be asked.
    ready
        Called when nothing speaks against it any more.

    Raises
    ------
    InputError
        As :func:`create_app`, or if the port is taken.
    """
    import socket

    import uvicorn

    app = create_app(workspace, host=host, allowed_hosts=allowed_hosts)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(f"{host}:{port}: {error.strerror}; try another --port") from error
    ready()
    # Access logs would hold queries.
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_ENDING_SECONDS,
    )
