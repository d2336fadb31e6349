from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.retrieval import holdout
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.holdout import (
    FEWEST_OF_A_SOURCE,
    balanced,
    joined,
    low_overlap,
    with_cross_sections,
)
from cvseeker.retrieval.metrics import METRICS, mean_metrics, query_metrics
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.validation import Validation, validate_search, validate_vectors


def test_it_is_the_mean_over_the_queries(tiny_dataset: RetrievalDataset, hash_encoder: Any) -> None:
    ids = list(tiny_dataset.corpus)
    windows = hash_encoder.encode_passages(list(tiny_dataset.corpus.values()))
    asked = EncodedQueries.from_texts(list(tiny_dataset.queries.values()), hash_encoder)
    scores = DenseRanker(windows.vectors, windows.owners).scores(asked)
    values = [
        query_metrics([ids[at] for at in row], grades)["mrr@10"]
        for row, grades in zip(top_k(scores, 100), tiny_dataset.qrels.values(), strict=True)
    ]
    means = mean_metrics(validate_vectors(hash_encoder, tiny_dataset))
    assert list(means) == list(METRICS)
    assert means["mrr@10"] == round(sum(values) / len(values), 6)
    assert means["accuracy@1"] > 0.8


def test_an_encoder_that_knows_nothing_scores_low(
    tiny_dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    ignorant = type(hash_encoder)(dim=1)
    assert mean_metrics(validate_vectors(ignorant, tiny_dataset))["accuracy@1"] < 0.5


def test_every_query_is_told_apart(tiny_dataset: RetrievalDataset, hash_encoder: Any) -> None:
    found = validate_vectors(hash_encoder, tiny_dataset)
    assert list(found) == list(tiny_dataset.queries)
    assert all(list(values) == list(METRICS) for values in found.values())


def test_search_is_judged_over_all_data_sets_at_the_shares_that_suit_them(
    tiny_dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    validation = validate_search(hash_encoder, [tiny_dataset, tiny_dataset])
    assert len(validation.metrics) == 2 * len(tiny_dataset.queries)
    assert validation.shares.late == 0  # this encoder has no token vectors
    by_vectors = Validation(validation.shares, validate_vectors(hash_encoder, tiny_dataset))
    assert validation.mean >= by_vectors.mean - 1e-9
    ignorant = type(hash_encoder)(dim=1)
    assert validate_search(ignorant, [tiny_dataset]).mean > 0.9  # by the words alone


def test_a_validation_is_kept_in_a_file(
    tiny_dataset: RetrievalDataset, hash_encoder: Any, tmp_path: Path
) -> None:
    found = validate_search(hash_encoder, [tiny_dataset])
    assert Validation.read(tmp_path / "found.json") is None
    found.write(tmp_path / "found.json")
    assert Validation.read(tmp_path / "found.json") == found


def of_one_section(name: str, text: str) -> RetrievalDataset:
    return RetrievalDataset(
        {name: text}, {"q": f"who is {name}"}, {"q": {name: 1}}, {}, {name: name}
    )


def test_cross_section_pairs_that_were_written_are_those_that_are_read(
    tiny_dataset: RetrievalDataset, tmp_path: Path
) -> None:
    first, *others = tiny_dataset.corpus
    train, val = tiny_dataset.subset({first}), tiny_dataset.subset(set(others))
    for split, name in (("train", "ada"), ("val", "bo")):
        write_dataset(of_one_section(name, "keeps bees"), tmp_path / split, split=split)
    sources, _, judges = with_cross_sections(train, val, sections=tmp_path, passages=2)
    joint = joined(sources)
    assert list(joint.corpus.values()) == [tiny_dataset.corpus[first], "keeps bees"]
    assert set(joint.queries.values()) == {*train.queries.values(), "who is ada"}
    assert joint.person_groups == {f"0/{first}": first, "1/ada": "ada"}
    # Training's document fills up, and few queries all count.
    assert [list(judge.corpus) for judge in judges] == [others, ["bo", "ada"]]
    assert [len(judge.queries) for judge in judges] == [len(others), 1]


@pytest.mark.parametrize(("given", "judging"), [(False, 1), (True, 2)])
def test_own_queries_judge_though_they_copy_words(given: bool, judging: int) -> None:
    people = [f"p{number}" for number in range(40)]
    corpus = {key: f"welder number {key} of ships" for key in people}
    copied = RetrievalDataset(
        corpus,
        {f"q{key}": f"welder {key}" for key in people},
        {f"q{key}": {key: 1} for key in people},
        {},
        {key: key for key in people},
    )
    crossed = replace(copied, queries={key: f"joins steel {key[5:]}" for key in copied.queries})
    nobody = RetrievalDataset({}, {}, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holdout, "cross_section_dataset", lambda corpus, *_, **__: crossed)
        *_, judges = with_cross_sections(
            nobody, copied, sections=GenerateSettings(), passages=0, given=given
        )
    assert len(judges) == judging


def test_queries_that_copy_what_answers_them_choose_nothing() -> None:
    corpus = {"a": "welds steel frames for ships", "b": "teaches the violin"}
    asked = {
        "copied": "welds steel frames",
        "half": "steel joiner",
        "asked": "shipyard metalworker",
    }
    data = RetrievalDataset(corpus, asked, {key: {"a": 1, "b": 0} for key in asked})
    assert list(low_overlap(data).queries) == ["half", "asked"]
    assert low_overlap(data).qrels.keys() == {"half", "asked"}


def test_there_are_as_many_of_each_source() -> None:
    def asked(count: int) -> RetrievalDataset:
        queries = {str(number): "welds steel" for number in range(count)}
        return RetrievalDataset({"a": "ships"}, queries, {key: {"a": 1} for key in queries})

    def sizes(own: int, crossed: int) -> list[int]:
        return [len(one.queries) for one in balanced(asked(own), asked(crossed), seed=1)]

    assert sizes(4000, 1000) == [1000, 1000]
    assert sizes(600, 1000) == [600, 600]
    # Few of one source do not cost the other.
    assert sizes(10, 1000) == [10, FEWEST_OF_A_SOURCE]
    assert sizes(300, 200) == [300, 200]
    assert sizes(0, 1000) == [0, 1000]
    drawn = [balanced(asked(4000), asked(1000), seed=seed)[0] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
