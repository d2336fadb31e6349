"""Over HTTP to an embedding endpoint; what comes is in the cache before it is counted."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cvseeker.llm.bounds import MIB, MOST_BYTES
from cvseeker.llm.dialect import token_count
from cvseeker.llm.embeddings.vectors import FloatArray, VectorCache, model_key, text_key
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.request import (
    Answer,
    EmbeddingRequest,
    EmbeddingTask,
    FatalError,
    RejectedError,
    ReplyError,
)
from cvseeker.llm.transport import HttpTransport

# No model has longer vectors; a number in full, with what stands around it.
_MOST_NUMBERS, _BYTES_A_NUMBER = 16_384, 32


class EmbeddingTransport(HttpTransport[EmbeddingRequest]):
    """The way to an embedding endpoint.

    Texts that the cache holds are not sent, so a request that is sent again asks only for what is
    missing.
    """

    mode = "float"
    useless = "no usable vectors"

    def __init__(
        self, endpoint: Endpoint, task: EmbeddingTask, cache: VectorCache, *, connections: int
    ) -> None:
        super().__init__(endpoint, connections=connections)
        self.dimensions = task.dimensions
        self.cache = cache
        self._model = model_key(endpoint.url, endpoint.model, task.dimensions)
        # Halved when the server will not take so many; what it takes is not told beforehand.
        self._most_texts: int | None = None

    async def close(self) -> None:
        """Close the connections and the cache."""
        await super().close()
        self.cache.close()

    async def send(self, request: EmbeddingRequest) -> Answer:
        """Send the texts that have no vector yet; ``raw`` says why some have none still."""
        texts = {text_key(self._model, text): text for text in request.texts}
        paid, fault = 0, ""
        while not fault and (left := self._unknown(texts)):
            part = left[: self._most_texts]
            try:
                reply = await self._post([texts[key] for key in part])
            except RejectedError as error:
                if len(part) == 1:
                    raise self._unwanted(texts[part[0]], error) from None
                self._most_texts = len(part) // 2
                continue
            tokens, fault = self._keep(reply, part)
            paid += tokens
        return Answer(prompt_tokens=paid, raw=fault)

    def read(self, answer: Answer) -> str:
        """Return an empty object: the vectors are in the cache."""
        if answer.raw:
            raise ReplyError(answer.raw)
        return "{}"

    def _unknown(self, texts: Mapping[bytes, str]) -> list[bytes]:
        known = self.cache.known(list(texts))
        return [key for key in texts if key not in known]

    def _keep(self, reply: str, keys: Sequence[bytes]) -> tuple[int, str]:
        """Keep the good rows of a reply; return the tokens it cost and what is wrong with it."""
        try:
            body = parse_reply(reply)
            rows, fault = read_rows(body, len(keys))
        except ReplyError as error:
            return 0, error.reason
        wanted = self.dimensions or self.cache.dim(self._model)
        for vector in rows.values():
            if len(vector) != (wanted := wanted or len(vector)):
                expected = (
                    "as asked for"
                    if self.dimensions
                    else "as it gave before: is it another model now?"
                )
                raise FatalError(
                    f"{self.endpoint.url}: {self.endpoint.model!r} gave {len(vector)} numbers a "
                    f"text; expected {wanted}, {expected}"
                )
        self.cache.store(self._model, {keys[row]: vector for row, vector in rows.items()})
        usage = body.get("usage")
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else 0
        return token_count(tokens if isinstance(tokens, int) else 0), fault

    def _unwanted(self, text: str, error: RejectedError) -> FatalError:
        """Return why a text stops the run: without its vector there is no ranking."""
        return FatalError(
            f"{self.endpoint.url}: {self.endpoint.model!r} will not take a text of {len(text):,} "
            f"characters ({error.reason}); if it is too long, lower max_tokens or set window_words "
            "under [embedding] in the settings file"
        )

    async def _post(self, texts: Sequence[str]) -> str:
        # Some servers know no other format, and the SDK would ask for base64.
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "input": list(texts),
            "encoding_format": "float",
        }
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        numbers = self.dimensions or self.cache.dim(self._model) or _MOST_NUMBERS
        MOST_BYTES.set(MIB + len(texts) * numbers * _BYTES_A_NUMBER)
        return await self.post("/embeddings", body)


def parse_reply(reply: str) -> dict[str, Any]:
    """Return the JSON object of a reply, which has a list ``data``."""
    try:
        body = json.loads(reply)
    except (ValueError, RecursionError):
        raise ReplyError("the reply is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise ReplyError("the reply has no list 'data'")
    return body


def read_rows(body: Mapping[str, Any], count: int) -> tuple[dict[int, FloatArray], str]:
    """Read the vectors of ``count`` texts by their ``index``, in whatever order they stand.

    Returns position of the text → vector, shape (dim,), unit length, and what is wrong with the
    rows that are left out. A `ReplyError` says that no row's text can be told.
    """
    places = [row.get("index") if isinstance(row, dict) else None for row in body["data"]]
    if not all(isinstance(place, int) and 0 <= place < count for place in places):
        raise ReplyError(f"a row's index is not among the {count} texts sent")
    if len(set(places)) < len(places):
        raise ReplyError("two rows have one index")
    rows: dict[int, FloatArray] = {}
    fault = f"{count - len(places)} of {count} rows are missing" if len(places) < count else ""
    for row in body["data"]:
        try:
            rows[row["index"]] = _unit_vector(row.get("embedding"))
        except ReplyError as error:
            fault = error.reason
    return rows, fault


def _unit_vector(numbers: object) -> FloatArray:
    """Return a row's numbers as a vector of length 1."""
    try:
        vector = np.asarray(numbers, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ReplyError("a row's embedding is not a list of numbers") from None
    if vector.ndim != 1 or not len(vector):
        raise ReplyError("a row's embedding is not a list of numbers")
    length = float(np.linalg.norm(vector))
    if not 0 < length < float("inf"):
        raise ReplyError("a row's embedding holds NaN, or is all zeros or infinite")
    return (vector / length).astype(np.float32)
