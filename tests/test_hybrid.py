import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvseeker.core.errors import InputError
from cvseeker.retrieval.fusion import fuse, learn_weights, min_max
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

    def accuracy(scores: FloatArray) -> float:
        return float((scores.argmax(axis=1) == answers).mean())

    parts = [noise[0], noise[1], right]
    weights = learn_weights(lambda shares: accuracy(fuse(parts, shares)))
    assert weights.late > 0.6
    assert sum(weights.shares) == pytest.approx(1, abs=0.01)
    assert accuracy(fuse(parts, weights.shares)) == 1


def test_where_nothing_matters_the_weights_are_the_middle() -> None:
    weights = learn_weights(lambda shares: 1.0)
    assert weights.shares == pytest.approx([1 / 3] * 3, abs=0.001)
    assert learn_weights(lambda shares: 1.0, late=False).shares == (0.5, 0.5, 0.0)
