import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.evaluate.analysis import analyse
from cvseeker.evaluate.compare import (
    compare_pairs,
    headline_pair,
    models_of,
    query_groups,
    ranking,
)
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.evaluate.ties import compare_all
from cvseeker.evaluate.verdict import Badge, Verdict, deciding_set, find_badges, find_verdict
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


def found(ranks: Mapping[str, Sequence[int]], *, in_use: str = "", **how: Any) -> Verdict:
    evaluated = evaluated_set(ranks, **how)
    return find_verdict(evaluated, compare_all(evaluated), in_use=in_use)


def searches(
    bm25: Sequence[int], untuned: Sequence[int], tuned: Sequence[int]
) -> dict[str, Sequence[int]]:
    """Return ranks of five systems, the vectors alone being as good as the searches."""
    return {
        "bm25": bm25,
        "base": untuned,
        "hybrid(base)": untuned,
        "tuned": tuned,
        "hybrid(tuned)": tuned,
    }


def badges(evaluated: EvaluatedSet, training: RetrievalDataset | None = None) -> list[Badge]:
    analysis = analyse(evaluated, training=training)
    return find_badges(evaluated, analysis, find_verdict(evaluated, analysis.significance))


@pytest.mark.parametrize(
    ("untuned", "tuned", "in_use", "use", "lead"),
    [
        ([3] * 30, [1] * 30, "base", "tuned", "Use the tuned search."),
        ([1] * 30, [3] * 30, "tuned", "base", "fine-tuning made it worse"),
        ([1, 2] * 15, [1, 2] * 15, "tuned", "tuned", "within noise), and validation preferred it."),
        ([1, 2] * 15, [1, 2] * 15, "base", "base", "fine-tuning did not improve it"),
    ],
)
def test_what_validation_chose_stays_where_these_queries_cannot_tell(
    untuned: Sequence[int], tuned: Sequence[int], in_use: str, use: str, lead: str
) -> None:
    verdict = found(searches([9] * 30, untuned, tuned), in_use=f"hybrid({in_use})")
    assert verdict.use == f"hybrid({use})"
    assert lead in verdict.lead


def test_a_better_tuned_search_is_to_be_used() -> None:
    verdict = found(searches([9] * 30, [3] * 30, [1] * 29 + [2]))
    assert verdict.use == "hybrid(tuned)"
    assert str(verdict) == (
        "Use the tuned search. It puts a right passage among the first five for 30 of 30 queries "
        "(untuned 30, keyword search alone 0); better than the untuned search by .49 [.46, .50]."
    )


def test_of_many_queries_it_is_told_how_many_of_a_hundred() -> None:
    verdict = found(searches([9] * 200, [3] * 100 + [8] * 100, [1] * 196 + [8] * 4))
    assert "for 98 of 100 queries (untuned 50, keyword search alone 0)" in verdict.why


@pytest.mark.parametrize(
    ("tuned", "reason"),
    [
        ([2, 1] * 9 + [1, 1], "fine-tuning did not improve it (+.02 [−"),
        ([2, 1] * 9 + [2, 2], "fine-tuning did not improve it (−.02 [−"),
        ([4] * 20, "fine-tuning made it worse (−.38 [−"),
    ],
)
def test_without_evidence_the_untuned_search_is_to_be_used(
    tuned: Sequence[int], reason: str
) -> None:
    verdict = found(searches([9] * 20, [1, 2] * 10, tuned))
    assert verdict.use == "hybrid(base)"
    assert verdict.lead.startswith(f"Use the untuned search: {reason}")
    assert "within noise" in verdict.lead or "worse" in verdict.lead
    assert "(tuned 20, keyword search alone 0)" in verdict.why


def test_a_gain_of_the_vectors_alone_is_no_gain_of_search() -> None:
    ranks = searches([3] * 30, [1] * 30, [1] * 30) | {"base": [9] * 30}
    assert found(ranks).lead.startswith("Use the untuned search: fine-tuning did not improve it")


def test_keyword_search_that_beats_both_is_to_be_used() -> None:
    verdict = found(searches([1] * 20, [9] * 20, [3] * 20))
    assert verdict.use == "bm25"
    assert verdict.lead == "Use keyword search alone."
    assert "a model makes it worse: −.50" in verdict.why


def test_keyword_search_that_is_as_good_is_said() -> None:
    ranks = searches([1, 2] * 15, [9] * 30, [2, 1] * 15)
    assert "Keyword search alone is as good (.000 [" in found(ranks).why
    few = searches([9, 1, 9, 1, 1, 1, 2], [9] * 7, [1] * 6 + [2])
    assert "Keyword search alone is not shown to be worse (−.200 [−" in found(few).why


