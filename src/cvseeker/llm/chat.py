"""What is asked of an LLM and what comes back."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

JSON_ORDER = (
    "Answer with one JSON object and nothing else: no introduction, no code fence. "
    "It must be valid against this JSON schema:\n{schema}"
)


@dataclass(frozen=True, slots=True)
class ChatTask:
    """What all requests of one run share.

    Attributes
    ----------
    name
        The task's name, which is the schema's name as well (``queries``, ``grade``).
    system
        The instructions.
    schema
        JSON schema of the reply, with ``additionalProperties`` false and all properties required,
        as OpenAI's strict mode wants it.
    max_tokens
        Longest reply, in tokens; also what a budget reserves for a request in flight.
    temperature
        Sampling temperature; ``None`` leaves it to the server.
    accepts
        JSON schema that a reply must be valid against, where it is laxer than the one asked for.
    """

    name: str
    system: str
    schema: Mapping[str, Any]
    max_tokens: int
    temperature: float | None = None
    accepts: Mapping[str, Any] | None = None

    def system_with_schema(self) -> str:
        """Return the instructions with the schema in words, for servers that take none."""
        return f"{self.system}\n\n{JSON_ORDER.format(schema=json.dumps(self.schema))}"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One item's request.

    Attributes
    ----------
    key
        Identifies the request in the ledger; see :func:`request_key`.
    item
        What the request is about, such as a passage id.
    text
        The user message.
    prompt_tokens
        Tokens of the whole prompt, for the budget; 0 where nobody counted.
    """

    key: str
    item: str
    text: str
    prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer: what the model said, and what it cost.

    ``raw`` is the body as it came. ``content`` is empty where the model said nothing; ``refusal``
    is empty unless the model, or a filter before it, declined. ``cached_tokens`` are those of
    ``prompt_tokens`` that the server had read before, which some charge less for.
    """

    content: str
    refusal: str
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    raw: str


class Transport(Protocol):
    """A way to an LLM: an HTTP endpoint, or somebody else's client object."""

    async def send(self, request: ChatRequest) -> Answer:
        """Send one request once; raise a :class:`SendError` where no answer came."""
        ...


class SendError(Exception):
    """A request got no answer; ``reason`` says why, in a few words and without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BusyError(SendError):
    """The server asks for fewer requests (429); ``retry_after`` is in seconds, 0 if not said."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class BrokenError(SendError):
    """No answer, or a server's fault: a time-out, a reset, a 5xx. Worth another attempt."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UnreachableError(BrokenError):
    """Nobody listens there, or the host is not known."""


class RejectedError(SendError):
    """The server will not take this one request (400, 413, 422)."""


class FatalError(SendError):
    """No request of this run can succeed: a wrong key, an unknown model, no money left."""


def request_key(task: ChatTask, *, model: str, url: str, text: str) -> str:
    """Return what identifies a request in the ledger.

    Two requests have one key only if model, endpoint, sampling parameters, schema, instructions
    and the text are all the same. The longest reply's length is not part of it: raising it must
    not pay again for replies that were complete.

    Returns
    -------
    str
        32 hexadecimal digits of a SHA-256.
    """
    parts = [model, url, task.temperature, task.name, task.schema, task.system, text]
    encoded = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(encoded.encode("utf-8", "surrogatepass")).hexdigest()[:32]
