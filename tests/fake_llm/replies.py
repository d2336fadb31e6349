"""What a request asks for, and the reply that a good model would give."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fake_llm.writing import content_words, write_queries

# A client may number or sign its delimiters: <passage id="3">, <passage-8f2c>.
_DELIMITED = {
    name: re.compile(rf"<({name}[\w-]*)(?: [^>]*)?>(.*?)</\1>", re.DOTALL)
    for name in ("passage", "query")
}
KINDS = ("keywords", "boolean", "question", "title_skills", "job_description", "questions")


@dataclass(frozen=True, slots=True)
class Reply:
    """A choice's message: its content (``None`` with a refusal) and why it ended."""

    content: str | None
    refusal: str | None = None
    finish_reason: str = "stop"


def text_of(messages: Any) -> str:
    """Return all text of a request's messages; parts of a message count like messages."""
    texts = []
    for message in messages:
        content = message.get("content") or ""
        if isinstance(content, list):
            content = "\n".join(part.get("text", "") for part in content)
        texts.append(content)
    return "\n\n".join(texts)


def count_tokens(text: str) -> int:
    """Return a text's tokens: a quarter of its characters, rounded up."""
    return -(-len(text) // 4)


def write_reply(body: Mapping[str, Any]) -> Reply:
    """Return a good reply to a chat request: of the JSON schema in its ``response_format`` or text.

    Without one, it is no JSON.
    """
    text = text_of(body["messages"])
    # An example may stand before what is asked, with a passage of its own.
    asked = text_of(body["messages"][-1:])
    query, passage = (
        find_delimited(name, asked) or find_delimited(name, text) for name in ("query", "passage")
    )
    # A résumé may hold JSON itself.
    schema = _schema_of(body, _without(passage, _without(query, text)))
    if schema is None:
        return Reply("What is your question?")
    value = _example(schema)
    if "grade" in value:
        value["grade"] = _grade(query, passage)
    kinds = [(name, n) for name in KINDS for n in range(len(value.get(name, ())))]
    texts = write_queries(passage or text, [name for name, _ in kinds])
    for (name, n), written in zip(kinds, texts, strict=True):
        value[name][n] = written
    return Reply(json.dumps(value, ensure_ascii=False))


def find_delimited(name: str, text: str) -> str:
    """Return the longest text between ``<name>`` and ``</name>``: instructions may show both."""
    return max((match[2] for match in _DELIMITED[name].finditer(text)), key=len, default="").strip()


def _without(part: str, text: str) -> str:
    """Return a text without one of its parts."""
    return text.replace(part, " ") if part else text


def _schema_of(body: Mapping[str, Any], orders: str) -> dict[str, Any] | None:
    """Return the JSON schema of the reply that is asked for, ``None`` where there is none."""
    wanted = body.get("response_format") or {"type": "text"}
    if wanted["type"] == "json_schema":
        schema: dict[str, Any] = wanted["json_schema"]["schema"]
        return schema
    for match in re.finditer(r'\{\s*"', orders):
        try:
            value, _ = json.JSONDecoder().raw_decode(orders, match.start())
        except ValueError:
            continue
        if isinstance(value.get("properties"), dict):
            found: dict[str, Any] = value
            return found
    return None


def _example(schema: Mapping[str, Any]) -> Any:
    """Return a simple value that is valid against a schema."""
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _example(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return "text".ljust(schema.get("minLength", 0), "t")
    return {"boolean": True, "null": None}.get(kind, schema.get("minimum", 0))


def _grade(query: str, passage: str) -> int:
    """Return 0 to 3 by the share of the query's words that the passage has."""
    wanted = content_words(query)
    share = len(wanted & content_words(passage)) / max(len(wanted), 1)
    return sum(share >= bound for bound in (0.25, 0.5, 0.8))
