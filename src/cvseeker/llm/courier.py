"""The process that sends requests for a command, and outlives it.

A command that is killed takes the replies in flight with it, which were paid for. So the requests
are sent by a process of their own: it reads them from its standard input, sends them, and writes
every reply into the ledger. When the command is gone it sends nothing more, saves what is still in
flight, and ends.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from cvseeker.core.errors import CVSeekerError
from cvseeker.llm.chat import ChatRequest, ChatTask
from cvseeker.llm.dialect import Dialect
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.ledger import Ledger, LedgerRow, sole_sender
from cvseeker.llm.sender import Sender
from cvseeker.llm.sending import SendSettings
from cvseeker.llm.transport import ChatEndpoint

_READ_AHEAD = 64
# So many requests in a row that the server will not take are the run's fault, not a passage's.
_MOST_REJECTED = 3
_SECONDS_BETWEEN_REPORTS = 0.2


def main() -> None:
    """Read a job and its requests from standard input, send them, report on standard output."""
    serve_job(_run)


def serve_job(run: Callable[[dict[str, Any], Ledger], Awaitable[None]]) -> None:
    """Read a job from standard input and run it as its ledger's only sender.

    Parameters
    ----------
    run
        Given the job and the ledger, sends what else comes on standard input.
    """

    async def work(ledger: Ledger) -> None:
        await run(job, ledger)

    job = json.loads(sys.stdin.readline())
    path = Path(job["ledger"])
    try:
        with sole_sender(path, waiting=_tell_of_waiting), Ledger(path) as ledger:
            asyncio.run(work(ledger))
    except CVSeekerError as error:
        _tell({"error": str(error), "sort": type(error).__name__})


async def _run(job: dict[str, Any], ledger: Ledger) -> None:
    endpoint, task = Endpoint(**job["endpoint"]), ChatTask(**job["task"])
    settings = SendSettings(**job["settings"])
    dialect = Dialect.from_json(ledger.mode(endpoint.url, endpoint.model))
    transport = ChatEndpoint(endpoint, task, dialect=dialect, connections=settings.most)
    sender = Sender(transport, ledger, task, settings=settings, mode=dialect.form)

    async def send_first(requests: AsyncIterator[ChatRequest]) -> None:
        await probe(sender, transport, requests)

    try:
        await send_what_comes(sender, send_first)
    finally:
        await transport.close()


async def send_what_comes(
    sender: Sender, send_first: Callable[[AsyncIterator[ChatRequest]], Awaitable[None]]
) -> None:
    """Send the requests that come on standard input, and report on standard output.

    Parameters
    ----------
    sender
        Sends them.
    send_first
        Sends a first one alone and stops the sender where that shows that no other can succeed.
    """
    watch = asyncio.create_task(_report(sender))
    try:
        requests = _read_requests(sender)
        await send_first(requests)
        await sender.run(requests)
    finally:
        watch.cancel()
    _tell({"counts": sender.counts.to_dict(), "end": True})


async def probe(
    sender: Sender, transport: ChatEndpoint, requests: AsyncIterator[ChatRequest]
) -> None:
    """Send a first request alone, to learn whether and how the endpoint replies.

    It is one of the requests that are to be sent anyway, so it costs nothing extra. Whatever would
    fail all of them (a wrong key, an unknown model, nobody there) fails here, with nothing sent
    after it. A reply that is not of the schema asked for is asked for in a simpler form:
    ``json_schema``, then ``json_object``, then plain text. Where the server will not take the
    request itself, which may be its passage's fault, the next two are tried.

    Parameters
    ----------
    sender
        Its mode is set to the form found.
    transport
        Its dialect is set to the one that the endpoint takes.
    requests
        The requests that were sent are taken off.
    """
    rejected = 0
    async for request in requests:
        if sender.ledger.is_final(request.key):
            sender.counts.known += 1
            continue
        row = await sender.send_one(request)
        while row is not None and row.outcome == "unparsable" and not sender.is_stopped():
            simpler = transport.dialect.simpler_form()
            if simpler is None:
                break
            transport.dialect = simpler
            sender.mode = simpler.form
            sender.forget(row.outcome)
            row = await sender.send_one(request)
        rejected += row is not None and row.outcome == "rejected"
        if row is None or row.outcome != "rejected" or rejected == _MOST_REJECTED:
            _judge_probe(sender, transport, row)
            return


def _judge_probe(sender: Sender, transport: ChatEndpoint, row: LedgerRow | None) -> None:
    """Stop the run where the first request got nothing; else remember how it was asked for."""
    if sender.is_stopped() or row is None:
        return
    endpoint = transport.endpoint
    if row.outcome in ("failed", "unparsable", "rejected"):
        sender.counts.stopped = (
            f"{endpoint.url}: no usable reply from {endpoint.model!r} ({row.reason}); nothing more "
            "was sent. See the raw reply in the ledger, or try another model"
        )
        sender.counts.fatal = True
        return
    sender.mode = transport.dialect.form
    sender.ledger.set_mode(endpoint.url, endpoint.model, transport.dialect.to_json())


async def _read_requests(sender: Sender) -> AsyncIterator[ChatRequest]:
    """Yield the requests that come on standard input, until its end mark or its end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue(_READ_AHEAD)

    def read() -> None:
        line = "-"
        while line:
            line = sys.stdin.readline()
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    threading.Thread(target=read, daemon=True).start()
    # A command that is killed may leave half a line behind.
    while (line := await lines.get()).endswith("\n"):
        row = json.loads(line)
        if row.get("end"):
            return
        yield ChatRequest(**row)
    sender.draining = True


async def _report(sender: Sender) -> None:
    """Tell the command how far we are, now and then, and notice when it is gone."""
    while _tell({"counts": sender.counts.to_dict()}):
        await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)
        sender.counts.in_flight = sender.limit.in_flight
    sender.draining = True


def _tell_of_waiting() -> None:
    _tell({"waiting": True})


def _tell(event: dict[str, Any]) -> bool:
    """Write an event to standard output; tell whether somebody was there to read it."""
    try:
        sys.stdout.write(f"{json.dumps(event)}\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
    # The thread that reads standard input may be waiting still; Python cannot end around it.
    os._exit(0)
