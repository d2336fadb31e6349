from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvseeker.encoder.windows import FloatArray
from cvseeker.rank.hybrid import HybridRanker, fuse, min_max

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
    fused = fuse(first, second, weight=weight)
    expected = weight * min_max(first) + (1 - weight) * min_max(second)
    assert fused.dtype == np.float32
    assert np.allclose(fused, expected, atol=1e-6)
    assert np.all((fused >= 0) & (fused <= 1 + 1e-6))


def test_the_share_is_that_of_the_first() -> None:
    first, second = np.float32([[0, 1]]), np.float32([[1, 0]])
    assert fuse(first, second, weight=1).tolist() == [[0, 1]]
    assert fuse(first, second, weight=0).tolist() == [[1, 0]]


class Fixed:
    def __init__(self, name: str, scores: list[list[float]]) -> None:
        self.name = name
        self._scores = np.array(scores, dtype=np.float32)

    def scores(self, queries: Sequence[str]) -> FloatArray:
        return self._scores


def test_a_hybrid_is_named_after_its_dense_half() -> None:
    ranker = HybridRanker(
        Fixed("bm25", [[0, 10]]), Fixed("tuned", [[0.9, 0.1]]), lexical_weight=0.25
    )
    assert ranker.name == "hybrid(tuned)"
    assert ranker.scores(["q"]).tolist() == [[0.75, 0.25]]
