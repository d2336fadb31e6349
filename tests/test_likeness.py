"""A user's own past searches say how long queries are, and how many words their answers have."""

from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.settings import Settings
from cvseeker.queries.likeness import in_their_language, keep_alike, read_searches
from cvseeker.retrieval.cross_sections import query_overlap

PASSAGES = [f"{letter}alpha {letter}beta {letter}gamma {letter}delta" for letter in "bcdfghjklm"]


def dataset(source: str, *, shared: int, words: int, number: int = 60) -> RetrievalDataset:
    """Return queries of so many words, some of which their passages have."""
    queries, qrels = {}, {}
    for at in range(number):
        own, key = PASSAGES[at % len(PASSAGES)].split()[:shared], f"{source}{at}"
        queries[key] = " ".join([*(f"other{at}x{n}" for n in range(words - shared)), *own])
        qrels[key] = {str(at % len(PASSAGES)): 1}
    corpus = {str(number): text for number, text in enumerate(PASSAGES)}
    return RetrievalDataset(corpus, queries, qrels, kinds=dict.fromkeys(queries, source))


SOURCES = {
    "copied": dataset("copied", shared=4, words=4),
    "free": dataset("free", shared=1, words=4),
    "long": dataset("long", shared=1, words=12),
}


def searches(*, copying: int) -> list[str]:
    """Return thirty searches of four words; so many of ten copy all of them from a passage."""
    return [
        text if at % 10 < copying else f"{text.split()[0]} qw qx qy"
        for at, text in enumerate(PASSAGES * 3)
    ]


@pytest.mark.parametrize("copying", [1, 3, 5, 8])
def test_queries_become_as_long_and_share_as_many_words_as_the_searches(copying: int) -> None:
    # Each passage thrice: the first three that BM25 finds are one text.
    kept, account = keep_alike(SOURCES, searches(copying=copying), PASSAGES * 3, seed=1)
    numbers = {source: len(one.queries) for source, one in kept.items()}
    assert numbers["long"] < 5
    assert sum(numbers.values()) >= 60
    shares = np.concatenate([query_overlap(one) for one in kept.values()])
    overlap = account["overlap"]
    assert overlap["queries"] == pytest.approx(mean(shares), abs=1e-3)
    assert overlap["searches"] == pytest.approx(0.25 + 0.075 * copying, abs=0.01)
    assert overlap["queries"] == pytest.approx(overlap["searches"], abs=0.06)


def test_no_search_becomes_a_query_and_the_same_seed_keeps_the_same() -> None:
    past = searches(copying=5)
    kept, _ = keep_alike(SOURCES, past, PASSAGES, seed=3)
    assert kept == keep_alike(SOURCES, past, PASSAGES, seed=3)[0]
    assert not any(set(past) & set(one.queries.values()) for one in kept.values())
    for source, one in kept.items():
        assert one.queries.items() <= SOURCES[source].queries.items()
        assert one.corpus == SOURCES[source].corpus
        assert one.queries.keys() == one.qrels.keys() == one.kinds.keys()


def test_searches_are_read_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "past.txt"
    path.write_text("ICU nurse\n\n  welder   TIG \nICU nurse\nthe\n", encoding="utf-8")
    assert read_searches(path) == ["ICU nurse", "welder TIG"]
    path.write_text("\n \n", encoding="utf-8")
    with pytest.raises(InputError, match=r"no searches in it; expected one a line"):
        read_searches(path)


@pytest.mark.parametrize(
    ("line", "chosen", "language"),
    [
        ("Krankenpfleger mit Erfahrung in der Beatmung gesucht", {}, "German"),
        ("infirmier expérimenté en réanimation pour un hôpital", {}, "French"),
        ("Krankenpfleger mit Erfahrung", {"language": "Dutch"}, "Dutch"),
        ("SAP ABAP", {}, "English"),
    ],
)
def test_an_llm_writes_in_the_language_of_the_searches(
    line: str, chosen: dict[str, str], language: str, tmp_path: Path
) -> None:
    (tmp_path / "past.txt").write_text(line, encoding="utf-8")
    generate = {"llm": "m", "like": tmp_path / "past.txt", "filters": chosen}
    settings = in_their_language(Settings.validated({"generate": generate}))
    assert settings.generate.filters.language == language
    assert in_their_language(Settings()) == Settings()
