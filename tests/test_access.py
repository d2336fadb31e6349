from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.serve.access import (
    SESSION_SECONDS,
    AccessMiddleware,
    RateLimit,
    Sessions,
    Tokens,
    is_loopback,
    served_hosts,
)
from cvseeker.serve.problems import response

OF_ADMINS = ["DELETE /api/candidates/1", "GET /api/log", "GET /history"]


def client(workspace: Path, *, open_to_all: bool = True, burst: int = 1000) -> TestClient:
    async def answer(request: object) -> PlainTextResponse:
        return PlainTextResponse("fine")

    methods = ["GET", "POST", "DELETE"]
    routes = [Route("/{path:path}", answer, methods=methods)]
    tokens = Tokens(workspace)
    app = AccessMiddleware(
        Starlette(routes=routes),
        sessions=Sessions(tokens),
        tokens=tokens,
        hosts=served_hosts("127.0.0.1", ["cv.example"]),
        limit=RateLimit(1.0, burst),
        open_to_all=open_to_all,
        refuse=lambda request, problem: response(request.url.path, problem),
    )
    return TestClient(app, base_url="http://localhost:8000")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "CV.example:443"])
def test_known_hosts_are_served(tmp_path: Path, host: str) -> None:
    assert client(tmp_path).get("/", headers={"Host": host}).text == "fine"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "localhost:1/healthz?",
        "[::1]/healthz?",
        "localhost@evil.example",
        "localhost:1:2",
    ],
)
def test_foreign_hosts_are_refused(tmp_path: Path, host: str) -> None:
    answer = client(tmp_path).get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_others_change_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    assert client(tmp_path).post("/api/search", headers=headers).status_code == 403


def test_our_own_page_may(tmp_path: Path) -> None:
    headers = {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}
    assert client(tmp_path).post("/api/search", headers=headers).text == "fine"


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("read", ["POST /shortlists/add", *OF_ADMINS]),
        ("write", OF_ADMINS),
        ("admin", []),
    ],
)
def test_a_role_may_what_it_is_for(tmp_path: Path, role: str, refused: list[str]) -> None:
    token = Tokens(tmp_path).add("somebody", role)  # type: ignore[arg-type]
    served = client(tmp_path, open_to_all=False)
    requests = ["GET /", "POST /api/search", "POST /v1/embeddings", "POST /shortlists/add"]
    requests += ["DELETE /api/candidates/1", "GET /api/log", "GET /history"]
    headers = {"Authorization": f"Bearer {token}"}
    for request in requests:
        method, path = request.split()
        status = served.request(method, path, headers=headers).status_code
        assert status == (403 if request in refused else 200), request


def test_without_a_token_only_the_state_is_told(tmp_path: Path) -> None:
    served = client(tmp_path, open_to_all=False)
    assert served.get("/healthz").status_code == served.get("/readyz").status_code == 200
    answer = served.get("/api/facets", headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_wrong_token_opens_nothing_even_where_none_is_needed(tmp_path: Path) -> None:
    Tokens(tmp_path).add("somebody", "read")
    served = client(tmp_path)
    assert served.get("/").status_code == 200
    assert served.get("/", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_while_there_is_no_token_openais_clients_may_send_any_key(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/v1/models", headers={"Authorization": "Bearer none"})
    assert answer.text == "fine"


def test_only_hashes_of_tokens_are_kept(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    token = tokens.add("recruiting", "read")
    text = (tmp_path / "tokens.json").read_text(encoding="utf-8")
    assert token not in text
    assert (tmp_path / "tokens.json").stat().st_mode & 0o077 == 0
    assert tokens.find(token) == ("recruiting", "read")
    with pytest.raises(InputError, match="is taken or empty"):
        tokens.add("recruiting", "admin")
    tokens.remove("recruiting")
    assert tokens.find(token) is None
    assert not tokens
    with pytest.raises(InputError, match="no token is named 'recruiting'; there are: none"):
        tokens.remove("recruiting")


@pytest.mark.parametrize("text", ["[]", "{", '{"a": {"role": "king", "sha256": "0"}}', '{"a": 1}'])
def test_a_damaged_file_of_tokens_lets_nobody_in(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens.json").write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError, match="damaged"):
        Tokens(tmp_path).find("x")


def test_a_token_ends_after_its_last_day(tmp_path: Path) -> None:
    tokens, today = Tokens(tmp_path), datetime.now(UTC).date()
    last, over = (tokens.add(f"{day}", "read", until=today - timedelta(day)) for day in (0, 1))
    assert tokens.find(last) == ("0", "read")
    assert tokens.find(over) is None
    served = client(tmp_path, open_to_all=False)
    for token, status in ((last, 200), (over, 401)):
        headers = {"Authorization": f"Bearer {token}"}
        assert served.get("/api/facets", headers=headers).status_code == status


def test_a_session_ends_with_the_day_with_its_token_and_when_it_is_ended(tmp_path: Path) -> None:
    tokens, now = Tokens(tmp_path), [0.0]
    sessions = Sessions(tokens, clock=lambda: now[0])
    token = tokens.add("somebody", "write")
    assert sessions.begin("wrong") is None
    first, second, third = (sessions.begin(token) or "" for _ in range(3))
    callers = [sessions.find(cookie) for cookie in (first, second)]
    assert [one and (one.name, one.role) for one in callers] == [("somebody", "write")] * 2
    assert len({one.csrf for one in callers if one}) == 2
    assert sessions.find("") is sessions.find("wrong") is None
    sessions.end(first)
    assert sessions.find(first) is None
    now[0] = SESSION_SECONDS
    assert sessions.find(second) is None
    now[0] = 0
    assert sessions.find(second) is None, "what has ended has ended"
    tokens.remove("somebody")
    assert sessions.find(third) is None


def test_whoever_is_too_fast_waits(tmp_path: Path) -> None:
    served = client(tmp_path, burst=2)
    statuses = [served.get("/").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert int(served.get("/").headers["retry-after"]) >= 1


def test_a_bucket_fills_up_with_time() -> None:
    now = [0.0]
    limit = RateLimit(2.0, 1, clock=lambda: now[0])
    assert limit.wait("a") == 0
    assert limit.wait("a") == pytest.approx(0.5)
    assert limit.wait("b") == 0
    now[0] = 0.5
    assert limit.wait("a") == 0


@pytest.mark.parametrize(
    ("host", "own"),
    [
        *((own, True) for own in ("127.0.0.1", "127.9.9.9", "[::1]", "localhost")),
        *((foreign, False) for foreign in ("0.0.0.0", "192.168.1.5", "cv.example", "::")),
    ],
)
def test_only_this_machine_is_loopback(host: str, own: bool) -> None:
    assert is_loopback(host) == own
