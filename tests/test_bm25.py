import math

import bm25s
import numpy as np
import pytest
import Stemmer
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.retrieval.bm25 import WORD, BM25Ranker, matched_spans, stems, tokenize
from cvseeker.retrieval.ranker import EncodedQueries

WORDS = ["kafka", "sap", "triage", "drill", "honey", "violin"]
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


def looped(query: list[str], corpus: list[list[str]], at: int) -> float:
    """Score by the textbook: Lucene's BM25, k1 1.5, b 0.75."""
    average = sum(map(len, corpus)) / len(corpus)
    total = 0.0
    for word in query:
        holders = sum(word in text for text in corpus)
        count = corpus[at].count(word)
        idf = math.log(1 + (len(corpus) - holders + 0.5) / (holders + 0.5))
        total += idf * count / (count + 1.5 * (1 - 0.75 + 0.75 * len(corpus[at]) / average))
    return total


@settings(max_examples=50)
@given(st.lists(texts, min_size=1, max_size=6), texts)
def test_scores_are_the_textbooks(corpus: list[str], query: str) -> None:
    scores = BM25Ranker(corpus).scores(EncodedQueries.from_texts([query]))
    assert scores.shape == (1, len(corpus))
    assert scores.dtype == np.float32
    words = [text.split() for text in corpus]
    if any(words):
        expected = [looped(query.split(), words, at) for at in range(len(corpus))]
        assert scores[0] == pytest.approx(expected, abs=1e-4)
    else:
        assert not scores.any()


def test_words_are_stemmed_and_stop_words_left_out() -> None:
    assert tokenize(["Nursing the nurses", "of the and"]) == [["nurs", "nurs"], []]


@pytest.mark.parametrize("query", ["", "the of", "zzz", "?!"])
def test_a_query_that_shares_no_word_scores_nothing(query: str) -> None:
    assert BM25Ranker(["nurse", "chef"]).scores(EncodedQueries.from_texts([query])).tolist() == [
        [0.0, 0.0]
    ]


@pytest.mark.parametrize("corpus", [[""], ["", "the"], ["?"]])
def test_a_corpus_of_no_words_ranks_everything_at_0(corpus: list[str]) -> None:
    assert (
        BM25Ranker(corpus).scores(EncodedQueries.from_texts(["nurse", ""])).tolist()
        == [[0.0] * len(corpus)] * 2
    )


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    BM25Ranker(["nurse", "chef"]).scores(EncodedQueries.from_texts(["nurses"]))
    assert capfd.readouterr() == ("", "")


def test_one_letter_skills_are_words() -> None:
    ranker = BM25Ranker(["C++ and Qt", "C# and .NET", "statistics in R", "Java and Spring"])
    best = ranker.scores(
        EncodedQueries.from_texts(["c++ developer", "C#", "R", "it's a developer"])
    ).argmax(axis=1)
    assert best[:3].tolist() == [0, 1, 2]
    assert not ranker.scores(EncodedQueries.from_texts(["it's a developer"])).any()


@given(
    st.text(alphabet=st.sampled_from("aAbcCrRsSİßéñ中 .,+#-_0189ing\n"), max_size=80) | st.text()
)
def test_stems_are_those_of_bm25s(text: str) -> None:
    found = bm25s.tokenize(
        [text],
        token_pattern=WORD.pattern,
        stopwords="en",
        stemmer=Stemmer.Stemmer("english"),
        return_ids=False,
        show_progress=False,
    )
    assert stems(text) == found[0]
    assert tokenize([text, text]) == [stems(text), stems(text)]


def matched(query: str, text: str) -> list[str]:
    return [text[start:end] for start, end in matched_spans(query, text)]


@pytest.mark.parametrize(
    ("query", "text", "words"),
    [
        ("nurses", "A nurse; nursing, NURSE", ["nurse", "nursing", "NURSE"]),
        ("the nurse of the year", "the best of the best", []),
        ("intensive care", "Intensive-care unit", ["Intensive-care"]),
        ("python", "", []),
        ("", "python", []),
        ("łódź", "Łódź\u2028Poland", ["Łódź"]),
    ],
)
def test_shared_words_are_found(query: str, text: str, words: list[str]) -> None:
    assert matched(query, text) == words


@given(st.text(max_size=30), st.text(max_size=60))
def test_spans_stand_in_reading_order_inside_the_text(query: str, text: str) -> None:
    edge = 0
    for start, end in matched_spans(query, text):
        assert edge <= start < end <= len(text)
        edge = end
