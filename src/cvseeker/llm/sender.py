"""Sends requests to an LLM, each until it has an outcome, and writes every outcome down."""

import asyncio
import json
import math
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cvseeker.llm.chat import (
    Answer,
    BrokenError,
    BusyError,
    ChatRequest,
    ChatTask,
    FatalError,
    RejectedError,
    SendError,
    Transport,
    UnreachableError,
)
from cvseeker.llm.ledger import Ledger, LedgerRow, Outcome
from cvseeker.llm.limit import AdaptiveLimit
from cvseeker.llm.replies import RefusedError, ReplyError, read_reply
from cvseeker.llm.sending import BUDGET, SendCounts, SendSettings

# Of a jittered, doubling pause, in seconds; as the SDK's own.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# After which a pause looks whether it is still wanted.
_MOMENT = 0.5


@dataclass(slots=True)
class _Paid:
    """What a request's attempts have come to so far."""

    attempts: int = 0
    replies: int = 0
    broken: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    raw: str = ""
    latency: float = 0.0


class Sender:
    """Sends requests until each has an outcome in the ledger.

    Parameters
    ----------
    transport
        The way to the LLM.
    ledger
        Where outcomes are written, and what is final there is not sent again.
    task
        What all requests share.
    settings
        How requests are sent.
    mode
        The form of the replies asked for, for the ledger.
    """

    def __init__(
        self,
        transport: Transport,
        ledger: Ledger,
        task: ChatTask,
        *,
        settings: SendSettings,
        mode: str = "",
    ) -> None:
        self.transport = transport
        self.ledger = ledger
        self.task = task
        self.settings = settings
        self.mode = mode
        self.counts = SendCounts()
        self.limit = AdaptiveLimit(settings.most, stopped=self.is_stopped)
        self.draining = False
        self._spent_before = ledger.spent()
        self._reserved = 0
        self._asked: set[str] = set()
        # How far our count of a prompt's tokens fell short of the server's, at worst.
        self._miscount = 1.0
        self._last_answer, self._was_answered = time.monotonic(), False
        self._random = random.Random()

    async def run(self, requests: AsyncIterator[ChatRequest]) -> SendCounts:
        """Send all requests that are not final in the ledger; return what it came to.

        A request that no other can be sent for (a wrong key, no money left) stops the run: what is
        in flight is waited for, and ``counts.stopped`` says why.
        """
        running: set[asyncio.Task[None]] = set()
        async for request in requests:
            if self.is_stopped():
                break
            # Passages of the same text share a request.
            if request.key in self._asked or self.ledger.is_final(request.key):
                self.counts.known += 1
                continue
            # Requests that wait for a retry are few; more of them than this wait outside.
            while len(running) >= 2 * self.settings.most:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            reserved = await self._reserve(request, running)
            if self.is_stopped():
                break
            self._asked.add(request.key)
            task = asyncio.create_task(self._deliver(request, reserved))
            running.add(task)
            task.add_done_callback(running.discard)
        while running:
            await asyncio.gather(*running)
        return self.counts

    def is_stopped(self) -> bool:
        """Tell whether nothing more is to be sent."""
        return bool(self.counts.stopped) or self.draining

    async def send_one(self, request: ChatRequest) -> LedgerRow | None:
        """Send one request until it has an outcome; return its row, if it came to one."""
        reserved = await self._reserve(request, set())
        if not self.is_stopped():
            await self._deliver(request, reserved)
        return self.ledger.get(request.key)

    async def _reserve(self, request: ChatRequest, running: set[asyncio.Task[None]]) -> int:
        """Set aside what an attempt may cost, waiting for others to cost less than they might."""
        while not self._affords(most := self._most(request)):
            if not running:
                self.counts.stopped = BUDGET
                return 0
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        self._reserved += most
        return most

    def _affords(self, more: int) -> bool:
        """Whether the budget covers what was spent, what is reserved, and so much more."""
        spent = self._spent_before + self.counts.spent
        return self.settings.budget is None or spent + self._reserved + more <= self.settings.budget

    def _most(self, request: ChatRequest) -> int:
        """Return the most that one attempt may cost."""
        prompt = math.ceil(request.prompt_tokens * self._miscount)
        return self.settings.cost(prompt, self.task.max_tokens) or 0

    async def _deliver(self, request: ChatRequest, reserved: int) -> None:
        """Send a request until it has an outcome, and write that down."""
        paid = _Paid()
        self.counts.sent += 1
        try:
            outcome, reason, reply = await self._attempt(request, paid)
        except FatalError as error:
            self.counts.stopped, self.counts.fatal = error.reason, True
            outcome, reason, reply = "failed", "the run was stopped", ""
        finally:
            self._reserved -= reserved
            self._asked.discard(request.key)
        if outcome == "failed" and self.is_stopped() and not paid.replies:
            return  # nothing came and nothing was paid: as if it had not been sent
        self.ledger.record(
            LedgerRow(
                key=request.key,
                task=self.task.name,
                item=request.item,
                model=self.settings.model,
                url=self.settings.url,
                mode=self.mode,
                outcome=outcome,
                reason=reason,
                reply=reply,
                raw=paid.raw,
                prompt_tokens=paid.prompt_tokens,
                completion_tokens=paid.completion_tokens,
                cost=None if self.settings.price is None else paid.cost,
                attempts=paid.attempts,
                latency=round(paid.latency, 3),
                at=time.time(),
            )
        )
        self.counts.outcomes[outcome] = self.counts.outcomes.get(outcome, 0) + 1

    async def _attempt(self, request: ChatRequest, paid: _Paid) -> tuple[Outcome, str, str]:
        """Attempt until there is an outcome: the outcome, its reason, the reply's JSON."""
        while True:
            try:
                answer = await self._send_once(request, paid)
                reply = read_reply(answer, self.task.accepts or self.task.schema)
                # JSON can spell half a surrogate pair, which could be written nowhere.
                text = json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace").decode()
                return "ok", "", text
            except RefusedError as error:
                return "refused", error.reason, ""
            except RejectedError as error:
                return "rejected", error.reason, ""
            except FatalError:
                raise
            except (ReplyError, SendError) as error:
                pause = self._pause_after(error, paid)
                if pause is None:
                    unusable = isinstance(error, ReplyError)
                    return "unparsable" if unusable else "failed", error.reason, ""
            await self._sleep(pause)

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopped() and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _MOMENT))

    def _pause_after(self, error: ReplyError | SendError, paid: _Paid) -> float | None:
        """Return the seconds until the next attempt, or ``None`` where there is to be none."""
        settings = self.settings
        if self.is_stopped():
            return None
        if isinstance(error, ReplyError):
            more = paid.replies < settings.reply_attempts and self._affords(0)
            return 0.0 if more else None
        silence = time.monotonic() - self._last_answer
        if isinstance(error, BusyError):
            if silence + error.retry_after > settings.patience_seconds:
                raise self._silent(error, silence + error.retry_after)
            return self._pause(1, error.retry_after)
        paid.broken += 1
        if not isinstance(error, BrokenError):
            return None
        if paid.broken < settings.broken_attempts:
            return self._pause(paid.broken, error.retry_after)
        if self._was_answered and silence > settings.dead_seconds:
            raise self._silent(error, silence)
        return None

    def _silent(self, error: SendError, seconds: float) -> FatalError:
        """Return why a server is given up that answers nobody any more."""
        return FatalError(
            f"{self.settings.url}: {error.reason}, and no reply for {seconds:,.0f} seconds; what "
            "was answered is kept, and the same command goes on from here later"
        )

    async def _send_once(self, request: ChatRequest, paid: _Paid) -> Answer:
        """Send a request once when its turn comes, and let the limit learn from it."""
        await self.limit.acquire()
        began = time.monotonic()
        try:
            if self.is_stopped():
                raise SendError("the run was stopped")
            self.counts.attempts += 1
            paid.attempts += 1
            answer = await self.transport.send(request)
        except BusyError as error:
            # Nobody waits for hours; the run ends with this request, and the others with it.
            self.limit.busy(min(error.retry_after, self.settings.patience_seconds))
            raise
        except UnreachableError as error:
            if not self._was_answered:
                address = self.settings.url
                raise FatalError(
                    f"{address}: {error.reason}; start the server, or check --llm-url"
                ) from None
            self.limit.broken()
            raise
        except BrokenError:
            self.limit.broken()
            raise
        finally:
            paid.latency = time.monotonic() - began
            self.limit.release()
        self._last_answer, self._was_answered = time.monotonic(), True
        self.limit.answered()
        paid.replies += 1
        paid.raw = answer.raw
        self._count(answer, request, paid)
        return answer

    def _count(self, answer: Answer, request: ChatRequest, paid: _Paid) -> None:
        """Count what an answer cost; a server that does not say has read the prompt at least."""
        prompt = answer.prompt_tokens or request.prompt_tokens
        if request.prompt_tokens:
            self._miscount = max(self._miscount, prompt / request.prompt_tokens)
        paid.prompt_tokens += prompt
        paid.completion_tokens += answer.completion_tokens
        self.counts.prompt_tokens += prompt
        self.counts.completion_tokens += answer.completion_tokens
        cost = self.settings.cost(
            prompt, answer.completion_tokens, cached_tokens=answer.cached_tokens
        )
        paid.cost += cost or 0
        self.counts.spent += cost or 0

    def forget(self, outcome: Outcome) -> None:
        """Take back a request's outcome: it is about to be asked for in another way."""
        self.counts.outcomes[outcome] -= 1
        self.counts.sent -= 1

    def _pause(self, attempt: int, retry_after: float) -> float:
        """Return how long to wait: full jitter over a doubling span, no less than was asked for."""
        span = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
        return retry_after + self._random.uniform(0, span)
