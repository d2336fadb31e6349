from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import CVSeekerError, DatasetError, InputError, ModelError
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


def unit(rows: int, dim: int) -> Any:
    vectors = np.random.default_rng(rows).standard_normal((rows, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


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


NAN = unit(6, 8).copy()
NAN[3, 2] = np.nan


@pytest.mark.parametrize(
    ("tables", "error", "told"),
    [
        ({"corpus": unit(6, 8)}, InputError, "queries.npy: no such file"),
        ({"corpus": unit(5, 8), "queries": unit(6, 8)}, InputError, "5 vectors for 6 passages"),
        ({"corpus": unit(6, 8), "queries": unit(6, 4)}, ModelError, "of 4 dimensions for queries"),
        ({"corpus": NAN, "queries": unit(6, 8)}, ModelError, "row 3 is of length nan"),
        ({"corpus": 3 * unit(6, 8), "queries": unit(6, 8)}, ModelError, "row 0 is of length 3"),
        ({"corpus": np.arange(6), "queries": unit(6, 8)}, InputError, "shape (6,) and type int"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    tiny_dataset: RetrievalDataset,
    tmp_path: Path,
    tables: dict[str, Any],
    error: type[CVSeekerError],
    told: str,
) -> None:
    folder = save(tmp_path / "v", **tables)
    with pytest.raises(error) as caught:
        run_systems(tiny_dataset, {}, settings=EvaluateSettings(), vectors={"v": folder})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty run"),
        ("q1 Q0 ana-prunk#1 1 nan x\n", "line 1: the score is 'nan'; expected a number"),
        (LINE + "q1 Q0 bo-lindahl#1 2 inf x\n", "line 2: the score is 'inf'"),
        ("q1 Q0 ana-prunk#1 1 best x\n", "the score is 'best'"),
        ("q9 Q0 ana-prunk#1 1 2.5 x\n", "query 'q9' is not among the 6 of the data set"),
        ("q1 Q0 ana 1 2.5 x\n", "'ana' is not among the 6 of the data set, such as 'ana-prunk#1'"),
        (LINE + LINE, "line 2: 'ana-prunk#1' stands twice for 'q1'"),
        ("q1,ana-prunk#1,2.5\n", "line 1: 1 columns; expected six"),
    ],
)
def test_runs_that_do_not_fit_are_refused(
    tiny_dataset: RetrievalDataset, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "run.trec"
    path.write_text(text)
    with pytest.raises(DatasetError) as caught:
        run_systems(tiny_dataset, {}, settings=EvaluateSettings(), runs={"r": path})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_query_that_a_run_leaves_out_scores_0(
    tiny_dataset: RetrievalDataset, tmp_path: Path
) -> None:
    path = tmp_path / "run.trec"
    path.write_text(LINE)
    results = run_systems(tiny_dataset, {}, settings=EvaluateSettings(), runs={"r": path})
    assert results["r"].summary()["accuracy@1"] == pytest.approx(1 / 6, abs=1e-6)
    assert results["r"].run["q2"] == []
