import json
from dataclasses import replace

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.overlap import word_ngrams
from cvseeker.evaluate.evidence import copied_words
from cvseeker.evaluate.leakage import EXAMPLES, Finding, find_copies, find_leakage, find_persons
from cvseeker.evaluate.report import render
from cvseeker.evaluate.results import EvaluatedSet, plain

LONG = " ".join(f"alpha{at} beta{at}" for at in range(30))


def leaks(evaluated: EvaluatedSet, training: RetrievalDataset) -> dict[str, Finding]:
    persons = find_persons(evaluated, training)
    return find_leakage(evaluated, training=training, persons=persons)


def test_a_clean_set_has_no_leak(tiny_dataset: RetrievalDataset) -> None:
    training = RetrievalDataset(
        {"t": "Gus Hale. Tram driver in Graz."}, {"a": "tram"}, {"a": {"t": 1}}
    )
    found = leaks(EvaluatedSet("test", tiny_dataset, {}), training)
    assert found["near_duplicate_passages"].count == 0
    assert found["persons_in_training"].count == 0
    assert found["training_queries_repeated"].count == 0
    assert found["queries_naming_candidate"].count == 0
    assert found["near_duplicate_passages"].of == 6


def test_copied_passages_are_found() -> None:
    dataset = RetrievalDataset(
        {"half": f"{LONG} {'own ' * 50}", "whole": "Short one.", "free": "nothing of the kind"},
        {"q1": "alpha", "q2": "short", "q3": "kind"},
        {"q1": {"half": 1}, "q2": {"whole": 1}, "q3": {"free": 1}},
    )
    training = RetrievalDataset(
        {"t1": LONG, "t2": "short ONE", "unasked": "nothing of the kind"},
        {"a": "x", "b": "y"},
        {"a": {"t1": 1}, "b": {"t2": 1}},
    )
    found = leaks(EvaluatedSet("test", dataset, {}), training)
    copied = found["near_duplicate_passages"]
    assert (copied.count, copied.of) == (2, 3)
    assert copied.examples[0] == {"id": "whole", "detail": "100% shared, most with t2"}
    assert copied.examples[1]["id"] == "half"


def test_shares_of_8_grams_are_exact() -> None:
    texts = {"a": f"{LONG} one two three", "b": "too short"}
    others = {"x": LONG, "y": f"{' '.join(LONG.split()[:20])} z"}
    own, held = word_ngrams(texts["a"], 8), word_ngrams(LONG, 8)
    found = find_copies(texts, others)
    assert set(found) == {"a"}
    assert found["a"][0] == pytest.approx(len(own & held) / len(own))
    assert found["a"][1] == "x"
    assert find_copies({}, others) == find_copies(texts, {}) == {}


def test_persons_are_known_by_their_groups_or_by_their_contacts() -> None:
    dataset = RetrievalDataset(
        {"p1": "Ana Prunk\nana.prunk@example.com\nPastry", "p2": "Bo Lindahl\nEngineer"},
        {"q1": "pastry", "q2": "engineer"},
        {"q1": {"p1": 1}, "q2": {"p2": 1}},
    )
    training = RetrievalDataset(
        {"t1": "A. Prunk\nana.prunk@example.com\nChocolate"}, {"a": "x"}, {"a": {"t1": 1}}
    )
    found = leaks(EvaluatedSet("test", dataset, {}), training)
    persons = found["persons_in_training"]
    assert (persons.count, persons.of) == (1, 2)
    assert persons.examples[0] == {"id": "p1", "detail": "the same person as t1"}
    apart = replace(dataset, person_groups={"p1": "ana", "p2": "bo"})
    other = replace(training, person_groups={"t1": "bo"})
    known = leaks(EvaluatedSet("test", apart, {}), other)
    assert known["persons_in_training"].examples[0]["id"] == "p2"


