import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.windows import FloatArray


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.integers(1, 15))
def test_the_best_come_first_and_ties_go_to_the_lower_position(row: list[int], k: int) -> None:
    expected = sorted(range(len(row)), key=lambda at: (-row[at], at))[:k]
    assert top_k(np.array([row], dtype=np.float32), k).tolist() == [expected]


@pytest.mark.parametrize("k", [1, 3, 9])
def test_every_row_is_ranked_by_itself(k: int) -> None:
    scores = np.array([[1, 2, 3], [3, 2, 1], [0, 0, 0]], dtype=np.float32)
    assert top_k(scores, k).tolist() == [[2, 1, 0][:k], [0, 1, 2][:k], [0, 1, 2][:k]]


@given(
    arrays(np.float32, (3, 40), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, -1.0])),
    st.integers(0, 12),
)
def test_ties_go_to_the_lower_position(scores: FloatArray, k: int) -> None:
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert top_k(scores, k).tolist() == expected.tolist()


def test_what_is_no_number_comes_last() -> None:
    scores = np.zeros((1, 40), dtype=np.float32)
    scores[0, 5:] = np.nan
    assert top_k(scores, 6)[0, :5].tolist() == [0, 1, 2, 3, 4]
