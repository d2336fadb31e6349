"""What a run of requests may cost and came to, and the one place that writes a ledger row."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, Self

from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.ledger import Ledger, LedgerRow
from cvseeker.llm.prices import TokenPrices, reduced, tokens_cost
from cvseeker.llm.request import Answer, ChatTask, EmbeddingTask, Outcome, Request, TaskT

# Of a body that is kept as it came.
_LONGEST_RAW = 2**20
BUDGET = "budget"
"""Why a run stopped that could not afford another request."""


@dataclass(frozen=True, slots=True)
class SendSettings:
    """How requests are sent: so many at a time, so often, and at which price.

    A reply that cannot be used is paid for, so ``reply_attempts`` are fewer than the
    ``broken_attempts`` where the server fails. Without any answer for ``patience_seconds`` a server
    that says "too many requests" is given up, for ``dead_seconds`` one that breaks every attempt.
    ``price`` is in trillionths of a dollar per token (prompt, cached prompt, completion), ``None``
    where it is not known; so is ``budget``, for everything in the ledger, ``None`` without a limit.
    """

    most: int = 32
    broken_attempts: int = 6
    reply_attempts: int = 3
    patience_seconds: float = 600.0
    dead_seconds: float = 60.0
    price: TokenPrices | None = None
    budget: int | None = None

    def cost(self, prompt_tokens: int, completion_tokens: int, *, cached_tokens: int = 0) -> int:
        """Return what tokens cost, in trillionths of a dollar; 0 if the price is unknown."""
        prices = self.price or (0, 0, 0)
        return tokens_cost(prices, prompt_tokens, completion_tokens, cached_tokens=cached_tokens)

    def discounted(self, share: Decimal) -> Self:
        """Return the settings with the prices of batches, which take this share off."""
        return replace(self, price=self.price and reduced(self.price, share))


@dataclass(frozen=True, slots=True)
class Job(Generic[TaskT]):
    """Who is asked what and how, and in which ledger's file the outcomes are kept."""

    endpoint: Endpoint
    task: TaskT
    settings: SendSettings
    ledger: Path

    def to_json(self) -> str:
        """Return what :meth:`from_json` reads."""
        sort = type(self.task).__name__
        return json.dumps({**asdict(self), "sort": sort, "ledger": str(self.ledger.resolve())})

    @classmethod
    def from_json(cls, text: str) -> "Job[Any]":
        """Build a job in another process."""
        row = json.loads(text)
        sort = EmbeddingTask if row["sort"] == EmbeddingTask.__name__ else ChatTask
        endpoint, settings = Endpoint(**row["endpoint"]), SendSettings(**row["settings"])
        task = row["task"]
        if task.get("example"):
            task["example"] = tuple(task["example"])
        return Job(endpoint, sort(**task), settings, Path(row["ledger"]))


_STARTED = time.time() - time.monotonic()


def clock() -> float:
    """Return the seconds since 1970, which never go backwards within a process."""
    return _STARTED + time.monotonic()


Changed = Callable[["SendCounts", str], None]
"""Called some times a second with the counts so far and with what is being waited for."""


def unheard(counts: "SendCounts", note: str) -> None:
    """Tell nobody how far a run is."""


@dataclass(slots=True)
class SendCounts:
    """What a run of requests has come to so far.

    ``known`` were final in the ledger and not sent. ``spent`` is of this run, in trillionths of a
    dollar. ``stopped`` says why requests are left that were not sent, empty where none are.
    """

    known: int = 0
    sent: int = 0
    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    spent: int = 0
    in_flight: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    stopped: str = ""
    fatal: bool = False

    @property
    def done(self) -> int:
        """Requests that have an outcome."""
        return self.known + sum(self.outcomes.values())

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


@dataclass(slots=True)
class Bill:
    """What a request's attempts have come to so far."""

    attempts: int = 0
    replies: int = 0
    broken: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    raw: str = ""
    latency: float = 0.0


class Account:
    """Counts what requests come to, and writes each one's row, whichever way it was sent."""

    def __init__(self, ledger: Ledger, job: Job[Any], counts: SendCounts | None = None) -> None:
        self.ledger, self.job = ledger, job
        self.counts = counts or SendCounts()

    def pay(self, request: Request, bill: Bill, answer: Answer) -> None:
        """Count what an answer cost; a server that does not say has read the prompt at least."""
        prompt = answer.prompt_tokens or request.prompt_tokens
        completion, cached = answer.completion_tokens, answer.cached_tokens
        cost = self.job.settings.cost(prompt, completion, cached_tokens=cached)
        bill.replies += 1
        bill.raw = answer.raw[:_LONGEST_RAW]
        for count in (bill, self.counts):
            count.prompt_tokens += prompt
            count.completion_tokens += completion
        bill.cost += cost
        self.counts.spent += cost

    def record(
        self,
        request: Request,
        bill: Bill,
        outcome: Outcome,
        *,
        mode: str,
        reason: str = "",
        reply: str = "",
    ) -> LedgerRow:
        """Write what became of a request into the ledger, and count it."""
        row = LedgerRow(
            key=request.key,
            task=self.job.task.name,
            item=request.item,
            model=self.job.endpoint.model,
            url=self.job.endpoint.url,
            mode=mode,
            outcome=outcome,
            reason=reason,
            reply=reply,
            raw=bill.raw,
            prompt_tokens=bill.prompt_tokens,
            completion_tokens=bill.completion_tokens,
            cost=None if self.job.settings.price is None else bill.cost,
            attempts=bill.attempts,
            latency=round(bill.latency, 3),
            at=clock(),
        )
        self.ledger.record(row)
        self.counts.outcomes[outcome] = self.counts.outcomes.get(outcome, 0) + 1
        return row
