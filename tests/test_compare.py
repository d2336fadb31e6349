import json
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.evaluate.compare import compare_pairs, correct, headline_pair
from cvseeker.evaluate.report import render
from cvseeker.evaluate.results import EvaluatedSet, SystemResult, plain
from cvseeker.evaluate.ties import Standings, compare_all, tie_groups


def scored_set(scores: dict[str, Sequence[float]]) -> EvaluatedSet:
    """Build a set from each system's nDCG@10, query by query."""
    count = len(next(iter(scores.values())))
    qrels = {f"q{at}": {f"p{at}": 1} for at in range(count)}
    results = {
        name: SystemResult(
            name,
            per_query={
                key: {"ndcg@10": float(value)} for key, value in zip(qrels, values, strict=True)
            },
        )
        for name, values in scores.items()
    }
    dataset = RetrievalDataset(
        {f"p{at}": "text" for at in range(count)}, dict.fromkeys(qrels, "query"), qrels
    )
    return EvaluatedSet("test", dataset, results)


@pytest.fixture(scope="module")
def noisy() -> EvaluatedSet:
    """Two good systems and two bad ones, the members of each pair alike but for noise."""
    generator = np.random.default_rng(0)
    hard = generator.random(120)
    return scored_set(
        {
            name: np.clip(hard / 2 + level + generator.normal(0, 0.05, 120), 0, 1)
            for name, level in (("bm25", 0.1), ("good", 0.5), ("late(good)", 0.5), ("bad", 0.1))
        }
    )


def said(standings: Standings) -> list[str]:
    return standings.sentences({one.system: one.system for one in standings.systems})


def test_every_pair_is_compared_and_corrected(noisy: EvaluatedSet) -> None:
    pairs = list(combinations(noisy.results, 2))
    compared = compare_pairs(noisy, pairs)
    assert [(one.first, one.second) for one in compared] == pairs
    for one in compared:
        (alone,) = compare_pairs(noisy, [(one.first, one.second)])
        assert one.p_value == pytest.approx(alone.p_value, abs=1e-12)
        assert (one.low, one.high) == pytest.approx((alone.low, alone.high), abs=1e-9)
        assert alone.adjusted_p_value == alone.p_value <= one.adjusted_p_value
        assert one.wins + one.ties + one.losses == 120
    assert compare_pairs(noisy, []) == []


def test_the_corrected_p_value_decides() -> None:
    """Ten of eleven wins have p = 0.012 alone, which is not enough among ten such tests."""
    evaluated = scored_set({"a": [0.6] * 10 + [0.4], "b": [0.5] * 11})
    (alone,) = compare_pairs(evaluated, [("a", "b")])
    assert alone.outcome == "better"
    assert {one.outcome for one in correct([alone] * 10)} == {"within noise"}


def test_letters_say_who_cannot_be_told_apart(noisy: EvaluatedSet) -> None:
    standings = compare_all(noisy)
    assert {frozenset(group) for group in standings.tie_groups} == {
        frozenset({"good", "late(good)"}),
        frozenset({"bm25", "bad"}),
    }
    assert [one.letters for one in standings.systems] == ["a", "a", "b", "b"]
    assert all(one.low <= one.mean <= one.high for one in standings.systems)
    sentences = said(standings)
    assert len(sentences) == 2
    assert sentences[0].startswith("These two can’t be told apart on nDCG@10: ")
    kept = json.loads(json.dumps(plain(standings), allow_nan=False))
    assert list(kept) == ["metric", "systems", "tie_groups", "pairs"]
    assert {"difference", "outcome"} <= set(kept["pairs"][0])


def test_one_system_that_beats_all_is_said() -> None:
    generator = np.random.default_rng(1)
    low = generator.random(50) / 4
    evaluated = scored_set({"x": low, "y": low[::-1], "best": low + 0.5})
    sentences = said(compare_all(evaluated))
    assert sentences[0] == "“best” is better than every other system on nDCG@10."
    assert "These two can’t be told apart" in sentences[1]
    assert said(compare_all(scored_set({"x": low}))) == []


@pytest.mark.parametrize("seed", range(20))
def test_two_systems_share_a_group_if_and_only_if_they_are_not_told_apart(seed: int) -> None:
    generator = np.random.default_rng(seed)
    order = list("abcdefg")
    apart = [frozenset(pair) for pair in combinations(order, 2) if generator.random() < 0.4]
    groups = tie_groups(order, apart)
    for pair in combinations(order, 2):
        together = any(set(pair) <= set(group) for group in groups)
        assert together == (frozenset(pair) not in apart)
    assert not any(set(one) < set(other) for one in groups for other in groups)
    assert set().union(*groups) == set(order)
    assert len(groups) == len(set(groups))


def test_a_missing_score_is_refused(noisy: EvaluatedSet) -> None:
    broken = scored_set({"a": [0.5, float("nan")], "b": [0.5, 0.5]})
    with pytest.raises(InputError, match="NaN"):
        compare_all(broken)


def test_whether_tuning_helped_search_is_one_test_of_its_own() -> None:
    """Ten of eleven wins have p = 0.012 alone, which is not enough among fifteen such tests."""
    tuned, untuned = [0.6] * 10 + [0.4], [0.5] * 11
    systems = {"bm25": [0.1] * 11, "base": untuned, "late(base)": untuned, "hybrid(base)": untuned}
    evaluated = scored_set({**systems, "tuned": tuned, "hybrid(tuned)": tuned})
    assert headline_pair(evaluated) == ("hybrid(tuned)", "hybrid(base)")
    standings = compare_all(evaluated)
    planned = standings.between("hybrid(tuned)", "hybrid(base)")
    assert planned.outcome == "better"
    assert planned.p_value == planned.adjusted_p_value
    assert standings.between("tuned", "base").outcome == "within noise"
    back = standings.between("hybrid(base)", "hybrid(tuned)")
    assert (back.difference, back.outcome) == (-planned.difference, "worse")
    assert (back.low, back.high) == (-planned.high, -planned.low)
    assert (back.wins, back.losses) == (1, 10)


def test_the_page_tells_it(noisy: EvaluatedSet) -> None:
    content = {"names": noisy.names, "systems": [], "truncated": [], "tuning": False, "level": ""}
    told = {**content, "analysis": {"significance": compare_all(noisy)}, "queries": 1, "groups": 1}
    page = render("_systems.html", {"set": told, "system_titles": []})
    assert "Late interaction with good" in page
    assert "late(good)" not in page
    assert page.count("against") == 6
    assert page.count("no evidence") == 2
