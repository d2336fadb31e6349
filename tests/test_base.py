import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.rank.base import top_k


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.integers(1, 15))
def test_the_best_come_first_and_ties_go_to_the_lower_position(row: list[int], k: int) -> None:
    expected = sorted(range(len(row)), key=lambda at: (-row[at], at))[:k]
    assert top_k(np.array([row], dtype=np.float32), k).tolist() == [expected]


@pytest.mark.parametrize("k", [1, 3, 9])
def test_every_row_is_ranked_by_itself(k: int) -> None:
    scores = np.array([[1, 2, 3], [3, 2, 1], [0, 0, 0]], dtype=np.float32)
    assert top_k(scores, k).tolist() == [[2, 1, 0][:k], [0, 1, 2][:k], [0, 1, 2][:k]]
