import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import METRICS
from cvseeker.retrieval.validation import QueryMetrics, Validation, query_groups
from cvseeker.train import gate
from cvseeker.train.gate import (
    FEWEST_GROUPS,
    FEWEST_QUERIES,
    TOLERANCE,
    Difference,
    Weights,
    compare,
    decide,
    doubt,
    mix_weights,
    park_weights,
)

PERSONS = 20
WORDS = "ventilation laminated payroll chocolate triage kafka drives electrician".split()


@pytest.fixture
def val() -> RetrievalDataset:
    """Twenty fictional persons of a few words each, about whom two queries each are asked."""
    corpus = {
        f"p{person}": f"Person {person}. {WORDS[person % 8]} and {WORDS[(3 * person + 1) % 8]}."
        for person in range(PERSONS)
    }
    asked = {f"q{person}{turn}": f"p{person}" for person in range(PERSONS) for turn in "ab"}
    return RetrievalDataset(
        corpus=corpus,
        queries={query_id: f"{corpus[key]} {query_id}" for query_id, key in asked.items()},
        qrels={query_id: {key: 1} for query_id, key in asked.items()},
        person_groups={key: key for key in corpus},
    )


@pytest.fixture(autouse=True)
def _no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let search be as good as the vectors: these queries copy their passages' words."""
    monkeypatch.setattr(
        "cvseeker.retrieval.validation.BM25Ranker.scores",
        lambda self, queries: np.zeros((len(queries), PERSONS), dtype=np.float32),
    )


@pytest.fixture
def encoder(tiny_model: Path) -> LocalEncoder:
    return LocalEncoder.from_name(str(tiny_model))


def add_noise(encoder: LocalEncoder, scale: float) -> None:
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in encoder.model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))


def park_both(encoder: LocalEncoder, folder: Path, scale: float) -> tuple[Weights, Weights]:
    """Park an encoder's weights and those after a training that moved them at random."""
    base = park_weights(encoder.model, folder / "base.safetensors")
    add_noise(encoder, scale)
    return base, park_weights(encoder.model, folder / "tuned.safetensors")


def holds(encoder: LocalEncoder, weights: Weights) -> bool:
    state = encoder.model.state_dict()
    return all(torch.equal(state[name], tensor) for name, tensor in weights.items())


def scores(values: Sequence[float]) -> dict[str, dict[str, float]]:
    return {f"q{at}": dict.fromkeys(METRICS, value) for at, value in enumerate(values)}


def difference(base: Sequence[float], tuned: Sequence[float], per_group: int = 1) -> Difference:
    groups = [f"person {at // per_group}" for at in range(len(base))]
    return compare(scores(base), scores(tuned), groups)


def test_a_training_that_taught_nothing_is_refused(
    encoder: LocalEncoder, val: RetrievalDataset, tmp_path: Path
) -> None:
    base = park_weights(encoder.model, tmp_path / "base.safetensors")
    verdict = decide(encoder, base, base, [val], evidence=False)
    assert verdict.kept == "base"
    assert verdict.reason.startswith("search did not get better: validation nDCG@10 ")
    assert verdict.validation.delta == verdict.guard.delta == 0
    assert holds(encoder, base)


def test_poisoned_weights_are_refused_and_can_be_saved_all_the_same(
    encoder: LocalEncoder, val: RetrievalDataset, tmp_path: Path
) -> None:
    base, tuned = park_both(encoder, tmp_path, 1.0)
    verdict = decide(encoder, base, tuned, [val])
    assert verdict.kept == "base"
    assert not verdict.forced
    assert verdict.validation.delta < 0
    assert holds(encoder, base)
    mix_weights(encoder.model, base, tuned, alpha=verdict.alpha)
    encoder.save(tmp_path / "refused")
    refused = LocalEncoder.from_name(str(tmp_path / "refused"))
    assert not holds(refused, base)


