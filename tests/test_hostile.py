"""Servers that mean no good: every attack ends soon, in little memory, with one line."""

import asyncio
import gzip
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cvseeker.core.errors import LlmError
from cvseeker.llm.batch import api as api_module
from cvseeker.llm.batch.api import BatchApi
from cvseeker.llm.dialect import Dialect
from cvseeker.llm.embeddings import open_transport
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.ledger import Ledger
from cvseeker.llm.request import (
    Answer,
    ChatRequest,
    ChatTask,
    EmbeddingRequest,
    EmbeddingTask,
    SendError,
)
from cvseeker.llm.transport import ChatTransport
from hostile_server import MIB, Attack, HostileServer, answer, bomb, endless
from llm_runs import KEY, KEY_ENV, send

OK = "HTTP/1.1 200 OK\r\n"
CHUNKED = f"{OK}Transfer-Encoding: chunked\r\n\r\n"
COMPLETION = '{"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}'
CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"
DEEP = "[" * 100_000
SECONDS = 2.0
TASK = ChatTask("queries", "Write JSON.", {"type": "object"}, 50)


@pytest.fixture
def server(running: HostileServer, monkeypatch: pytest.MonkeyPatch) -> HostileServer:
    monkeypatch.setenv(KEY_ENV, KEY)
    running.sent, running.requests = 0, []
    return running


def drip(first: str, piece: bytes = b" ") -> Iterator[bytes]:
    for part in endless(first, piece):
        yield part
        time.sleep(0.1)


def ask(url: str) -> Answer:
    async def run() -> Answer:
        endpoint = Endpoint("m", url, KEY_ENV, SECONDS)
        transport = ChatTransport(endpoint, TASK, dialect=Dialect(), connections=4)
        try:
            return await transport.send(ChatRequest("k", "p1", "a passage"))
        finally:
            await transport.close()

    return asyncio.run(run())


def once(*pieces: bytes | str) -> Attack:
    return lambda: [piece.encode() if isinstance(piece, str) else piece for piece in pieces]


def moved(status: int, where: str) -> Attack:
    return once(answer("", f"Location: {where}", status=f"{status} Moved"))


