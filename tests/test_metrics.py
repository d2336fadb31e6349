import random

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, Judged, R, Success, nDCG

from cvseeker.retrieval.metrics import (
    METRICS,
    QrelsTable,
    Unjudged,
    mean_metrics,
    query_metrics,
)

THEIRS = {
    "accuracy@1": Success @ 1,
    "accuracy@3": Success @ 3,
    "accuracy@5": Success @ 5,
    "accuracy@10": Success @ 10,
    "hit_rate@5": Success @ 5,
    "recall@5": R @ 5,
    "recall@10": R @ 10,
    "mrr@10": RR @ 10,
    "ndcg@10": nDCG @ 10,
    "map@100": AP @ 100,
    "judged@10": Judged @ 10,
}


def cases(seed: int, queries: int) -> tuple[dict[str, dict[str, int]], dict[str, list[str]]]:
    """Draw graded qrels of several positives, and rankings; some find nothing at all."""
    rng = random.Random(seed)
    passages = [f"p{number:03}" for number in range(150)]
    qrels: dict[str, dict[str, int]] = {}
    rankings: dict[str, list[str]] = {}
    for number in range(queries):
        judged = rng.sample(passages, rng.randint(1, 40))
        grades = {key: rng.randint(0, 3) for key in judged}
        grades[judged[0]] = rng.randint(1, 3)
        ranked = rng.sample(passages, rng.choice([1, 3, 12, 150]))
        if number % 7 == 0:
            ranked = [key for key in ranked if not grades.get(key)]
        qrels[f"q{number}"], rankings[f"q{number}"] = grades, ranked
    return qrels, rankings


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_ir_measures(seed: int) -> None:
    qrels, rankings = cases(seed, queries=60)
    ours = {key: query_metrics(rankings[key], grades) for key, grades in qrels.items()}
    run = {
        key: {passage: 1000.0 - rank for rank, passage in enumerate(ranked)}
        for key, ranked in rankings.items()
        if ranked
    }
    assert any(not any(values.values()) for values in ours.values())
    names = {str(measure): name for name, measure in THEIRS.items()}
    for theirs in ir_measures.iter_calc(set(THEIRS.values()), qrels, run):
        name = names[str(theirs.measure)]
        assert ours[theirs.query_id][name] == pytest.approx(theirs.value, abs=1e-4), name
    means = ir_measures.calc_aggregate(set(THEIRS.values()), qrels, run)
    for name, value in mean_metrics(ours).items():
        assert value == pytest.approx(means[THEIRS[name]], abs=1e-4), name


def test_every_metric_is_compared() -> None:
    assert set(THEIRS) == set(METRICS)


def test_a_query_with_nothing_found_scores_0_and_counts() -> None:
    found, lost = query_metrics(["a"], {"a": 1}), query_metrics(["b"], {"a": 1})
    assert set(found.values()) == {1.0}
    assert set(lost.values()) == {0.0}
    assert query_metrics([], {"a": 2}) == lost
    assert set(mean_metrics({"q1": found, "q2": lost}).values()) == {0.5}


@given(st.dictionaries(st.integers(0, 30), st.integers(-1, 3)), st.permutations(range(31)))
def test_metrics_lie_between_0_and_1(grades: dict[int, int], ranked: list[int]) -> None:
    qrels = {str(key): grade for key, grade in grades.items()} | {"30": 1}
    values = query_metrics([str(key) for key in ranked], qrels)
    assert all(0 <= value <= 1 for value in values.values())
    best = sorted(qrels, key=lambda key: -qrels[key])
    assert query_metrics(best, qrels)["ndcg@10"] == pytest.approx(1)


def test_condensed_lists_hold_judged_passages_alone() -> None:
    qrels, rankings = cases(7, queries=40)
    for key, grades in qrels.items():
        condensed = query_metrics(rankings[key], grades, unjudged="ignore")
        shorter = [passage for passage in rankings[key] if passage in grades]
        expected = query_metrics(shorter, grades)
        whole = query_metrics(rankings[key], grades)
        assert condensed == pytest.approx({**expected, "judged@10": whole["judged@10"]})


CANDIDATES = [f"p{at}" for at in range(30)]
grades = st.dictionaries(st.sampled_from(CANDIDATES), st.integers(-1, 3), max_size=12)
judged = st.tuples(grades, st.sampled_from(CANDIDATES)).map(lambda pair: {**pair[0], pair[1]: 2})


@pytest.mark.parametrize("unjudged", ["as-irrelevant", "ignore"])
@settings(max_examples=40)
@given(st.lists(judged, min_size=1, max_size=5), st.integers(1, 30))
def test_blocks_have_the_metrics_of_single_queries(
    unjudged: Unjudged, every: list[dict[str, int]], depth: int
) -> None:
    qrels = {f"q{at}": one for at, one in enumerate(every)}
    table = QrelsTable.from_qrels(qrels, list(qrels), CANDIDATES)
    generator = np.random.default_rng(len(every) * 31 + depth)
    ranked = np.stack([generator.permutation(30)[:depth] for _ in qrels])
    values = table.metrics(ranked, unjudged=unjudged)
    assert list(values) == list(METRICS)
    for row, (query_id, one) in enumerate(qrels.items()):
        expected = query_metrics([CANDIDATES[at] for at in ranked[row]], one, unjudged=unjudged)
        found = {name: value[row] for name, value in values.items()}
        assert found == pytest.approx(expected, abs=1e-12), query_id
    last = len(every) - 1
    alone = table.metrics(ranked[last:], first_row=last, unjudged=unjudged)
    assert {name: value[0] for name, value in alone.items()} == {
        name: value[last] for name, value in values.items()
    }


def test_what_is_judged_but_not_a_candidate_is_not_found() -> None:
    table = QrelsTable.from_qrels({"q": {"gone": 1, "p1": 1}}, ["q"], CANDIDATES)
    values = table.metrics(np.array([[1, 2]]))
    assert values["recall@10"].tolist() == [0.5]
    assert values["judged@10"].tolist() == [0.5]
