import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvseeker.retrieval import nearest as module
from cvseeker.retrieval.nearest import nearest
from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

# Whole numbers, so that products are exact and ties are many.
whole = st.integers(-2, 2).map(float)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUERY_BLOCK", 2)
    monkeypatch.setattr(module, "VECTOR_BLOCK", 7)


@pytest.mark.usefixtures("_small_blocks")
@settings(max_examples=40)
@given(
    arrays(np.float32, (5, 3), elements=whole),
    arrays(np.float32, (60, 3), elements=whole),
    st.integers(1, 70),
    st.one_of(st.none(), st.lists(st.integers(1, 9), min_size=1, max_size=60)),
)
def test_it_is_the_ranking_of_all_scores(
    queries: FloatArray, vectors: FloatArray, k: int, sizes: list[int] | None
) -> None:
    owners: IntArray | None = None
    scores = queries @ vectors.T
    if sizes is not None:
        owners = np.repeat(np.arange(60), (sizes * 60)[:60])[:60].astype(np.int64)
        scores = max_over_windows(scores, owners)
    positions, values = nearest(queries, vectors, k, owners=owners)
    assert positions.tolist() == top_k(scores, k).tolist()
    assert values.tolist() == np.take_along_axis(scores, positions, axis=1).tolist()


def test_no_queries_have_no_rankings() -> None:
    positions, scores = nearest(np.zeros((0, 3), np.float32), np.ones((4, 3), np.float32), 2)
    assert positions.shape == scores.shape == (0, 2)
