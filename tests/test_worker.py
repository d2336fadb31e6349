"""Sending through the worker, against the fake server: failures, faults, kills, money."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import CVSeekerError, InputError, LlmError
from cvseeker.llm.account import BUDGET, Job, SendSettings
from cvseeker.llm.dialect import Dialect
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.ledger import Ledger, sole_sender
from cvseeker.llm.request import ChatRequest
from fake_llm.process import FakeServer
from llm_runs import KEY, KEY_ENV, MODEL, PRICE, chat_requests, query_task_of, send

# Faults after which the same request has to be sent once more.
_BROKEN = "rate_limit rate_limit_silent server_error reset stall".split()
SENT_AGAIN = (*_BROKEN, "empty", "invalid_json", "truncated_json")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def complaint(*arguments: Any, **options: Any) -> str:
    with pytest.raises(CVSeekerError) as caught:
        send(*arguments, **options)
    message = str(caught.value)
    assert KEY not in message
    assert "\n" not in message
    return message


def is_nowhere(secret: str, folder: Path) -> bool:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return not any(secret.encode() in path.read_bytes() for path in files)


def rows_of(ledger: Path) -> Counter[str]:
    with Ledger(ledger) as book:
        return Counter(row.outcome for row in book.rows())


def test_all_requests_are_delivered_once(server: FakeServer, ledger: Path) -> None:
    server.reset(api_key=KEY)
    counts = send(server, ledger, 40)
    assert (counts.outcomes, counts.stopped) == ({"ok": 40}, "")
    stats = server.stats()
    assert (stats["requests"], stats["delivered"], stats["repeated"]) == (40, 40, 0)
    again = send(server, ledger, 41)
    assert (again.known, again.attempts, again.done) == (40, 1, 41)
    assert server.stats()["requests"] == 41
    assert is_nowhere(KEY, ledger.parent)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"api_key": "sk-another"}, f"the key in {KEY_ENV} was refused (401)"),
        ({"models": "llama"}, "knows no model 'fake-llm'"),
        ({"quota": 0}, f"no credit left for the key in {KEY_ENV}"),
    ],
)
def test_what_would_fail_all_fails_the_first_and_no_other(
    server: FakeServer, ledger: Path, options: dict[str, Any], told: str
) -> None:
    server.reset(**options)
    message = complaint(server, ledger, 200)
    assert message.startswith(f"{server.url}: ")
    assert told in message
    assert server.stats()["requests"] == 1
    assert rows_of(ledger) == {}
    assert is_nowhere(KEY, ledger.parent)


def test_nobody_there_is_said_at_once(server: FakeServer, ledger: Path) -> None:
    began = time.monotonic()
    message = complaint("http://127.0.0.1:9/v1", ledger, 200)
    assert message.endswith("nobody answers there; start the server, or check --llm-url")
    assert time.monotonic() - began < 20


def test_a_missing_key_is_said_before_anything_is_started(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_ENV, raising=False)
    assert f"no key in the environment variable {KEY_ENV}" in complaint(
        "https://llm.example.com/v1", ledger
    )
    assert not ledger.exists()


def test_credit_that_ends_halfway_ends_the_run_and_loses_nothing(
    server: FakeServer, ledger: Path
) -> None:
    server.reset(quota=30, latency=0.05)
    assert "no credit left" in complaint(server, ledger, 300, most=8)
    stats = server.stats()
    # The server lets in what comes while the last ones of the credit are being answered.
    assert 30 <= stats["delivered"] < 30 + 8
    assert stats["requests"] < 30 + 16
    assert rows_of(ledger) == {"ok": stats["delivered"]}
    server.reset()
    assert send(server, ledger, 60).known == stats["delivered"]
    assert server.stats()["requests"] == 60 - stats["delivered"]


@pytest.mark.parametrize(
    ("options", "dialect"),
    [
        ({"json_schema": False}, Dialect("json_object")),
        ({"json_schema": False, "json_object": False}, Dialect("text")),
        ({"reject_params": "max_tokens"}, Dialect(token_parameter="max_completion_tokens")),
        (
            {"reject_params": "temperature,max_tokens", "json_schema": False},
            Dialect("json_object", "max_completion_tokens", temperature=False),
        ),
    ],
)
def test_what_a_server_takes_is_found_once_and_remembered(
    server: FakeServer, ledger: Path, options: dict[str, Any], dialect: Dialect
) -> None:
    server.reset(**options)
    task = query_task_of(temperature=0.5)
    counts = send(server, ledger, 12, task=task)
    assert counts.outcomes == {"ok": 12}
    refused = sum(server.stats()["refused"].values())
    assert 0 < refused <= 4
    with Ledger(ledger) as book:
        assert Dialect.from_json(book.mode(server.url, MODEL)) == dialect
    assert send(server, ledger, 24, task=task).outcomes == {"ok": 12}
    assert sum(server.stats()["refused"].values()) == refused


def test_replies_that_are_cut_off_are_no_reason_to_ask_for_another_form(
    server: FakeServer, ledger: Path
) -> None:
    server.reset(fault_rate=1.0, faults="truncated_json")
    message = complaint(server, ledger, 40)
    assert "(cut off: reply too long)" in message
    assert "--llm-max-tokens" in message
    # Three passages, which may have been to blame, in three attempts each.
    assert server.stats()["requests"] == 9
    with Ledger(ledger) as book:
        assert {row.mode for row in book.rows()} == {"json_schema"}
    server.reset()
    assert send(server, ledger, 40).outcomes == {"ok": 40}


def test_a_broken_feed_is_told_and_what_was_sent_is_kept(server: FakeServer, ledger: Path) -> None:
    def requests() -> Iterator[ChatRequest]:
        yield from chat_requests(server.url, 5)
        raise InputError("the passages end here")

    assert complaint(server, ledger, requests()) == "the passages end here"
    assert rows_of(ledger)["ok"] <= 5
    assert rows_of(ledger)["ok"] == server.stats()["delivered"]


def test_a_ledger_that_is_none_is_told(server: FakeServer, ledger: Path) -> None:
    ledger.write_bytes(b"no ledger" * 300)
    assert "not usable as a ledger" in complaint(server, ledger)
    assert server.stats()["requests"] == 0


def test_many_requests_left_over_leave_no_trace(server: FakeServer, tmp_path: Path) -> None:
    """A generator that holds a database is closed by the thread that opened it."""
    ledger = tmp_path / "ledger.sqlite"
    server.reset(api_key="sk-another")

    def requests() -> Iterator[ChatRequest]:
        with Ledger(tmp_path / "other.sqlite"):
            yield from chat_requests(server.url, 5000)

    assert "was refused (401)" in complaint(server, ledger, requests())


@pytest.mark.slow
def test_faults_of_every_sort_cost_what_they_must_and_no_more(
    server: FakeServer, ledger: Path
) -> None:
    server.reset(fault_rate=0.3, seed=4, stall=2.0, fault_retry_after=0.05, latency=0.02)
    counts = send(server, ledger, 300, timeout_seconds=1.5, most=64, price=PRICE)
    stats = server.stats()
    assert counts.done == 300
    assert sum(rows_of(ledger).values()) == 300
    assert set(rows_of(ledger)) == {"ok", "refused"}
    assert rows_of(ledger)["refused"] == stats["faults"]["refusal"]
    assert set(stats["faults"]) >= set(SENT_AGAIN)
    needed = sum(stats["faults"][sort] for sort in SENT_AGAIN)
    assert (stats["distinct"], stats["requests"]) == (300, 300 + needed)
    assert stats["repeated"] == 0
    with Ledger(ledger) as book:
        assert Decimal(book.spent()).scaleb(-12) == usd(stats["billed"])


def usd(billed: dict[str, int]) -> Decimal:
    prompt, completion = Decimal(billed["prompt_tokens"]), Decimal(billed["completion_tokens"])
    return (prompt * Decimal("0.15") + completion * Decimal("0.60")) / 1_000_000


@pytest.mark.parametrize("most", [1, 16])
def test_a_budget_holds_by_the_servers_own_count(
    server: FakeServer, ledger: Path, most: int
) -> None:
    server.reset(fault_rate=0.3, faults="empty,invalid_json,prose", seed=1)
    budget = Decimal("0.003")

    def run(budget: Decimal) -> str:
        requests = chat_requests(server.url, 60, prompt_tokens=520)
        options = {"most": most, "price": PRICE, "budget": int(budget.scaleb(12))}
        return send(server, ledger, requests, **options).stopped

    assert run(budget) == BUDGET
    spent = usd(server.stats()["billed"])
    assert budget / 2 < spent <= budget
    assert run(budget) == BUDGET
    assert usd(server.stats()["billed"]) <= budget
    assert run(10 * budget) == ""
    stats = server.stats()
    assert (stats["repeated"], stats["delivered_distinct"]) == (0, 60)
    with Ledger(ledger) as book:
        assert Decimal(book.spent()).scaleb(-12) == usd(stats["billed"])


@pytest.mark.slow
def test_a_servers_limit_of_20_a_second_is_kept_to_without_a_failure(
    server: FakeServer, ledger: Path
) -> None:
    server.reset(rate=20, latency=0.05, retry_after=False)
    assert send(server, ledger, 100).outcomes == {"ok": 100}
    stats = server.stats()
    # On this machine it is asked ever more until it says so; refusals cost nothing.
    assert stats["refused"].get("rate_limit_exceeded", 0) <= 100
    assert stats["successes_per_second"] > 13


PROGRAM = """
    import signal
    import sys
    # A shell that runs the tests in its background has Ctrl-C ignored, here as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, sys.argv[1])
    from pathlib import Path
    from llm_runs import chat_requests, send

    url, ledger, count, filler = sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    from dataclasses import replace
    requests = (replace(one, text=one.text + " " * filler) for one in chat_requests(url, count))
    counts = send(url, ledger, requests, most=16)
    print(counts.done, counts.stopped or "complete")
