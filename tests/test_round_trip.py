from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvseeker.queries.filters import round_trip
from cvseeker.queries.filters.round_trip import own_ranks
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.ranker import EncodedQueries

WORDS = "nurse nurses icu ward payroll ledger audit welding the of c++ 2019".split()
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[str], list[str], list[tuple[str, int]]]:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=12))
    groups = [draw(st.sampled_from(["", "a", "b", "c"])) for _ in texts]
    pairs = st.tuples(TEXTS, st.integers(0, len(texts) - 1))
    return texts, groups, draw(st.lists(pairs, max_size=8))


def expected(scores: Any, groups: list[str], owners: list[int]) -> list[int]:
    ranks = []
    for row, owner in zip(scores, owners, strict=True):
        better = row > row[owner] + 1e-5 * max(row[owner], 1)
        kin = [bool(groups[owner]) and group == groups[owner] for group in groups]
        ranks.append(1 + int(np.sum(better & ~np.array(kin))))
    return ranks


@settings(max_examples=60, deadline=None)
@given(corpora(), st.sampled_from([1, 30, 1000]))
def test_ranks_are_those_of_bm25_whatever_the_portions(
    drawn: tuple[list[str], list[str], list[tuple[str, int]]], portion: int
) -> None:
    texts, groups, queries = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(round_trip, "_SCORES", portion)
        ranks = own_ranks(queries, zip(texts, groups, strict=True))
    owners = [owner for _, owner in queries]
    asked = EncodedQueries.from_texts([text for text, _ in queries])
    scores = BM25Ranker(texts).scores(asked)
    wanted = expected(scores, groups, owners)
    for row, (owner, rank) in enumerate(zip(owners, wanted, strict=True)):
        # What has no word of the query is not found.
        assert ranks[row] == (rank if scores[row, owner] > 0 else len(texts))


def test_a_query_that_fits_every_passage_ranks_its_own_low(tiny_corpus: dict[str, str]) -> None:
    texts = list(tiny_corpus.values())
    queries = [(" ".join(text.split()[:8]), number) for number, text in enumerate(texts)]
    ranks = own_ranks(queries, ((text, "") for text in texts))
    assert ranks.tolist() == [1] * len(texts)
    longer = [f"{text} experience" for text in texts]
    short = ["experience", *longer]
    found = own_ranks([("experience", 1)], ((text, "") for text in short))
    assert found[0] > 1


def test_scores_held_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"nurse {'ward ' * number}" for number in range(20)]
    queries = [("nurse", number) for number in range(20)] * 5
    monkeypatch.setattr(round_trip, "_SCORES", 60)
    held = []
    scores_of = BM25Ranker.scores

    def scores(self: BM25Ranker, asked: EncodedQueries) -> Any:
        found = scores_of(self, asked)
        held.append(found.size)
        return found

    monkeypatch.setattr(BM25Ranker, "scores", scores)
    ranks = own_ranks(queries, ((text, "") for text in texts))
    assert ranks.tolist() == list(range(1, 21)) * 5
    assert max(held) == 60


def test_scores_equal_but_for_rounding_are_ties() -> None:
    """Weights added up in another order differ in the last place."""
    words = "audit payroll ledger welding ward icu nurse 2019 c++ budget tax".split()
    texts = [" ".join(words), " ".join(reversed(words)), "nurse ward"]
    for query in (words, words[::-1], words[::2], words[3:]):
        ranks = own_ranks(
            [(" ".join(query), 0), (" ".join(query), 1)], ((text, "") for text in texts)
        )
        assert ranks.tolist() == [1, 1]


def test_passages_of_the_same_person_are_no_rivals() -> None:
    texts = ["nurse nurse", "nurse ward", "nurse nurse nurse"]
    queries = [("nurse", 1)]
    assert own_ranks(queries, zip(texts, ["a", "a", "b"], strict=True))[0] == 2
    assert own_ranks(queries, zip(texts, ["", "", ""], strict=True))[0] == 3


def test_nothing_gives_nothing() -> None:
    assert own_ranks([], [("nurse", "a")]).tolist() == []
    assert own_ranks([], []).tolist() == []


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(corpora())
def test_dense_ranks_are_those_of_the_ranker_whatever_the_portions(
    hash_encoder: Any, drawn: tuple[list[str], list[str], list[tuple[str, int]]]
) -> None:
    texts, groups, queries = drawn
    hash_encoder.window_words = 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(round_trip, "_SCORES", 30)
        ranks = own_ranks(queries, zip(texts, groups, strict=True), encoder=hash_encoder)
    windows = hash_encoder.encode_passages(texts)
    asked = EncodedQueries.from_texts([text for text, _ in queries], hash_encoder)
    scores = DenseRanker(windows.vectors, windows.owners).scores(asked)
    owners = [owner for _, owner in queries]
    wanted = expected(scores[: len(queries)], groups, owners)
    assert ranks.tolist() == wanted
