from itertools import pairwise
from pathlib import Path

import pytest

from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import mean_metrics
from cvseeker.retrieval.validation import validate_vectors
from cvseeker.train.guard import GUARD_FILE, guard_dataset


def test_it_is_a_whole_data_set() -> None:
    guard = guard_dataset()
    guard.check("the guard set")
    assert len(guard.corpus) == 60
    assert len(guard.queries) == len(set(guard.queries.values())) == 120
    assert set(guard.person_groups) == set(guard.corpus)
    assert [len(grades) for grades in guard.qrels.values()] == [1] * 120


def test_passages_are_short_and_have_neighbours() -> None:
    guard = guard_dataset()
    assert all(40 <= len(text.split()) <= 80 for text in guard.corpus.values())
    topics = [passage_id.partition("-")[0] for passage_id in guard.corpus]
    assert all(topics.count(topic) == 4 for topic in topics)
    assert sum(first != second for first, second in pairwise(topics)) == len(set(topics)) - 1


def test_one_query_shares_the_passages_words_and_the_other_says_it_in_its_own() -> None:
    guard = guard_dataset()
    shared: dict[str, list[float]] = {"close": [], "paraphrase": []}
    for query_id, query in guard.queries.items():
        (passage_id,) = guard.qrels[query_id]
        asked, said = (set(words) for words in tokenize([query, guard.corpus[passage_id]]))
        shared[guard.kinds[query_id]].append(len(asked & said) / len(asked))
    means = {kind: sum(shares) / len(shares) for kind, shares in shared.items()}
    assert means["close"] > 0.7
    assert means["paraphrase"] < 0.4


def test_it_says_nothing_of_resumes_and_stands_beside_the_module() -> None:
    text = GUARD_FILE.read_text(encoding="utf-8").lower()
    assert GUARD_FILE.parent.name == "train"
    assert not [word for word in ("résumé", "resume", "recruit", "curriculum") if word in text]


def test_an_untrained_model_scores_low(tiny_model: Path) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    assert mean_metrics(validate_vectors(encoder, guard_dataset()))["ndcg@10"] < 0.6


@pytest.mark.slow
def test_the_packaged_model_may_rise_and_fall(packaged_model: Path) -> None:
    found = validate_vectors(LocalEncoder.from_name(str(packaged_model)), guard_dataset())
    ndcg = {query_id: values["ndcg@10"] for query_id, values in found.items()}
    assert 0.91 < sum(ndcg.values()) / len(ndcg) < 0.95
    close = [value for query_id, value in ndcg.items() if query_id.endswith("#close")]
    assert sum(close) / len(close) > 0.97
