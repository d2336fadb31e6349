from typing import Any

import numpy as np
import pytest

from cvseeker.retrieval import dense
from cvseeker.retrieval.dense import DenseRanker

LONG = "violin " * 32 + "beekeeper honey"


def test_a_passages_score_is_its_best_windows(hash_encoder: Any) -> None:
    corpus = ["pastry chef", LONG, "tax lawyer honey"]
    ranker = DenseRanker.from_corpus(hash_encoder, corpus)
    queries = ["beekeeper honey", "chef", "violin"]
    scores = ranker.scores(queries)
    assert ranker.name == "hash"
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
    ranker = DenseRanker.from_corpus(hash_encoder, list(tiny_corpus.values()))
    queries = list(tiny_corpus.values())
    whole = ranker.scores(queries)
    monkeypatch.setattr(dense, "QUERY_BLOCK", 4)
    assert np.allclose(ranker.scores(queries), whole, atol=1e-6)


def test_no_queries_have_no_scores(hash_encoder: Any) -> None:
    assert DenseRanker.from_corpus(hash_encoder, ["a", LONG]).scores([]).shape == (0, 2)
