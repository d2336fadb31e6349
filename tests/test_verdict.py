import re
from collections.abc import Mapping, Sequence

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.evaluate.compare import compare_pairs, models_of, query_groups, ranking, roles_of
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.evaluate.verdict import caveats, verdict_sentence
from cvseeker.retrieval.metrics import query_metrics


def evaluated_set(
    ranks: Mapping[str, Sequence[int]], *, name: str = "test", groups: Sequence[str] | None = None
) -> EvaluatedSet:
    """Build a set from each system's rank of the right passage, query by query."""
    count = len(next(iter(ranks.values())))
    corpus = {f"p{at}": f"Passage {at}" for at in range(max(count, 20))}
    qrels = {f"q{at}": {f"p{at}": 1} for at in range(count)}
    results = {}
    for system, found in ranks.items():
        result = results[system] = SystemResult(system)
        for (query_id, grades), rank in zip(qrels.items(), found, strict=True):
            keys = [key for key in corpus if key not in grades][:19]
            keys.insert(rank - 1, *grades)
            result.run[query_id] = [(key, 1 / at) for at, key in enumerate(keys, start=1)]
            result.per_query[query_id] = query_metrics(keys, grades)
    dataset = RetrievalDataset(
        corpus,
        dict.fromkeys(qrels, "a query"),
        qrels,
        person_groups=dict(zip(corpus, groups, strict=False)) if groups else {},
    )
    return EvaluatedSet(name=name, dataset=dataset, results=results)


def test_a_gain_from_tuning_is_told_with_its_size_and_interval() -> None:
    sentence = verdict_sentence(
        evaluated_set({"bm25": [8] * 30, "base": [3] * 30, "tuned": [1] * 29 + [2]})
    )
    assert "“Vectors alone, tuned” ranks best (nDCG@10 0.988)" in sentence
    assert "fine-tuning raised the model’s vectors alone from 0.500 to 0.988 (+0.488" in sentence
    assert "p < 0.001" in sentence
    assert "keyword search alone is behind (0.315)" in sentence
    assert sentence.count(".") - len(re.findall(r"\d\.\d", sentence)) == 1


def test_a_gain_within_noise_is_no_evidence() -> None:
    sentence = verdict_sentence(
        evaluated_set({"bm25": [9] * 20, "base": [1, 2] * 10, "tuned": [2, 1] * 9 + [1, 1]})
    )
    assert "no evidence of improvement by fine-tuning" in sentence
    assert "raised" not in sentence


def test_a_loss_is_called_a_loss() -> None:
    sentence = verdict_sentence(
        evaluated_set({"bm25": [9] * 20, "base": [1] * 20, "tuned": [4] * 20})
    )
    assert "“Vectors alone, untuned” ranks best" in sentence
    assert "fine-tuning lowered the model’s vectors alone from 1.000 to 0.431 (−0.569" in sentence


def test_bm25_alone_as_good_is_said_when_true() -> None:
    ranks = {"bm25": [1, 2] * 15, "base": [9] * 30, "tuned": [2, 1] * 15}
    assert "keyword search alone is as good as everything else here" in verdict_sentence(
        evaluated_set(ranks)
    )
    fused = {**ranks, "hybrid(tuned)": [1] * 30}
    assert (
        "keyword search alone (0.815) is as good as “Vectors alone, tuned”, and “Search, tuned” "
        "beats it" in verdict_sentence(evaluated_set(fused))
    )


def test_bm25_that_beats_everything_is_named_first() -> None:
    sentence = verdict_sentence(
        evaluated_set({"bm25": [1] * 20, "base": [9] * 20, "tuned": [3] * 20})
    )
    assert sentence.startswith(
        "On 20 queries, keyword search (BM25) alone, with no model, ranks best"
    )
    assert (
        "keyword search alone beats everything else here, “Vectors alone, tuned” included"
        in sentence
    )


def test_a_large_difference_that_chance_may_explain_is_not_called_as_good() -> None:
    sentence = verdict_sentence(
        evaluated_set({"bm25": [9, 1, 9, 1, 1, 1, 2], "base": [9] * 7, "tuned": [1] * 6 + [2]})
    )
    assert "is behind “Vectors alone, tuned”, but by no more than chance explains" in sentence
    assert "as good as" not in sentence


def test_a_handful_of_queries_proves_nothing_however_large_the_gain() -> None:
    few = evaluated_set({"bm25": [9] * 5, "base": [9] * 5, "tuned": [1] * 5}, name="handwritten")
    sentence = verdict_sentence(few)
    assert sentence.startswith("On 5 hand-written queries, too few to tell much, “Vectors")
    assert "no evidence of improvement" in sentence
    assert "fewer than 6" in caveats(few)[0]


