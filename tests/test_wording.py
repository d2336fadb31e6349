import pytest

from cvseeker.evaluate import system_names
from cvseeker.evaluate.wording import made_of, shown_query, system_hint

KEYS = ["bm25", "base", "late(base)", "hybrid(base)", "tuned", "tuned@64", "tuned[int8]"]


def test_every_key_has_a_name_of_its_own_and_no_key_is_read() -> None:
    names = system_names([*KEYS, "late(tuned)", "hybrid(tuned)"])
    assert list(names.values()) == [
        "Keyword search (BM25)",
        "Vectors alone, untuned",
        "Late interaction, untuned",
        "Search, untuned",
        "Vectors alone, tuned",
        "Vectors alone, tuned, 64 dimensions",
        "Vectors alone, tuned, 8 bits a number",
        "Late interaction, tuned",
        "Search, tuned",
    ]


def test_other_models_are_called_by_the_name_given() -> None:
    names = system_names(["bm25", "models/e5", "late(models/e5)", "hybrid(models/e5)"])
    assert list(names.values())[1:] == [
        "Vectors alone with models/e5",
        "Late interaction with models/e5",
        "Search with models/e5",
    ]


@pytest.mark.parametrize("name", ["elastic", "elastic@2", "hybrid(elastic)", "x[int8]", "late()"])
def test_what_was_run_elsewhere_keeps_its_name(name: str) -> None:
    assert system_names(["bm25", name])[name] == name
    assert system_hint(name, ["bm25", name]) == "run elsewhere"


@pytest.mark.parametrize("name", ["m@64", "hybrid(m)", "m[int8]"])
def test_a_model_may_be_called_like_something_made_of_another(name: str) -> None:
    keys = ["m", name, f"hybrid({name})"]
    assert made_of(name, keys) == ("", "")
    assert made_of(f"hybrid({name})", keys) == (name, "hybrid")
    assert system_names(keys)[name] == f"Vectors alone with {name}"


def test_a_query_is_one_line_without_contacts() -> None:
    assert shown_query("who is\n ana@example.org?") == "who is [EMAIL]?"
    assert shown_query("long " * 100, 20) == "long long long long…"
