"""What a request asks for, and the reply that a good model would give."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fake_llm.writing import content_words, write_queries

# A client may number or sign its delimiters: <passage id="3">, <passage-8f2c>.
_DELIMITED = {
    name: re.compile(rf"<({name}[\w-]*)(?: [^>]*)?>(.*?)</\1>", re.DOTALL)
    for name in ("passage", "query")
}
_CONTEXT = re.compile(r"-{5,}\s*\n(.*?)\n\s*-{5,}", re.DOTALL)
_COUNT = re.compile(r"\b(\d{1,3})\s+(?:[\w-]+\s+){0,3}(?:questions|queries)\b", re.IGNORECASE)
KINDS = ("keywords", "boolean", "question", "title_skills", "job_description")


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
    """Return a good reply to a chat request.

    A JSON schema, of the request's ``response_format`` or quoted in its text, decides about the
    form; without one, ``queries`` or ``grade`` beside the word JSON; else numbered questions.
    """
    text = text_of(body["messages"])
    query, passage = find_delimited("query", text), find_delimited("passage", text)
    context = found[1] if not passage and (found := _CONTEXT.search(text)) else passage
    # A résumé may speak of JSON and SQL queries itself.
    orders = _without(context, _without(query, text))
    schema = _schema_of(body, orders, judging=bool(query))
    if schema is None:
        return Reply(_numbered_questions(orders, context or text))
    properties = schema.get("properties", {})
    if "grade" in properties:
        value = {**_example(schema), "grade": _grade(query, passage)}
    elif "queries" in properties:
        value = {**_example(schema), "queries": _queries(schema, context or text)}
    else:
        value = _example(schema)
    return Reply(json.dumps(value, ensure_ascii=False))


def find_delimited(name: str, text: str) -> str:
    """Return the longest text between ``<name>`` and ``</name>``: instructions may show both."""
    return max((match[2] for match in _DELIMITED[name].finditer(text)), key=len, default="").strip()


def _without(part: str, text: str) -> str:
    """Return a text without one of its parts."""
    return text.replace(part, " ") if part else text


def _schema_of(body: Mapping[str, Any], orders: str, *, judging: bool) -> dict[str, Any] | None:
    """Return the JSON schema of the reply that is asked for, ``None`` for plain text."""
    wanted = body.get("response_format") or {"type": "text"}
    if wanted["type"] == "json_schema":
        return _resolve(json.dumps(wanted["json_schema"]["schema"]))
    if wanted["type"] == "text" and "json" not in orders.lower():
        return None
    if quoted := _quoted_schema(orders):
        return quoted
    if "queries" in orders and not judging:
        count = int(found[1]) if (found := _COUNT.search(orders)) else 5
        kind = {"enum": list(KINDS)}
        item = {"type": "object", "properties": {"kind": kind, "text": {"type": "string"}}}
        queries = {"type": "array", "minItems": count, "items": item}
        return {"type": "object", "properties": {"queries": queries}}
    name, kind_of_value = ("grade", "integer") if "grade" in orders else ("ok", "boolean")
    return {"type": "object", "properties": {name: {"type": kind_of_value}}}


def _quoted_schema(text: str) -> dict[str, Any] | None:
    """Return a JSON schema that stands in the text."""
    for match in re.finditer(r'\{\s*"', text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, match.start())
        except ValueError:
            continue
        if isinstance(value.get("properties"), dict):
            return _resolve(json.dumps(value))
    return None


@lru_cache(maxsize=64)
def _resolve(encoded: str) -> dict[str, Any]:
    """Return a schema with its references replaced by what they point to."""
    schema = json.loads(encoded)
    definitions = schema.get("$defs", {})

    def replace(value: Any) -> Any:
        if isinstance(value, list):
            return [replace(item) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("$ref"), str):
            return replace(definitions[value["$ref"].rpartition("/")[2]])
        return {name: replace(item) for name, item in value.items() if name != "$defs"}

    resolved: dict[str, Any] = replace(schema)
    return resolved


def _example(schema: Mapping[str, Any]) -> Any:
    """Return a simple value that is valid against a schema."""
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _example(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(schema.get("items", {}))] * schema.get("minItems", 0)
    if kind == "string":
        return "text".ljust(schema.get("minLength", 0), "t")
    return {"boolean": True, "null": None}.get(kind, schema.get("minimum", 0))


def _queries(schema: Mapping[str, Any], passage: str) -> list[dict[str, Any]]:
    """Return a passage's queries, of one kind after the other."""
    queries = schema["properties"]["queries"]
    item = queries.get("items", {})
    count = queries.get("minItems") or min(5, queries.get("maxItems", 5))
    names = item.get("properties", {}).get("kind", {}).get("enum") or KINDS
    kinds = [names[n % len(names)] for n in range(count)]
    texts = write_queries(passage, kinds)
    base = _example(item)
    return [{**base, "kind": kind, "text": text} for kind, text in zip(kinds, texts, strict=True)]


def _grade(query: str, passage: str) -> int:
    """Return 0 to 3 by the share of the query's words that the passage has."""
    wanted = content_words(query)
    share = len(wanted & content_words(passage)) / max(len(wanted), 1)
    return sum(share >= bound for bound in (0.25, 0.5, 0.8))


def _numbered_questions(orders: str, context: str) -> str:
    """Return as many questions as the orders say (else 2), a line each."""
    count = int(found[1]) if (found := _COUNT.search(orders)) else 2
    texts = write_queries(context, ["question"] * count)
    return "\n".join(f"{number}. {question}" for number, question in enumerate(texts, start=1))
