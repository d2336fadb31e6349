"""The worker's side: reads a job and its requests, sends them, and reports."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

from cvseeker.core.errors import CVSeekerError
from cvseeker.llm.account import Account, Job
from cvseeker.llm.dialect import Dialect
from cvseeker.llm.embeddings import open_transport
from cvseeker.llm.ledger import Ledger, LedgerRow, sole_sender
from cvseeker.llm.request import (
    CUT_OFF,
    TIME_OUT,
    ChatRequest,
    EmbeddingRequest,
    EmbeddingTask,
    Request,
)
from cvseeker.llm.sender import Sender
from cvseeker.llm.transport import ChatTransport, HttpTransport

_READ_AHEAD = 64
# So many requests in a row that the server will not take are the run's fault, not a passage's.
_MOST_REJECTED = 3
_SECONDS_BETWEEN_REPORTS = 0.2

# A run's requests are all of one sort, chat or embeddings.
_Transport = HttpTransport[Any]
_Sender = Sender[Any]


def main() -> None:
    """Run the job on standard input as its ledger's only sender, and report on standard output."""
    job = Job.from_json(sys.stdin.readline())
    try:
        with sole_sender(job.ledger, waiting=_report_waiting), Ledger(job.ledger) as ledger:
            asyncio.run(_run(Account(ledger, job)))
    except CVSeekerError as error:
        _report({"error": str(error), "sort": type(error).__name__})


async def _run(account: Account) -> None:
    transport = _open(account)
    sender: _Sender = Sender(transport, account)
    watch = asyncio.create_task(_watch(sender))
    try:
        requests = _read_requests(sender)
        await _probe(sender, transport, requests)
        await sender.run(requests)
    finally:
        watch.cancel()
        await transport.close()
    _report({"counts": account.counts.to_dict(), "end": True})


def _open(account: Account) -> _Transport:
    endpoint, task, most = account.job.endpoint, account.job.task, account.job.settings.most
    if isinstance(task, EmbeddingTask):
        return open_transport(endpoint, task, cache=account.ledger.path, connections=most)
    dialect = Dialect.from_json(account.ledger.mode(endpoint.url, endpoint.model))
    return ChatTransport(endpoint, task, dialect=dialect, connections=most)


async def _probe(sender: _Sender, transport: _Transport, requests: AsyncIterator[Any]) -> None:
    """Send a first request alone, to learn whether and how the endpoint replies.

    It is one of the requests that are to be sent anyway, so it costs nothing extra. Whatever would
    fail all of them (a wrong key, an unknown model, nobody there) fails here, with nothing sent
    after it. A reply that is not of the schema asked for is asked for in a simpler form:
    ``json_schema``, then ``json_object``, then plain text. Where the server will not take the
    request itself, or the model did not come to an end, which may be the passage's fault, the next
    two are tried.
    """
    tried = 0
    ledger, counts = sender.account.ledger, sender.counts
    async for request in requests:
        if ledger.is_final(request.key):
            counts.known += 1
            continue
        row = await sender.send_one(request)
        while row is not None and _has_no_form(row) and not sender.is_stopped():
            if not transport.simplify():
                break
            sender.forget(row.outcome)
            row = await sender.send_one(request)
        tried += 1
        if row is None or not _may_be_its_own_fault(row) or tried == _MOST_REJECTED:
            _judge_probe(sender, transport, row)
            return


def _is_cut_off(row: LedgerRow) -> bool:
    return row.reason.startswith(CUT_OFF)


def _has_no_form(row: LedgerRow) -> bool:
    """Tell whether a reply came to its end and was not of the form asked for."""
    return row.outcome == "unparsable" and not _is_cut_off(row)


def _may_be_its_own_fault(row: LedgerRow) -> bool:
    return row.outcome == "rejected" or _is_cut_off(row)


def _judge_probe(sender: _Sender, transport: _Transport, row: LedgerRow | None) -> None:
    """Stop the run where the first request got nothing; else remember how it was asked for."""
    if sender.is_stopped() or row is None:
        return
    if row.is_final:
        transport.remember(sender.account.ledger)
        return
    endpoint, counts = transport.endpoint, sender.counts
    slow = (
        f". If it is only slow, allow it more than {endpoint.timeout_seconds:g} seconds "
        f"({endpoint.timeout_option})"
    )
    advice = slow if row.reason == TIME_OUT else transport.advice
    if _is_cut_off(row):
        advice = ". Allow longer replies (--llm-max-tokens), or try another model"
    counts.fatal = True
    counts.stopped = (
        f"{endpoint.url}: {transport.useless} from {endpoint.model!r} ({row.reason}); nothing more "
        f"was sent{advice}"
    )


async def _read_requests(sender: _Sender) -> AsyncIterator[Request]:
    """Yield the requests that come on standard input, until its end mark or its end."""
    about_vectors = isinstance(sender.account.job.task, EmbeddingTask)
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
        yield EmbeddingRequest(**row) if about_vectors else ChatRequest(**row)
    sender.draining = True


async def _watch(sender: _Sender) -> None:
    """Tell the command how far we are, now and then, and notice when it is gone."""
    while _report({"counts": sender.counts.to_dict()}):
        await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)
        sender.counts.in_flight = sender.limit.in_flight
    sender.draining = True


def _report_waiting() -> None:
    _report({"waiting": True})


def _report(event: dict[str, Any]) -> bool:
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
