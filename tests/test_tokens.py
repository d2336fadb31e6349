"""Token counts: the right vocabulary for a model, and said so."""

import json
import sys
from pathlib import Path

import pytest

from cvseeker.core.errors import MissingExtraError, SettingsError
from cvseeker.llm import tokens
from cvseeker.llm.tokens import TokenCounter


@pytest.mark.parametrize(
    ("model", "name", "exact"),
    [
        ("gpt-4o", "o200k_base", True),
        ("gpt-4o-mini-2024-07-18", "o200k_base", True),
        ("gpt-4.1-nano", "o200k_base", True),
        ("gpt-5", "o200k_base", True),
        ("gpt-5.4-mini", "o200k_base", True),
        ("o3-mini", "o200k_base", True),
        ("o1", "o200k_base", True),
        ("openai/gpt-4o", "o200k_base", True),
        ("ft:gpt-4o-mini:acme::x", "o200k_base", True),
        ("gpt-4", "cl100k_base", True),
        ("gpt-4-turbo", "cl100k_base", True),
        ("gpt-3.5-turbo-0125", "cl100k_base", True),
        ("text-embedding-3-small", "cl100k_base", True),
        ("text-embedding-ada-002", "cl100k_base", True),
        ("llama3.1:8b", "o200k_base", False),
        ("o3000-large", "o200k_base", False),
        ("gpt-4all", "o200k_base", False),
        ("", "o200k_base", False),
    ],
)
def test_a_model_has_its_vocabulary(model: str, name: str, exact: bool) -> None:
    counter = TokenCounter(model)
    assert (counter.name, counter.exact) == (name, exact)


def test_vocabularies_differ() -> None:
    text = "Dispatched 1,234 lorries across Aotearoa — weiterführende Ausbildung, компьютер"
    assert TokenCounter("gpt-4").count([text]) != TokenCounter("gpt-4o").count([text])


def test_counts_are_one_a_text_and_read_no_special_token() -> None:
    counter = TokenCounter("gpt-4o")
    counts = counter.count(["hello world", "", "<|endoftext|>"])
    assert counts[:2] == [2, 0]
    # As words of a résumé it is seven pieces, not one order to stop.
    assert counts[2] == 7
    assert counter.count([]) == []


def test_a_chat_costs_more_than_its_words() -> None:
    counter = TokenCounter("gpt-4o")
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}
    words = sum(counter.count(["system", "Be brief.", "user", "Hi"]))
    assert counter.count_chat([system, user]) == words + 3 * 2 + 3


def tokenizer_file(folder: Path) -> Path:
    """Write a word tokenizer that truncates at two tokens and frames texts with a third."""
    path = folder / "tokenizer.json"
    special = {"id": "[CLS]", "ids": [3], "tokens": ["[CLS]"]}
    pieces = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    model = {
        "type": "WordLevel",
        "vocab": {"[UNK]": 0, "senior": 1, "nurse": 2, "[CLS]": 3},
        "unk_token": "[UNK]",
    }
    content = {
        "version": "1.0",
        "truncation": {
            "max_length": 2,
            "strategy": "LongestFirst",
            "stride": 0,
            "direction": "Right",
        },
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": pieces,
            "pair": [*pieces, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": special},
        },
        "decoder": None,
        "model": model,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_tokenizer_file_counts_whole_texts(tmp_path: Path) -> None:
    counter = TokenCounter("llama3.1:8b", tokenizer=tokenizer_file(tmp_path))
    assert (counter.name, counter.exact) == ("tokenizer.json", True)
    assert counter.count(["senior nurse", "a very senior nurse indeed", ""]) == [2, 5, 0]


def test_a_bad_tokenizer_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.json: no such file"):
        TokenCounter("x", tokenizer=tmp_path / "none.json")
    bad = tmp_path / "bad.json"
    bad.write_text("{}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"bad\.json: not a tokenizer") as caught:
        TokenCounter("x", tokenizer=bad)
    assert "\n" not in str(caught.value)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    tokens._packaged_counter.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'cvseeker\[llm\]'"):
        TokenCounter("gpt-4o")
    tokens._packaged_counter.cache_clear()