def test_a_clear_improvement_passes(
    encoder: LocalEncoder,
    val: RetrievalDataset,
    tmp_path: Path,
) -> None:
    """A base that noise has spoiled, and the model as it was before as the tuned one."""
    tuned, base = park_both(encoder, tmp_path, 1.0)
    verdict = decide(encoder, base, tuned, [val])
    assert verdict.kept == "tuned"
    assert verdict.validation.low > 0
    assert verdict.validation.tuned == pytest.approx(verdict.tuned_scores["ndcg@10"], abs=1e-6)
    assert verdict.validation.base == pytest.approx(verdict.base_scores["ndcg@10"], abs=1e-6)
    assert verdict.reason.startswith("search got better: validation nDCG@10 0.")
    assert json.loads(json.dumps(asdict(verdict), allow_nan=False)) == asdict(verdict)
    expected = {key: torch.lerp(base[key], tuned[key], verdict.alpha) for key in base}
    assert holds(encoder, expected)


def test_force_keeps_the_tuned_model_and_says_so(
    encoder: LocalEncoder, val: RetrievalDataset, tmp_path: Path
) -> None:
    base, tuned = park_both(encoder, tmp_path, 1.0)
    verdict = decide(encoder, base, tuned, [val], force=True)
    assert (verdict.kept, verdict.forced, verdict.alpha) == ("tuned", True, 1.0)
    assert verdict.reason.startswith("kept by force; search did not get better")
    assert holds(encoder, tuned)


