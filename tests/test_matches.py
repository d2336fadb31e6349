import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.retrieval.matches import matched_spans


def matched(query: str, text: str) -> list[str]:
    return [text[start:end] for start, end in matched_spans(query, text)]


@pytest.mark.parametrize(
    ("query", "text", "words"),
    [
        ("nurses", "A nurse; nursing, NURSE", ["nurse", "nursing", "NURSE"]),
        ("the nurse of the year", "the best of the best", []),
        ("intensive care", "Intensive-care unit", ["Intensive-care"]),
        ("python", "", []),
        ("", "python", []),
        ("łódź", "Łódź\u2028Poland", ["Łódź"]),
    ],
)
def test_shared_words_are_found(query: str, text: str, words: list[str]) -> None:
    assert matched(query, text) == words


@given(st.text(max_size=30), st.text(max_size=60))
def test_spans_stand_in_reading_order_inside_the_text(query: str, text: str) -> None:
    edge = 0
    for start, end in matched_spans(query, text):
        assert edge <= start < end <= len(text)
        edge = end
