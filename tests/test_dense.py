from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvseeker.core.errors import ModelError
from cvseeker.retrieval import dense
from cvseeker.retrieval.dense import DenseRanker, nearest
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

LONG = "violin " * 32 + "beekeeper honey"


def ranker_of(encoder: Any, corpus: list[str]) -> DenseRanker:
    windows = encoder.encode_passages(corpus)
    return DenseRanker(windows.vectors, windows.owners)


def test_a_passages_score_is_its_best_windows(hash_encoder: Any) -> None:
    corpus = ["pastry chef", LONG, "tax lawyer honey"]
    ranker = ranker_of(hash_encoder, corpus)
    queries = ["beekeeper honey", "chef", "violin"]
    scores = ranker.scores(EncodedQueries.from_texts(queries, hash_encoder))
    assert scores.shape == (3, 3)
    assert scores.dtype == np.float32
    for row, query in zip(scores, queries, strict=True):
        vector = hash_encoder.encode_queries([query])[0]
        for score, text in zip(row, corpus, strict=True):
            windows = hash_encoder.encode_passages([text]).vectors
            assert score == pytest.approx(max(float(w @ vector) for w in windows), abs=1e-6)
    assert scores[0].argmax() == 1


def test_blocks_of_queries_make_no_difference(
    hash_encoder: Any, tiny_corpus: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ranker = ranker_of(hash_encoder, list(tiny_corpus.values()))
    queries = EncodedQueries.from_texts(list(tiny_corpus.values()), hash_encoder)
    whole = ranker.scores(queries)
    monkeypatch.setattr(dense, "QUERY_BLOCK", 4)
    assert np.allclose(ranker.scores(queries), whole, atol=1e-6)


def test_no_queries_have_no_scores(hash_encoder: Any) -> None:
    queries = EncodedQueries.from_texts([], hash_encoder)
    assert ranker_of(hash_encoder, ["a", LONG]).scores(queries).shape == (0, 2)


def test_queries_of_another_model_are_refused(hash_encoder: Any) -> None:
    with pytest.raises(ModelError, match="queries of 0 dimensions"):
        ranker_of(hash_encoder, ["a"]).scores(EncodedQueries.from_texts(["a"]))


# Whole numbers, so that products are exact and ties are many.
whole = st.integers(-2, 2).map(float)


@pytest.fixture
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "NEAREST_QUERIES", 2)
    monkeypatch.setattr(dense, "NEAREST_VECTORS", 7)


@pytest.mark.usefixtures("_small_blocks")
@settings(max_examples=40)
@given(
    arrays(np.float32, (5, 3), elements=whole),
    arrays(np.float32, (60, 3), elements=whole),
    st.integers(1, 70),
    st.one_of(st.none(), st.lists(st.integers(1, 9), min_size=1, max_size=60)),
)
def test_it_is_the_ranking_of_all_scores(
    queries: FloatArray, vectors: FloatArray, k: int, sizes: list[int] | None
) -> None:
    owners: IntArray | None = None
    scores = queries @ vectors.T
    if sizes is not None:
        owners = np.repeat(np.arange(60), (sizes * 60)[:60])[:60].astype(np.int64)
        scores = max_over_windows(scores, owners)
    positions, values = nearest(queries, vectors, k, owners=owners)
    assert positions.tolist() == top_k(scores, k).tolist()
    assert values.tolist() == np.take_along_axis(scores, positions, axis=1).tolist()


def test_no_queries_have_no_nearest() -> None:
    positions, scores = nearest(np.zeros((0, 3), np.float32), np.ones((4, 3), np.float32), 2)
    assert positions.shape == scores.shape == (0, 2)