def test_repeated_queries_are_found_whatever_their_order() -> None:
    dataset = RetrievalDataset(
        {"p": "text"},
        {"q1": "ICU nurses", "q2": "8 years as welder", "q3": "plumber"},
        {key: {"p": 1} for key in ("q1", "q2", "q3")},
    )
    training = RetrievalDataset(
        {"t": "other"},
        {"a": "nurse, ICU", "b": "5 years as welder"},
        {"a": {"t": 1}, "b": {"t": 1}},
    )
    found = leaks(EvaluatedSet("test", dataset, {}), training)
    repeated = found["training_queries_repeated"]
    assert (repeated.count, repeated.of) == (1, 3)
    assert repeated.examples[0] == {"id": "q1", "text": "ICU nurses", "detail": "repeats a"}


def test_queries_that_name_the_candidate_are_found() -> None:
    dataset = RetrievalDataset(
        {
            "a#1": "Renata Kowalczyk\nWelder\nrenata.kowalczyk@example.com | Oslo, Norway",
            "a#2": "Welded hulls for nine years.",
            "b#1": "Dina Farouk\nAccountant\ndina@example.com",
        },
        {"q1": "what did kowalczyk weld?", "q2": "accountant", "q3": "Did Farouk weld?"},
        {"q1": {"a#2": 1}, "q2": {"b#1": 1}, "q3": {"a#2": 1}},
    )
    resume_of = {"a#1": "a", "a#2": "a", "b#1": "b"}
    evaluated = EvaluatedSet("test", dataset, {}, resume_of=resume_of)
    naming = find_leakage(evaluated)["queries_naming_candidate"]
    assert (naming.count, naming.of) == (1, 3)
    assert naming.examples[0]["id"] == "q1"
    given = find_leakage(evaluated, names={"a": "Anna Farouk"})
    assert given["queries_naming_candidate"].examples[0]["id"] == "q3"


def test_words_that_stand_in_the_answer_alone_are_found() -> None:
    dataset = RetrievalDataset(
        {"p1": "Kafka and the Go language", "p2": "Go and SQL", "p3": "SQL, Terraform"},
        {"q1": "Kafka engineer", "q2": "Go and SQL", "q3": "Terraform", "q4": "the language"},
        {"q1": {"p1": 1}, "q2": {"p2": 1}, "q3": {"p1": 1}, "q4": {"p1": 1}},
    )
    lone = find_leakage(EvaluatedSet("test", dataset, {}))["queries_with_lone_word"]
    assert (lone.count, lone.of) == (2, 4)
    assert [(one["id"], one["detail"]) for one in lone.examples] == [
        ("q1", "“kafka”"),
        ("q4", "“language”"),
    ]


def test_contact_details_are_masked_and_examples_few() -> None:
    count = EXAMPLES + 3
    corpus = {
        f"p{at}": f"word{at} person{at}@example.com +1 212 555 01{at:02}" for at in range(count)
    }
    queries = {
        f"q{at}": f"mail person{at}@example.com or +1 212 555 01{at:02}" for at in range(count)
    }
    qrels = {f"q{at}": {f"p{at}": 1} for at in range(count)}
    training = RetrievalDataset({"t": "x"}, dict(queries), {key: {"t": 1} for key in queries})
    evaluated = EvaluatedSet("test", RetrievalDataset(corpus, queries, qrels), {})
    found = leaks(evaluated, training)
    text = json.dumps(plain(found))
    assert "@example" not in text
    assert "555" not in text
    lone = found["queries_with_lone_word"]
    assert (lone.count, len(lone.examples)) == (count, EXAMPLES)
    assert "person0" not in text


def test_without_a_training_set_only_the_queries_are_judged(tiny_dataset: RetrievalDataset) -> None:
    found = find_leakage(EvaluatedSet("test", tiny_dataset, {}))
    assert list(found) == ["queries_naming_candidate", "queries_with_lone_word"]


def test_the_page_lists_the_findings(tiny_dataset: RetrievalDataset) -> None:
    named = replace(tiny_dataset, queries={**tiny_dataset.queries, "q2": "<b>Kafka</b>"})
    evaluated = EvaluatedSet("test", named, {})
    content = {
        "leakage": find_leakage(evaluated),
        "facts": evaluated.summary()["dataset"],
        "analysis": {"copied": {"these queries": copied_words(named)}},
    }
    page = render("_leakage.html", {"set": content})
    assert "Queries that one word answers" in page
    assert "<b>Kafka" not in page
