"""Requests through somebody else's client object, in this process."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import wait
from functools import cache
from pathlib import Path

from cvseeker.core.errors import LlmError
from cvseeker.llm.chat import (
    Answer,
    BrokenError,
    BusyError,
    ChatRequest,
    ChatTask,
    FatalError,
    RejectedError,
    SendError,
)
from cvseeker.llm.ledger import Ledger, sole_sender
from cvseeker.llm.sender import Sender
from cvseeker.llm.sending import SendCounts, SendSettings

_SECONDS_BETWEEN_REPORTS = 0.2


class ObjectTransport:
    """The transport through an object that completes a prompt.

    Parameters
    ----------
    complete
        Gives the reply to a prompt.
    task
        What all requests share; its schema is asked for in words.
    reshape
        Makes the JSON asked for of a reply in another form; returns what it cannot read as it is.
    """

    def __init__(
        self,
        complete: Callable[[str], Awaitable[str]],
        task: ChatTask,
        *,
        reshape: Callable[[str], str],
    ) -> None:
        self._complete = complete
        self._task = task
        self._reshape = reshape

    async def send(self, request: ChatRequest) -> Answer:
        """Send one request once.

        Raises
        ------
        SendError
            If the object raised anything.
        """
        prompt = f"{self._task.system_with_schema()}\n\n{request.text}"
        try:
            text = await self._complete(prompt)
        except Exception as error:  # noqa: BLE001  (whatever somebody else's client raises)
            raise client_error(error) from None
        # Bare language models repeat the prompt before they go on.
        content = self._reshape(text.removeprefix(prompt))
        return Answer(content, "", "", 0, 0, 0, raw=text)


def client_error(error: Exception) -> SendError:
    """Return what a client's error means for the request and for the run.

    Only its name and HTTP status are told: its message may quote the key.
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
    *,
    complete: Callable[[str], Awaitable[str]],
    reshape: Callable[[str], str],
    task: ChatTask,
    settings: SendSettings,
    ledger: Path,
    changed: Callable[[SendCounts, str], None] = lambda counts, note: None,
) -> SendCounts:
    """Send all requests that the ledger does not hold yet through an object, and wait for them.

    Interrupted by Ctrl-C, replies in flight are waited for and kept; killed, those are lost.

    Parameters
    ----------
    requests
        Taken as they are needed.
    complete, reshape
        See :class:`ObjectTransport`. Always called in one event loop, that of a thread of its own:
        clients hold connections that belong to the loop they were opened in, and a notebook's loop
        is busy with the cell.
    task, settings
        What all requests share, and how they are sent.
    ledger
        The ledger's file.
    changed
        Called some times a second with the counts so far.

    Returns
    -------
    SendCounts

    Raises
    ------
    LlmError
        If no request can succeed.
    """
    senders: list[Sender] = []

    async def run() -> SendCounts:
        transport = ObjectTransport(complete, task, reshape=reshape)
        with Ledger(ledger) as book:
            senders.append(Sender(transport, book, task, settings=settings, mode="text"))
            return await senders[0].run(_each(requests))

    ledger.parent.mkdir(parents=True, exist_ok=True)
    with sole_sender(ledger):
        future = asyncio.run_coroutine_threadsafe(run(), _loop())
        try:
            while wait([future], _SECONDS_BETWEEN_REPORTS).not_done:
                if senders:
                    changed(senders[0].counts, "")
        finally:
            if not future.done() and senders:
                senders[0].draining = True
                wait([future])
    counts = future.result()
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
