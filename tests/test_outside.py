from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.run import run_systems
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.ranker import EncodedQueries

LINE = "q1 Q0 ana-prunk#1 1 2.5 x\n"


def save(folder: Path, **tables: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        np.save(folder / f"{name}.npy", table)
    return folder


def test_vectors_made_elsewhere_are_ranked(
    tiny_dataset: RetrievalDataset, hash_encoder: Any, tmp_path: Path
) -> None:
    hash_encoder.window_words = 1000
    corpus, queries = list(tiny_dataset.corpus.values()), list(tiny_dataset.queries.values())
    folder = save(
        tmp_path / "v",
        corpus=hash_encoder.encode_queries(corpus),
        queries=hash_encoder.encode_queries(queries),
    )
    results = run_systems(tiny_dataset, {}, settings=EvaluateSettings(), vectors={"theirs": folder})
    windows = hash_encoder.encode_passages(corpus)
    asked = EncodedQueries.from_texts(queries, hash_encoder)
    scores = DenseRanker(windows.vectors, windows.owners).scores(asked)
    for row, query_id in enumerate(tiny_dataset.queries):
        expected = dict(zip(tiny_dataset.corpus, scores[row].tolist(), strict=True))
        assert dict(results["theirs"].run[query_id]) == pytest.approx(expected, abs=1e-5)
    assert results["theirs"].bytes_per_passage == 1024
    assert results["theirs"].per_query["q2"]["accuracy@1"] == 1.0


def test_resumes_are_ranked_by_vectors(tmp_path: Path) -> None:
    dataset = RetrievalDataset(
        {"a#1": "one", "a#2": "two", "b#1": "three"}, {"q": "two"}, {"q": {"a": 1}}
    )
    passages = np.float32([[0, 1], [1, 0], [0.6, 0.8]])
    folder = save(tmp_path / "v", corpus=passages, queries=np.float32([[1, 0]]))
    results = run_systems(
        dataset,
        {},
        settings=EvaluateSettings(),
        resume_of={"a#1": "a", "a#2": "a", "b#1": "b"},
        vectors={"v": folder},
    )
    assert results["v"].run["q"] == [("a", 1.0), ("b", pytest.approx(0.6))]


def test_a_query_that_a_run_leaves_out_scores_0(
    tiny_dataset: RetrievalDataset, tmp_path: Path
) -> None:
    path = tmp_path / "run.trec"
    path.write_text(LINE)
    results = run_systems(tiny_dataset, {}, settings=EvaluateSettings(), runs={"r": path})
    assert results["r"].summary()["accuracy@1"] == pytest.approx(1 / 6, abs=1e-6)
    assert results["r"].run["q2"] == []
