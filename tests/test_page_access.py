"""The page beyond this machine: signing in, what a session may, and what others make it send."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from selectolax.lexbor import LexborHTMLParser

from cvseeker.core.record import Record
from cvseeker.core.records import Resume
from cvseeker.serve import Tokens, create_app

HERE = "https://cv.example"


@contextmanager
def served(workspace: Path, address: str = HERE) -> Iterator[TestClient]:
    """Serve a workspace beyond this machine."""
    app = create_app(workspace, host="0.0.0.0", allowed_hosts=["cv.example"])
    with TestClient(app, base_url=address, follow_redirects=False) as client:
        yield client


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    with Record.make(tmp_path) as record, record.transaction():
        record.put(Resume("ana.txt", "Ana Prunk", source="ana.txt"), ())
    for role in ("read", "write", "admin"):
        (tmp_path / role).write_text(Tokens(tmp_path).add(role, role))  # type: ignore[arg-type]
    return tmp_path


def sign_in(client: TestClient, workspace: Path, role: str) -> dict[str, str]:
    """Sign in as a browser does; return the header that pages of the session send."""
    form = {"token": (workspace / role).read_text(), "to": "/shortlists"}
    answer = client.post("/login", data=form, headers={"Origin": str(client.base_url)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/shortlists")
    body = LexborHTMLParser(client.get("/shortlists").text).body
    assert body is not None
    return json.loads(body.attributes["hx-headers"] or "")


def test_whoever_has_no_session_is_sent_to_sign_in(workspace: Path) -> None:
    with served(workspace) as client:
        answer = client.get("/?q=a+b")
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            "/login?to=%2F%3Fq%3Da%2Bb",
        )
        page = client.get(answer.headers["location"])
        field = LexborHTMLParser(page.text).css_first("[name=to]")
        assert field.attributes["value"] == "/?q=a+b"
        part = client.post("/hits", data={"q": "a"}, headers={"HX-Request": "true"})
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login")
        assert client.get("/static/page.css").status_code == 200
        assert client.get("/api/facets").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("token", ["", "wrong", "over"])
def test_a_wrong_or_an_expired_token_opens_nothing(workspace: Path, token: str) -> None:
    if token == "over":
        yesterday = datetime.now(UTC).date() - timedelta(1)
        token = Tokens(workspace).add("over", "admin", until=yesterday)
    with served(workspace) as client:
        answer = client.post("/login", data={"token": token})
        assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
        assert "that token opens nothing" in answer.text
        assert client.get("/shortlists").status_code == 303


@pytest.mark.parametrize("address", [HERE, "http://cv.example"])
def test_the_cookie_is_for_this_server_alone(workspace: Path, address: str) -> None:
    with served(workspace, address) as client:
        form = {"token": (workspace / "read").read_text()}
        cookie = client.post("/login", data=form).headers["set-cookie"]
        assert form["token"] not in cookie
        attributes = {one.strip().lower() for one in cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= attributes
        assert ("secure" in attributes) == address.startswith("https")


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "x"])
def test_signing_in_leads_nowhere_else(workspace: Path, to: str) -> None:
    with served(workspace) as client:
        form = {"token": (workspace / "read").read_text(), "to": to}
        assert client.post("/login", data=form).headers["location"] == "/"


def test_a_session_changes_nothing_without_its_own_pages(workspace: Path) -> None:
    form = {"number": 1, "shortlist": "cooks"}
    with served(workspace) as other:
        foreign = sign_in(other, workspace, "write")
    with served(workspace) as client:
        own = sign_in(client, workspace, "write")
        for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, foreign):
            for path in ("/shortlists/add", "/hits", "/logout", "/api/search"):
                assert client.post(path, data=form, headers=headers).status_code == 403, path
        for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
            answer = client.post("/shortlists/add", data=form, headers={**own, name: value})
            assert answer.status_code == 403
        login = {"token": (workspace / "admin").read_text()}
        headers = {"Origin": "https://evil.example"}
        assert client.post("/login", data=login, headers=headers).status_code == 403
        assert client.get("/api/shortlists").json() == {}
        assert client.post("/shortlists/add", data=form, headers=own).status_code == 200
        assert client.get("/api/shortlists").json() == {"cooks": 1}


@pytest.mark.parametrize("role", ["read", "write", "admin"])
def test_the_page_offers_what_a_role_may(workspace: Path, role: str) -> None:
    with served(workspace) as client:
        headers = sign_in(client, workspace, role)
        links = LexborHTMLParser(client.get("/shortlists").text).css("header a")
        offered = {link.attributes["href"] for link in links}
        assert ("/upload" in offered) == (role != "read")
        assert ("/history" in offered) == (role == "admin")
        assert client.get("/history").status_code == (200 if role == "admin" else 403)
        status = client.delete("/people/99", headers=headers).status_code
        assert status == (404 if role == "admin" else 403)
        form = {"number": 1, "shortlist": "x"}
        answer = client.post("/shortlists/add", data=form, headers=headers)
        assert answer.status_code == (403 if role == "read" else 200)
        inputs = LexborHTMLParser(client.get("/shortlists?name=x").text).css("td input")
        assert len(inputs) == (0 if role == "read" else 2)


def test_whoever_signs_out_is_out(workspace: Path) -> None:
    with served(workspace) as client:
        headers, cookie = sign_in(client, workspace, "admin"), client.cookies["cvseeker"]
        said = [one["what"] for one in client.get("/api/log").json()]
        assert said == ["signed in"]
        answer = client.post("/logout", headers=headers)
        assert answer.headers["hx-redirect"] == "/login"
        client.cookies.set("cvseeker", cookie)
        assert client.get("/shortlists").headers["location"].startswith("/login")
