"""How an endpoint takes requests and answers them: the bodies of Chat Completions."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from cvseeker.llm.request import Answer, BrokenError, ChatTask

Form = Literal["json_schema", "json_object", "text"]
FORMS: tuple[Form, ...] = ("json_schema", "json_object", "text")
_TOKEN_PARAMETERS = ("max_tokens", "max_completion_tokens", "")
# What servers complain of that do not know the form asked for.
_WORDS_OF_FORM = ("response_format", "schema", "json_object", "structured output", "grammar")
# No reply is that long; a server that says so, or a negative number, has miscounted.
_MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an endpoint takes requests: the reply's form, and the parameters that it knows."""

    form: Form = "json_schema"
    token_parameter: str = "max_tokens"
    temperature: bool = True

    def to_json(self) -> str:
        """Return what :meth:`from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build a dialect; a text that holds none gives the one that is tried first."""
        try:
            dialect = cls(**json.loads(text))
        except (ValueError, TypeError, RecursionError):
            return cls()
        known = dialect.form in FORMS and dialect.token_parameter in _TOKEN_PARAMETERS
        return dialect if known else cls()

    def simpler_form(self) -> "Dialect | None":
        """Return the dialect that asks for JSON in the next simpler way, if there is one."""
        position = FORMS.index(self.form) + 1
        return replace(self, form=FORMS[position]) if position < len(FORMS) else None

    def without(self, complaint: str) -> "Dialect | None":
        """Return the dialect that avoids what a server complained of, if that can be told."""
        complaint = complaint.lower()
        if self.token_parameter and self.token_parameter in complaint:
            position = _TOKEN_PARAMETERS.index(self.token_parameter) + 1
            return replace(self, token_parameter=_TOKEN_PARAMETERS[position])
        if self.temperature and "temperature" in complaint:
            return replace(self, temperature=False)
        if any(word in complaint for word in _WORDS_OF_FORM):
            return self.simpler_form()
        return None


def request_body(task: ChatTask, model: str, text: str, dialect: Dialect) -> dict[str, Any]:
    """Return the body of a Chat Completions request."""
    by_schema = dialect.form == "json_schema"
    system = task.system_with_word() if by_schema else task.system_with_schema()
    turns = [("system", system), *_example_turns(task), ("user", text)]
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": role, "content": content} for role, content in turns],
    }
    if by_schema:
        schema = {"name": task.name, "strict": True, "schema": dict(task.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif dialect.form == "json_object":
        body["response_format"] = {"type": "json_object"}
    if dialect.token_parameter:
        body[dialect.token_parameter] = task.max_tokens
    if task.temperature is not None and dialect.temperature:
        body["temperature"] = task.temperature
    return body


def _example_turns(task: ChatTask) -> list[tuple[str, str]]:
    return list(zip(("user", "assistant"), task.example or (), strict=False))


def read_completion(raw: str) -> Answer:
    """Read the body of a chat completion; a `BrokenError` says that it is none."""
    try:
        body = json.loads(raw)
        choice = body["choices"][0]
        message = choice["message"]
        usage = body.get("usage") or {}
        prompt_tokens = token_count(usage.get("prompt_tokens"))
        cached_tokens = token_count((usage.get("prompt_tokens_details") or {}).get("cached_tokens"))
        return Answer(
            content=_text(message.get("content")),
            refusal=_text(message.get("refusal")),
            finish_reason=_text(choice.get("finish_reason")),
            prompt_tokens=prompt_tokens,
            cached_tokens=min(cached_tokens, prompt_tokens),
            completion_tokens=token_count(usage.get("completion_tokens")),
            raw=raw,
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        raise BrokenError("answer is no chat completion") from None


def _text(value: Any) -> str:
    """Return a text that may have come in parts, or not at all."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value)
    return value if isinstance(value, str) else ""


def token_count(value: Any) -> int:
    """Return a number of tokens that a server told, within bounds."""
    return min(max(int(value or 0), 0), _MOST_TOKENS)
