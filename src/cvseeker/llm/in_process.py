"""Through somebody else's client object, in this process."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import wait
from dataclasses import dataclass
from functools import cache

from cvseeker.core.errors import LlmError
from cvseeker.llm.account import Account, Changed, Job, SendCounts, unheard
from cvseeker.llm.ledger import Ledger, sole_sender
from cvseeker.llm.replies import read_reply
from cvseeker.llm.request import (
    Answer,
    BrokenError,
    BusyError,
    ChatRequest,
    ChatTask,
    FatalError,
    RejectedError,
    SendError,
    Transport,
)
from cvseeker.llm.sender import Sender

_SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True, slots=True)
class ObjectTransport(Transport[ChatRequest]):
    """The way through an object that completes a prompt; the schema is asked for in words.

    ``reshape`` makes the JSON asked for of a reply in another form, and returns what it cannot read
    as it is.
    """

    complete: Callable[[str], Awaitable[str]]
    task: ChatTask
    reshape: Callable[[str], str]
    mode: str = "text"

    async def send(self, request: ChatRequest) -> Answer:
        """Send one request once."""
        before = [self.task.system_with_schema(), *(self.task.example or ())]
        prompt = "\n\n".join([*before, request.text])
        try:
            text = await self.complete(prompt)
        except Exception as error:  # noqa: BLE001  (whatever somebody else's client raises)
            raise client_error(error) from None
        # Bare language models repeat the prompt before they go on.
        return Answer(self.reshape(text.removeprefix(prompt)), raw=text)

    def read(self, answer: Answer) -> str:
        """Return an answer's JSON."""
        return read_reply(answer, self.task)


def client_error(error: Exception) -> SendError:
    """Return what a client's error means for the request and for the run.

    Only its name and HTTP status are shown: its message may quote the key.
    """
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    reason = type(error).__name__ + (f" ({status})" if status else "")
    if status in (401, 402, 403, 404):
        return FatalError(
            f"the LLM object raised {reason}; check its key and model with llm.complete('hi')"
        )
    if status in (400, 413, 422):
        return RejectedError(reason)
    return BusyError(reason) if status == 429 else BrokenError(reason)


def send_in_process(
    requests: Iterable[ChatRequest],
    transport: ObjectTransport,
    job: Job[ChatTask],
    *,
    changed: Changed = unheard,
) -> SendCounts:
    """Send all requests that the ledger does not hold yet through an object, and wait for them.

    The object is always called in one event loop, that of a thread of its own: clients hold
    connections that belong to the loop they were opened in, and a notebook's loop is busy with the
    cell. Interrupted by Ctrl-C, replies in flight are waited for and kept; killed, those are lost.
    """
    counts = SendCounts()
    senders: list[Sender[ChatRequest]] = []

    async def run() -> None:
        with Ledger(job.ledger) as ledger:
            senders.append(Sender(transport, Account(ledger, job, counts)))
            await senders[0].run(_each(requests))

    job.ledger.parent.mkdir(parents=True, exist_ok=True)
    with sole_sender(job.ledger):
        future = asyncio.run_coroutine_threadsafe(run(), _loop())
        try:
            while wait([future], _SECONDS_BETWEEN_REPORTS).not_done:
                changed(counts, "")
        finally:
            if not future.done() and senders:
                senders[0].draining = True
                wait([future])
    future.result()
    changed(counts, "")
    if counts.fatal:
        raise LlmError(counts.stopped)
    return counts


async def _each(requests: Iterable[ChatRequest]) -> AsyncIterator[ChatRequest]:
    for request in requests:
        yield request


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that objects are called in, which runs until the process ends."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="cvseeker-llm", daemon=True).start()
    return loop
