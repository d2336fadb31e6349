"""How an endpoint takes requests and answers them: the bodies of Chat Completions."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from cvseeker.llm.chat import Answer, BrokenError, ChatTask

Form = Literal["json_schema", "json_object", "text"]
FORMS: tuple[Form, ...] = ("json_schema", "json_object", "text")
_TOKEN_PARAMETERS = ("max_tokens", "max_completion_tokens", "")


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
        """Build a dialect; an empty text gives the one that is tried first."""
        return cls(**json.loads(text)) if text else cls()

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
        if any(word in complaint for word in ("response_format", "json_schema", "json_object")):
            return self.simpler_form()
        return None


def request_body(task: ChatTask, model: str, text: str, dialect: Dialect) -> dict[str, Any]:
    """Return the body of a Chat Completions request."""
    by_schema = dialect.form == "json_schema"
    system = task.system if by_schema else task.system_with_schema()
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}],
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


def read_completion(raw: str) -> Answer:
    """Read the body of a chat completion.

    Raises
    ------
    BrokenError
        If it is none.
    """
    try:
        body = json.loads(raw)
        choice = body["choices"][0]
        message = choice["message"]
        usage = body.get("usage") or {}
        return Answer(
            content=message.get("content") or "",
            refusal=message.get("refusal") or "",
            finish_reason=choice.get("finish_reason") or "",
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            cached_tokens=int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
            raw=raw,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise BrokenError("answer is no chat completion") from None
