from dataclasses import replace
from typing import Any

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.holdout import with_persons
from cvseeker.train.pairs import TrainingPair, build_pairs, group_numbers, mask_rivals

FILLER = "orchestra rehearsals and school concerts every single week of term " * 2


@pytest.fixture
def dataset() -> RetrievalDataset:
    return RetrievalDataset(
        corpus={
            "a#1": f"Violin teacher. {FILLER}Keeps bees and sells honey.",
            "b#1": "Keeps bees, too; honey and queens.",
            "a#2": "Tax law.",
        },
        queries={"q1": "who keeps bees", "q2": "violin teacher", "q3": "honey"},
        qrels={"q1": {"a#1": 1}, "q2": {"a#1": 1, "b#1": 0}, "q3": {"a#1": 1, "b#1": 2}},
        person_groups={"a#1": "a", "a#2": "a", "b#1": "b"},
    )


def test_the_positive_is_the_best_window_of_the_querys_own_passage(
    dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    windows = hash_encoder.encode_passages(list(dataset.corpus.values())).windows
    pairs = build_pairs(dataset, windows, max_pairs=99, seed=1)
    assert [pair.anchor for pair in pairs] == list(dataset.queries.values())
    assert "Keeps bees and sells" in pairs[0].positive
    assert pairs[1].positive.startswith("Violin teacher.")
    assert pairs[2].positive == dataset.corpus["b#1"]
    assert [pair.group for pair in pairs] == [0, 0, 1]
    assert all(pair.positive in dataset.corpus["a#1"] for pair in pairs[:2])


def test_everybody_who_answers_is_known_to_the_pair(
    dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    several = replace(
        dataset,
        queries={"q1": "who keeps bees", "q2": "tax law", "q3": "tax law"},
        qrels={"q1": {"a#1": 1, "b#1": 1}, "q2": {"a#2": 2, "b#1": 1}, "q3": {"b#1": 1}},
    )
    windows = hash_encoder.encode_passages(list(dataset.corpus.values())).windows
    pairs = build_pairs(several, windows, max_pairs=99, seed=1)
    # A pair for each passage of the highest grade; a repeated query is one query.
    assert [(pair.anchor, pair.group, pair.answered) for pair in pairs] == [
        ("who keeps bees", 0, (0, 1)),
        ("who keeps bees", 1, (0, 1)),
        ("tax law", 0, (0, 1)),
        ("tax law", 1, (0, 1)),
    ]


def test_a_sample_keeps_the_order_and_follows_the_seed(
    dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    many = replace(
        dataset,
        queries={f"q{at}": f"violin {at}" for at in range(50)},
        qrels={f"q{at}": {"a#1": 1} for at in range(50)},
    )

    windows = hash_encoder.encode_passages(list(many.corpus.values())).windows

    def sample(seed: int) -> list[str]:
        pairs = build_pairs(many, windows, max_pairs=10, seed=seed)
        return [pair.anchor for pair in pairs]

    assert len(sample(1)) == 10
    assert sample(1) == sample(1) != sample(2)
    numbers = [int(anchor.split()[1]) for anchor in sample(1)]
    assert numbers == sorted(numbers)


def test_groups_are_numbered_in_the_corpus_order(dataset: RetrievalDataset) -> None:
    assert group_numbers(dataset) == [0, 1, 0]


def test_unknown_groups_are_found_by_overlap() -> None:
    text = " ".join(f"word{number}" for number in range(60))
    dataset = RetrievalDataset({"x": text, "y": f"{text} more", "z": "another one"}, {}, {})
    known = with_persons(dataset, similarity=0.7)
    groups = known.person_groups
    assert groups["x"] == groups["y"] != groups["z"]
    assert group_numbers(known) == [0, 0, 1]
    assert with_persons(known, similarity=1) is known


def test_how_alike_two_of_one_person_are_is_the_users_word() -> None:
    text = " ".join(f"word{number}" for number in range(60))
    changed = " ".join(f"word{number}" for number in range(10, 70))
    dataset = RetrievalDataset({"x": text, "y": changed}, {}, {})
    for similarity, expected in ((0.3, 1), (0.99, 2)):
        assert len(set(with_persons(dataset, similarity=similarity).person_groups.values())) == (
            expected
        )


def test_who_fits_as_well_is_no_negative(hash_encoder: Any) -> None:
    pairs = [
        TrainingPair("keeps bees", "keeps bees and sells honey", 0, (0,)),
        TrainingPair("keeps bees", "keeps bees in Oslo", 1, (1,)),
        TrainingPair("tax law", "tax law", 2, (2,)),
        TrainingPair("bees", "honey from bees", 3, (3,)),
    ]
    answered = [pair.answered for pair in mask_rivals(pairs, hash_encoder)]
    # Two of four words are closer than two of five: who fits better is masked, not the other way.
    assert answered == [(0, 1), (1,), (2,), (3,)]
    assert [pair.anchor for pair in mask_rivals(pairs, hash_encoder)] == [p.anchor for p in pairs]
