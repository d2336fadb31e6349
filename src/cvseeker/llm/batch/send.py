"""Sending a run's requests through the Batch API: half the price, within a day.

What is submitted is written into the ledger before it leaves, so that a command killed at any
moment is continued by the next one, and nothing is submitted twice.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cvseeker.core.errors import LlmError
from cvseeker.core.hashes import text_hash
from cvseeker.llm.account import BUDGET, Changed, Job, SendCounts, clock, unheard
from cvseeker.llm.batch.api import BatchApi, GoneError
from cvseeker.llm.batch.ledger import BatchLedger, Part, pending
from cvseeker.llm.batch.parts import Cut, Cutter
from cvseeker.llm.batch.replies import merge, read_failure
from cvseeker.llm.dialect import Dialect
from cvseeker.llm.ledger import sole_sender
from cvseeker.llm.request import ChatRequest, ChatTask, FatalError, RejectedError, SendError
from cvseeker.llm.worker import WAITING, send_all

if TYPE_CHECKING:
    from openai.types import Batch

# Between looks at the batches, in seconds; each pause is longer than the last.
FIRST_PAUSE, LONGEST_PAUSE, LENGTHENING = 1.0, 60.0, 1.5
GOES_ON = "interrupted here, it goes on there"
_ENDED = ("completed", "failed", "expired", "cancelled")
_TOO_MANY_TOKENS = "token_limit_exceeded"
# A day, which a batch may take, and an hour for clocks that differ.
_LONGEST_BATCH = 25 * 3600.0


def send_batches(
    requests: Callable[[], Iterable[ChatRequest]],
    job: Job[ChatTask],
    *,
    discount: Decimal,
    changed: Changed = unheard,
    pause: Callable[[float], None] = time.sleep,
) -> SendCounts:
    """Submit the requests that the ledger does not hold yet, and wait for their outcomes.

    The first one is sent alone, as an ordinary request: it tells whether the endpoint can be used
    before anything is uploaded, and in which dialect. ``requests`` makes them all and is called
    several times; the job has the prices of ordinary requests, ``discount`` is what batches take
    off.
    """
    endpoint = job.endpoint
    endpoint.key()
    counts, miscount = _probe(requests, job, changed)
    with (
        sole_sender(job.ledger, waiting=lambda: changed(counts, WAITING)),
        BatchLedger(job.ledger) as book,
        BatchApi(endpoint, pause=pause) as api,
    ):
        dialect = Dialect.from_json(book.mode(endpoint.url, endpoint.model))
        cheaper = replace(job, settings=job.settings.discounted(discount))
        cutter = Cutter(cheaper, dialect, miscount, book)
        run = _Run(api, cutter, counts, changed)
        try:
            run.settle()
            run.send(requests)
        except SendError as error:
            where = "" if error.reason.startswith(endpoint.url) else f"{endpoint.url}: "
            raise LlmError(f"{where}{error.reason}") from None
    if counts.fatal:
        raise LlmError(counts.stopped)
    return counts


def refuse_batched(requests: Callable[[], Iterable[ChatRequest]], *, ledger: Path) -> None:
    """Refuse to send what is under way in a batch: it would be paid for twice."""
    with BatchLedger(ledger) as book:
        if book.under_way() and any(book.is_under_way(request.key) for request in requests()):
            raise LlmError(
                f"{book.under_way():,} requests are under way in a batch; fetch their replies with "
                "the same command and --batch"
            )


def _probe(
    requests: Callable[[], Iterable[ChatRequest]], job: Job[ChatTask], changed: Changed
) -> tuple[SendCounts, float]:
    """Send the first request left alone; return how far our count of its tokens fell short."""
    with BatchLedger(job.ledger) as book:
        with sole_sender(job.ledger, waiting=lambda: changed(SendCounts(), WAITING)):
            first = next(pending(requests(), book, began=math.inf), None)
            reserved = book.reserved()
        if first is None:
            return SendCounts(), 1.0
        budget = None if job.settings.budget is None else job.settings.budget - reserved
        alone = replace(job, settings=replace(job.settings, budget=budget))
        counts = send_all([first], alone, changed=changed)
        counts.in_flight = 0
        row = book.get(first.key)
        if row is None or not first.prompt_tokens:
            return counts, 1.0
        return counts, max(1.0, row.prompt_tokens / row.attempts / first.prompt_tokens)


class _Run:
    """Submits parts and fetches what became of them."""

    def __init__(
        self,
        api: BatchApi,
        cutter: Cutter,
        counts: SendCounts,
        changed: Changed,
    ) -> None:
        self.api, self.cutter, self.counts, self.changed = api, cutter, counts, changed
        self.ledger, self.endpoint = cutter.ledger, api.endpoint
        self.began = clock()

    def send(self, requests: Callable[[], Iterable[ChatRequest]]) -> None:
        """Submit what is pending, and wait for it, until nothing is or nothing more fits."""
        while not self.counts.stopped:
            left = pending(requests(), self.ledger, began=self.began)
            left, submitted = self._submit(left)
            more = next(left, None) is not None
            if not submitted and not self._parts():
                if more:
                    self.counts.stopped = BUDGET
                break
            self._wait()
        self._wait()

    def settle(self) -> int:
        """Fetch what became of the batches that have ended; return the answers of the others."""
        answered = 0
        for part in self._parts():
            batch = self._look_up(part)
            if batch is None and not part.batch_id:
                self.ledger.discard(part.name)  # killed before there was a batch
            elif batch is not None and batch.status not in _ENDED:
                counted = batch.request_counts
                answered += counted.completed + counted.failed if counted is not None else 0
            elif batch is None or not self._is_too_large(part, batch):
                self._merge(part, batch)
        return answered

    def _parts(self) -> list[Part]:
        return self.ledger.parts(url=self.endpoint.url, model=self.endpoint.model)

    def _look_up(self, part: Part) -> "Batch | None":
        """Return a part's batch, ``None`` where there is none, or none any more."""
        if not part.batch_id:
            batch = self.api.find(part.name, part.at)
            if batch is not None:
                self.ledger.submitted(part.name, batch.id)
            return batch
        try:
            return self.api.get(part.batch_id)
        except GoneError:
            if time.time() - part.at > _LONGEST_BATCH:
                return None
            raise LlmError(
                f"{self.endpoint.url}: knows no batch {part.batch_id}, which was submitted there "
                f"within the last day; is {self.endpoint.key_env} still the same account's key?"
            ) from None

    def _is_too_large(self, part: Part, batch: "Batch") -> bool:
        """Tell whether the provider lets fewer tokens wait; if so, the part is cut anew."""
        codes = {problem.code for problem in (batch.errors and batch.errors.data) or ()}
        if batch.status != "failed" or _TOO_MANY_TOKENS not in codes:
            return False
        if self.ledger.under_way(part.name) < 2 or not part.prompt_tokens:
            return False
        others = sum(other.prompt_tokens for other in self._parts() if other.name != part.name)
        self.cutter.most_tokens = max(others, part.prompt_tokens // 2)
        self.ledger.discard(part.name)
        return True

    def _merge(self, part: Part, batch: "Batch | None") -> None:
        """Write the outcomes of a part's requests into the ledger."""
        settings = self.cutter.job.settings
        merge(part, batch, api=self.api, ledger=self.ledger, settings=settings, counts=self.counts)
        problem = next(iter((batch and batch.errors and batch.errors.data) or ()), None)
        if batch is not None and problem is not None:
            error = {"message": problem.message, "code": problem.code}
            reason = read_failure(400, {"error": error}, self.endpoint).reason
            self.counts.fatal = True
            self.counts.stopped = (
                f"{self.endpoint.url}: batch {batch.id} was not taken ({problem.code}: {reason}); "
                "leave out --batch, or try another model"
            )

    def _submit(self, requests: Iterator[ChatRequest]) -> tuple[Iterator[ChatRequest], bool]:
        """Submit as many requests as fit; return those left, and whether there were any."""
        submitted = False
        while True:
            waiting = sum(part.prompt_tokens for part in self._parts())
            # Beside the ledger: there is room, and nothing is left if we are killed.
            with tempfile.TemporaryFile(dir=self.ledger.path.parent) as file:
                cut, requests = self.cutter.cut(requests, file, waiting=waiting)
                if not cut.requests:
                    return requests, submitted
                self._submit_cut(cut, file)
            submitted = True

    def _submit_cut(self, cut: Cut, file: IO[bytes]) -> None:
        at = time.time()
        part = Part(
            # Anew each time: what failed may be submitted again in the same company.
            name=text_hash(str(at), *(request.key for request in cut.requests)),
            url=self.endpoint.url,
            model=self.endpoint.model,
            task=json.dumps(asdict(self.cutter.job.task)),
            batch_id="",
            prompt_tokens=cut.tokens,
            reserved=cut.reserved,
            at=at,
        )
        self.ledger.begin(part, cut.requests)
        self._tell(f"submitting {len(cut.requests):,} requests")
        try:
            self.ledger.submitted(part.name, self.api.submit(file, part.name))
        except (FatalError, RejectedError):
            self.ledger.discard(part.name)
            raise

    def _wait(self) -> None:
        """Look at the batches now and then until all have ended."""
        pause, answered = FIRST_PAUSE, 0
        while parts := self._parts():
            batches = "a batch" if len(parts) == 1 else f"{len(parts)} batches"
            of = self.ledger.under_way()
            self._tell(f"{batches} at the provider, {answered:,} of {of:,} answered; {GOES_ON}")
            self.api.pause(pause)
            pause = min(pause * LENGTHENING, LONGEST_PAUSE)
            answered = self.settle()

    def _tell(self, note: str) -> None:
        self.counts.in_flight = self.ledger.under_way()
        self.changed(self.counts, note)
