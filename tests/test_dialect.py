"""How endpoints are spoken to, what is given up when they complain, and how answers are read."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.llm.dialect import FORMS, Dialect, read_completion, request_body
from cvseeker.llm.request import BrokenError, ChatTask

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TASK = ChatTask("queries", "Write queries.", SCHEMA, 100, temperature=0.2)


def completion(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop"}]}


def test_the_first_form_has_the_schema_beside_the_instructions() -> None:
    body = request_body(TASK, "m", "a passage", Dialect())
    # Some servers give JSON only where the word is said.
    assert body["messages"] == [
        {"role": "system", "content": "Write queries.\n\nAnswer in JSON."},
        {"role": "user", "content": "a passage"},
    ]
    assert body["response_format"]["json_schema"] == {
        "name": "queries",
        "strict": True,
        "schema": SCHEMA,
    }
    assert (body["max_tokens"], body["temperature"]) == (100, 0.2)


@pytest.mark.parametrize(
    ("form", "sort"), [("json_object", {"type": "json_object"}), ("text", None)]
)
def test_simpler_forms_have_the_schema_in_words(form: Any, sort: Any) -> None:
    body = request_body(TASK, "m", "a passage", Dialect(form=form))
    assert json.dumps(SCHEMA) in body["messages"][0]["content"]
    assert body.get("response_format") == sort


@pytest.mark.parametrize("form", FORMS)
def test_an_example_stands_between_the_instructions_and_the_message(form: Any) -> None:
    task = replace(TASK, example=("another passage", "{}"))
    messages = request_body(task, "m", "a passage", Dialect(form=form))["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in messages[1:]] == [
        "another passage",
        "{}",
        "a passage",
    ]
    assert request_body(task, "m", "", Dialect(form=form))["messages"][:3] == messages[:3]


def test_what_a_server_does_not_know_is_left_out() -> None:
    plain = request_body(TASK, "m", "x", Dialect("text", "", temperature=False))
    assert plain.keys() == {"model", "messages"}
    newer = request_body(TASK, "m", "x", Dialect(token_parameter="max_completion_tokens"))
    assert newer["max_completion_tokens"] == 100
    assert "max_tokens" not in newer


def test_a_task_without_a_temperature_sends_none() -> None:
    assert "temperature" not in request_body(ChatTask("a", "b", SCHEMA, 1), "m", "x", Dialect())


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            Dialect(token_parameter="max_completion_tokens"),
        ),
        ("'temperature' does not support 0.2 with this model.", Dialect(temperature=False)),
        ("Invalid parameter: 'response_format' of type 'json_schema'", Dialect("json_object")),
        ("this model does not support Structured Outputs", Dialect("json_object")),
        ("failed to parse grammar", Dialect("json_object")),
        ("This model's maximum context length is 8192 tokens.", None),
        ("", None),
    ],
)
def test_a_complaint_tells_what_to_give_up(complaint: str, expected: Dialect | None) -> None:
    assert Dialect().without(complaint) == expected


@given(st.lists(st.sampled_from(["max_tokens", "max_completion_tokens", "temperature", "schema"])))
def test_complaints_without_end_come_to_an_end(complaints: list[str]) -> None:
    dialect, given_up = Dialect(), 0
    for complaint in complaints:
        if (simpler := dialect.without(complaint)) is not None:
            dialect, given_up = simpler, given_up + 1
    assert given_up <= 5


def test_forms_become_simpler_down_to_text() -> None:
    dialect: Dialect | None = Dialect()
    seen = []
    while dialect is not None:
        seen.append(dialect.form)
        dialect = dialect.simpler_form()
    assert tuple(seen) == FORMS


def test_a_dialect_survives_being_written_down() -> None:
    dialect = Dialect("text", "max_completion_tokens", temperature=False)
    assert Dialect.from_json(dialect.to_json()) == dialect
    assert Dialect.from_json("") == Dialect()


def test_an_answer_is_read_with_its_usage() -> None:
    body = completion(content="{}", refusal=None)
    body["usage"] = {
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    answer = read_completion(json.dumps(body))
    assert (answer.content, answer.refusal, answer.finish_reason) == ("{}", "", "stop")
    assert (answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens) == (10, 4, 3)
    assert json.loads(answer.raw) == body


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": None, "prompt_tokens_details": None}]
)
def test_a_server_may_say_nothing_of_usage(usage: Any) -> None:
    answer = read_completion(json.dumps({**completion(content="x"), "usage": usage}))
    assert (answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens) == (0, 0, 0)


def test_a_text_may_come_in_parts() -> None:
    parts = [{"type": "text", "text": '{"a":'}, {"type": "text", "text": " 1}"}, {"type": "image"}]
    assert read_completion(json.dumps(completion(content=parts))).content == '{"a": 1}'


@pytest.mark.parametrize(
    ("told", "read"), [(-5, 0), (10**30, 10**9), ("12", 12), (3.7, 3), (True, 1)]
)
def test_odd_counts_are_kept_within_bounds(told: Any, read: int) -> None:
    usage = {"prompt_tokens": told, "prompt_tokens_details": {"cached_tokens": 10**12}}
    answer = read_completion(json.dumps({**completion(content="x"), "usage": usage}))
    assert answer.prompt_tokens == read
    assert answer.cached_tokens <= answer.prompt_tokens


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "<html>It works!</html>",
        "[]",
        "null",
        "{}",
        '{"error": {"message": "overloaded", "code": 502}}',
        '{"choices": []}',
        '{"choices": [{}]}',
        '{"choices": [{"message": null}]}',
        '{"choices": [{"message": "hello"}]}',
        '{"choices": [{"message": {"content": ["a"]}}]}',
        '{"choices": [{"message": {}}], "usage": [1]}',
        '{"choices": [{"message": {}}], "usage": {"prompt_tokens": "many"}}',
        '{"choices": [{"message": {}}], "usage": {"prompt_tokens": NaN}}',
        '{"choices": [{"message": {}}], "usage": {"prompt_tokens": Infinity}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_completion_is_said_to_be_none(raw: str) -> None:
    with pytest.raises(BrokenError, match="no chat completion"):
        read_completion(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "choices message content refusal finish_reason usage prompt_tokens text".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_answer_raises_anything_else(value: Any) -> None:
    try:
        answer = read_completion(json.dumps(value))
    except BrokenError:
        return
    assert isinstance(answer.content, str)
    assert isinstance(answer.refusal, str)
    assert answer.prompt_tokens >= 0