def test_what_is_known_is_not_evaluated_again(
    encoder: LocalEncoder, val: RetrievalDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = park_weights(encoder.model, tmp_path / "base.safetensors")
    asked: list[str] = []

    def search(*_: object) -> Validation:
        asked.append("search")
        return Validation(HybridWeights(), metrics_of(val, 0.5))

    def rank(_: LocalEncoder, dataset: RetrievalDataset) -> QueryMetrics:
        asked.append("guard")
        return metrics_of(dataset, 0.5)

    monkeypatch.setattr(gate, "validate_search", search)
    monkeypatch.setattr(gate, "validate_vectors", rank)
    shares = HybridWeights(bm25=0.2, dense=0.2, late=0.6)
    before = Validation(HybridWeights(), metrics_of(val, 0.5))
    after = Validation(shares, metrics_of(val, 0.9))
    verdict = decide(encoder, base, base, [val], base_found=before, tuned_found=after)
    assert asked == ["guard", "guard"]  # base and tuned
    assert verdict.kept == "tuned"
    assert verdict.alphas == {"1": pytest.approx(0.9)}
    assert encoder.hybrid == shares
    verdict = decide(encoder, base, base, [val], base_found=after, tuned_found=before)
    assert asked.count("search") == 1  # three quarters
    assert verdict.kept == "base"
    assert verdict.alphas == {"1": pytest.approx(0.5), "0.75": pytest.approx(0.5)}
    assert encoder.hybrid == shares


def metrics_of(dataset: RetrievalDataset, value: float) -> dict[str, dict[str, float]]:
    values = next(iter(scores([value]).values()))
    return dict.fromkeys(dataset.queries, values)


@pytest.mark.parametrize(
    ("guard_at", "kept", "alpha"),
    [
        ({1.0: 0.9, 0.75: 0.9, 0.5: 0.9}, "tuned", 1.0),
        ({1.0: 0.7, 0.75: 0.8, 0.5: 0.88}, "tuned", 0.5),
        ({1.0: 0.7, 0.75: 0.75, 0.5: 0.8}, "base", 1.0),
        ({1.0: 0.7, 0.75: 0.88, 0.5: 0.8}, "tuned", 0.75),
    ],
)
def test_a_smaller_share_is_tried_where_too_much_was_forgotten(
    encoder: LocalEncoder,
    val: RetrievalDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    guard_at: dict[float, float],
    kept: str,
    alpha: float,
) -> None:
    base = park_weights(encoder.model, tmp_path / "base.safetensors")
    now: list[float] = []
    monkeypatch.setattr(gate, "mix_weights", lambda *args, alpha: now.append(alpha))
    on_val = {0.0: 0.5, 0.5: 0.6, 0.75: 0.7, 1.0: 0.8}
    on_guard = {0.0: 0.9, **guard_at}
    monkeypatch.setattr(
        gate,
        "validate_search",
        lambda *_: Validation(HybridWeights(), metrics_of(val, on_val[now[-1]])),
    )
    monkeypatch.setattr(
        gate, "validate_vectors", lambda _, dataset: metrics_of(dataset, on_guard[now[-1]])
    )
    verdict = decide(encoder, base, base, [val])
    assert (verdict.kept, verdict.alpha) == (kept, alpha)
    assert now[-1] == (alpha if kept == "tuned" else 0.0)
    assert ("forgotten" in verdict.reason) == (kept == "base")


def test_nothing_is_known_from_a_handful() -> None:
    few = difference([0.2] * (FEWEST_QUERIES - 1), [0.9] * (FEWEST_QUERIES - 1))
    assert doubt(few).startswith("too little to judge by: 7 validation queries about 7 person")
    one_person = difference([0.2] * 40, [0.9] * 40, per_group=10)
    assert one_person.groups == FEWEST_GROUPS - 1
    assert one_person.low > 0
    assert doubt(one_person).startswith("too little to judge by: 40 validation queries about 4")
    enough = difference([0.2] * FEWEST_QUERIES, [0.9] * FEWEST_QUERIES)
    assert not doubt(enough)


@pytest.mark.parametrize("persons", [6, 15, 60])
def test_chance_passes_in_about_one_of_twenty_cases(persons: int) -> None:
    generator = np.random.default_rng(7)
    passed = 0
    for _ in range(60):
        gains = generator.normal(0, 0.2, persons).repeat(2)
        passed += not doubt(difference([0.5] * len(gains), list(0.5 + gains), per_group=2))
    assert passed <= 8


def test_a_gain_of_thirty_queries_is_found() -> None:
    generator = np.random.default_rng(8)
    gains = generator.normal(0.1, 0.2, (60, 30))
    found = sum(not doubt(difference([0.4] * 30, list(0.4 + row))) for row in gains)
    assert found >= 45


def test_of_our_own_queries_the_better_mean_decides() -> None:
    swing = [0.4, -0.3] * 10
    up, down = (difference([0.5] * 20, [0.5 + sign * gain for gain in swing]) for sign in (1, -1))
    assert not doubt(up, evidence=False)
    assert doubt(up).startswith("no evidence that search got better: validation nDCG@10 0.500")
    assert doubt(down, evidence=False).startswith("search did not get better: validation nDCG@10")


def test_a_difference_says_which_way_it_goes() -> None:
    better = difference([0.2, 0.4, 0.5] * 5, [0.4, 0.5, 0.5] * 5)
    worse = difference([0.4, 0.5, 0.5] * 5, [0.2, 0.4, 0.5] * 5)
    assert better.delta == pytest.approx(0.1) == -worse.delta
    assert better.p_value < 0.01
    assert worse.p_value > 0.99
    assert str(better).startswith("0.367 → 0.467 (+0.100, 80 % interval +0.")
    with pytest.raises(InputError, match="2 queries of the base against 1"):
        compare(scores([1, 1]), scores([1]), ["a", "b"])


def test_the_guard_tolerates_what_it_says() -> None:
    at_the_limit = difference([0.9] * 10, [0.9 - TOLERANCE + 1e-6] * 10)
    beyond = difference([0.9] * 10, [0.9 - TOLERANCE - 1e-6] * 10)
    assert not gate.loss_elsewhere(at_the_limit)
    assert "0.900 → 0.870" in gate.loss_elsewhere(beyond)


def test_queries_are_grouped_by_the_person_they_are_about(val: RetrievalDataset) -> None:
    assert len(set(query_groups(val))) == PERSONS
    several = replace(val, qrels={**val.qrels, "q0a": {"p0": 1, "p1": 2, "p2": 0}})
    assert query_groups(several)[:2] == ["query 0/q0a", "person p0"]


def test_known_groups_are_used_though_distractors_have_none(val: RetrievalDataset) -> None:
    one = replace(
        val,
        corpus={**val.corpus, "distractor": "Somebody else."},
        person_groups=dict.fromkeys(val.corpus, "one"),
    )
    assert set(query_groups(one)) == {"person one"}
    assert len(set(query_groups(replace(one, person_groups={})))) > 1