"""


def start(
    server: FakeServer, ledger: Path, count: int, *, filler: int = 0
) -> "subprocess.Popen[str]":
    code = textwrap.dedent(PROGRAM)
    arguments = [str(Path(__file__).parent), server.url, str(ledger), str(count), str(filler)]
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, KEY_ENV: KEY},
    )


def wait_for_requests(server: FakeServer, count: int) -> None:
    until = time.monotonic() + 60
    while server.stats(by_key=False)["requests"] < count:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("filler", [0, 30_000], ids=["short", "longer than a pipe takes"])
def test_killed_at_any_moment_nothing_delivered_is_asked_for_again(
    server: FakeServer, ledger: Path, filler: int
) -> None:
    server.reset(count_abandoned=True, latency=0.4, jitter=0.3)
    rng = random.Random(filler)
    for kill in range(2):
        process = start(server, ledger, 80, filler=filler)
        wait_for_requests(server, 8 + 22 * kill)
        time.sleep(rng.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    # At once: it waits for the replies in flight of the one before it.
    last = start(server, ledger, 80, filler=filler)
    output, errors = last.communicate(timeout=100)
    assert (output, errors) == ("80 complete\n", "")
    stats = server.stats()
    assert (stats["delivered_distinct"], stats["repeated"]) == (80, 0)
    assert rows_of(ledger) == {"ok": 80}
    assert is_nowhere(KEY, ledger.parent)


def test_an_orphaned_worker_saves_what_is_in_flight_and_ends(
    server: FakeServer, ledger: Path
) -> None:
    server.reset(count_abandoned=True, latency=1.0)
    process = start(server, ledger, 200, filler=5000)
    wait_for_requests(server, 10)
    process.kill()
    process.communicate(timeout=60)
    began = time.monotonic()
    with sole_sender(ledger):
        assert time.monotonic() - began < 5
    stats = server.stats()
    assert stats["in_flight"] == 0
    assert stats["requests"] < 40
    assert rows_of(ledger) == {"ok": stats["delivered"]}


def test_half_a_line_of_a_killed_command_costs_no_reply(server: FakeServer, ledger: Path) -> None:
    server.reset(count_abandoned=True, latency=0.5)
    endpoint = Endpoint(MODEL, server.url, KEY_ENV)
    job = Job(endpoint, query_task_of(), SendSettings(), ledger).to_json()
    rows = [json.dumps(asdict(request)) for request in chat_requests(server.url, 9)]
    lines = "\n".join([job, *rows, '{"key": "0123'])
    command = [sys.executable, "-m", "cvseeker.llm.worker"]
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert rows_of(ledger)["ok"] == server.stats()["delivered"] > 0


def test_an_interrupted_command_ends_at_once_and_loses_nothing(
    server: FakeServer, ledger: Path
) -> None:
    server.reset(count_abandoned=True, latency=3.0)
    process = start(server, ledger, 300, filler=5000)
    wait_for_requests(server, 2)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 2.5
    assert errors.strip().endswith("KeyboardInterrupt")
    assert "Fatal" not in errors
    with sole_sender(ledger):
        assert rows_of(ledger)["ok"] == server.stats()["delivered"] > 0


def test_a_second_run_waits_for_the_first_and_says_so(server: FakeServer, ledger: Path) -> None:
    with sole_sender(ledger):
        waiting = start(server, ledger, 3)
        time.sleep(2.5)
        assert waiting.poll() is None
        assert server.stats()["requests"] == 0
    output, errors = waiting.communicate(timeout=60)
    assert (output, errors) == ("3 complete\n", "")


def test_a_crash_of_the_worker_is_told_in_a_line(
    server: FakeServer, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "no number")
    with pytest.raises(RuntimeError, match="ended early") as caught:
        send(server, ledger)
    assert not isinstance(caught.value, LlmError)
    assert KEY not in str(caught.value)
