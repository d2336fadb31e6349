import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.retrieval.block_metrics import QrelsTable
from cvseeker.retrieval.metrics import METRICS, Unjudged, query_metrics

CANDIDATES = [f"p{at}" for at in range(30)]
grades = st.dictionaries(st.sampled_from(CANDIDATES), st.integers(-1, 3), max_size=12)
judged = st.tuples(grades, st.sampled_from(CANDIDATES)).map(lambda pair: {**pair[0], pair[1]: 2})


@pytest.mark.parametrize("unjudged", ["as-irrelevant", "ignore"])
@settings(max_examples=40)
@given(st.lists(judged, min_size=1, max_size=5), st.integers(1, 30))
def test_blocks_have_the_metrics_of_single_queries(
    unjudged: Unjudged, every: list[dict[str, int]], depth: int
) -> None:
    qrels = {f"q{at}": one for at, one in enumerate(every)}
    table = QrelsTable.from_qrels(qrels, list(qrels), CANDIDATES)
    generator = np.random.default_rng(len(every) * 31 + depth)
    ranked = np.stack([generator.permutation(30)[:depth] for _ in qrels])
    values = table.metrics(ranked, unjudged=unjudged)
    assert list(values) == list(METRICS)
    for row, (query_id, one) in enumerate(qrels.items()):
        expected = query_metrics([CANDIDATES[at] for at in ranked[row]], one, unjudged=unjudged)
        found = {name: value[row] for name, value in values.items()}
        assert found == pytest.approx(expected, abs=1e-12), query_id
    last = len(every) - 1
    alone = table.metrics(ranked[last:], first_row=last, unjudged=unjudged)
    assert {name: value[0] for name, value in alone.items()} == {
        name: value[last] for name, value in values.items()
    }


def test_what_is_judged_but_not_a_candidate_is_not_found() -> None:
    table = QrelsTable.from_qrels({"q": {"gone": 1, "p1": 1}}, ["q"], CANDIDATES)
    values = table.metrics(np.array([[1, 2]]))
    assert values["recall@10"].tolist() == [0.5]
    assert values["judged@10"].tolist() == [0.5]
