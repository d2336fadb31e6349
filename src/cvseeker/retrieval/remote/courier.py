"""The process that sends texts to an embedding endpoint and keeps the vectors that come.

As with an LLM's replies (see :mod:`cvseeker.llm.courier`), it outlives a command that is killed:
the vectors in flight, which were paid for, still reach the cache.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cvseeker.llm import (
    Answer,
    ChatRequest,
    ChatTask,
    Endpoint,
    FatalError,
    Ledger,
    RejectedError,
    Sender,
    SendSettings,
    open_async_client,
    post,
)
from cvseeker.llm.courier import send_what_comes, serve_job
from cvseeker.retrieval.remote.cache import EmbeddingCache, model_key, text_key
from cvseeker.retrieval.windows import FloatArray


class ReplyFaultError(Exception):
    """A reply, or a row of it, that cannot be trusted; the message is short."""


class EmbeddingTransport:
    """The transport to an embedding endpoint; what comes is in the cache before it is counted.

    A request's text is JSON: ``{"input": [texts], "dimensions": number or null}``. Texts that the
    cache holds are not sent, so a request that is sent again asks only for what is missing.

    Parameters
    ----------
    endpoint
        Which model and where.
    cache
        Where vectors are kept.
    connections
        Requests in flight at most.
    """

    def __init__(self, endpoint: Endpoint, cache: EmbeddingCache, *, connections: int) -> None:
        self.endpoint = endpoint
        self.cache = cache
        # Halved when the server will not take so many; what it takes is not told beforehand.
        self.most_texts: int | None = None
        self._client = open_async_client(endpoint, connections=connections)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(self, request: ChatRequest) -> Answer:
        """Send the texts of one request that have no vector yet.

        Returns
        -------
        Answer
            Its content is ``{}``, or empty where vectors are missing still; ``raw`` says why.

        Raises
        ------
        SendError
            If no answer came; its class says whether another attempt makes sense.
        """
        body = json.loads(request.text)
        model = model_key(self.endpoint.url, self.endpoint.model, body["dimensions"])
        texts = {text_key(model, text): text for text in body["input"]}
        paid, fault = 0, ""
        while not fault and (left := self._unknown(texts)):
            part = left[: self.most_texts]
            try:
                reply = await self._post([texts[key] for key in part], body["dimensions"])
            except RejectedError as error:
                if len(part) == 1:
                    raise self._unwanted(texts[part[0]], error) from None
                self.most_texts = len(part) // 2
                continue
            tokens, fault = self._keep(reply, part, model, body["dimensions"])
            paid += tokens
        return Answer("" if fault else "{}", "", "", paid, 0, 0, raw=fault)

    def _unknown(self, texts: Mapping[bytes, str]) -> list[bytes]:
        known = self.cache.known(list(texts))
        return [key for key in texts if key not in known]

    def _keep(
        self, reply: str, keys: Sequence[bytes], model: bytes, dimensions: int | None
    ) -> tuple[int, str]:
        """Keep the good rows of a reply; return the tokens it cost and what is wrong with it."""
        try:
            body = parse_reply(reply)
            rows, fault = read_rows(body, len(keys))
        except ReplyFaultError as error:
            return 0, str(error)
        wanted = dimensions or self.cache.dim(model)
        for vector in rows.values():
            if len(vector) != (wanted := wanted or len(vector)):
                raise FatalError(
                    f"{self.endpoint.url}: {self.endpoint.model!r} gave {len(vector)} numbers a "
                    f"text; expected {wanted}, as "
                    + ("asked for" if dimensions else "it gave before: is it another model now?")
                )
        self.cache.store(model, {keys[row]: vector for row, vector in rows.items()})
        usage = body.get("usage")
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else 0
        return (tokens if isinstance(tokens, int) else 0), fault

    def _unwanted(self, text: str, error: RejectedError) -> FatalError:
        """Return why a text stops the run: without its vector there is no ranking."""
        return FatalError(
            f"{self.endpoint.url}: {self.endpoint.model!r} will not take a text of {len(text):,} "
            f"characters ({error.reason}); if it is too long, lower max_tokens or set window_words "
            "under [embedding] in the settings file"
        )

    async def _post(self, texts: Sequence[str], dimensions: int | None) -> str:
        # Some servers know no other format, and the SDK would ask for base64.
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "input": list(texts),
            "encoding_format": "float",
        }
        if dimensions is not None:
            body["dimensions"] = dimensions
        return await post(self._client, self.endpoint, "/embeddings", body)


def parse_reply(reply: str) -> dict[str, Any]:
    """Return the JSON object of a reply with its rows.

    Raises
    ------
    ReplyFaultError
        If it is no JSON object with a list ``data``.
    """
    try:
        body = json.loads(reply)
    except (ValueError, RecursionError):
        raise ReplyFaultError("the reply is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise ReplyFaultError("the reply has no list 'data'")
    return body


def read_rows(body: Mapping[str, Any], count: int) -> tuple[dict[int, FloatArray], str]:
    """Read the vectors of a reply by their ``index``, in whatever order they stand there.

    Parameters
    ----------
    body
        The reply's JSON object.
    count
        Texts that were sent.

    Returns
    -------
    rows, fault
        Position of the text → vector, shape (dim,), float32, unit length; and what is wrong with
        the rows that are left out, empty if nothing is.

    Raises
    ------
    ReplyFaultError
        If it cannot be told which row belongs to which text.
    """
    places = [row.get("index") if isinstance(row, dict) else None for row in body["data"]]
    if not all(isinstance(place, int) and 0 <= place < count for place in places):
        raise ReplyFaultError(f"a row's index is not among the {count} texts sent")
    if len(set(places)) < len(places):
        raise ReplyFaultError("two rows have one index")
    rows: dict[int, FloatArray] = {}
    fault = f"{count - len(places)} of {count} rows are missing" if len(places) < count else ""
    for row in body["data"]:
        try:
            rows[row["index"]] = _unit_vector(row.get("embedding"))
        except ReplyFaultError as error:
            fault = str(error)
    return rows, fault


def _unit_vector(numbers: object) -> FloatArray:
    """Return a row's numbers as a vector of length 1."""
    try:
        vector = np.asarray(numbers, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ReplyFaultError("a row's embedding is not a list of numbers") from None
    if vector.ndim != 1 or not len(vector):
        raise ReplyFaultError("a row's embedding is not a list of numbers")
    length = float(np.linalg.norm(vector))
    if not 0 < length < float("inf"):
        raise ReplyFaultError("a row's embedding holds NaN, or is all zeros or infinite")
    return (vector / length).astype(np.float32)


def main() -> None:
    """Read a job and its requests from standard input, send them, report on standard output."""
    serve_job(_run)


async def _run(job: Mapping[str, Any], ledger: Ledger) -> None:
    endpoint, task = Endpoint(**job["endpoint"]), ChatTask(**job["task"])
    settings = SendSettings(**job["settings"])
    with EmbeddingCache(ledger.path) as cache:
        transport = EmbeddingTransport(endpoint, cache, connections=settings.most)
        sender = Sender(transport, ledger, task, settings=settings, mode="float")
        try:
            await send_what_comes(sender, partial(_send_first, sender))
        finally:
            await transport.close()


async def _send_first(sender: Sender, requests: AsyncIterator[ChatRequest]) -> None:
    """Send a first request alone: what would fail all of them fails here."""
    async for request in requests:
        row = await sender.send_one(request)
        if row is not None and row.outcome != "ok" and not sender.is_stopped():
            settings = sender.settings
            sender.counts.stopped = (
                f"{settings.url}: no usable vectors from {settings.model!r} "
                f"({row.raw or row.reason}); nothing more was sent"
            )
            sender.counts.fatal = True
        return


if __name__ == "__main__":
    main()
    # The thread that reads standard input may be waiting still; Python cannot end around it.
    os._exit(0)
