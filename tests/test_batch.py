"""Requests through the Batch API: every outcome, restarts, budgets, servers without it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import LlmError
from cvseeker.llm.account import BUDGET, Job, SendCounts, SendSettings
from cvseeker.llm.batch import parts as batch_parts
from cvseeker.llm.batch import refuse_batched, send_batches
from cvseeker.llm.batch import send as batches
from cvseeker.llm.batch.api import BatchApi
from cvseeker.llm.batch.ledger import BatchLedger, Part
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.ledger import LedgerRow
from cvseeker.llm.request import ChatRequest, ChatTask, request_key
from cvseeker.llm.worker import send_all
from fake_llm.process import FakeServer

MODEL = "gpt-4o-mini"
KEY = "sk-test-0123456789abcdef"
SCHEMA = {
    "type": "object",
    "properties": {"questions": {"type": "array", "items": {"type": "string"}, "minItems": 3}},
    "required": ["questions"],
    "additionalProperties": False,
}
TASK = ChatTask("queries", "Write 3 queries.", SCHEMA, max_tokens=400)
# Trillionths of a dollar a token: 0.15 and 0.60 USD per million.
PRICE = (150_000, 75_000, 600_000)
PROMPT_TOKENS = 60


class Killed(BaseException):
    """What a test throws where a process would be killed."""


@pytest.fixture
def probed(llm_process: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(batches, "FIRST_PAUSE", 0.02)
    llm_process.reset(batch_seconds=0.05)
    return llm_process


@pytest.fixture
def server(probed: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """Have all requests in batches; the first one sent alone takes a process, and a second."""
    monkeypatch.setattr(batches, "_probe", lambda *job: (SendCounts(), 1.0))
    return probed


def make_requests(server: FakeServer, count: int) -> Callable[[], Iterable[ChatRequest]]:
    def make() -> Iterator[ChatRequest]:
        for number in range(count):
            text = f"<passage>\nBackend engineer {number}, Go and Kafka at Northwind\n</passage>"
            key = request_key(TASK, model=MODEL, url=server.url, text=text)
            yield ChatRequest(key, f"passage-{number}", text, PROMPT_TOKENS)

    return make


def send(
    server: FakeServer, ledger: Path, count: int = 12, *, budget: int | None = None, **options: Any
) -> SendCounts:
    return send_batches(
        options.pop("requests", None) or make_requests(server, count),
        Job(Endpoint(MODEL, server.url), TASK, SendSettings(price=PRICE, budget=budget), ledger),
        discount=Decimal("0.5"),
        **options,
    )


def send_live(server: FakeServer, ledger: Path, count: int = 12) -> SendCounts:
    settings = SendSettings(price=PRICE, reply_attempts=1, broken_attempts=1)
    job = Job(Endpoint(MODEL, server.url), TASK, settings, ledger)
    return send_all(make_requests(server, count)(), job)


def rows_of(ledger: Path) -> dict[str, LedgerRow]:
    with BatchLedger(ledger) as book:
        assert (book.under_way(), book.reserved()) == (0, 0)
        return {row.item: row for row in book.rows()}


def spent(ledger: Path) -> int:
    with BatchLedger(ledger) as book:
        return book.spent()


def kill(seconds: float) -> None:
    raise Killed


def test_a_batch_brings_what_single_requests_bring_at_half_the_price(
    probed: FakeServer, tmp_path: Path
) -> None:
    live, batch = tmp_path / "live.sqlite", tmp_path / "batch.sqlite"
    send_live(probed, live)
    notes: list[str] = []
    counts = send(probed, batch, changed=lambda counts, note: notes.append(note))
    assert (counts.outcomes, counts.stopped) == ({"ok": 12}, "")
    alone, together = rows_of(live), rows_of(batch)
    assert {item: row.reply for item, row in alone.items()} == {
        item: row.reply for item, row in together.items()
    }
    # The first was sent alone, to find out whether the endpoint can be used.
    modes = [row.mode for _, row in sorted(together.items())]
    assert sorted(modes) == ["batch"] * 11 + ["json_schema"]
    for item, row in together.items():
        assert row.cost == alone[item].cost / (2 if row.mode == "batch" else 1)
    assert counts.spent == spent(batch)
    assert "a batch at the provider, 0 of 11 answered; interrupted here, it goes on there" in notes
    stats = probed.stats()
    assert (len(stats["batches"]), stats["billed"]["requests"]) == (1, 24)
    # Nothing is left to be asked.
    assert send(probed, batch).sent == 0
    assert probed.stats()["others"] == stats["others"]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_fault_ends_with_the_outcome_of_single_requests(
    server: FakeServer, tmp_path: Path, seed: int
) -> None:
    server.reset(batch_seconds=0, fault_rate=0.5, seed=seed, stall=0.05)
    live, batch = tmp_path / "live.sqlite", tmp_path / "batch.sqlite"
    send(server, batch, 80)
    first = rows_of(batch)
    assert len(first) == 80
    reasons = {(row.outcome, row.reason) for row in first.values()}
    assert {
        ("ok", ""),
        ("refused", "the model declined"),
        ("unparsable", "empty reply"),
        ("unparsable", "reply is not JSON"),
        ("failed", "too many requests (429)"),
        ("failed", "server error (500)"),
        ("failed", "missing in the batch's output"),
    } <= reasons
    while send(server, batch, 80).sent:
        pass
    done = rows_of(batch)
    assert {row.outcome for row in done.values()} <= {"ok", "refused"}
    stats = server.stats()
    assert stats["repeated"] == 0  # nothing that was answered well is asked again
    assert sum(row.prompt_tokens for row in done.values()) == stats["billed"]["prompt_tokens"]
    server.reset()
    send_live(server, live, 80)
    for item, row in rows_of(live).items():
        if done[item].outcome == "ok" and "seit" not in done[item].reply:
            assert json.loads(done[item].reply) == json.loads(row.reply)


def test_a_long_run_is_cut_into_parts(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_parts, "MOST_REQUESTS", 4)
    assert send(server, tmp_path / "l.sqlite", 12).outcomes == {"ok": 12}
    assert len(server.stats()["batches"]) == 3
    monkeypatch.setattr(batch_parts, "MOST_REQUESTS", 50_000)
    monkeypatch.setattr(batch_parts, "MOST_BYTES", 2_000)
    assert send(server, tmp_path / "l.sqlite", 20).outcomes == {"ok": 8}
    assert len(server.stats()["batches"]) > 4


def test_items_of_the_same_text_are_one_request(server: FakeServer, tmp_path: Path) -> None:
    make = make_requests(server, 5)
    counts = send(server, tmp_path / "l.sqlite", requests=lambda: [*make(), *make()])
    assert counts.outcomes == {"ok": 5}
    assert server.stats()["billed"]["requests"] == 5


# Restarts


def test_a_run_killed_while_it_waits_is_continued(server: FakeServer, tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with pytest.raises(Killed):
        send(server, ledger, pause=kill)
    # More is asked for by the next run, and what is under way is not submitted again.
    counts = send(server, ledger, 20)
    assert counts.outcomes == {"ok": 20}
    stats = server.stats()
    assert (len(stats["batches"]), stats["repeated"], stats["delivered"]) == (2, 0, 20)


def test_a_batch_whose_id_was_not_written_down_is_found(server: FakeServer, tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with pytest.raises(Killed):
        send(server, ledger, pause=kill)
    with BatchLedger(ledger) as book:
        (part,) = book.parts(url=server.url, model=MODEL)
        book.submitted(part.name, "")
    assert send(server, ledger).outcomes == {"ok": 12}
    stats = server.stats()
    assert (len(stats["batches"]), stats["repeated"]) == (1, 0)


def test_a_part_that_became_no_batch_is_submitted(server: FakeServer, tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with BatchLedger(ledger) as book:
        part = Part("lost", server.url, MODEL, "{}", "", 600, 10**9, time.time())
        book.begin(part, make_requests(server, 12)())
    assert send(server, ledger).outcomes == {"ok": 12}
    assert len(server.stats()["batches"]) == 1


def test_a_merge_that_was_interrupted_counts_nothing_twice(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "l.sqlite"
    record, written = BatchLedger.record, []

    def record_some(book: BatchLedger, row: LedgerRow) -> None:
        if len(written) == 5:
            raise Killed
        written.append(row)
        record(book, row)

    monkeypatch.setattr(BatchLedger, "record", record_some)
    with pytest.raises(Killed):
        send(server, ledger)
    monkeypatch.setattr(BatchLedger, "record", record)
    send(server, ledger)
    rows = rows_of(ledger)
    assert all(row.attempts == 1 for row in rows.values())
    billed = server.stats()["billed"]
    assert sum(row.completion_tokens for row in rows.values()) == billed["completion_tokens"]


def test_requests_in_a_batch_are_not_sent_one_by_one(server: FakeServer, tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with pytest.raises(Killed):
        send(server, ledger, pause=kill)
    with pytest.raises(LlmError, match=r"12 requests are under way in a batch; .* --batch"):
        refuse_batched(make_requests(server, 12), ledger=ledger)
    send(server, ledger)
    refuse_batched(make_requests(server, 12), ledger=ledger)


def test_a_batch_of_another_key_is_not_given_up(server: FakeServer, tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with pytest.raises(Killed):
        send(server, ledger, pause=kill)
    server.reset()
    with pytest.raises(LlmError, match=r"knows no batch batch_.*OPENAI_API_KEY"):
        send(server, ledger)
    with BatchLedger(ledger) as book:
        book._db.execute("UPDATE batch_parts SET at = at - 100000")
    # After more than a day there is nothing to wait for; the next run asks again.
    assert send(server, ledger).outcomes == {"failed": 12}
    assert send(server, ledger).outcomes == {"ok": 12}


def test_a_clock_set_back_submits_nothing_twice(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reset(batch_seconds=0, fault_rate=1, faults="empty")
    now, hours = time.time(), iter(range(10_000))
    monkeypatch.setattr(time, "time", lambda: now - 60.0 * next(hours))
    assert send(server, tmp_path / "l.sqlite").outcomes == {"unparsable": 12}
    assert len(server.stats()["batches"]) == 1


# Batches that do not end well


@pytest.mark.parametrize("status", ["cancelled", "expired", "failed"])
def test_a_batch_that_ends_early_leaves_its_requests_to_the_next_run(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    ledger = tmp_path / "l.sqlite"
    get = BatchApi.get

    def end(api: BatchApi, batch_id: str) -> Any:
        found = get(api, batch_id)
        return found.model_copy(update={"status": status, "output_file_id": None})

    monkeypatch.setattr(BatchApi, "get", end)
    assert send(server, ledger).outcomes == {"failed": 12}
    reasons = {row.reason for row in rows_of(ledger).values()}
    assert reasons == {f"batch {status}"}
    monkeypatch.setattr(BatchApi, "get", get)
    assert send(server, ledger).outcomes == {"ok": 12}


def test_a_batch_that_is_not_taken_says_why(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "l.sqlite"
    monkeypatch.setattr(
        "cvseeker.llm.batch.parts.Cutter._line", lambda cutter, request: b'{"custom_id": "x"}\n'
    )
    with pytest.raises(
        LlmError, match=r"batch batch_\w+ was not taken \(invalid_json_line"
    ) as told:
        send(server, ledger)
    assert "\n" not in str(told.value)
    assert {row.outcome for row in rows_of(ledger).values()} == {"failed"}


def test_poor_lines_of_an_output_lose_only_their_own_requests(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "l.sqlite"
    download = BatchApi.download

    def spoil(api: BatchApi, file_id: str, into: Any) -> None:
        download(api, file_id, into)
        lines = [json.loads(line) for line in into.read().splitlines()]
        lines[1]["response"]["body"] = "no completion"
        lines[2] = {**lines[2], "response": None, "error": {"code": "batch_expired"}}
        lines[3]["custom_id"] = "0" * 32
        lines[4]["custom_id"] = ["\ud800"]
        lines[5]["response"] = {"status_code": 400, "body": {"error": {"message": f"no {KEY}"}}}
        written = [json.dumps(line).encode() for line in lines]
        written[0] = b'{"custom_id": "\xff\xfe'
        into.seek(0)
        into.truncate()
        into.write(b"\n".join([b"", b"[]", b"null", *written, written[6]]))
        into.seek(0)

    monkeypatch.setattr(BatchApi, "download", spoil)
    counts = send(server, ledger)
    assert counts.outcomes == {"ok": 6, "failed": 5, "rejected": 1}
    reasons = sorted(row.reason for row in rows_of(ledger).values() if row.outcome != "ok")
    assert reasons == [
        "400: Error code: 400 - no ***",
        "answer is no chat completion",
        "batch_expired",
        *["missing in the batch's output"] * 3,
    ]


def test_a_full_queue_is_fed_smaller_parts(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = BatchApi.get
    most = 5 * PROMPT_TOKENS

    def refuse(api: BatchApi, batch_id: str) -> Any:
        found = get(api, batch_id)
        with BatchLedger(tmp_path / "l.sqlite") as book:
            (part,) = book.parts(url=server.url, model=MODEL)
        if part.prompt_tokens <= most:
            return found
        problem = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
        failed = {"status": "failed", "errors": {"data": [problem]}}
        return type(found).model_validate({**found.model_dump(), **failed})

    monkeypatch.setattr(BatchApi, "get", refuse)
    assert send(server, tmp_path / "l.sqlite", 12).outcomes == {"ok": 12}


# Money, and endpoints that cannot be used


def test_a_budget_is_never_exceeded(probed: FakeServer, tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    worst = PROMPT_TOKENS * PRICE[0] + TASK.max_tokens * PRICE[2]
    budget = worst * 3
    counts = send(probed, ledger, 40, budget=budget)
    assert (counts.stopped, counts.fatal) == (BUDGET, False)
    assert budget - worst <= spent(ledger) <= budget
    assert len(probed.stats()["batches"]) > 1  # what a part did not use up pays for the next
    counts = send(probed, ledger, 40, budget=worst * 30)
    assert counts.stopped == ""
    assert probed.stats()["repeated"] == 0


def test_what_is_under_way_is_part_of_the_budget(server: FakeServer, tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    worst = PROMPT_TOKENS * PRICE[0] + TASK.max_tokens * PRICE[2]
    with pytest.raises(Killed):
        send(server, ledger, 12, budget=worst * 7, pause=kill)
    with BatchLedger(ledger) as book:
        assert book.spent() + book.reserved() <= worst * 7
        assert book.reserved() == 12 * worst // 2


class _WithoutBatches(BaseHTTPRequestHandler):
    """Passes chat requests on to the fake server, and knows nothing else."""

    server_url = ""

    def do_POST(self) -> None:
        import http.client
        from urllib.parse import urlsplit

        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = 404, b'{"detail": "Not Found"}'
        if self.path.endswith("/chat/completions"):
            client = http.client.HTTPConnection(urlsplit(self.server_url).netloc)
            client.request("POST", "/v1/chat/completions", body)
            response = client.getresponse()
            status, answer = response.status, response.read()
            client.close()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""


def test_a_server_without_batches_is_told_in_one_line(probed: FakeServer, tmp_path: Path) -> None:
    handler = type("Handler", (_WithoutBatches,), {"server_url": probed.url})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as without:
        threading.Thread(target=without.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{without.server_port}/v1"
        with pytest.raises(LlmError, match=r"offers no Batch API.*; leave out --batch$"):
            send_batches(
                make_requests(probed, 5),
                Job(Endpoint(MODEL, url), TASK, SendSettings(), tmp_path / "l.sqlite"),
                discount=Decimal(0),
            )
        without.shutdown()
    rows = rows_of(tmp_path / "l.sqlite")  # and nothing is under way
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [({"api_key": "another"}, "was refused"), ({"models": "llama"}, "knows no model")],
)
def test_nothing_is_uploaded_where_the_first_request_fails(
    probed: FakeServer, tmp_path: Path, options: dict[str, str], told: str
) -> None:
    probed.reset(**options)
    with pytest.raises(LlmError, match=told) as error:
        send(probed, tmp_path / "l.sqlite")
    assert KEY not in str(error.value)
    assert probed.stats()["others"]["requests"] == 0
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())


# The command


def _corpus(path: Path, count: int) -> Path:
    cities = ["Oslo", "Ghent", "Porto", "Turku", "Graz", "Cork"]
    tools = ["Kafka", "Terraform", "Ansible", "Redis", "Django", "Spark", "Airflow"]
    corpus = {
        f"person-{n}#1": f"Backend engineer in {cities[n % 6]}. {tools[n % 7]}, {tools[n % 5]} and "
        f"{tools[(n + 3) % 7]} for payment and booking services of a regional airline number {n}."
        for n in range(count)
    }
    path.write_text(json.dumps({"queries": {}, "corpus": corpus, "relevant_docs": {}}))
    return path


def _generate(server: FakeServer, corpus: Path, out: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = ["generate", "--corpus", str(corpus), "--out", str(out), "--llm", MODEL]
    out.parent.mkdir(exist_ok=True)
    with (out.parent / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cvseeker", *command, "--llm-url", server.url, *more],
            stdout=log,
            stderr=log,
        )


def _end(run: "subprocess.Popen[bytes]", out: Path) -> None:
    assert run.wait(120) == 0, (out.parent / "log.txt").read_text()


def _wait_until_submitted(out: Path, url: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for ledger in out.parent.glob("*ledger.sqlite"):
            with BatchLedger(ledger) as book:
                for part in book.parts(url=url, model=MODEL):
                    if part.batch_id:
                        return part.name
        time.sleep(0.05)
    raise AssertionError("nothing was submitted")


@pytest.mark.slow
def test_a_command_killed_twice_makes_the_data_set_of_an_undisturbed_one(
    probed: FakeServer, tmp_path: Path
) -> None:
    corpus = _corpus(tmp_path / "corpus.json", 12)
    live = tmp_path / "live" / "out.json"
    run = _generate(probed, corpus, live)
    _end(run, live)
    probed.reset(batch_seconds=3)
    out = tmp_path / "batch" / "out.json"
    run = _generate(probed, corpus, out, "--batch")
    name = _wait_until_submitted(out, probed.url)
    os.kill(run.pid, signal.SIGKILL)
    run.wait(10)
    (ledger,) = out.parent.glob("*ledger.sqlite")
    with BatchLedger(ledger) as book:  # as if killed a moment earlier
        book.submitted(name, "")
    run = _generate(probed, corpus, out, "--batch")
    assert _wait_until_submitted(out, probed.url) == name
    os.kill(run.pid, signal.SIGKILL)
    run.wait(10)
    run = _generate(probed, corpus, out, "--batch")
    _end(run, out)
    assert out.read_bytes() == live.read_bytes()
    assert json.loads(out.read_bytes())["queries"]
    stats = probed.stats()
    assert (len(stats["batches"]), stats["delivered"], stats["repeated"]) == (1, 12, 0)
    files = [path for path in out.parent.rglob("*") if path.is_file()]
    assert all(KEY.encode() not in path.read_bytes() for path in files)
