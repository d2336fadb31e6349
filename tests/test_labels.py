"""From grades to qrels: what is relevant, what is dropped, and what stays as it was."""

from pathlib import Path

import pytest

from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.files import read_json, read_jsonl
from cvseeker.core.settings import Settings
from cvseeker.queries.judging.labels import (
    NOTHING_FITS,
    OWN_REJECTED,
    Judging,
    Labels,
    apply_grades,
    label_datasets,
)


def one_query(**qrels: int) -> RetrievalDataset:
    corpus = {key: f"text of {key}" for key in "abcde"}
    return RetrievalDataset(corpus, {"q": "query"}, {"q": qrels}, {"q": "keywords"})


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ({"a": 3, "b": 2, "c": 1, "d": 0}, {"a": 2, "b": 1, "c": 0, "d": 0}),
        # The own passage got no usable reply: it keeps its grade.
        ({"b": 3}, {"a": 1, "b": 2}),
        # The own passage only touches the query, another answers it.
        ({"a": 1, "b": 2}, {"a": 0, "b": 1}),
        ({}, {"a": 1}),
    ],
)
def test_a_grade_is_written_less_one(grades: dict[str, int], expected: dict[str, int]) -> None:
    dropped: dict[str, str] = {}
    assert apply_grades(one_query(a=1), {"q": grades}, dropped).qrels == {"q": expected}
    assert not dropped


@pytest.mark.parametrize(
    ("grades", "reason"),
    [
        ({"a": 0, "b": 3}, OWN_REJECTED),
        ({"a": 1, "b": 1}, NOTHING_FITS),
    ],
)
def test_a_query_that_nothing_answers_is_dropped(grades: dict[str, int], reason: str) -> None:
    dropped: dict[str, str] = {}
    after = apply_grades(one_query(a=1), {"q": grades}, dropped)
    assert (after.queries, after.qrels, after.kinds) == ({}, {}, {})
    assert after.corpus == one_query(a=1).corpus
    assert dropped == {"q": reason}


def test_of_several_own_passages_one_that_answers_is_enough() -> None:
    after = apply_grades(one_query(a=1, b=1), {"q": {"a": 0, "b": 2}}, {})
    assert after.qrels == {"q": {"a": 0, "b": 1}}


def test_judged_and_not_relevant_is_written_down(tmp_path: Path) -> None:
    after = apply_grades(one_query(a=1), {"q": {"a": 3, "b": 2, "c": 0}}, {})
    write_dataset(after, tmp_path, split="test")
    write_dataset(after, tmp_path / "test.json")
    assert read_dataset(tmp_path).qrels == {"q": {"a": 2, "b": 1, "c": 0}}
    assert read_json(tmp_path / "test.json")["relevant_docs"] == {"q": ["a", "b"]}


def test_the_account_keeps_grades_as_they_were_given(tmp_path: Path) -> None:
    labels = Labels({}, {"q": {"a": 3, "b": 0}}, {"r": OWN_REJECTED}, {})
    labels.write_account(tmp_path / "grades.jsonl", tmp_path / "dropped.jsonl")
    assert [row["grade"] for row in read_jsonl(tmp_path / "grades.jsonl")] == [3, 0]
    assert list(read_jsonl(tmp_path / "dropped.jsonl")) == [
        {"query_id": "r", "reason": OWN_REJECTED}
    ]


def test_without_an_llm_matches_are_added_and_the_rest_is_said(
    tiny_dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    queries = {
        "q1": ("backend engineer, PostgreSQL", "title_skills", "bo-lindahl#1"),
        "q2": ("who bakes?", "question", "ana-prunk#1"),
        "q3": ("(Kafka OR Django) AND engineer", "boolean", "bo-lindahl#1"),
        "q4": ("(Kafka OR", "boolean", "bo-lindahl#1"),
    }
    dataset = RetrievalDataset(
        tiny_dataset.corpus,
        {key: text for key, (text, _, _) in queries.items()},
        {key: {own: 1} for key, (_, _, own) in queries.items()},
        {key: kind for key, (_, kind, _) in queries.items()},
    )
    settings = Settings().override("finetune", {"base": str(tiny_model)})
    labels = label_datasets(Judging({"test": dataset}), settings, ledger=tmp_path / "none.sqlite")
    both = {"bo-lindahl#1": 1, "fay-okoro#1": 1}
    assert labels.datasets["test"].qrels == {
        "q1": both,
        "q2": {"ana-prunk#1": 1},
        "q3": both,
        "q4": {"bo-lindahl#1": 1},
    }
    assert not (tmp_path / "none.sqlite").exists()
    counts = labels.counts
    assert counts["graded"] == {"2": 4}
    assert counts["unjudged"] == counts["pairs"] - 4
    assert (counts["positives_before"], counts["positives_after"]) == (1.0, 1.5)
    assert counts["left_as_they_were"] == {"boolean": 1, "question": 1}
    assert counts["dropped"] == {OWN_REJECTED: 0, NOTHING_FITS: 0}
    assert counts["test"] == {"queries": 4, "passages": 6}
