"""Sends requests to a server, each until it has an outcome, and has every outcome written down."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Generic

from cvseeker.llm.account import BUDGET, Account, Bill
from cvseeker.llm.endpoint import is_own
from cvseeker.llm.failures import backoff
from cvseeker.llm.ledger import LedgerRow
from cvseeker.llm.limit import AdaptiveLimit
from cvseeker.llm.request import (
    TIME_OUT,
    Answer,
    BrokenError,
    BusyError,
    FatalError,
    Outcome,
    RefusedError,
    RejectedError,
    ReplyError,
    RequestT,
    SendError,
    Transport,
    UnreachableError,
)

# After which a pause looks whether it is still wanted.
_MOMENT = 0.5
# Seconds within which a server of one's own should answer whatever it was sent: so long does an
# interrupted command's successor wait for it.
_SOON = 60.0
# Attempts at a server of one's own that end in a time-out: it may have been loading its model, but
# what takes too long three times takes too long.
_TIME_OUTS = 3


class Sender(Generic[RequestT]):
    """Sends requests until each has an outcome in the account's ledger."""

    def __init__(self, transport: Transport[RequestT], account: Account) -> None:
        self.transport = transport
        self.account = account
        self.settings, self.counts = account.job.settings, account.counts
        endpoint = account.job.endpoint
        self._is_own = is_own(endpoint.url)
        in_time = min(endpoint.timeout_seconds / 2, _SOON) if self._is_own else math.inf
        self.limit = AdaptiveLimit(self.settings.most, in_time=in_time, stopped=self.is_stopped)
        self.draining = False
        self._spent_before = account.ledger.spent()
        self._reserved = 0
        self._asked: set[str] = set()
        # How far our count of a prompt's tokens fell short of the server's, at worst.
        self._miscount = 1.0
        self._last_answer, self._was_answered = time.monotonic(), False

    async def run(self, requests: AsyncIterator[RequestT]) -> None:
        """Send all requests that are not final in the ledger.

        A request that no other can be sent for (a wrong key, no money left) stops the run: what is
        in flight is waited for, and ``counts.stopped`` says why. So does a row that cannot be
        written, which is raised at the end.
        """
        running: set[asyncio.Task[None]] = set()
        failures: list[BaseException] = []

        def ended(task: asyncio.Task[None]) -> None:
            running.discard(task)
            if not task.cancelled() and (failure := task.exception()):
                failures.append(failure)
                self.draining = True

        async for request in requests:
            if self.is_stopped():
                break
            # Passages of the same text share a request.
            if request.key in self._asked or self.account.ledger.is_final(request.key):
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
            task.add_done_callback(ended)
        while running:
            await asyncio.wait(running)
        if failures:
            raise failures[0]

    def is_stopped(self) -> bool:
        """Tell whether nothing more is to be sent."""
        return bool(self.counts.stopped) or self.draining

    async def send_one(self, request: RequestT) -> LedgerRow | None:
        """Send one request until it has an outcome; return its row, if it came to one."""
        reserved = await self._reserve(request, set())
        if not self.is_stopped():
            await self._deliver(request, reserved)
        return self.account.ledger.get(request.key)

    def forget(self, outcome: Outcome) -> None:
        """Take back a request's outcome: it is about to be asked for in another way."""
        self.counts.outcomes[outcome] -= 1
        self.counts.sent -= 1

    async def _reserve(self, request: RequestT, running: set[asyncio.Task[None]]) -> int:
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

    def _most(self, request: RequestT) -> int:
        """Return the most that one attempt may cost."""
        prompt = math.ceil(request.prompt_tokens * self._miscount)
        return self.settings.cost(prompt, self.account.job.task.max_tokens)

    async def _deliver(self, request: RequestT, reserved: int) -> None:
        """Send a request until it has an outcome, and have that written down."""
        bill = Bill()
        outcome: Outcome = "ok"
        reason = reply = ""
        self.counts.sent += 1
        try:
            reply = await self._send_with_retries(request, bill)
        except FatalError as error:
            self.counts.stopped, self.counts.fatal = error.reason, True
            outcome, reason = "failed", "the run was stopped"
        except SendError as error:
            outcome, reason = error.outcome, error.reason
        finally:
            self._reserved -= reserved
            self._asked.discard(request.key)
        if outcome == "failed" and self.is_stopped() and not bill.replies:
            return  # nothing came and nothing was paid: as if it had not been sent
        mode = self.transport.mode
        self.account.record(request, bill, outcome, mode=mode, reason=reason, reply=reply)

    async def _send_with_retries(self, request: RequestT, bill: Bill) -> str:
        """Attempt until there is a reply; raise the last error where there is to be none."""
        while True:
            try:
                return self.transport.read(await self._send_once(request, bill))
            except (RefusedError, RejectedError, FatalError):
                raise
            except SendError as error:
                pause = self._pause_before_retry(error, bill)
                if pause is None:
                    raise
            await self._sleep(pause)

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopped() and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _MOMENT))

    def _pause_before_retry(self, error: SendError, bill: Bill) -> float | None:
        """Return the seconds until the next attempt, or ``None`` where there is to be none."""
        settings = self.settings
        if self.is_stopped():
            return None
        if isinstance(error, ReplyError):
            more = bill.replies < settings.reply_attempts and self._affords(0)
            return 0.0 if more else None
        silence = time.monotonic() - self._last_answer
        waits = isinstance(error, BusyError) or error.retry_after > 0
        if waits and silence + error.retry_after > settings.patience_seconds:
            raise self._silent(error, silence + error.retry_after)
        if isinstance(error, BusyError):
            return backoff(1, error.retry_after)
        bill.broken += 1
        if not isinstance(error, BrokenError):
            return None
        most = settings.broken_attempts
        if self._is_own and error.reason == TIME_OUT:
            most = min(most, _TIME_OUTS)
        if bill.broken < most:
            return backoff(bill.broken, error.retry_after)
        if self._was_answered and silence > settings.dead_seconds:
            raise self._silent(error, silence)
        return None

    def _silent(self, error: SendError, seconds: float) -> FatalError:
        """Return why a server is given up that answers nobody any more."""
        return FatalError(
            f"{self.account.job.endpoint.url}: {error.reason}, and no reply for {seconds:,.0f} "
            "seconds; what was answered is kept, and the same command goes on from here later"
        )

    async def _send_once(self, request: RequestT, bill: Bill) -> Answer:
        """Send a request once when its turn comes, and let the limit learn from it."""
        await self.limit.acquire()
        began, in_flight = time.monotonic(), self.limit.in_flight
        try:
            if self.is_stopped():
                raise SendError("the run was stopped")
            self.counts.attempts += 1
            bill.attempts += 1
            answer = await self.transport.send(request)
        except BusyError as error:
            # Nobody waits for hours; the run ends with this request, and the others with it.
            self.limit.busy(min(error.retry_after, self.settings.patience_seconds))
            raise
        except UnreachableError as error:
            if not self._was_answered:
                endpoint = self.account.job.endpoint
                raise FatalError(
                    f"{endpoint.url}: {error.reason}; start the server, or check "
                    f"{endpoint.url_option}"
                ) from None
            self.limit.broken()
            raise
        except BrokenError:
            self.limit.broken()
            raise
        finally:
            bill.latency = time.monotonic() - began
            self.limit.took(bill.latency, of=in_flight)
            self.limit.release()
        self._last_answer, self._was_answered = time.monotonic(), True
        self.limit.answered()
        if request.prompt_tokens:
            self._miscount = max(self._miscount, answer.prompt_tokens / request.prompt_tokens)
        self.account.pay(request, bill, answer)
        return answer
