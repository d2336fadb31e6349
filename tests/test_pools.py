"""Pools: what is in them, in which order, and that blocks change nothing."""

from dataclasses import replace
from typing import Any

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.queries.judging import pools
from cvseeker.queries.judging.pools import pool_passages


def test_a_pool_has_the_positive_then_bm25s_best_then_the_encoders(
    tiny_dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    asked = replace(tiny_dataset, queries={"q2": "backend engineer Kafka"})
    pool = pool_passages(asked, hash_encoder, depth=2)["q2"]
    assert pool[:2] == ["bo-lindahl#1", "fay-okoro#1"]
    assert len(pool) == len(set(pool))


def test_a_passage_without_a_word_of_the_query_is_none_of_bm25s(
    tiny_dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    asked = replace(tiny_dataset, queries={"q6": "Django developer"})
    pool = pool_passages(asked, hash_encoder, depth=1)["q6"]
    # BM25 has but one to put in, at any depth; the encoder fills its part.
    assert pool[0] == "fay-okoro#1"
    assert len(pool) <= 2
    everything = pool_passages(asked, hash_encoder, depth=50)["q6"]
    assert set(everything) == set(tiny_dataset.corpus)


def test_the_own_passage_is_there_however_badly_it_ranks(
    tiny_dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    qrels = {"q2": {"ana-prunk#1": 1, "cem-aksoy#1": 0}}
    asked = replace(tiny_dataset, queries={"q2": "backend engineer Kafka"}, qrels=qrels)
    pool = pool_passages(asked, hash_encoder, depth=1)["q2"]
    assert pool[0] == "ana-prunk#1"
    assert "bo-lindahl#1" in pool


def test_blocks_change_nothing(
    tiny_dataset: RetrievalDataset, hash_encoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pool_passages(tiny_dataset, hash_encoder, depth=3)
    monkeypatch.setattr(pools, "QUERY_BLOCK", 2)
    assert pool_passages(tiny_dataset, hash_encoder, depth=3) == whole
    assert list(whole) == list(tiny_dataset.queries)


def test_no_queries_need_no_encoder(tiny_dataset: RetrievalDataset) -> None:
    nobody: Any = None
    assert pool_passages(replace(tiny_dataset, queries={}, qrels={}), nobody, depth=3) == {}
