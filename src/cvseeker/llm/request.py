"""What is asked of a server, what comes back, and why nothing may."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args

Outcome = Literal["ok", "refused", "rejected", "unparsable", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

_JSON_WORD = "Answer in JSON."
_JSON_ORDER = (
    "Answer with one JSON object and nothing else: no introduction, no code fence. "
    "It must be valid against this JSON schema:\n{schema}"
)


@dataclass(frozen=True, slots=True)
class ChatTask:
    """What all chat requests of one run share.

    Attributes
    ----------
    name
        The task's name, which is the schema's name as well (``queries``, ``grade``).
    schema
        JSON schema of the reply, with ``additionalProperties`` false and all properties required,
        as OpenAI's strict mode wants it.
    max_tokens
        Longest reply, in tokens; also what a budget reserves for a request in flight.
    accepts
        JSON schema that a reply must be valid against, where it is laxer than the one asked for.
    example
        A message and the reply to it, shown before each request's message.
    """

    name: str
    system: str
    schema: Mapping[str, Any]
    max_tokens: int
    temperature: float | None = None
    accepts: Mapping[str, Any] | None = None
    example: tuple[str, str] | None = None

    def system_with_word(self) -> str:
        """Return the instructions with the word in them that servers of JSON want to read."""
        return self.system if "JSON" in self.system else f"{self.system}\n\n{_JSON_WORD}"

    def system_with_schema(self) -> str:
        """Return the instructions with the schema in words, for servers that take none."""
        return f"{self.system}\n\n{_JSON_ORDER.format(schema=json.dumps(self.schema))}"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One item's request to an LLM.

    ``key`` identifies it in the ledger, see :meth:`ChatClient.key`; ``item`` is what it is about,
    such as a passage id; ``prompt_tokens`` of the whole prompt are for the budget, 0: not counted.
    """

    key: str
    item: str
    text: str
    prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class EmbeddingTask:
    """What all requests for vectors share: their length, ``None`` for the model's own."""

    dimensions: int | None = None
    name: ClassVar[str] = "embed"
    max_tokens: ClassVar[int] = 0  # embeddings write nothing back


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts whose vectors are wanted."""

    key: str
    item: str
    texts: Sequence[str]
    prompt_tokens: int = 0


Task = ChatTask | EmbeddingTask
Request = ChatRequest | EmbeddingRequest
RequestT = TypeVar("RequestT", bound=Request)
TaskT = TypeVar("TaskT", bound=Task)


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer: what it said, and what that cost.

    ``raw`` is the body as it came. ``content`` is empty where the model said nothing; ``refusal``
    is empty unless the model, or a filter before it, declined. ``cached_tokens`` are those of
    ``prompt_tokens`` that the server had read before, which some charge less for.
    """

    content: str = ""
    refusal: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    raw: str = ""


class Transport(ABC, Generic[RequestT]):
    """A way to a server: over HTTP, or through somebody else's client object.

    ``mode`` says how the reply's form is asked for at present, for the ledger.
    """

    mode: str

    @abstractmethod
    async def send(self, request: RequestT, /) -> Answer:
        """Send one request once; raise a :class:`SendError` where no answer came."""

    @abstractmethod
    def read(self, answer: Answer, /) -> str:
        """Return an answer's JSON; raise a :class:`ReplyError` where it holds none."""


CUT_OFF = "cut off"
"""What the reason of a reply begins with that was too long, whatever its form was."""
TIME_OUT = "time-out"
"""The reason of a request that was given up before it was answered."""


class SendError(Exception):
    """A request came to nothing; ``reason`` says why, in a few words and without secrets.

    ::

        SendError            no answer
        ├── BusyError        the server asks for fewer requests (429)
        ├── BrokenError      a time-out, a reset, a 5xx
        │   └── UnreachableError   nobody listens there, or the host is not known
        ├── RejectedError    the server will not take this one request (400, 413, 422)
        ├── FatalError       no request can succeed: a wrong key, an unknown model, no money left
        └── ReplyError       an answer came that holds nothing usable
            └── RefusedError       the model, or a filter before it, declined to reply
    """

    outcome: Outcome = "failed"

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after  # seconds that the server asks to wait, 0 if not said


class BusyError(SendError):
    """The server asks for fewer requests."""


class BrokenError(SendError):
    """No answer, or a server's fault; worth another attempt."""


class UnreachableError(BrokenError):
    """Nobody answers there."""


class RejectedError(SendError):
    """The server will not take this one request."""

    outcome = "rejected"


class FatalError(SendError):
    """No request of this run can succeed."""


class ReplyError(SendError):
    """A reply holds nothing usable; its reason is the same for the same fault."""

    outcome: Outcome = "unparsable"


class RefusedError(ReplyError):
    """The model declined to reply."""

    outcome = "refused"


def request_key(task: ChatTask, *, model: str, url: str, text: str) -> str:
    """Return what identifies a request in the ledger: 32 hexadecimal digits of a SHA-256.

    Two requests have one key only if model, endpoint, sampling parameters, schema, instructions,
    example and the text are all the same. The longest reply's length is not part of it: raising it
    must not pay again for replies that were complete.
    """
    parts: list[Any] = [model, url, task.temperature, task.name, task.schema, task.system, text]
    if task.example is not None:
        parts.append(task.example)
    encoded = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(encoded.encode("utf-8", "surrogatepass")).hexdigest()[:32]
