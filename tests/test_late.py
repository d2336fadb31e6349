import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.training_settings import WindowSettings
from cvseeker.retrieval import late
from cvseeker.retrieval.codec import TokenCodec, TokenCodes
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.late import LateInteractionRanker, inverse_frequencies
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.tokens import (
    TokenVectors,
    encode_passages_with_tokens,
    encode_queries_with_tokens,
)

QUERIES = ["pastry chef, chocolate", "night nurse", "?", "Kafka", "on call with PostgreSQL in Go"]


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> LocalEncoder:
    windows = WindowSettings(window_tokens=24, overlap_tokens=8)
    return LocalEncoder.from_name(str(tiny_model), windows=windows)


@pytest.fixture
def tokens(encoder: LocalEncoder, tiny_corpus: dict[str, str]) -> TokenVectors:
    texts = list(tiny_corpus.values())
    return encode_passages_with_tokens(encoder, [texts[0], "...", *texts[1:], ""])[1]


def coded(tokens: TokenVectors) -> TokenCodes:
    """Return tokens as codes of a codec fitted to them or, where there are none, to noise."""
    noise = np.random.default_rng(1).normal(size=(9, 32)).astype(np.float32)
    codec = TokenCodec.fit(tokens.vectors if len(tokens.vectors) else noise)
    return TokenCodes.from_vectors(tokens, codec)


def looped(encoder: LocalEncoder, passages: TokenVectors, queries: list[str]) -> np.ndarray:
    """Score by the definition, one token at a time."""
    codes = coded(passages)
    decoded = codes.codec.decode(codes.codes)
    _, asked = encode_queries_with_tokens(encoder, queries)
    projected = codes.codec.project(asked.vectors)
    count = len(passages.bounds) - 1
    scores = np.zeros((len(queries), count))
    for query in range(len(queries)):
        rows = range(*asked.bounds[query : query + 2])
        for passage in range(count):
            tokens = range(*passages.bounds[passage : passage + 2])
            total = weights = 0.0
            for row in rows:
                holders = sum(
                    int(asked.ids[row]) in passages.ids[slice(*passages.bounds[p : p + 2])].tolist()
                    for p in range(count)
                )
                weight = math.log(1 + (count - holders + 0.5) / (holders + 0.5))
                cosines = [float(projected[row] @ decoded[token]) for token in tokens]
                total += weight * max(cosines, default=-1.0)
                weights += weight
            scores[query, passage] = total / weights if rows else 0.0
    return scores


def test_a_score_is_the_weighted_mean_of_the_best_cosines(
    encoder: LocalEncoder, tokens: TokenVectors
) -> None:
    ranker = LateInteractionRanker(coded(tokens))
    scores = ranker.scores(EncodedQueries.from_texts(QUERIES, encoder))
    assert scores.shape == (5, 8)
    assert scores.dtype == np.float32
    assert np.allclose(scores, looped(encoder, tokens, QUERIES), atol=1e-5)
    assert scores[2].tolist() == [0] * 8
    assert np.allclose(scores[[0, 1, 3, 4]][:, [1, 7]], -1)


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(1, 12), st.permutations(range(8)), st.integers(0, 8))
def test_blocks_and_choices_make_no_difference(
    encoder: LocalEncoder, passage_tokens: int, query_tokens: int, order: list[int], count: int
) -> None:
    texts = ["chef", "...", "Go and Kafka " * 9, "night nurse", "", "payroll", "a chef", "in SAP"]
    _, tokens = encode_passages_with_tokens(encoder, texts)
    ranker = LateInteractionRanker(coded(tokens))
    whole = ranker.scores(EncodedQueries.from_texts(QUERIES, encoder))
    among = np.array(order[:count], dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late, "PASSAGE_TOKENS", passage_tokens)
        patch.setattr(late, "QUERY_TOKENS", query_tokens)
        assert np.allclose(
            ranker.scores(EncodedQueries.from_texts(QUERIES, encoder)), whole, atol=1e-6
        )
        assert np.allclose(
            ranker.scores(EncodedQueries.from_texts(QUERIES, encoder), among=among),
            whole[:, among],
            atol=1e-6,
        )


def test_a_word_is_answered_by_a_word(
    encoder: LocalEncoder, tokens: TokenVectors, tiny_corpus: dict[str, str]
) -> None:
    text = next(iter(tiny_corpus.values()))
    query = "Zanzibar? Chocolate"
    ((first, second),) = LateInteractionRanker(coded(tokens)).explain(
        EncodedQueries.from_texts([query], encoder), [0]
    )
    assert query[slice(*first.query_span)] == "Zanzibar"  # eight pieces, one word
    assert query[slice(*second.query_span)] == "Chocolate"
    assert first.weight + second.weight == pytest.approx(1)
    assert 0 < second.weight < first.weight
    assert -1.2 <= first.similarity <= 1.2
    begin, end = second.passage_span
    assert begin == 0 or not text[begin - 1].isalnum()
    assert end == len(text) or not text[end].isalnum()


def test_the_answer_is_the_best_word(encoder: LocalEncoder) -> None:
    text = "night nurse, chef"
    _, tokens = encode_passages_with_tokens(encoder, [text])
    ((match,),) = LateInteractionRanker(coded(tokens)).explain(
        EncodedQueries.from_texts(["chef"], encoder), [0]
    )
    _, asked = encode_queries_with_tokens(encoder, ["chef"])
    codes = coded(tokens)
    cosines = codes.codec.decode(codes.codes) @ codes.codec.project(asked.vectors)[0]
    assert match.passage_span == tuple(tokens.spans[cosines.argmax()])
    assert match.similarity == pytest.approx(float(cosines.max()), abs=1e-5)
    assert match.weight == pytest.approx(1)


@pytest.mark.parametrize(("query", "position"), [("?", 0), ("chef", 1)])
def test_nothing_answers_nothing(
    encoder: LocalEncoder, tokens: TokenVectors, query: str, position: int
) -> None:
    assert LateInteractionRanker(coded(tokens)).explain(
        EncodedQueries.from_texts([query], encoder), [position]
    ) == [[]]


def test_no_queries_and_no_words_have_scores_too(encoder: LocalEncoder) -> None:
    _, tokens = encode_passages_with_tokens(encoder, ["...", ""])
    ranker = LateInteractionRanker(coded(tokens))
    assert ranker.scores(EncodedQueries.from_texts([], encoder)).shape == (0, 2)
    assert ranker.scores(EncodedQueries.from_texts(["chef"], encoder)).tolist() == [[-1, -1]]
    assert ranker.scores(EncodedQueries.from_texts(["?"], encoder)).tolist() == [[0, 0]]


def test_rare_tokens_weigh_more() -> None:
    idf = inverse_frequencies(np.array([0, 1, 5, 10]), 10)
    assert np.all(np.diff(idf[:4]) < 0)
    assert idf[4] == idf[0]
    assert idf.min() > 0


def test_quick_scores_fall_short_of_the_scores_by_little(
    encoder: LocalEncoder, tiny_corpus: dict[str, str], tokens: TokenVectors
) -> None:
    ranker = LateInteractionRanker(coded(tokens))
    assert ranker.tokens == len(tokens.ids)
    for text in (*tiny_corpus.values(), "night nurse", "?"):
        query = EncodedQueries.from_texts([text[:60]], encoder)
        scores, quick = ranker.scores(query)[0], ranker.quick_scores(query)
        assert (quick <= scores + 1e-5).all()
        # Of 32 signs; a real model has 288.
        assert np.abs(quick - scores).mean() < 0.15
        assert quick.argmax() == scores.argmax()