LONG, LOST, LATE = "reply longer than 16 MiB", "connection lost", "time-out"
NO_COMPLETION = "answer is no chat completion"
ATTACKS: dict[str, tuple[Attack, str]] = {
    "endless chunks": (lambda: endless(CHUNKED, CHUNK), LONG),
    "3 GB": (lambda: endless(f"{OK}Content-Length: 3000000000\r\n\r\n", b" " * MIB), LONG),
    "neither length nor end": (lambda: endless(f"{OK}\r\n", b" " * MIB), LONG),
    "gzip bomb": (once(answer(bomb(1024 * MIB), "Content-Encoding: gzip")), LONG),
    "gzip bomb as an error": (
        once(answer(bomb(64 * MIB), "Content-Encoding: GZIP", status="400 Bad")),
        LONG,
    ),
    "gzip in gzip": (
        once(answer(bomb(64 * MIB), "Content-Encoding: gzip, gzip")),
        "packed in a way that was not asked for",
    ),
    "another packing": (
        once(answer(b"x", "Content-Encoding: br")),
        "packed in a way that was not asked for",
    ),
    "no gzip after all": (once(answer("{}", "Content-Encoding: gzip")), "cannot be unpacked"),
    "endless error": (lambda: endless("HTTP/1.1 500 Oh\r\n\r\n", b"x" * MIB), LONG),
    "endless refusal": (lambda: endless("HTTP/1.1 401 No\r\n\r\n", b"x" * MIB), LONG),
    "endless headers": (lambda: endless(OK, b"X-A: b\r\n" * 1000), LOST),
    "an endless header": (lambda: endless(f"{OK}X-A: ", b"b" * 65536), LOST),
    "an endless status": (lambda: endless("HTTP/1.1 200 ", b"O" * 65536), LOST),
    "endless interim answers": (
        lambda: endless("", b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
        f"{LATE}|{LOST}",
    ),
    # Whichever comes first: the reader's limit, or on a busy machine the time-out.
    "an endless chunk size": (
        lambda: endless(f"{CHUNKED}1", b"0" * 65536),
        f"{LATE}|{LOST}",
    ),
    "dripping headers": (lambda: drip(OK, b"X-A: b\r\n"), LATE),
    "a dripping header": (lambda: drip(f"{OK}X-A: ", b"b"), LATE),
    "a dripping body": (lambda: drip(f"{OK}Content-Length: 9999\r\n\r\n"), LATE),
    "dripping chunks": (lambda: drip(CHUNKED, b"1\r\n \r\n"), LATE),
    "a dripping error": (lambda: drip("HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\n"), LATE),
    "another protocol": (once("SSH-2.0-OpenSSH_9.6\r\n"), LOST),
    "nothing": (once(), LOST),
    "zeros": (once(b"\0" * 4096), LOST),
    "half an answer": (once(f"{OK}Content-Length: 99\r\n\r\n{{"), LOST),
    "a status of its own": (once("HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"), "999"),
    "no number for a status": (once("HTTP/1.1 OK\r\n\r\n"), LOST),
    "two lengths": (once(f"{OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}"), LOST),
    "a negative length": (once(f"{OK}Content-Length: -1\r\n\r\n{{}}"), LOST),
    "no chunk size": (once(f"{CHUNKED}zz\r\n"), LOST),
    "another protocol wanted": (once("HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"), "."),
    "no content": (once(answer("", status="204 No Content")), NO_COMPLETION),
    "no JSON": (once(answer("<html>It works!</html>")), NO_COMPLETION),
    "deep JSON": (once(answer(DEEP)), NO_COMPLETION),
    "deep JSON as an error": (once(answer(DEEP, status="400 Bad")), "400"),
    "a number without end": (once(answer('{"choices": ' + "9" * 9000 + "}")), NO_COMPLETION),
    "wrong types": (once(answer('{"choices": {"0": [NaN]}}')), NO_COMPLETION),
    "an error of wrong types": (
        once(answer('{"error": {"message": [1], "code": {"a": []}}}', status="400 Bad")),
        "400",
    ),
    "a charset that unpacks": (
        once(answer(bomb(MIB), "Content-Type: application/json; charset=zlib")),
        NO_COMPLETION,
    ),
    "a charset that unpacks an error": (
        once(answer("x", "Content-Type: text/plain; charset=hex", status="400 Bad")),
        "400",
    ),
    "a wait for ever": (
        once(answer("{}", "Retry-After: 1e300", status="503 Busy")),
        r"server error \(503\)",
    ),
    "a web server of another sort": (
        once(answer("<html>", status="501 Unsupported method ('POST')")),
        r"is no OpenAI-compatible address \(501",
    ),
    "another host": (moved(307, "http://evil.example/v1/chat"), r"on to evil\.example \(307\)"),
    "another port": (moved(308, "http://127.0.0.1:9/v1"), r"on to 127\.0\.0\.1 \(308\)"),
    "another host, to be got": (moved(302, "https://evil.example/"), "not followed"),
    "in circles": (moved(307, "/v1/chat/completions"), r"on to itself \(307\)"),
    "to no address": (moved(301, "http://[::1/\u202e"), "on to nowhere"),
    "to a host that writes on": (moved(307, "http://evil\u202e\x1b[31m.example/"), "not followed"),
    "with a password": (moved(307, f"http://a:{KEY}@evil.example/{KEY}"), "not followed"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_one_line_soon_and_in_little_memory(server: HostileServer, name: str) -> None:
    server.attack, told = ATTACKS[name]
    began = time.monotonic()
    with pytest.raises(SendError, match=told) as caught:
        ask(server.url)
    reason = caught.value.reason
    assert time.monotonic() - began < SECONDS + 3
    assert server.sent < 40 * MIB  # what was read, and what lay in the sockets
    assert len(reason) < 500
    assert reason.isprintable()
    assert KEY not in reason
    assert len(server.requests) <= 5  # never posted on


def test_a_completion_that_is_packed_is_read(server: HostileServer) -> None:
    packed = gzip.compress(COMPLETION.encode())
    for pieces in ([packed], [packed[:9], packed[9:40], packed[40:]]):
        whole = f"{OK}Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        server.attack = once(whole, *pieces)
        assert ask(server.url).content == "{}"
    assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()


def test_a_key_that_is_repeated_is_not_kept(server: HostileServer) -> None:
    body = COMPLETION.replace("{}", f"{{'{KEY}': 'Bearer {KEY}'}}")
    server.attack = once(answer(body, f"X-Key: {KEY}"))
    found = ask(server.url)
    assert KEY not in repr(found)
    assert "***" in found.content


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        ("endless chunks", r"no usable reply from 'fake-llm' \(reply longer than 16 MiB\)"),
        ("a web server of another sort", r"is no OpenAI-compatible address \(501.*\(--llm-url\)"),
        ("another host", r"sends requests on to evil\.example \(307\), .* \(--llm-url\)"),
    ],
)
def test_a_run_is_ended_by_its_first_request_in_a_line(
    server: HostileServer, tmp_path: Path, attack: str, told: str
) -> None:
    server.attack, _ = ATTACKS[attack]
    with pytest.raises(LlmError, match=told) as caught:
        send(server.url, tmp_path / "ledger.sqlite", 50)
    assert str(caught.value).isprintable()
    assert len(server.requests) == 1
    with Ledger(tmp_path / "ledger.sqlite") as book:
        assert sum(1 for _ in book.rows(outcomes=["ok"])) == 0


def test_a_server_that_may_be_only_slow_is_told_so(server: HostileServer, tmp_path: Path) -> None:
    server.attack, _ = ATTACKS["a dripping body"]
    with pytest.raises(
        LlmError, match=r"\(time-out\); .* allow it more than 0.5 seconds \(--timeout\)"
    ):
        send(server.url, tmp_path / "ledger.sqlite", timeout_seconds=0.5, broken_attempts=1)


def vectors(*rows: str, usage: str = '{"prompt_tokens": 3}') -> Attack:
    return once(answer(f'{{"data": [{", ".join(rows)}], "usage": {usage}}}'))


def row(index: object, numbers: object) -> str:
    return f'{{"index": {index}, "embedding": {numbers}}}'


GOOD, OTHER = row(0, "[1, 0]"), row(1, "[0, 1]")
VECTORS: dict[str, tuple[Attack, str]] = {
    "endless": (lambda: endless(CHUNKED, CHUNK), r"reply longer than 2 MiB"),
    "bomb": (once(answer(bomb(256 * MIB), "Content-Encoding: gzip")), "reply longer than 2 MiB"),
    "redirected": (moved(307, "http://evil.example/"), r"evil.example.*\(--embedding-url\)"),
    "no JSON": (once(answer("<html>")), "the reply is not JSON"),
    "deep": (once(answer(DEEP)), "the reply is not JSON"),
    "deep vectors": (vectors(row(0, "[" * 400 + "]" * 400), OTHER), "not a list of numbers"),
    "a list": (once(answer("[]")), "no list 'data'"),
    "no list": (once(answer('{"data": {"0": [1]}}')), "no list 'data'"),
    "too few": (vectors(GOOD), "1 of 2 rows are missing"),
    "none": (vectors(), "2 of 2 rows are missing"),
    "too many": (vectors(GOOD, OTHER, row(2, "[1, 0]")), "index is not among the 2 texts"),
    "twice": (vectors(GOOD, OTHER, GOOD), "two rows have one index"),
    "not a number": (vectors(GOOD, row(1, "[NaN, 1]")), "holds NaN"),
    "infinite": (vectors(GOOD, row(1, "[1e999, 1]")), "infinite"),
    "zeros": (vectors(GOOD, row(1, "[0, 0]")), "all zeros"),
    "words": (vectors(GOOD, row(1, '["a", "b"]')), "not a list of numbers"),
    "empty": (vectors(GOOD, row(1, "[]")), "not a list of numbers"),
    "no rows": (vectors("1", "null"), "index is not among"),
    "a digit string": (vectors(row(0, "9" * 9000), OTHER), "the reply is not JSON"),
    "another length": (vectors(GOOD, row(1, "[1, 2, 3]")), "gave 3 numbers a text; expected 2"),
}


def embed(url: str, cache: Path) -> Answer:
    async def run() -> Answer:
        endpoint = Endpoint("m", url, KEY_ENV, SECONDS, url_option="--embedding-url")
        transport = open_transport(endpoint, EmbeddingTask(), cache=cache, connections=2)
        try:
            found = await transport.send(EmbeddingRequest("k", "2 texts", ("a", "b")))
            transport.read(found)
            return found
        finally:
            await transport.close()

    return asyncio.run(run())


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_that_are_none_are_one_line(
    server: HostileServer, tmp_path: Path, name: str
) -> None:
    server.attack, told = VECTORS[name]
    began = time.monotonic()
    with pytest.raises(SendError, match=told) as caught:
        embed(server.url, tmp_path / "cache.sqlite")
    assert time.monotonic() - began < SECONDS + 3
    assert server.sent < 24 * MIB
    assert caught.value.reason.isprintable()


@pytest.mark.parametrize("tokens", ["1e300", "-5", "9" * 400, "true", '"many"', "[1]", "NaN"])
def test_odd_counts_of_tokens_spoil_no_vectors(
    server: HostileServer, tmp_path: Path, tokens: str
) -> None:
    server.attack = vectors(GOOD, OTHER, usage=f'{{"prompt_tokens": {tokens}}}')
    found = embed(server.url, tmp_path / "cache.sqlite")
    assert 0 <= found.prompt_tokens <= 10**9


def test_a_proxy_is_used_only_where_the_environment_says(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.attack = once(answer(COMPLETION))
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert ask("http://llm.example.com/v1").content == "{}"
    assert server.requests[0].startswith(b"POST http://llm.example.com/v1/chat/completions")
    assert ask(server.url).content == "{}"
    assert server.requests[1].startswith(b"POST /v1/chat/completions")


BATCH = '{"id": "b", "status": "in_progress", "metadata": {"cvseeker": "n"}, "created_at": 1}'
CALLS: dict[str, Callable[[BatchApi], object]] = {
    "get": lambda api: api.get("b"),
    "find": lambda api: api.find("n", 2e9),
    "submit": lambda api: api.submit(io.BytesIO(b"{}\n"), "n"),
    "download": lambda api: api.download("f", io.BytesIO()),
}
BATCH_ATTACKS: dict[str, tuple[Attack, str, str]] = {
    "endless": (ATTACKS["endless chunks"][0], "get find submit", LONG),
    "bomb": (ATTACKS["gzip bomb"][0], "get find submit", LONG),
    "endless error": (ATTACKS["endless error"][0], "get find submit", LONG),
    "another host": (ATTACKS["another host"][0], "get find submit download", "not followed"),
    "dripping": (ATTACKS["dripping chunks"][0], "get find submit", LATE),
    "endless headers": (ATTACKS["endless headers"][0], "get find submit download", LOST),
    "another protocol": (ATTACKS["another protocol"][0], "get submit download", LOST),
    "half an answer": (ATTACKS["half an answer"][0], "get find download", LOST),
    "no JSON": (once(answer("<html>")), "get find submit", "none of a Batch API"),
    "a page": (
        once(answer("<html>", "Content-Type: text/html")),
        "get find submit",
        "none of a Batch API",
    ),
    "deep": (once(answer(DEEP, "Content-Type: application/json")), "get find submit", "none of"),
    "a list": (once(answer("[]", "Content-Type: application/json")), "get submit", "none of"),
    "wrong types": (
        once(
            answer(
                '{"id": {}, "status": [1], "request_counts": 5, "data": {"0": 1}}',
                "Content-Type: application/json",
            )
        ),
        "get find",
        "none of",
    ),
}


@pytest.mark.parametrize(
    ("name", "call"),
    [(name, call) for name, (_, calls, _) in BATCH_ATTACKS.items() for call in calls.split()],
)
def test_a_batch_api_that_means_no_good_is_one_line(
    server: HostileServer, name: str, call: str
) -> None:
    server.attack, _, told = BATCH_ATTACKS[name]
    pauses: list[float] = []
    endpoint = Endpoint("m", server.url, KEY_ENV, 0.5)
    began = time.monotonic()
    with (
        BatchApi(endpoint, pause=pauses.append) as api,
        pytest.raises(SendError, match=told) as caught,
    ):
        CALLS[call](api)
    assert time.monotonic() - began < 10
    assert len(pauses) <= 6
    assert caught.value.reason.isprintable()
    assert KEY not in caught.value.reason


def test_batches_without_end_are_not_listed_for_ever(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "_MOST_BATCHES", 5)
    row = BATCH.replace('"n"', '"another"').replace(": 1}", ": 9999999999}")
    page = f'{{"object": "list", "data": [{row}], "has_more": true}}'
    server.attack = once(answer(page, "Content-Type: application/json"))
    with BatchApi(Endpoint("m", server.url, KEY_ENV, SECONDS)) as api:
        assert api.find("n", 2.0) is None
    assert len(server.requests) <= 6