def test_what_is_better_still_is_said() -> None:
    ranks = searches([9] * 30, [5] * 30, [3] * 30) | {"late(tuned)": [1] * 30}
    assert "“Late interaction, tuned” is better still (+.50" in found(ranks).why


def test_a_handful_of_queries_proves_nothing_however_large_the_gain() -> None:
    ranks = searches([9] * 5, [9] * 5, [1] * 5)
    lead = found(ranks).lead
    assert lead == (
        "Use the untuned search: 5 queries are too few to tell whether fine-tuning improved it."
    )
    assert badges(evaluated_set(ranks))[2].level == "poor"


def test_queries_of_one_person_count_once() -> None:
    ranks = searches([9] * 30, [9] * 30, [1] * 30)
    grouped = evaluated_set(ranks, groups=["ada", "bo", "cy"] * 10)
    assert len(set(query_groups(grouped, list(grouped.dataset.queries)))) == 3
    assert found(ranks, groups=["ada", "bo", "cy"] * 10).use == "hybrid(base)"
    assert found(ranks).use == "hybrid(tuned)"


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


def test_of_named_models_the_best_is_held_to_the_next() -> None:
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
    assert headline_pair(evaluated) == ("hybrid(last)", "hybrid(first)")
    verdict = found(ranks)
    assert verdict.lead == "Use search with last."
    assert "better than search with first by .37" in verdict.why
    assert "tuning" not in str(verdict)
    alike = found(ranks | {"hybrid(first)": [1] * 20})
    assert alike.lead.startswith("Use search with first: it cannot be told from search with last")


def test_a_model_whose_name_looks_like_a_hybrid_is_a_model() -> None:
    evaluated = evaluated_set({"bm25": [1] * 6, "hybrid(x)": [2] * 6, "hybrid(hybrid(x))": [1] * 6})
    assert models_of(evaluated) == ["hybrid(x)"]


def test_one_model_is_compared_with_bm25() -> None:
    verdict = found({"bm25": [9] * 20, "mine": [1] * 20})
    assert verdict.lead == "Use “mine”."
    assert "better than keyword search alone by" in verdict.why
    alone = found({"bm25": [1] * 6})
    assert str(alone) == (
        "There is only keyword search alone. It puts a right passage among the first five for 6 "
        "of 6 queries."
    )


def test_what_people_wrote_decides_unless_it_is_too_little() -> None:
    sets = [
        evaluated_set({"bm25": [1] * count}, name=name)
        for name, count in (("test", 9), ("sections", 8), ("handwritten", 7))
    ]
    assert [deciding_set(sets[:number]).name for number in (1, 2, 3)] == [
        "test",
        "sections",
        "handwritten",
    ]
    few = evaluated_set({"bm25": [1] * 5}, name="handwritten")
    assert deciding_set([*sets[:2], few]).name == "sections"


def test_the_badges_say_what_to_do() -> None:
    evaluated = evaluated_set(searches([9] * 30, [3, 1] * 15, [1, 3] * 15))
    quality, leakage, data = badges(evaluated)
    assert (quality.level, leakage.level, data.level) == ("good", "fair", "fair")
    assert "not known what was trained on" in leakage.answer
    needed = re.search(r"write some ([\d,]+) queries", data.remedy)
    assert needed
    assert int(needed[1].replace(",", "")) > 30
    as_good = badges(evaluated_set(searches([1, 2] * 15, [9] * 30, [2, 1] * 15)))
    assert (as_good[0].level, as_good[2].level) == ("fair", "good")
    worse = badges(evaluated_set(searches([1] * 30, [9] * 30, [3] * 30)))
    assert (worse[0].level, worse[0].answer) == ("poor", "no model improves on keyword search")


def test_what_was_learnt_by_heart_is_a_leak() -> None:
    evaluated = evaluated_set(searches([9] * 30, [3] * 30, [1] * 30))
    others = RetrievalDataset({"t": "another"}, {"a": "something"}, {"a": {"t": 1}})
    groups = {f"p{at}": f"person {at}" for at in range(30)}
    apart = replace(evaluated, dataset=replace(evaluated.dataset, person_groups=groups))
    assert badges(apart, replace(others, person_groups={"t": "somebody"}))[1].level == "good"
    known = badges(apart, replace(others, person_groups={"t": "person 3"}))[1]
    assert known.answer == "1 of 30 people were trained on"
    assert known.remedy == "See the row of people who were not."
    repeated = replace(others, queries={"a": "a query"}, person_groups={"t": "somebody"})
    assert badges(apart, repeated)[1].level == "poor"


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
        compare_all(empty)
