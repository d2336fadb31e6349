"""The sender: every request ends with an outcome, and is asked as often as it takes, not more."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import InputError
from cvseeker.llm import failures as module
from cvseeker.llm.account import BUDGET, Account, Job, SendCounts, SendSettings, clock
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.ledger import Ledger
from cvseeker.llm.replies import read_reply
from cvseeker.llm.request import (
    Answer,
    BrokenError,
    BusyError,
    ChatRequest,
    ChatTask,
    FatalError,
    RejectedError,
    UnreachableError,
)
from cvseeker.llm.sender import Sender
from llm_runs import MODEL, PRICE, chat_requests, query_task_of

URL = "http://localhost/v1"
TASK = query_task_of()
GOOD = '{"question": ["Who bakes in Cork?"]}'
Step = Answer | Exception | str


def answer(content: str = GOOD, *, prompt: int = 100, completion: int = 10, **more: Any) -> Answer:
    usage = {"cached_tokens": 0, "refusal": "", "finish_reason": "stop", "raw": content, **more}
    return Answer(content, prompt_tokens=prompt, completion_tokens=completion, **usage)


class Script:
    """A transport that plays a part for each request, its last step for ever."""

    mode = "script"

    def __init__(self, *steps: Step, of: Callable[[ChatRequest], Iterable[Step]] | None = None):
        self.sent: list[str] = []
        self._parts: dict[str, list[Step]] = {}
        self._of = of or (lambda request: steps)

    async def send(self, request: ChatRequest) -> Answer:
        self.sent.append(request.item)
        part = self._parts.setdefault(request.key, list(self._of(request)))
        step = part.pop(0) if len(part) > 1 else part[0]
        await asyncio.sleep(0)
        if isinstance(step, Exception):
            raise step
        return answer(step) if isinstance(step, str) else step

    def read(self, answer: Answer) -> str:
        return read_reply(answer, TASK)


async def stream(requests: Iterable[ChatRequest]) -> AsyncIterator[ChatRequest]:
    for request in requests:
        yield request


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.0)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def job_of(ledger: Ledger, **settings: Any) -> Job[ChatTask]:
    return Job(Endpoint(MODEL, URL), TASK, SendSettings(**settings), ledger.path)


def send(
    script: Script, ledger: Ledger, requests: Iterable[ChatRequest] | int = 1, **settings: Any
) -> SendCounts:
    if isinstance(requests, int):
        requests = chat_requests(URL, requests, task=TASK, prompt_tokens=100)
    options = {"price": PRICE, **settings}

    async def run() -> SendCounts:
        account = Account(ledger, job_of(ledger, **options))
        sender = Sender(script, account)
        await sender.run(stream(requests))
        counts = account.counts
        assert sender.limit.in_flight == 0
        assert sender._reserved == 0 or counts.stopped
        return counts

    return asyncio.run(run())


BROKEN, BUSY = BrokenError("connection lost"), BusyError("too many requests (429)")
REFUSAL = answer("", refusal="I can't.")


@pytest.mark.parametrize(
    ("steps", "outcome", "reason", "attempts"),
    [
        ([GOOD], "ok", "", 1),
        ([BROKEN, BUSY, BROKEN, GOOD], "ok", "", 4),
        (["", "not JSON", GOOD], "ok", "", 3),
        ([""], "unparsable", "empty reply", 3),
        ([BROKEN], "failed", "connection lost", 6),
        ([*[BROKEN] * 5, "", GOOD], "ok", "", 7),
        ([BUSY, BUSY, BUSY, GOOD], "ok", "", 4),
        ([REFUSAL], "refused", "the model declined", 1),
        ([RejectedError("400: too long")], "rejected", "400: too long", 1),
    ],
)
def test_every_request_ends_with_an_outcome(
    ledger: Ledger, steps: list[Step], outcome: str, reason: str, attempts: int
) -> None:
    script = Script(*steps)
    counts = send(script, ledger)
    (row,) = ledger.rows()
    assert (row.outcome, row.reason, row.attempts) == (outcome, reason, attempts)
    assert counts.outcomes == {outcome: 1}
    assert counts.attempts == len(script.sent) == attempts
    assert (row.reply != "") == (outcome == "ok")


def test_what_is_final_is_not_sent_again_and_the_rest_is(ledger: Ledger) -> None:
    def part(request: ChatRequest) -> list[Step]:
        return {"p0": [GOOD], "p1": [REFUSAL], "p2": [""], "p3": [BROKEN]}[request.item]

    send(Script(of=part), ledger, 4)
    again = Script(GOOD)
    counts = send(again, ledger, 4)
    assert sorted(again.sent) == ["p2", "p3"]
    assert (counts.known, counts.done) == (2, 4)


def test_requests_of_one_key_are_sent_once(ledger: Ledger) -> None:
    (request,) = chat_requests(URL, 1, task=TASK)
    script = Script(GOOD)
    counts = send(script, ledger, [request] * 5)
    assert len(script.sent) == 1
    assert (counts.known, counts.done) == (4, 5)


def test_every_reply_is_paid_for_to_the_last_digit(ledger: Ledger) -> None:
    paid = [
        answer("", prompt=1001, completion=0),
        answer("x", prompt=1003, completion=77, cached_tokens=512),
        answer(GOOD, prompt=1009, completion=13),
    ]
    counts = send(Script(*paid), ledger)
    expected = (1001 + 1003 - 512 + 1009) * PRICE[0] + 512 * PRICE[1] + (77 + 13) * PRICE[2]
    assert ledger.spent() == counts.spent == expected
    (row,) = ledger.rows()
    assert (row.prompt_tokens, row.completion_tokens) == (3013, 90)


def test_a_server_without_usage_is_taken_to_have_read_the_prompt(ledger: Ledger) -> None:
    send(Script(answer(prompt=0, completion=0)), ledger)
    assert ledger.spent() == 100 * PRICE[0]


def test_an_unknown_price_costs_nothing_known(ledger: Ledger) -> None:
    send(Script(GOOD), ledger, price=None)
    assert next(ledger.rows()).cost is None


def test_half_a_surrogate_pair_in_a_reply_can_be_written_down(ledger: Ledger) -> None:
    send(Script(GOOD.replace("Cork", "\\ud83d Cork")), ledger)
    (row,) = ledger.rows()
    assert json.loads(row.reply)["question"][0] == "Who bakes in ? Cork?"


def cost_of_one() -> int:
    return 100 * PRICE[0] + 10 * PRICE[2]


def most_of_one() -> int:
    return 100 * PRICE[0] + TASK.max_tokens * PRICE[2]


@pytest.mark.parametrize("most", [1, 8])
def test_a_budget_is_never_exceeded_and_a_larger_one_goes_on(ledger: Ledger, most: int) -> None:
    budget = most_of_one() + 9 * cost_of_one()
    counts = send(Script(GOOD), ledger, 40, budget=budget, most=most)
    assert counts.stopped == BUDGET
    assert not counts.fatal
    assert counts.outcomes == {"ok": 10}
    assert ledger.spent() <= budget
    stuck = Script(GOOD)
    assert send(stuck, ledger, 40, budget=budget, most=most).stopped == BUDGET
    assert stuck.sent == []
    rest = Script(GOOD)
    counts = send(rest, ledger, 40, budget=100 * budget, most=most)
    assert (counts.stopped, counts.known, len(rest.sent)) == ("", 10, 30)
    assert ledger.spent() == 40 * cost_of_one()


def test_replies_as_long_as_allowed_and_useless_stay_within_the_budget(ledger: Ledger) -> None:
    worst = answer("no JSON", completion=TASK.max_tokens)
    for factor in (0.9, 1.0, 2.5, 7.0):
        budget = int(factor * most_of_one())
        send(Script(worst), ledger, 10, budget=budget, most=4)
        assert ledger.spent() <= budget
    assert ledger.spent() > 0


def test_a_server_that_counts_more_tokens_is_reckoned_with(ledger: Ledger) -> None:
    worst = answer(GOOD, prompt=170, completion=TASK.max_tokens)
    budget = 5 * (170 * PRICE[0] + TASK.max_tokens * PRICE[2])
    send(Script(worst), ledger, 1, budget=budget)
    counts = send(Script(worst), ledger, 20, budget=budget, most=1)
    assert counts.stopped == BUDGET
    assert ledger.spent() <= budget


def test_a_fatal_error_stops_everything_and_keeps_what_was_paid(ledger: Ledger) -> None:
    def part(request: ChatRequest) -> list[Step]:
        return ["", FatalError("no credit left")] if request.item == "p5" else [GOOD]

    script = Script(of=part)
    counts = send(script, ledger, 100, most=2)
    assert (counts.stopped, counts.fatal) == ("no credit left", True)
    assert len(script.sent) < 15
    rows = {row.item: row for row in ledger.rows()}
    assert (rows["p5"].outcome, rows["p5"].cost) == ("failed", cost_of_one())
    assert ledger.spent() == counts.spent


def test_nobody_there_is_fatal_at_first_and_broken_later(ledger: Ledger) -> None:
    gone = UnreachableError("nobody answers there")
    script = Script(gone)
    counts = send(script, ledger, 5)
    assert counts.fatal
    assert counts.stopped == f"{URL}: nobody answers there; start the server, or check --llm-url"
    assert list(ledger.rows()) == []
    back = Script(of=lambda request: [GOOD] if request.item == "p0" else [gone, gone, GOOD])
    counts = send(back, ledger, 5, most=1)
    assert counts.outcomes == {"ok": 5}


@pytest.mark.parametrize(
    ("step", "settings", "told"),
    [
        (BUSY, {"patience_seconds": 0.05}, "too many requests"),
        (BusyError("too many requests (429)", 86400.0), {}, "no reply for 86,4"),
        (BrokenError("server error (500)"), {"dead_seconds": 0.0}, "server error"),
    ],
)
def test_a_server_that_answers_nobody_any_more_is_given_up(
    ledger: Ledger, step: Exception, settings: dict[str, float], told: str
) -> None:
    script = Script(of=lambda request: [GOOD] if request.item == "p0" else [step])
    began = time.monotonic()
    counts = send(script, ledger, 200, most=1, **settings)
    assert time.monotonic() - began < 5
    assert counts.fatal
    assert told in counts.stopped
    assert "goes on from here" in counts.stopped
    assert [row.item for row in ledger.rows()] == ["p0"]


def test_a_row_that_cannot_be_written_ends_the_run_and_loses_no_other(ledger: Ledger) -> None:
    """What is in flight when the disk is full is still tried; what was written stays."""
    ledger._execute(
        "CREATE TRIGGER full BEFORE INSERT ON requests WHEN NEW.item IN ('p5', 'p6') "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    script = Script(GOOD)
    with pytest.raises(InputError, match=r"disk is full\); free space"):
        send(script, ledger, 200, most=4)
    assert len(script.sent) < 20
    assert {row.item for row in ledger.rows()} == set(script.sent) - {"p5", "p6"}


def test_a_wait_for_ever_is_not_waited_for(ledger: Ledger) -> None:
    began = time.monotonic()
    counts = send(Script(BrokenError("server error (503)", 86400.0)), ledger, 3)
    assert counts.fatal
    assert "server error (503), and no reply for 86,4" in counts.stopped
    assert time.monotonic() - began < 5


def test_a_clock_set_back_changes_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = iter(range(10_000, 0, -1))
    monkeypatch.setattr(time, "time", lambda: next(hours) * 3600.0)
    began = clock()
    counts = send(Script(BROKEN, BUSY, GOOD), ledger, 20)
    assert counts.outcomes == {"ok": 20}
    assert all(row.at >= began for row in ledger.rows())


@pytest.mark.parametrize(("url", "attempts"), [(URL, 3), ("https://llm.example.com/v1", 6)])
def test_what_ones_own_server_could_not_finish_in_time_it_is_not_made_to_begin_for_ever(
    ledger: Ledger, url: str, attempts: int
) -> None:
    async def run() -> None:
        job = Job(Endpoint(MODEL, url), TASK, SendSettings(), ledger.path)
        sender = Sender(Script(BrokenError("time-out")), Account(ledger, job))
        await sender.run(stream(chat_requests(url, 1, task=TASK)))

    asyncio.run(run())
    (row,) = ledger.rows()
    assert (row.outcome, row.reason, row.attempts) == ("failed", "time-out", attempts)


class OneSlot(Script):
    """A server of one's own that computes one reply after the other, given up after half a second.

    What is given up while it is computed, or before, was waited for in vain.
    """

    def __init__(self) -> None:
        super().__init__(GOOD)
        self.slot = asyncio.Lock()

    async def send(self, request: ChatRequest) -> Answer:
        try:
            async with asyncio.timeout(0.5), self.slot:
                await asyncio.sleep(0.06)
        except TimeoutError:
            raise BrokenError("time-out") from None
        return await super().send(request)


@pytest.mark.parametrize("url", [URL, "http://192.168.1.7:8080/v1", "http://ollama:11434/v1"])
def test_a_slow_server_of_ones_own_is_not_asked_for_more_than_it_can(
    ledger: Ledger, url: str
) -> None:
    async def run() -> SendCounts:
        job = Job(Endpoint(MODEL, url, timeout_seconds=0.5), TASK, SendSettings(), ledger.path)
        sender = Sender(OneSlot(), Account(ledger, job))
        await sender.run(stream(chat_requests(url, 25, task=TASK)))
        return sender.counts

    counts = asyncio.run(run())
    assert counts.outcomes == {"ok": 25}
    assert counts.attempts == 25


def test_the_command_gone_nothing_more_is_sent_and_pauses_end(ledger: Ledger) -> None:
    script = Script(of=lambda request: [BusyError("busy", 30.0)])
    requests = chat_requests(URL, 50, task=TASK)

    async def run() -> None:
        sender = Sender(script, Account(ledger, job_of(ledger, patience_seconds=1000.0)))
        running = asyncio.create_task(sender.run(stream(requests)))
        await asyncio.sleep(0.1)
        sender.draining = True
        await asyncio.wait_for(running, 3)

    asyncio.run(run())
    assert list(ledger.rows()) == []
    assert len(script.sent) <= 16
