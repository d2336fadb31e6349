"""OpenAI's Batch API: the few calls that it takes, each tried again where that may help."""

import time
from collections.abc import Callable
from contextvars import copy_context
from itertools import islice
from typing import IO, TYPE_CHECKING, Self, TypeVar

from cvseeker.llm.bounds import MOST_BYTES, MOST_SECONDS, bound
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.failures import backoff, translated
from cvseeker.llm.request import BrokenError, BusyError, FatalError, SendError, UnreachableError
from cvseeker.llm.sdk import import_sdk, silent_headers, silent_request_headers

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

METADATA = "cvseeker"
_NOT_THERE = (404, 405, 410, 501)
_ATTEMPTS = 6
# A batch goes on without us: half an hour without the network is worth waiting for.
_PATIENT_ATTEMPTS = 120
# Clocks differ, and a batch is created some time after its name is written down.
_CLOCKS_DIFFER = 3600.0
_LONGEST_WAIT = 600.0
_PAGE, _MOST_BATCHES = 100, 10_000
# Of a batch's output, which is on the disk before it is read.
_LONGEST_OUTPUT, _LONGEST_DOWNLOAD = 4 * 2**30, 24 * 3600.0
T = TypeVar("T")


class GoneError(SendError):
    """There is no such thing at the server: no Batch API, no such batch, no such file."""


class BatchApi:
    """The calls to an endpoint's Batch API; ``pause`` waits some seconds."""

    def __init__(self, endpoint: Endpoint, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.endpoint = endpoint
        self.pause = pause
        self._client = _open_client(endpoint)
        self._was_answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def submit(self, lines: IO[bytes], name: str) -> str:
        """Upload a part's lines and make a batch of them; return the batch's id.

        After a `FatalError` or a `RejectedError` there is no batch; after a `BrokenError` there is
        no telling, but :meth:`find` will tell.
        """
        began = time.time()

        def upload() -> str:
            lines.seek(0)
            file = (f"{name}.jsonl", lines)
            headers = silent_request_headers()
            return self._client.files.create(file=file, purpose="batch", extra_headers=headers).id

        created = False

        def create() -> str:
            nonlocal created
            # The answer to an attempt before may be all that was lost.
            known = self._search(name, began) if created else None
            if known is None:
                created = True
                known = self._client.batches.create(
                    input_file_id=file_id,
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata={METADATA: name},
                    extra_headers=silent_request_headers(),
                )
            return known.id

        try:
            file_id = self._call(upload)
            return self._call(create)
        except GoneError as error:
            raise self._no_batches(error) from None

    def find(self, name: str, began: float) -> "Batch | None":
        """Return the batch that a part cut at that time became, ``None`` where it became none."""
        try:
            return self._call(lambda: self._search(name, began))
        except GoneError as error:
            raise self._no_batches(error) from None

    def get(self, batch_id: str) -> "Batch":
        """Return a batch as it stands; a `GoneError` says that this key knows none such."""
        headers = silent_request_headers()
        return self._call(
            lambda: _checked(self._client.batches.retrieve(batch_id, extra_headers=headers)),
            attempts=_PATIENT_ATTEMPTS,
        )

    def download(self, file_id: str, into: IO[bytes]) -> None:
        """Write a file's content into another; a `GoneError` says that it is there no more."""
        copy_context().run(self._download, file_id, into)
        into.seek(0)

    def _download(self, file_id: str, into: IO[bytes]) -> None:
        MOST_BYTES.set(_LONGEST_OUTPUT)
        MOST_SECONDS.set(_LONGEST_DOWNLOAD)

        def fetch() -> None:
            into.seek(0)
            into.truncate()
            content = self._client.files.with_streaming_response.content
            with content(file_id, extra_headers=silent_request_headers()) as response:
                for piece in response.iter_bytes():
                    into.write(piece)

        self._call(fetch, attempts=_PATIENT_ATTEMPTS)

    def _search(self, name: str, began: float) -> "Batch | None":
        """Go through the batches, the latest first, back to when the part was cut."""
        headers = silent_request_headers()
        batches = self._client.batches.list(limit=_PAGE, extra_headers=headers)
        for batch in islice(batches, _MOST_BATCHES):
            if (batch.metadata or {}).get(METADATA) == name:
                return batch
            if batch.created_at < began - _CLOCKS_DIFFER:
                return None
        return None

    def _call(self, action: Callable[[], T], *, attempts: int = _ATTEMPTS) -> T:
        """Do something, again and again where the server fails."""
        for attempt in range(1, attempts + 1):
            try:
                result = self._translated(action)
            except (BusyError, BrokenError) as error:
                unknown = isinstance(error, UnreachableError) and not self._was_answered
                if unknown or attempt == (attempts if self._was_answered else _ATTEMPTS):
                    raise
                self.pause(backoff(attempt, min(error.retry_after, _LONGEST_WAIT)))
            else:
                self._was_answered = True
                return result
        raise AssertionError("unreachable")

    def _translated(self, action: Callable[[], T]) -> T:
        import openai

        def act() -> T:
            try:
                return action()
            except openai.APIStatusError as error:
                if error.status_code in _NOT_THERE:
                    raise GoneError(f"not there ({error.status_code})") from None
                raise

        try:
            with translated(self.endpoint):
                return act()
        except (
            openai.OpenAIError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ):
            # The SDK reads whatever comes, and what is read of it here may not be there.
            raise BrokenError("answer is none of a Batch API") from None

    def _no_batches(self, error: GoneError) -> FatalError:
        return FatalError(
            f"{self.endpoint.url}: offers no Batch API ({error.reason}); leave out --batch"
        )


def _checked(batch: "Batch") -> "Batch":
    """Return a batch whose fields that are read are what they should be."""
    from openai.types.batch_request_counts import BatchRequestCounts

    status: object = batch.status
    counts: object = batch.request_counts
    if not isinstance(status, str) or not isinstance(counts, BatchRequestCounts | None):
        raise TypeError("status")
    return batch


def _open_client(endpoint: Endpoint) -> "openai.OpenAI":
    sdk = import_sdk()
    client: openai.OpenAI = sdk.OpenAI(
        api_key=endpoint.key(),
        base_url=endpoint.url,
        max_retries=0,
        timeout=endpoint.timeout_seconds,
        default_headers=silent_headers(),
        http_client=sdk.DefaultHttpxClient(
            timeout=endpoint.timeout_seconds,
            follow_redirects=False,
            event_hooks={"response": [bound(endpoint)]},
        ),
    )
    return client
