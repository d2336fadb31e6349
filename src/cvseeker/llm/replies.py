"""From what a model said to the JSON that was asked for, or to the reason why there is none."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from cvseeker.llm.request import CUT_OFF, Answer, ChatTask, RefusedError, ReplyError

# Reasoning models served without a parser for it put their thoughts before the reply; some chat
# templates write the opening mark themselves, so that only the closing one comes.
_THINKING, _THOUGHT = "<think>", "</think>"
_LENGTH_OF_CAUSE = 80


def read_reply(answer: Answer, task: ChatTask) -> str:
    """Return the JSON of an answer, valid against the task's schema, or raise a `ReplyError`.

    A code fence or prose around one JSON object is taken off, for many servers honour no schema;
    nothing is guessed: a reply that was cut off or is not valid against the schema has no JSON.
    """
    if answer.refusal:
        raise RefusedError("the model declined")
    if answer.finish_reason == "content_filter":
        raise RefusedError("stopped by a content filter")
    cut = answer.finish_reason == "length"
    if not answer.content.strip():
        raise ReplyError(f"{CUT_OFF} before the reply began" if cut else "empty reply")
    try:
        value = _find_json(answer.content)
    except (ValueError, RecursionError) as error:
        raise ReplyError(f"{CUT_OFF}: reply too long" if cut else "reply is not JSON") from error
    schema = task.accepts or task.schema
    problem = _validator(json.dumps(schema, sort_keys=True))(value)
    if problem:
        raise ReplyError(f"not of the schema: {problem}")
    return writable_json(value)


def writable_json(value: object) -> str:
    """Return a value as JSON without half a surrogate pair, which could be written nowhere."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def _find_json(content: str) -> Any:
    """Return the text's JSON object: the whole text, or the one within a fence or prose."""
    text = content.rpartition(_THOUGHT)[2].strip()
    if text.startswith(_THINKING):
        raise ValueError("thoughts without an end")
    begin = text.find("{")
    if begin < 0:
        raise ValueError("no object")
    value, end = json.JSONDecoder().raw_decode(text, begin)
    if "{" in text[end:]:
        raise ValueError("several objects")
    return value


@cache
def _validator(schema: str) -> Callable[[Any], str]:
    """Return what names the first way in which a value is not valid, empty where it is."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads(schema))

    def first_problem(value: Any) -> str:
        problem = next(iter(validator.iter_errors(value)), None)
        if problem is None:
            return ""
        where = ".".join("n" if isinstance(part, int) else str(part) for part in problem.path)
        # The validator's own message quotes the reply, which differs every time.
        return f"{problem.validator} {where}".strip()[:_LENGTH_OF_CAUSE]

    return first_problem