def test_queries_of_one_person_count_once() -> None:
    ranks = {"bm25": [9] * 30, "base": [9] * 30, "tuned": [1] * 30}
    grouped = evaluated_set(ranks, groups=["ada", "bo", "cy"] * 10)
    assert len(set(query_groups(grouped, list(grouped.dataset.queries)))) == 3
    assert "no evidence of improvement" in verdict_sentence(grouped)
    assert "raised" in verdict_sentence(evaluated_set(ranks))


def test_a_resume_belongs_to_the_person_of_its_passages() -> None:
    dataset = RetrievalDataset(
        corpus={"a#1": "x", "a#2": "y", "b#1": "z"},
        queries={"q1": "x", "q2": "y", "q3": "z"},
        qrels={"q1": {"a": 2, "c": 0}, "q2": {"a": 1, "b": 1}, "q3": {"b": 1}},
        person_groups={"a#1": "ada", "a#2": "ada", "b#1": "bo"},
    )
    resume_of = {"a#1": "a", "a#2": "a", "b#1": "b"}
    evaluated = EvaluatedSet("handwritten", dataset, {}, "resume", resume_of)
    assert query_groups(evaluated, ["q1", "q2", "q3"]) == ["person ada", "query q2", "person bo"]


def test_named_models_are_compared_first_against_last() -> None:
    ranks = {
        "bm25": [9] * 20,
        "first": [2] * 20,
        "hybrid(first)": [2] * 20,
        "second": [5] * 20,
        "last": [1] * 20,
        "hybrid(last)": [1] * 20,
    }
    evaluated = evaluated_set(ranks)
    assert models_of(evaluated) == ["first", "second", "last"]
    assert (roles_of(evaluated).reference, roles_of(evaluated).candidate) == ("first", "last")
    sentence = verdict_sentence(evaluated)
    assert "“Vectors alone with last” is better than “Vectors alone with first”" in sentence
    assert "tuning" not in sentence


def test_a_model_whose_name_looks_like_a_hybrid_is_a_model() -> None:
    evaluated = evaluated_set({"bm25": [1] * 6, "hybrid(x)": [2] * 6, "hybrid(hybrid(x))": [1] * 6})
    assert models_of(evaluated) == ["hybrid(x)"]


def test_one_model_is_compared_with_bm25() -> None:
    sentence = verdict_sentence(evaluated_set({"bm25": [9] * 20, "mine": [1] * 20}))
    assert "“mine” ranks best" in sentence
    assert "keyword search alone is behind" in sentence
    alone = verdict_sentence(evaluated_set({"bm25": [1] * 6}))
    assert alone == "On 6 queries, keyword search (BM25) ranks best (nDCG@10 1.000)."


def test_a_gain_that_fusion_swallows_is_a_caveat() -> None:
    ranks = {"bm25": [2] * 30, "base": [5] * 30, "tuned": [2] * 30}
    swallowed = {**ranks, "hybrid(base)": [1] * 30, "hybrid(tuned)": [1] * 30}
    assert any(
        "In search the gain is not shown" in note for note in caveats(evaluated_set(swallowed))
    )
    kept = {**ranks, "hybrid(base)": [4] * 30, "hybrid(tuned)": [1] * 30}
    assert caveats(evaluated_set(kept)) == []


def test_the_comparison_is_the_first_less_the_second() -> None:
    evaluated = evaluated_set({"bm25": [3] * 20, "mine": [1] * 20})
    (forth,) = compare_pairs(evaluated, [("mine", "bm25")])
    (back,) = compare_pairs(evaluated, [("bm25", "mine")])
    assert forth.difference == pytest.approx(0.5)
    assert (forth.outcome, back.outcome) == ("better", "worse")
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


def test_equals_keep_their_order() -> None:
    evaluated = evaluated_set({"bm25": [1] * 6, "base": [1] * 6, "tuned": [1] * 6})
    assert [name for name, _ in ranking(evaluated)] == ["bm25", "base", "tuned"]


def test_a_set_without_queries_is_refused() -> None:
    empty = EvaluatedSet(
        "test", RetrievalDataset({"p": "x"}, {}, {}), {"bm25": SystemResult("bm25")}
    )
    with pytest.raises(InputError, match="'test' has 0 queries and 1 systems"):
        verdict_sentence(empty)
