"""Who may ask: hosts, origins, tokens with their roles, sessions of people, and how often."""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.core.files import write_json
from cvseeker.serve.problems import Problem

Role = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = ("read", "write", "admin")
TOKENS = "tokens.json"
COOKIE, CSRF_HEADER = "cvseeker", "x-csrf-token"
LOGIN, LOGOUT = "/login", "/logout"
# A working day.
SESSION_SECONDS = 12 * 3600
_SESSIONS = 10_000
# What anybody may ask: whether the server is up, and what the page to sign in at is made of.
_OPEN = ("/healthz", "/readyz")
_STATIC = "/static/"
_SAFE = ("GET", "HEAD", "OPTIONS")
_OF_ADMINS = ("/api/log", "/history")
_PEOPLE = ("/api/candidates", "/people")
# What is posted because it is long.
_READING = ("/api/search", "/api/requirements", "/v1/embeddings", "/hits", "/job-text", LOGOUT)
_NETLOC = re.compile(r"(\[[\da-fA-F:.]+\]|[\w.-]+)(?::\d*)?", re.ASCII)
# Clients whose rate is remembered; the longest idle is forgotten.
_CLIENTS = 10_000


class Tokens:
    """The tokens of a workspace, of which only hashes are kept; they are 256 random bits."""

    def __init__(self, workspace: Path) -> None:
        self._path = workspace / TOKENS

    def __bool__(self) -> bool:
        return bool(self._read())

    def add(self, name: str, role: Role, *, until: date | None = None) -> str:
        """Make a token, which is shown this once; ``until`` is the last day of its use."""
        known = self._read()
        if not name.isprintable() or not name.strip() or name in known:
            raise InputError(f"the token's name {name!r} is taken or empty; expected a new one")
        token = secrets.token_urlsafe(32)
        row = {"role": role, "sha256": _hashed(token)}
        row |= {} if until is None else {"until": until.isoformat()}
        write_json(self._path, {**known, name: row})
        return token

    def remove(self, name: str) -> None:
        """Let nobody use a token any more."""
        known = self._read()
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise InputError(f"no token is named {name!r}; there are: {names}")
        del known[name]
        write_json(self._path, known)

    def names(self) -> dict[str, Role]:
        """Return name → role."""
        return {name: row["role"] for name, row in self._read().items()}  # type: ignore[misc]

    def find(self, token: str) -> tuple[str, Role] | None:
        """Return the name and role of a token; ``None``: there is none such, or no longer."""
        return self.find_hash(_hashed(token))

    def find_hash(self, digest: str) -> tuple[str, Role] | None:
        """Return the name and role of the token with a hash."""
        today = datetime.now(UTC).date().isoformat()
        for name, row in self._read().items():
            if hmac.compare_digest(row["sha256"], digest) and row.get("until", today) >= today:
                return name, row["role"]  # type: ignore[return-value]
        return None

    def _read(self) -> dict[str, dict[str, str]]:
        if not self._path.is_file():
            return {}
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            fine = all(row["role"] in ROLES and row["sha256"] for row in rows.values())
        except (ValueError, TypeError, AttributeError, KeyError):
            fine = False
        if not fine:
            raise WorkspaceError(f"{self._path}: damaged; delete it and make tokens anew")
        return dict(rows)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; ``csrf`` is what a session's forms must send, empty for whoever has none."""

    name: str = ""
    role: Role | None = None
    csrf: str = ""

    def may(self, role: Role) -> bool:
        """Tell whether that suffices for what a role is asked for."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)


class Sessions:
    """Who has signed in at the page: hashes of cookies, in memory, so that a restart ends all.

    A session ends after a working day, with its token, and when it is signed out of.
    """

    def __init__(self, tokens: Tokens, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens, self._clock = tokens, clock
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def begin(self, token: str) -> str | None:
        """Return a new cookie for a token; ``None``: that opens nothing."""
        if self._tokens.find(token) is None:
            return None
        cookie = secrets.token_urlsafe(32)
        self._open[_hashed(cookie)] = _hashed(token), self._clock() + SESSION_SECONDS
        if len(self._open) > _SESSIONS:
            self._open.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Caller | None:
        """Return whose session a cookie is."""
        token, until = self._open.get(_hashed(cookie), ("", 0.0))
        found = self._tokens.find_hash(token) if self._clock() < until else None
        if found is None:
            self.end(cookie)
            return None
        return Caller(*found, csrf=hmac.digest(cookie.encode(), b"csrf", "sha256").hex())

    def end(self, cookie: str) -> None:
        """Let nobody use a cookie any more."""
        self._open.pop(_hashed(cookie), None)


@dataclass(slots=True)
class RateLimit:
    """A bucket a client: ``burst`` requests at once, ``per_second`` in the long run."""

    per_second: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, client: str) -> float:
        """Take one from the client's bucket, and return the seconds to wait if there is none."""
        now = self.clock()
        left, then = self._buckets.pop(client, (float(self.burst), now))
        left = min(float(self.burst), left + (now - then) * self.per_second)
        short = max(0.0, 1 - left) / self.per_second
        self._buckets[client] = (left if short else left - 1, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return short


class AccessMiddleware:
    """Refuses foreign hosts and origins, unknown tokens, roles that do not suffice, and haste."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: Sessions,
        tokens: Tokens,
        hosts: Collection[str],
        limit: RateLimit,
        open_to_all: bool,
        refuse: Callable[[Request, Problem], Response],
    ) -> None:
        self._app, self._refuse = app, refuse
        self._sessions, self._tokens = sessions, tokens
        self._hosts = {host.lower() for host in hosts}
        self._limit = limit
        self._open_to_all = open_to_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer with a refusal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            self._check(request)
        except Problem as problem:
            await self._refuse(request, problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        host = _host(request.headers.get("host", ""))
        if host not in self._hosts:
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"host {host!r} is not served here; start with --allow-host {host}",
            )
        _check_origin(request.headers, host, method=request.method)
        caller, path = self._caller(request), request.url.path
        request.scope["state"] = {**request.scope.get("state", {}), "caller": caller}
        if path in _OPEN or path.startswith(_STATIC):
            return
        if path != LOGIN:
            _check_caller(caller, request)
        client = caller.name or (request.client.host if request.client else "")
        if wait := self._limit.wait(client):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"too many requests; come again in {wait:.0f} s or later",
                headers={"Retry-After": str(max(1, round(wait + 0.5)))},
            )

    def _caller(self, request: Request) -> Caller:
        """Return who asks, and as what."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if found := self._tokens.find(token.strip()):
                return Caller(*found)
        elif (cookie := request.cookies.get(COOKIE)) and (session := self._sessions.find(cookie)):
            return session
        # OpenAI's clients send a key wherever they ask: while there is no token, none is wrong.
        free = self._open_to_all and not (token and self._tokens)
        return Caller(role="admin" if free else None)


def _check_caller(caller: Caller, request: Request) -> None:
    """Refuse whoever is nobody, may not, or whose browser was made to ask by another page."""
    if not caller.role:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "expected Authorization: Bearer TOKEN; make a token: cvseeker token NAME -w DIR",
            headers={"WWW-Authenticate": "Bearer"},
        )
    sent = request.headers.get(CSRF_HEADER, "")
    is_ours = not caller.csrf or hmac.compare_digest(sent.encode(), caller.csrf.encode())
    if request.method not in _SAFE and not is_ours:
        raise Problem(HTTPStatus.FORBIDDEN, "no page of this session sent that; load it again")
    if not caller.may(needed := _needed(request)):
        raise Problem(
            HTTPStatus.FORBIDDEN, f"the role {caller.role!r} may not; expected {needed!r}"
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def served_hosts(host: str, allowed: Collection[str]) -> frozenset[str]:
    """Return the names under which a server may be asked."""
    own = {host.strip("[]").lower()} - {"0.0.0.0", "::"}
    return frozenset({"localhost", "127.0.0.1", "::1", *own, *map(str.lower, allowed)})


def _check_origin(headers: Headers, host: str, *, method: str) -> None:
    """Refuse what another site's page sends, with whatever cookies the browser adds."""
    origin = headers.get("origin", "")
    foreign = bool(origin) and _host(urlsplit(origin).netloc) != host
    if foreign or (method not in _SAFE and headers.get("sec-fetch-site", "") == "cross-site"):
        raise Problem(HTTPStatus.FORBIDDEN, "the request comes from another site's page")


def _host(netloc: str) -> str:
    """Return a host without its port; empty for what is none, such as one with a path behind it."""
    found = _NETLOC.fullmatch(netloc)
    return found[1].strip("[]").lower() if found else ""


def _needed(request: Request) -> Role:
    """Return the role that a request asks for: whatever changes something, more than reading."""
    path = request.url.path
    if path.startswith(_OF_ADMINS) or (request.method == "DELETE" and path.startswith(_PEOPLE)):
        return "admin"
    return "read" if request.method in _SAFE or path.startswith(_READING) else "write"


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
