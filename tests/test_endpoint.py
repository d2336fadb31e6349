"""Endpoints: addresses and keys are checked, every failure has its sort, and no key is told."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import InputError
from cvseeker.llm.dialect import Dialect
from cvseeker.llm.endpoint import Endpoint, check_url, is_local, is_own
from cvseeker.llm.failures import retry_after
from cvseeker.llm.request import (
    Answer,
    BrokenError,
    BusyError,
    ChatRequest,
    ChatTask,
    FatalError,
    RejectedError,
    SendError,
    UnreachableError,
)
from cvseeker.llm.transport import ChatTransport
from hostile_server import HostileServer, answer
from llm_runs import KEY, KEY_ENV

TASK = ChatTask("queries", "Write JSON.", {"type": "object"}, 50, temperature=0.0)
OK = {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
Reply = tuple[int, dict[str, str], str]


@pytest.fixture
def server(running: HostileServer, monkeypatch: pytest.MonkeyPatch) -> HostileServer:
    monkeypatch.setenv(KEY_ENV, KEY)
    running.requests = []
    return running


def script(server: HostileServer, *replies: Reply | Callable[[dict[str, Any]], Reply]) -> None:
    """Have each request answered with the next of some replies; no status closes the connection."""
    left = list(replies)

    def attack() -> list[bytes]:
        reply = left.pop(0)
        body = json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])
        status, headers, text = reply(body) if callable(reply) else reply
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return [answer(text, *lines, status=f"{status} x")] if status else []

    server.attack = attack


def error(message: str, *, code: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "type": "error", "param": None, "code": code}})


def ask(
    url: str, *, dialect: Dialect | None = None, seconds: float = 5.0
) -> tuple[Answer, Dialect]:
    async def run() -> tuple[Answer, Dialect]:
        endpoint = Endpoint("m", url, KEY_ENV, seconds)
        transport = ChatTransport(endpoint, TASK, dialect=dialect or Dialect(), connections=4)
        try:
            found = await transport.send(ChatRequest("k", "p1", "a passage"))
        finally:
            await transport.close()
        return found, transport.dialect

    return asyncio.run(run())


def failure(server: HostileServer, *replies: Reply, **options: Any) -> SendError:
    script(server, *replies)
    with pytest.raises(SendError) as caught:
        ask(server.url, **options)
    assert KEY not in caught.value.reason
    assert "\n" not in caught.value.reason
    return caught.value


def test_an_answer_comes_and_nothing_is_told_of_this_machine(server: HostileServer) -> None:
    script(server, (200, {}, json.dumps(OK)))
    found, dialect = ask(server.url)
    assert (found.content, dialect) == ("{}", Dialect())
    headers = server.requests[0].partition(b"\r\n\r\n")[0].lower()
    assert f"\r\nauthorization: bearer {KEY}\r\n".encode() in headers
    assert b"x-stainless" not in headers


@pytest.mark.parametrize(
    ("status", "code", "sort", "told"),
    [
        (400, "context_length_exceeded", RejectedError, "400: "),
        (413, None, RejectedError, "413: "),
        (422, None, RejectedError, "422: "),
        (401, "invalid_api_key", FatalError, f"{KEY_ENV} was refused .* --llm-key-env"),
        (402, None, FatalError, "no credit left .* add some"),
        (403, None, FatalError, "may not do this"),
        (404, "model_not_found", FatalError, "knows no model 'm'.*/models"),
        (405, None, FatalError, "no OpenAI-compatible address"),
        (501, None, FatalError, "no OpenAI-compatible address"),
        (429, "insufficient_quota", FatalError, "no credit left"),
        (429, "rate_limit_exceeded", BusyError, "429"),
        (408, None, BrokenError, "408"),
        (500, None, BrokenError, "500"),
        (503, None, BrokenError, "503"),
        (529, None, BrokenError, "529"),
    ],
)
def test_every_status_has_its_sort(
    server: HostileServer, status: int, code: str | None, sort: type[SendError], told: str
) -> None:
    found = failure(server, (status, {}, error(f"Sorry.\nYour key {KEY} says no.", code=code)))
    assert type(found) is sort
    assert re.search(told, found.reason)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "told", ["sk-live-abcdefgh12345", "Bearer abcdefgh12345", "sk-pro****mnop"]
)
def test_other_keys_are_not_told_either(server: HostileServer, told: str) -> None:
    found = failure(server, (403, {}, error(f"Incorrect key: {told}.")))
    assert told.removeprefix("Bearer ") not in found.reason
    assert "***" in found.reason


def test_a_page_instead_of_an_error_becomes_one_line(server: HostileServer) -> None:
    found = failure(server, (404, {}, "<html>\n<body>\n" + "Not here\n" * 500))
    assert isinstance(found, FatalError)
    assert len(found.reason) < 600


def test_half_a_surrogate_pair_in_an_error_can_be_written_down(server: HostileServer) -> None:
    found = failure(server, (400, {}, '{"error": {"message": "bad \\ud800 text"}}'))
    assert found.reason.encode().endswith(b"bad ? text")


@pytest.mark.parametrize("text", ["", "<html>It works!</html>", "{}", '{"error": {"code": 502}}'])
def test_a_200_without_a_completion_is_broken(server: HostileServer, text: str) -> None:
    assert type(failure(server, (200, {}, text))) is BrokenError


def test_a_reset_and_a_time_out_are_broken(server: HostileServer) -> None:
    assert failure(server, (0, {}, "")).reason == "connection lost"

    def stall(body: dict[str, Any]) -> Reply:
        time.sleep(0.6)
        return 0, {}, ""

    script(server, stall)
    began = time.monotonic()
    with pytest.raises(BrokenError, match="time-out"):
        ask(server.url, seconds=0.2)
    assert time.monotonic() - began < 3


def test_nobody_there_is_unreachable(server: HostileServer) -> None:
    with pytest.raises(UnreachableError, match="nobody answers"):
        ask("http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-4"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "9" * 300}, 86400.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86400.0),
        ({"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, 0.0),
        ({"retry-after": ":" * 9999}, 0.0),
        ({"retry-after": "inf"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0.0),
        ({"retry-after": "Fri, 99 Dec 1999"}, 0.0),
    ],
)
def test_servers_say_when_to_come_again(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers) == seconds


def test_a_date_says_when_to_come_again(server: HostileServer) -> None:
    when = formatdate(time.time() + 60, usegmt=True)
    found = failure(server, (429, {"Retry-After": when}, error("slow down")))
    assert isinstance(found, BusyError)
    assert 55 < found.retry_after <= 60


def picky(*unknown: str) -> Callable[[dict[str, Any]], Reply]:
    """Refuse the first thing that a request has and the server does not know."""

    def reply(body: dict[str, Any]) -> Reply:
        words = [*body, str(body.get("response_format", {}).get("type"))]
        for name in unknown:
            if name in words:
                return 400, {}, error(f"Unsupported: '{name}'. For JSON use 'response_format'.")
        return 200, {}, json.dumps(OK)

    return reply


@pytest.mark.parametrize(
    ("unknown", "dialect", "requests"),
    [
        ([], Dialect(), 1),
        (["max_tokens"], Dialect(token_parameter="max_completion_tokens"), 2),
        (["temperature"], Dialect(temperature=False), 2),
        (["json_schema"], Dialect("json_object"), 2),
        (["json_schema", "json_object"], Dialect("text"), 3),
        (
            ["temperature", "max_tokens", "max_completion_tokens", "response_format"],
            Dialect("text", "", temperature=False),
            6,
        ),
    ],
)
def test_what_a_server_refuses_is_left_out(
    server: HostileServer, unknown: list[str], dialect: Dialect, requests: int
) -> None:
    script(server, *[picky(*unknown)] * 9)
    assert ask(server.url)[1] == dialect
    assert len(server.requests) == requests
    script(server, picky(*unknown))
    assert ask(server.url, dialect=dialect)[1] == dialect


def test_a_refusal_of_something_else_is_no_reason_to_ask_again(server: HostileServer) -> None:
    found = failure(server, (400, {}, error("This model's context is 8192 tokens.")))
    assert isinstance(found, RejectedError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
        (" https://llm.example.com/openai/v1 ", "https://llm.example.com/openai/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
    ],
)
def test_addresses_are_taken(url: str, plain: str) -> None:
    assert check_url(url) == plain


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:11434",
        "ftp://example.com/v1",
        "http://",
        "http://[::1/v1",
        "http://localhost:99999/v1",
        "http://localhost:x/v1",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected an address such as"):
        check_url(url)


@pytest.mark.parametrize(
    "secret",
    [f"http://{KEY}@h/v1", f"http://a:{KEY}@h/v1", f"http://h?k={KEY}", f"http://h/v1#{KEY}"],
)
def test_an_address_with_a_secret_is_refused_without_telling_it(secret: str) -> None:
    with pytest.raises(InputError, match="expected the address alone") as caught:
        check_url(secret)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://127.example.com/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_addresses_of_this_machine_need_no_key(
    monkeypatch: pytest.MonkeyPatch, url: str, local: bool
) -> None:
    monkeypatch.delenv(KEY_ENV, raising=False)
    assert is_local(url) == local
    if local:
        assert Endpoint("m", url, KEY_ENV).key()
    else:
        with pytest.raises(InputError, match=rf"variable {KEY_ENV}; set it .*--llm-key-env"):
            Endpoint("m", url, KEY_ENV).key()


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://10.0.0.3:8000/v1", True),
        ("http://[fe80::1]/v1", True),
        ("http://gpu-box.local/v1", True),
        ("llama_index.llms.ollama.base.Ollama", True),
        ("http://8.8.8.8/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_servers_of_ones_own_are_told_from_others(url: str, own: bool) -> None:
    assert is_own(url) == own


@pytest.mark.parametrize("key", ["sk-schlüssel", "sk two words", "sk-a\nb", "“sk-quoted”"])
def test_what_cannot_be_a_key_is_refused_without_telling_it(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(KEY_ENV, key)
    with pytest.raises(InputError, match="holds a blank or a letter that no key has") as caught:
        Endpoint("m", "http://localhost/v1", KEY_ENV).key()
    assert key not in str(caught.value)


def test_the_key_is_in_no_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(KEY_ENV, f" {KEY}\n")
    endpoint = Endpoint("m", key_env=KEY_ENV)
    assert endpoint.key() == KEY
    assert KEY not in repr(endpoint)
