"""Reading replies: what is there is found, and nothing is guessed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.query_settings import GenerateSettings
from cvseeker.llm.replies import read_reply
from cvseeker.llm.request import Answer, RefusedError, ReplyError
from cvseeker.queries.prompts import query_task

TASK = query_task(GenerateSettings(llm="m", per_passage=2), max_tokens=None, temperature=None)
ITEM = "Who has welded ships in Gdansk?"
VALUE = {"facts": ["ships"], "question": [ITEM], "keywords": ["TIG welding shipyard"]}
JSON = json.dumps(VALUE)


def answer(content: str, *, refusal: str = "", finish_reason: str = "stop") -> Answer:
    return Answer(content, refusal, finish_reason, 1, 0, 1, "")


def read(content: str, **options: str) -> Any:
    return json.loads(read_reply(answer(content, **options), TASK))


@pytest.mark.parametrize(
    "content",
    [
        JSON,
        f"\n\n {JSON} \n",
        json.dumps(VALUE, indent=4),
        f"```json\n{JSON}\n```",
        f"```\n{JSON}\n```\n",
        f"```JSON5\n{JSON}```",
        f"Sure! Here is what you asked for:\n\n{JSON}\n\nLet me know if you need more.",
        f"Here you are:\n```json\n{JSON}\n```\nBest regards",
        f"<think>Welder, so…</think>{JSON}",
        f"<think>A draft: {{}} [1]</think>\n```json\n{JSON}\n```",
        f'A template wrote the opening mark: {{"a": 1}}</think>{JSON}',
        f"<think>one</think><think>two</think>{JSON}",
        f"\ufeff{JSON}",
    ],
)
def test_one_object_is_found_in_what_surrounds_it(content: str) -> None:
    assert read(content) == VALUE
    assert read(content, finish_reason="length") == VALUE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty reply"),
        (" \n\t", "empty reply"),
        ("I would rather not.", "reply is not JSON"),
        (f"{JSON}\n{JSON}", "reply is not JSON"),
        (f"{JSON} or {{}}", "reply is not JSON"),
        (f"Here {{as asked}}: {JSON}", "reply is not JSON"),
        (JSON[:-5], "reply is not JSON"),
        (JSON.replace(":", " =", 1), "reply is not JSON"),
        (JSON.replace('"', "'"), "reply is not JSON"),
        (f"```json\n{JSON[:40]}\n```", "reply is not JSON"),
        (f"<think>Perhaps {JSON}? No, I should", "reply is not JSON"),
        ('{"queries": ' + "[" * 100_000, "reply is not JSON"),
        ("{}", "not of the schema: anyOf"),
        ('{"question": []}', "not of the schema: anyOf question"),
        ('{"question": 3}', "not of the schema: anyOf question"),
        ('{"question": ["a b", 3]}', "not of the schema"),
        ('{"question": [{"text": "x"}]}', "not of the schema"),
        ('{"poem": ["x"]}', "not of the schema: anyOf"),
        ('{"boolean": ["a AND b"]}', "not of the schema: anyOf"),
        (json.dumps([ITEM, ITEM]), "reply is not JSON"),
        (json.dumps([VALUE, VALUE]), "several|not JSON"),
        ('{"question": [' + "9" * 5000 + "]}", "reply is not JSON"),
        ('{"question": [NaN, -Infinity]}', "not of the schema"),
        ('{"question": ' + "[" * 900 + "]" * 900 + "}", "not of the schema"),
        ('{"question": [' + '{"a":' * 900 + "1" + "}" * 900 + "]}", "not of"),
        ('{"a":' * 900 + "1" + "}" * 900, "not of the schema"),
        ("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "reply is not JSON"),
        ("\x00\x1b[2J\x07", "reply is not JSON"),
        ("{" * 100_000, "reply is not JSON"),
        ("<think>" * 50_000, "reply is not JSON"),
    ],
)
def test_anything_else_fails_closed(content: str, reason: str) -> None:
    with pytest.raises(ReplyError, match=reason) as caught:
        read(content)
    assert not isinstance(caught.value, RefusedError)


def test_a_reply_that_was_cut_off_is_said_to_be() -> None:
    with pytest.raises(ReplyError, match="cut off before the reply began"):
        read("", finish_reason="length")
    with pytest.raises(ReplyError, match="cut off: reply too long"):
        read(JSON[:-20], finish_reason="length")


def test_a_refusal_is_none_of_the_replys_faults() -> None:
    with pytest.raises(RefusedError, match="declined"):
        read(JSON, refusal="I can't help with that.")
    with pytest.raises(RefusedError, match="content filter"):
        read("", finish_reason="content_filter")


@pytest.mark.parametrize("texts", [ITEM, [ITEM], [ITEM] * 5])
def test_fewer_or_more_than_asked_for_are_taken_and_what_is_said_beside(texts: object) -> None:
    value = {"question": texts, "note": "as you wished"}
    assert read(json.dumps(value)) == value


def test_reasons_never_quote_the_reply() -> None:
    with pytest.raises(ReplyError) as caught:
        read(json.dumps({"question": {"Ana Prunk": "x"}}))
    assert "Ana" not in caught.value.reason
    assert "\n" not in caught.value.reason


@given(before=st.text(), after=st.text(), fenced=st.booleans())
def test_prose_is_taken_off_or_the_reply_fails(before: str, after: str, fenced: bool) -> None:
    inside = f"\n```json\n{JSON}\n```\n" if fenced else JSON
    try:
        assert read(f"{before}{inside}{after}") == VALUE
    except ReplyError:
        assert "{" in before + after or "<think>" in before or "</think>" in after


@given(st.text() | st.text(alphabet='{}[]",:`\\ntrue0u'))
def test_no_text_raises_anything_but_a_reason(content: str) -> None:
    reason, value = "", None
    try:
        value = read(content)
    except ReplyError as error:
        reason = error.reason
    assert value or 0 < len(reason) < 120


@given(st.integers(min_value=0, max_value=len(JSON) - 1))
def test_no_part_of_a_reply_passes_for_the_whole(length: int) -> None:
    with pytest.raises(ReplyError):
        read(JSON[:length], finish_reason="length")
