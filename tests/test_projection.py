from collections.abc import Sequence

import numpy as np
import pytest

from cvseeker.core.errors import DatasetError
from cvseeker.retrieval.codec import TokenCodec
from cvseeker.retrieval.tokens import TokenVectors, unit
from cvseeker.train.projection import TEMPERATURE, fit_projection


def tokens(texts: int, size: int, seed: int, scales: Sequence[float] = (1,) * 12) -> TokenVectors:
    """Return random tokens; ``scales`` says how much they vary in each dimension."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(texts * size, len(scales))) * scales
    spans = np.zeros((texts * size, 2), dtype=np.int64)
    bounds = np.arange(texts + 1, dtype=np.int64) * size
    return TokenVectors(unit(vectors.astype(np.float32)), spans[:, 0], spans, bounds)


def mean_loss(codec: TokenCodec, queries: TokenVectors, passages: TokenVectors) -> float:
    """Return the divergence of the codes' scores from the full ones, queries of two tokens."""
    decoded = codec.decode(codec.encode(passages.vectors))
    logs = []
    for cosines in (
        queries.vectors @ passages.vectors.T,
        codec.project(queries.vectors) @ decoded.T,
    ):
        best = np.maximum.reduceat(cosines, passages.bounds[:-1], axis=1)
        scores = best.reshape(-1, 2, best.shape[1]).mean(axis=1) / TEMPERATURE
        logs.append(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))
    return float((np.exp(logs[0]) * (logs[0] - logs[1])).sum(axis=1).mean())


def test_a_learnt_codec_scores_more_like_the_full_vectors() -> None:
    # What varies most among passages is not what queries ask for.
    passages = tokens(16, 4, 1, scales=(2,) * 8 + (1,) * 8)
    queries = tokens(64, 2, 2, scales=(0.1,) * 8 + (1,) * 8)
    reports: list[tuple[int, int, float]] = []
    learnt = fit_projection(
        queries,
        passages,
        [query // 4 for query in range(64)],
        weights=np.full(128, 0.5, dtype=np.float32),
        dims=8,
        epochs=40,
        batch_size=64,
        learning_rate=0.02,
        progress=lambda _, done, total, note: reports.append((done, total, float(note.split()[1]))),
    )
    assert learnt.projection.shape == (16, 8)
    assert learnt.projection.dtype == learnt.spread.dtype == np.float32
    assert [(done, total) for done, total, _ in reports] == [(n, 40) for n in range(1, 41)]
    before = mean_loss(TokenCodec.fit(passages.vectors, dims=8), queries, passages)
    after = mean_loss(learnt, queries, passages)
    # The first step's loss is that of the codec it begins with.
    assert reports[0][2] == pytest.approx(before, rel=0.02)
    assert after < 0.7 * before
    unseen = tokens(64, 2, 3, scales=(0.1,) * 8 + (1,) * 8)
    first = mean_loss(TokenCodec.fit(passages.vectors, dims=8), unseen, passages)
    assert mean_loss(learnt, unseen, passages) < 0.9 * first


def test_a_seed_gives_the_same_codec() -> None:
    def learn(seed: int) -> np.ndarray:
        weights = np.full(16, 0.5, dtype=np.float32)
        return fit_projection(
            tokens(8, 2, 3), tokens(8, 4, 4), range(8), weights=weights, batch_size=4, seed=seed
        ).projection

    assert np.array_equal(learn(1), learn(1))
    assert not np.array_equal(learn(1), learn(2))


def test_texts_without_words_do_no_harm() -> None:
    queries, passages = tokens(4, 2, 5), tokens(3, 4, 6)
    holes = TokenVectors(queries.vectors, queries.ids, queries.spans, np.array([0, 2, 2, 5, 8]))
    empty = TokenVectors(passages.vectors, passages.ids, passages.spans, np.array([0, 0, 6, 12]))
    weights = np.full(8, 0.5, dtype=np.float32)
    learnt = fit_projection(holes, empty, [0, 1, 2, 1], weights=weights)
    assert np.isfinite(learnt.projection).all()


def test_one_query_is_too_few() -> None:
    weights = np.ones(2, dtype=np.float32)
    with pytest.raises(DatasetError, match=r"1 queries with words .* expected two"):
        fit_projection(tokens(1, 2, 7), tokens(1, 4, 8), [0], weights=weights)
