"""From a batch's output to the ledger: every request of a part gets its outcome."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any

from cvseeker.llm.account import Account, Bill, Job, SendCounts, SendSettings
from cvseeker.llm.batch.api import BatchApi, GoneError
from cvseeker.llm.batch.ledger import BatchLedger, Part
from cvseeker.llm.dialect import read_completion
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.failures import status_error
from cvseeker.llm.replies import read_reply, writable_json
from cvseeker.llm.request import Answer, ChatRequest, ChatTask, SendError
from cvseeker.llm.sdk import http_library

if TYPE_CHECKING:
    from openai.types import Batch

MODE = "batch"


def merge(
    part: Part,
    batch: "Batch | None",
    *,
    api: BatchApi,
    ledger: BatchLedger,
    settings: SendSettings,
    counts: SendCounts,
) -> None:
    """Write the outcome of each request of a part whose batch has ended; all of them or none.

    ``batch`` is ``None`` where there is none any more; ``settings`` have the prices of batches;
    ``counts`` get what the part came to.
    """
    task = ChatTask(**json.loads(part.task))
    job = Job(Endpoint(part.model, part.url), task, settings, ledger.path)
    account = Account(ledger, job, counts)
    ended = (batch.completed_at if batch is not None else None) or time.time()
    seconds = max(0.0, ended - part.at)
    with ExitStack() as stack:
        files = []
        for file_id in (batch.output_file_id, batch.error_file_id) if batch is not None else ():
            if file_id:
                # Beside the ledger: there is room, and nothing is left if we are killed.
                file = stack.enter_context(tempfile.TemporaryFile(dir=ledger.path.parent))
                with suppress(GoneError):
                    api.download(file_id, file)
                    files.append(file)
        with ledger.transaction():
            for file in files:
                for key, line in _read_lines(file):
                    if request := ledger.take(part.name, key):
                        _record(request, line, account, api.endpoint, seconds)
            missing = {"error": {"code": _why_missing(batch)}}
            for request in ledger.take_rest(part.name):
                _record(request, missing, account, api.endpoint, seconds)
            ledger.discard(part.name)


def _record(
    request: ChatRequest,
    line: dict[str, Any],
    account: Account,
    endpoint: Endpoint,
    seconds: float,
) -> None:
    """Write down what a line of the output says of a request, as of one that was sent alone."""
    bill = Bill(attempts=1, latency=seconds)
    account.counts.sent += 1
    account.counts.attempts += 1
    try:
        answer = _read_answer(line, endpoint)
        account.pay(request, bill, answer)
        reply = read_reply(answer, account.job.task)
    except SendError as error:
        account.record(request, bill, error.outcome, mode=MODE, reason=error.reason)
    else:
        account.record(request, bill, "ok", mode=MODE, reply=reply)


def _why_missing(batch: "Batch | None") -> str:
    """Return why a request has no line in a batch's output."""
    if batch is None:
        return "batch not there any more"
    return (
        "missing in the batch's output" if batch.status == "completed" else f"batch {batch.status}"
    )


def _read_lines(file: IO[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the lines that are about a request, with its key; others are as if not there."""
    for raw in file:
        try:
            line = json.loads(raw)
            key = line["custom_id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(key, str) and key.isascii():
            yield key, line


def _read_answer(line: dict[str, Any], endpoint: Endpoint) -> Answer:
    """Return the answer in a line, or raise why there is none."""
    response, error = line.get("response"), line.get("error")
    if not isinstance(response, dict):
        code = error.get("code") if isinstance(error, dict) else None
        raise SendError(str(code or "no response in the batch's output")[:80])
    status, body = response.get("status_code"), response.get("body")
    if isinstance(status, int) and status != 200:
        raise read_failure(status, body, endpoint)
    return read_completion(endpoint.hide(writable_json(body)))


def read_failure(status: int, body: object, endpoint: Endpoint) -> SendError:
    """Return what an HTTP error within a batch means, in the words of a request sent alone."""
    import openai

    http = http_library()
    problem = body.get("error") if isinstance(body, dict) else None
    message = problem.get("message") if isinstance(problem, dict) else problem
    # The SDK makes its errors of responses, and so do we.
    response = http.Response(status, request=http.Request("POST", endpoint.url))
    complaint = f"Error code: {status} - {message}"
    error = openai.APIStatusError(complaint, response=response, body=problem)
    return status_error(error, endpoint)
