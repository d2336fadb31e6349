"""What identifies a request: all that a reply depends on, and nothing else."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.llm.request import ChatTask, request_key

TASK = ChatTask("queries", "Write queries.", {"type": "object", "required": ["a"]}, 100)
SAME = {"model": "m", "url": "http://localhost/v1", "text": "a passage"}


@pytest.mark.parametrize(
    ("task", "change"),
    [
        (TASK, {"model": "n"}),
        (TASK, {"url": "http://localhost/v2"}),
        (TASK, {"text": "another passage"}),
        (replace(TASK, name="grade"), {}),
        (replace(TASK, system="Write questions."), {}),
        (replace(TASK, temperature=0.0), {}),
        (replace(TASK, schema={"type": "object"}), {}),
        (replace(TASK, example=("a passage", "{}")), {}),
    ],
)
def test_whatever_changes_a_reply_changes_the_key(task: ChatTask, change: dict[str, str]) -> None:
    assert request_key(task, **{**SAME, **change}) != request_key(TASK, **SAME)


def test_a_longer_reply_or_a_laxer_check_is_the_same_request() -> None:
    longer = replace(TASK, max_tokens=900, accepts={"type": "object"})
    assert request_key(longer, **SAME) == request_key(TASK, **SAME)


def test_the_order_of_a_schemas_names_does_not_matter() -> None:
    turned = replace(TASK, schema=dict(reversed(TASK.schema.items())))
    assert request_key(turned, **SAME) == request_key(TASK, **SAME)


@given(parts=st.tuples(st.text(), st.text(), st.text()), others=st.tuples(st.text(), st.text()))
def test_texts_are_never_confused_where_one_ends_and_the_next_begins(
    parts: tuple[str, str, str], others: tuple[str, str]
) -> None:
    model, url, text = parts
    key = request_key(TASK, model=model, url=url, text=text)
    assert len(key) == 32
    assert int(key, 16) >= 0
    moved = request_key(TASK, model=model + url, url="", text=text)
    assert (moved == key) == (url == "")
    other = request_key(TASK, model=model, url=others[0], text=others[1])
    assert (other == key) == ((url, text) == others)


def test_half_a_surrogate_pair_has_a_key() -> None:
    assert request_key(TASK, **{**SAME, "text": "\ud800"}) != request_key(TASK, **SAME)


def test_the_schema_can_be_put_into_words() -> None:
    told = TASK.system_with_schema()
    assert told.startswith("Write queries.\n\n")
    assert json.loads(told[told.index("{") :]) == TASK.schema
