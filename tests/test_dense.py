from typing import Any

import numpy as np
import pytest

from cvseeker.core.errors import ModelError
from cvseeker.retrieval import dense
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.queries import EncodedQueries

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
