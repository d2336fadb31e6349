import json
from pathlib import Path

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import read_jsonl
from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.results import EvaluatedSet, SystemResult, first_rank, write_evaluation
from cvseeker.evaluate.run import run_systems


@pytest.fixture
def evaluated(tiny_dataset: RetrievalDataset) -> EvaluatedSet:
    results = run_systems(tiny_dataset, {}, settings=EvaluateSettings())
    results["odd/name"] = SystemResult(
        "odd/name", results["bm25"].run, results["bm25"].per_query, 1.5
    )
    return EvaluatedSet("test", tiny_dataset, results, facts={"leakage": {"passages": 6}})


def test_metrics_and_runs_are_written(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    metrics = write_evaluation(tmp_path, [evaluated])
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert metrics["dataset"]["level"] == "passage"
    assert metrics["dataset"]["queries"] == 6
    assert metrics["dataset"]["leakage"] == {"passages": 6}
    row = metrics["systems"]["bm25"]
    for name in "accuracy@1 hit_rate@5 accuracy@10 recall@10 mrr@10 ndcg@10 map@100".split():
        assert 0 <= row[name] <= 1
    assert row["seconds"] >= 0
    assert metrics["systems"]["odd/name"]["seconds"] == 1.5
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "bm25.trec",
        "odd%2Fname.trec",
    ]


def test_every_query_has_its_row(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    write_evaluation(tmp_path, [evaluated])
    rows = list(read_jsonl(tmp_path / "per_query.jsonl"))
    assert [row["query_id"] for row in rows] == list(evaluated.dataset.queries)
    first = rows[0]
    assert first["text"] == evaluated.dataset.queries["q1"]
    assert first["kind"] == "keywords"
    assert first["relevant"] == {"ana-prunk#1": 1}
    assert first["systems"]["bm25"]["rank"] == 1
    assert first["systems"]["bm25"]["top"] == "ana-prunk#1"


def test_further_sets_stand_beside_the_main_one(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    judged = EvaluatedSet("handwritten", evaluated.dataset, evaluated.results, level="resume")
    metrics = write_evaluation(tmp_path, [evaluated, judged])
    assert metrics["handwritten"]["dataset"]["level"] == "resume"
    assert (tmp_path / "runs" / "handwritten" / "bm25.trec").is_file()
    rows = list(read_jsonl(tmp_path / "per_query.jsonl"))
    assert [row["set"] for row in rows] == ["test"] * 6 + ["handwritten"] * 6


def test_the_rank_is_that_of_the_best_grade() -> None:
    result = SystemResult("s", run={"q": [("a", 3.0), ("b", 2.0), ("c", 1.0)]})
    assert first_rank(result, "q", {"a": 1, "b": 2}) == 2
    assert first_rank(result, "q", {"z": 2, "a": 1}) is None
