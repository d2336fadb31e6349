from pathlib import Path

import numpy as np
import pytest

from cvseeker.config import EvaluateSettings, WindowSettings
from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder
from cvseeker.encoder.token_codes import encode_passages_with_codes
from cvseeker.errors import ModelError
from cvseeker.evaluate import compare
from cvseeker.evaluate.compare import Candidates, compare_systems
from cvseeker.rank.bm25 import BM25Ranker
from cvseeker.rank.dense import DenseRanker
from cvseeker.rank.hybrid import fuse
from cvseeker.rank.late import LateInteractionRanker

SETTINGS = EvaluateSettings(windows=WindowSettings(window_tokens=24, overlap_tokens=6))


def test_every_system_is_run(
    tiny_dataset: RetrievalDataset, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "QUERY_BLOCK", 4)
    results = compare_systems(tiny_dataset, {"tuned": str(tiny_model)}, settings=SETTINGS)
    assert list(results) == ["bm25", "tuned", "late(tuned)", "hybrid(tuned)"]
    corpus, queries = list(tiny_dataset.corpus.values()), list(tiny_dataset.queries.values())
    encoder = LocalEncoder.from_name(str(tiny_model), windows=SETTINGS.windows)
    bm25 = BM25Ranker(corpus)
    embeddings, codes = encode_passages_with_codes(encoder, corpus)
    rankers = (bm25, DenseRanker(encoder, embeddings), LateInteractionRanker(encoder, codes))
    parts = [ranker.scores(queries) for ranker in rankers]
    fused = fuse(parts, encoder.hybrid.shares)
    for (name, result), expected in zip(results.items(), (*parts, fused), strict=True):
        assert result.name == name
        for (query_id, ranked), row in zip(result.run.items(), expected, strict=True):
            assert dict(ranked) == pytest.approx(
                dict(zip(tiny_dataset.corpus, row.tolist(), strict=True)), abs=1e-5
            )
            scores = [score for _, score in ranked]
            assert scores == sorted(scores, reverse=True), query_id
    row = results["tuned"].summary()
    assert row["queries"] == 6
    assert set(row["information_retrieval_evaluator"]) >= {"ndcg@10", "mrr@10", "map@100"}
    assert "information_retrieval_evaluator" not in results["bm25"].summary()
    assert results["bm25"].summary()["accuracy@1"] == 1.0


def test_a_short_run_leaves_the_metrics_alone(tiny_dataset: RetrievalDataset) -> None:
    corpus = {f"p{at}": "nurse " * (at + 1) + "chef " * 40 for at in range(30)}
    dataset = RetrievalDataset(corpus, {"q": "nurse"}, {"q": {"p0": 1}})
    whole = compare_systems(dataset, {}, settings=EvaluateSettings())["bm25"]
    short = compare_systems(dataset, {}, settings=EvaluateSettings(top_k=10))["bm25"]
    assert len(short.run["q"]) == 10
    assert short.run["q"] == whole.run["q"][:10]
    assert short.per_query == whole.per_query
    assert short.per_query["q"]["map@100"] == pytest.approx(1 / 30)


def test_resumes_count_by_their_best_passage(tiny_model: Path) -> None:
    dataset = RetrievalDataset(
        corpus={"a#1": "violin", "a#2": "nurse in triage", "b#1": "nurse"},
        queries={"q": "triage nurse"},
        qrels={"q": {"a": 2}},
    )
    results = compare_systems(
        dataset,
        {"m": str(tiny_model)},
        settings=SETTINGS,
        resume_of={"a#1": "a", "a#2": "a", "b#1": "b"},
    )
    assert [key for key, _ in results["bm25"].run["q"]] == ["a", "b"]
    assert results["bm25"].per_query["q"]["ndcg@10"] == 1.0
    assert results["m"].truncated == {}


def test_candidates_are_reduced_by_maximum() -> None:
    candidates = Candidates.from_corpus(["a#1", "a#2", "b#1"], {"a#1": "a", "a#2": "a", "b#1": "b"})
    assert candidates.ids == ["a", "b"]
    assert candidates.reduce(np.float32([[1, 3, 2], [5, 4, 0]])).tolist() == [[3, 2], [5, 0]]
    assert Candidates.from_corpus(["x", "y"], None).ids == ["x", "y"]


def test_a_missing_model_is_refused(tiny_dataset: RetrievalDataset, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        compare_systems(tiny_dataset, {"m": str(tmp_path / "none")}, settings=SETTINGS)


def test_it_is_silent(
    tiny_dataset: RetrievalDataset, tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tasks: set[str] = set()
    compare_systems(
        tiny_dataset,
        {"tuned": str(tiny_model)},
        settings=SETTINGS,
        progress=lambda task, *_: tasks.add(task),
    )
    assert capfd.readouterr() == ("", "")
    assert tasks
