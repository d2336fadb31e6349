from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import InputError
from cvseeker.core.records import Passage
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.store import VectorStore
from cvseeker.search.index import Candidate, CandidateIndex, index_candidates
from cvseeker.search.searcher import Hit, Searcher

FILLER = "orchestra rehearsals and school concerts every week " * 3


def indexed(passages: list[Passage], encoder: Encoder) -> CandidateIndex:
    """Return an index, in memory, of passages whose résumés follow one another."""
    groups = [tuple(group) for _, group in groupby(passages, key=lambda one: one.resume_id)]
    index = CandidateIndex()
    candidates = [Candidate(number, group) for number, group in enumerate(groups)]
    index_candidates(index, candidates, encoder, VectorStore())
    return index


@pytest.fixture
def searcher(hash_encoder: Any, tiny_corpus: dict[str, str]) -> Searcher:
    passages = [Passage(key, key[:-2], text) for key, text in tiny_corpus.items()]
    passages += [
        Passage("ivo#1", "ivo", f"Violin teacher. {FILLER} Keeps bees and sells honey."),
        Passage("ivo#2", "ivo", "Honey honey honey."),
    ]
    return Searcher(indexed(passages, hash_encoder), hash_encoder)


@pytest.mark.parametrize(
    ("query", "resume_id"),
    [
        ("pastry chef with chocolate experience", "ana-prunk"),
        ("backend engineer Kafka", "bo-lindahl"),
        ("ventilation on night shifts", "cem-aksoy"),
    ],
)
def test_the_right_resume_comes_first(searcher: Searcher, query: str, resume_id: str) -> None:
    hits = searcher.search(query)
    assert hits[0].resume_id == resume_id
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)


def test_each_resume_is_shown_once_by_its_best_passage(searcher: Searcher) -> None:
    hits = searcher.search("honey", top_k_resumes=99)
    assert len(hits) == len({hit.resume_id for hit in hits}) == 7
    assert (hits[0].resume_id, hits[0].passage_id) == ("ivo", "ivo#2")


def test_the_snippet_is_the_window_that_fits(searcher: Searcher) -> None:
    hit = searcher.search("who keeps bees", top_k_resumes=1)[0]
    assert hit.passage_id == "ivo#1"
    assert "Keeps bees" in hit.snippet
    assert "Violin teacher" not in hit.snippet
    assert hit.matched == ["keeps", "bees"]
    assert [hit.snippet[start:end] for start, end in hit.spans] == ["Keeps", "bees"]


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_either_half_alone_searches_too(
    hash_encoder: Any, tiny_corpus: dict[str, str], weight: float
) -> None:
    passages = [Passage(key, key, text) for key, text in tiny_corpus.items()]
    index = indexed(passages, hash_encoder)
    weights = HybridWeights(bm25=weight, dense=1 - weight, late=0)
    hits = Searcher(index, hash_encoder, weights=weights).search("Siemens drives")
    assert hits[0].resume_id == "eli-marsh#1"


@pytest.mark.parametrize("query", ["", "  \n", "?", "-", "...", "—", "🙂", "()\t/"])
def test_a_query_without_words_is_refused(searcher: Searcher, query: str) -> None:
    with pytest.raises(InputError, match="expected some, such as"):
        searcher.search(query)


def test_a_query_that_fits_nobody_still_answers(searcher: Searcher) -> None:
    hits = searcher.search("zzz", top_k_resumes=3)
    assert len(hits) == 3
    assert all(hit.score == 0 and hit.matched == [] for hit in hits)


def test_a_hit_is_json_ready() -> None:
    hit = Hit("ivo", 0.5, "ivo#1", "Honey, honey", ((0, 5), (7, 12)))
    assert hit.to_dict() == {
        "resume_id": "ivo",
        "score": 0.5,
        "passage_id": "ivo#1",
        "snippet": "Honey, honey",
        "matched": ["honey"],
        "answers": [],
    }


def test_late_interaction_says_which_words_answered(
    tiny_corpus: dict[str, str], tiny_model: Path
) -> None:
    passages = [Passage(key, key, text) for key, text in tiny_corpus.items()]
    encoder = LocalEncoder.from_name(str(tiny_model))
    # The words decide: this model was never trained.
    encoder.hybrid = HybridWeights(bm25=0.8, dense=0.1, late=0.1)
    hit = Searcher(indexed(passages, encoder), encoder).search("Siemens drives")[0]
    assert hit.resume_id == "eli-marsh#1"
    answers = {answer.query: answer for answer in hit.answers}
    assert set(answers) == {"Siemens", "drives"}
    # An untrained model finds no words, but every answer is a word of the passage.
    text = tiny_corpus["eli-marsh#1"]
    assert all(answer.passage in text and answer.similarity <= 1.2 for answer in hit.answers)
    assert hit.to_dict()["answers"][0]["query"] == "Siemens"
