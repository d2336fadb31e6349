"""Signing in with a token, and out again."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response

from cvseeker.serve.access import COOKIE, LOGIN, LOGOUT, SESSION_SECONDS, Sessions
from cvseeker.serve.pages.html import page_router, render
from cvseeker.serve.visit import Visit, Visited

To = Annotated[str, Form(max_length=4000)]
router = page_router()


@router.get(LOGIN)
def login_page(visit: Visited, *, to: str = "/") -> Response:
    """Show where one signs in."""
    return render("login.html", visit, to=to, refusal="")


@router.post(LOGIN)
def login(
    visit: Visited, *, token: Annotated[str, Form(max_length=200)] = "", to: To = "/"
) -> Response:
    """Begin a session, by a cookie that no script reads and no other site's page sends."""
    sessions = _sessions(visit)
    cookie = sessions.begin(token.strip())
    begun = sessions.find(cookie) if cookie else None
    if cookie is None or begun is None:
        refusal = "that token opens nothing, or no longer does"
        return render("login.html", visit, status=HTTPStatus.UNAUTHORIZED, to=to, refusal=refusal)
    visit.service.log.add(begun.name, "signed in", {})
    response = RedirectResponse(to if _is_here(to) else "/", HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=_is_tls(visit.request),
    )
    return response


@router.post(LOGOUT)
def logout(visit: Visited) -> Response:
    """End the session."""
    _sessions(visit).end(visit.request.cookies.get(COOKIE, ""))
    visit.log("signed out")
    response = Response(headers={"HX-Redirect": LOGIN})
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def _sessions(visit: Visit) -> Sessions:
    sessions: Sessions = visit.request.app.state.sessions
    return sessions


def _is_here(to: str) -> bool:
    """Tell a path on this server from another's address."""
    return to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()


def _is_tls(request: Request) -> bool:
    """Tell whether the browser speaks TLS, to us or to a proxy before us."""
    return "https" in (request.url.scheme, request.headers.get("origin", "").partition(":")[0])
