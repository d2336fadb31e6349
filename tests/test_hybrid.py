import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvseeker.core.errors import InputError
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.fusion import Shares, fuse, learn_weights, min_max
from cvseeker.retrieval.windows import FloatArray

matrices = arrays(np.float32, (2, 5), elements=st.floats(-50, 50, width=32))


@given(matrices)
def test_rows_are_scaled_to_0_and_1(scores: FloatArray) -> None:
    for row, scaled in zip(scores, min_max(scores), strict=True):
        span = row.max() - row.min()
        if span > 0:
            assert scaled.tolist() == pytest.approx(((row - row.min()) / span).tolist())
            assert (scaled.min(), scaled.max()) == (0.0, 1.0)
        else:
            assert not scaled.any()


@given(matrices, matrices, st.floats(0, 1))
def test_fusion_is_a_convex_combination(
    first: FloatArray, second: FloatArray, weight: float
) -> None:
    fused = fuse([first, second], [3 * weight, 3 * (1 - weight)])
    expected = weight * min_max(first) + (1 - weight) * min_max(second)
    assert fused.dtype == np.float32
    assert np.allclose(fused, expected, atol=1e-5)
    assert np.all((fused >= 0) & (fused <= 1 + 1e-5))


def test_a_share_of_nothing_is_left_out() -> None:
    first, second = np.float32([[0, 1]]), np.float32([[1, 0]])
    assert fuse([first, second], [1, 0]).tolist() == [[0, 1]]
    assert fuse([first, second], [0, 1]).tolist() == [[1, 0]]
    with pytest.raises(InputError, match="expected one above 0"):
        fuse([first, second], [0, 0])


def test_the_weights_of_the_ranker_that_is_right_are_learnt() -> None:
    rng = np.random.default_rng(3)
    answers = rng.integers(0, 20, 60)
    noise = [rng.random((60, 20)).astype(np.float32) for _ in range(3)]
    right = noise[2].copy()
    right[np.arange(60), answers] += 2

    def hits(shares: Shares) -> FloatArray:
        return (fuse([right, noise[0], noise[1]], shares).argmax(axis=1) == answers).astype(float)

    weights = learn_weights(hits, [str(query) for query in range(60)])
    assert weights.bm25 > 0.4  # .15 by default
    assert sum(weights.shares) == pytest.approx(1, abs=0.01)
    assert hits(weights.shares).mean() > 0.95


def test_where_nothing_can_be_told_the_weights_are_the_defaults() -> None:
    persons = [str(query) for query in range(60)]
    weights = learn_weights(lambda shares: np.ones(60), persons)
    assert weights.shares == HybridWeights().shares
    without = learn_weights(lambda shares: np.ones(60), persons, late=False)
    assert without.late == 0
    assert without.dense / without.bm25 == pytest.approx(2, abs=0.01)
    few = learn_weights(lambda shares: shares[0] * np.ones(60), persons[:20] * 3)
    assert few.shares == HybridWeights().shares
    # One person in sixty prefers BM25, all others do not care.
    one = np.zeros(60)
    one[0] = 1
    assert learn_weights(lambda shares: shares[0] * one, persons).bm25 < 0.5
    assert learn_weights(lambda shares: shares[0] * np.ones(60), persons).bm25 == 1
