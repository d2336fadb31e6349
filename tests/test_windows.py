import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.training_settings import WindowSettings
from cvseeker.retrieval.windows import max_over_windows, split_windows, window_bounds

SIZE, OVERLAP = 16, 4


def pieces(text: str) -> list[tuple[int, int]]:
    """Return the offsets of a toy tokenizer's tokens: two letters of a word each."""
    return [match.span() for match in re.finditer(r"\S{1,2}", text)]


def words_of(lengths: list[int]) -> str:
    """Return words that are that many tokens long."""
    return " ".join("ab" * length for length in lengths)


short_words = st.lists(st.integers(1, SIZE // 2), max_size=60).map(words_of)
any_words = st.lists(st.integers(1, 3 * SIZE), max_size=30).map(words_of)
sizes = st.tuples(st.integers(8, 24), st.integers(0, 12)).map(
    lambda pair: (pair[0], min(pair[1], pair[0] // 2))
)


@given(any_words, sizes)
def test_every_token_is_in_a_window_that_is_small_enough(text: str, sized: tuple[int, int]) -> None:
    size, overlap = sized
    offsets = pieces(text)
    bounds = window_bounds(offsets, text, size=size, overlap=overlap)
    inside = [[at for at in offsets if start <= at[0] and at[1] <= end] for start, end in bounds]
    assert {token for window in inside for token in window} == set(offsets)
    assert all(0 < len(window) <= size for window in inside)


@given(any_words, sizes)
def test_windows_stand_in_reading_order(text: str, sized: tuple[int, int]) -> None:
    size, overlap = sized
    bounds = window_bounds(pieces(text), text, size=size, overlap=overlap)
    starts, ends = [start for start, _ in bounds], [end for _, end in bounds]
    assert all(one < other for one, other in pairwise(starts))
    assert all(one < other for one, other in pairwise(ends))


@given(short_words)
def test_no_word_is_cut_unless_longer_than_half_a_window(text: str) -> None:
    for start, end in window_bounds(pieces(text), text, size=SIZE, overlap=OVERLAP):
        assert start == 0 or text[start - 1] == " "
        assert end == len(text) or text[end] == " "


@given(any_words)
def test_of_longer_words_only_those_are_cut(text: str) -> None:
    words = [match.span() for match in re.finditer(r"\S+", text)]
    for start, end in window_bounds(pieces(text), text, size=SIZE, overlap=OVERLAP):
        for cut in (start, end):
            inside = [last - first for first, last in words if first < cut < last]
            assert all(letters > SIZE for letters in inside)  # two letters a token


@given(any_words)
def test_the_last_window_is_as_full_as_whole_words_allow(text: str) -> None:
    offsets = pieces(text)
    bounds = window_bounds(offsets, text, size=SIZE, overlap=OVERLAP)
    if len(bounds) > 1:
        inside = [start for start, _ in offsets if start >= bounds[-1][0]]
        assert len(inside) >= SIZE // 2


@given(st.integers(0, 200))
def test_windows_of_one_token_words_are_full_and_overlap(count: int) -> None:
    text = words_of([1] * count)
    bounds = window_bounds(pieces(text), text, size=SIZE, overlap=OVERLAP)
    lengths = [len(pieces(text[start:end])) for start, end in bounds]
    assert lengths == [min(SIZE, count)] * len(bounds)
    shared = [len(pieces(text[following:end])) for (_, end), (following, _) in pairwise(bounds)]
    assert all(tokens == OVERLAP for tokens in shared[:-1])
    assert all(tokens >= OVERLAP for tokens in shared)


def test_a_text_without_tokens_has_no_bounds() -> None:
    assert window_bounds([], "  ", size=SIZE, overlap=OVERLAP) == []


def test_nothing_after_an_overlong_word_is_skipped() -> None:
    text = words_of([19, 1, 1, 1, 1, 1])
    offsets = pieces(text)
    bounds = window_bounds(offsets, text, size=SIZE, overlap=OVERLAP)
    assert {at for at in offsets if any(s <= at[0] and at[1] <= e for s, e in bounds)} == set(
        offsets
    )


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=8),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_max_over_windows_is_a_loop(counts: list[int], queries: int, seed: int) -> None:
    owners = np.repeat(np.arange(len(counts)), counts)
    scores = np.random.default_rng(seed).normal(size=(queries, len(owners))).astype(np.float32)
    looped = [
        [max(row[at] for at in range(len(owners)) if owners[at] == owner) for owner in set(owners)]
        for row in scores
    ]
    reduced = max_over_windows(scores, owners)
    assert reduced.dtype == np.float32
    assert reduced.tolist() == np.array(looped, dtype=np.float32).tolist()


@pytest.fixture(scope="module")
def tokenizer(packaged_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(packaged_model)


LINES = [
    "Senior Backend-Engineer (2015–2023): Go, PostgreSQL & Kafka; 3,000 requests/s.",
    "Cem Aksoy, cem.aksoy@example.com, +1 555-0142, https://example.com/cem",
    "Zuständig für Großkunden; naïve façade, São Tomé, Łódź, 東京 🏥",
    "IFRS/SAP month-end closing\u2028payroll for 1,200 employees\t(since 2019)\n\n• C++ • C#",
]


@pytest.mark.parametrize(("tokens", "overlap"), [(128, 32), (32, 8), (32, 0), (48, 40)])
def test_windows_of_the_packaged_tokenizer(tokenizer: Any, tokens: int, overlap: int) -> None:
    rng = np.random.default_rng(5)
    texts = [" ".join(LINES[at] for at in rng.integers(0, 4, count)) for count in range(0, 30, 3)]
    settings = WindowSettings(window_tokens=tokens, overlap_tokens=overlap)
    windows = split_windows(texts, tokenizer, settings)
    assert [window.passage for window in windows] == sorted(window.passage for window in windows)
    assert {window.passage for window in windows} == set(range(len(texts)))
    for position, text in enumerate(texts):
        own = [window.text for window in windows if window.passage == position]
        lengths = [len(tokenizer(part)["input_ids"]) for part in own]
        assert max(lengths) <= tokens
        assert all(length > tokens // 2 for length in lengths[1:])
        wanted = set(re.findall(r"\S+", text))
        assert wanted == {word for part in own for word in re.findall(r"\S+", part)}


def test_a_short_passage_is_one_window_and_an_empty_one_too(tokenizer: Any) -> None:
    windows = split_windows(["Pastry chef", "", " \n"], tokenizer, WindowSettings())
    assert [(window.passage, window.text) for window in windows] == [
        (0, "Pastry chef"),
        (1, ""),
        (2, " \n"),
    ]


@settings(max_examples=30)
@given(text=st.text(max_size=400))
def test_no_letter_of_any_text_is_lost(tokenizer_once: Callable[[], Any], text: str) -> None:
    tokenizer = tokenizer_once()
    windows = split_windows([text], tokenizer, WindowSettings(window_tokens=16, overlap_tokens=4))
    seen = {token for window in windows for token in tokenizer.tokenize(window.text)}
    letters = set("".join(tokenizer.tokenize(text)).replace("#", ""))
    assert letters <= set("".join(seen))


@pytest.fixture(scope="module")
def tokenizer_once(tokenizer: Any) -> Callable[[], Any]:
    return lambda: tokenizer
