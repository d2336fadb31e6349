"""From a batch's output to the ledger: every request of a part gets its outcome."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from cvseeker.llm.batch.api import BatchApi, GoneError
from cvseeker.llm.batch.ledger import BatchLedger, Part
from cvseeker.llm.chat import Answer, ChatRequest, ChatTask, RejectedError, SendError
from cvseeker.llm.dialect import read_completion
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.failures import status_error
from cvseeker.llm.ledger import LedgerRow, Outcome
from cvseeker.llm.replies import RefusedError, ReplyError, read_reply
from cvseeker.llm.sending import SendCounts, SendSettings

if TYPE_CHECKING:
    from openai.types import Batch

MODE = "batch"


@dataclass(frozen=True, slots=True)
class _Result:
    """What a line says: an outcome, and the answer that it was read from, if there was one."""

    outcome: Outcome
    reason: str
    reply: str = ""
    answer: Answer | None = None


def merge(
    part: Part,
    batch: "Batch | None",
    *,
    api: BatchApi,
    book: BatchLedger,
    settings: SendSettings,
    counts: SendCounts,
) -> None:
    """Write the outcome of each request of a part whose batch has ended; all of them or none.

    Parameters
    ----------
    part
        The part.
    batch
        Its batch, with the files of its output; ``None`` where there is no such batch any more.
    api
        Where the files are.
    book
        The ledger.
    settings
        With the prices of batches.
    counts
        Gets what the part came to.
    """
    task = ChatTask(**json.loads(part.task))
    writer = _Writer(part, task, batch, book=book, settings=settings, counts=counts)
    with ExitStack() as stack:
        files = []
        for file_id in (batch.output_file_id, batch.error_file_id) if batch is not None else ():
            if file_id:
                # Beside the ledger: there is room, and nothing is left if we are killed.
                file = stack.enter_context(tempfile.TemporaryFile(dir=book.path.parent))
                with suppress(GoneError):
                    api.download(file_id, file)
                    files.append(file)
        with book.transaction():
            for file in files:
                for key, line in _read_lines(file):
                    if request := book.take(part.name, key):
                        writer.write(request, _read_result(line, task, api.endpoint))
            without = _Result("failed", _why_missing(batch))
            for request in book.take_rest(part.name):
                writer.write(request, without)
            book.discard(part.name)


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


def _read_result(line: dict[str, Any], task: ChatTask, endpoint: Endpoint) -> _Result:
    """Return what a line says, in the words of requests sent one by one."""
    response, error = line.get("response"), line.get("error")
    if not isinstance(response, dict):
        code = error.get("code") if isinstance(error, dict) else None
        return _Result("failed", str(code or "no response in the batch's output")[:80])
    status, body = response.get("status_code"), response.get("body")
    if isinstance(status, int) and status != 200:
        failure = read_failure(status, body, endpoint)
        rejected = isinstance(failure, RejectedError)
        return _Result("rejected" if rejected else "failed", failure.reason)
    try:
        answer = read_completion(_to_json(body))
    except SendError as broken:
        return _Result("failed", broken.reason)
    try:
        reply = read_reply(answer, task.accepts or task.schema)
    except RefusedError as refused:
        return _Result("refused", refused.reason, answer=answer)
    except ReplyError as unusable:
        return _Result("unparsable", unusable.reason, answer=answer)
    return _Result("ok", "", _to_json(reply), answer)


def _to_json(value: object) -> str:
    # JSON can spell half a surrogate pair, which could be written nowhere.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def read_failure(status: int, body: object, endpoint: Endpoint) -> SendError:
    """Return what an HTTP error within a batch means, in the words of a request sent alone."""
    import httpx2
    import openai

    told = body.get("error") if isinstance(body, dict) else None
    message = told.get("message") if isinstance(told, dict) else told
    # The SDK makes its errors of responses, and so do we.
    response = httpx2.Response(status, request=httpx2.Request("POST", endpoint.url))
    error = openai.APIStatusError(f"Error code: {status} - {message}", response=response, body=told)
    return status_error(error, endpoint)


class _Writer:
    """Writes the outcomes of one part."""

    def __init__(
        self,
        part: Part,
        task: ChatTask,
        batch: "Batch | None",
        *,
        book: BatchLedger,
        settings: SendSettings,
        counts: SendCounts,
    ) -> None:
        self._part, self._task, self._book = part, task, book
        self._settings, self._counts = settings, counts
        ended = (batch.completed_at if batch is not None else None) or time.time()
        self._seconds = max(0.0, round(ended - part.at, 3))

    def write(self, request: ChatRequest, result: _Result) -> None:
        """Write a request's outcome and count it."""
        answer, cost, prompt, completion = result.answer, 0, 0, 0
        if answer is not None:
            prompt = answer.prompt_tokens or request.prompt_tokens
            completion = answer.completion_tokens
            cached = answer.cached_tokens
            cost = self._settings.cost(prompt, completion, cached_tokens=cached) or 0
        self._book.record(
            LedgerRow(
                key=request.key,
                task=self._task.name,
                item=request.item,
                model=self._part.model,
                url=self._part.url,
                mode=MODE,
                outcome=result.outcome,
                reason=result.reason,
                reply=result.reply,
                raw=answer.raw if answer is not None else "",
                prompt_tokens=prompt,
                completion_tokens=completion,
                cost=None if self._settings.price is None else cost,
                attempts=1,
                latency=self._seconds,
                at=time.time(),
            )
        )
        counts = self._counts
        counts.sent += 1
        counts.attempts += 1
        counts.prompt_tokens += prompt
        counts.completion_tokens += completion
        counts.spent += cost
        counts.outcomes[result.outcome] = counts.outcomes.get(result.outcome, 0) + 1
