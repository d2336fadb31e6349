import re
from itertools import pairwise

from cvseeker.evaluate.report.cost import CostPoint, cost_drawing


def points_of(svg: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    ]


def test_better_is_higher_and_cheaper_is_further_left() -> None:
    svg = cost_drawing(
        [
            CostPoint("BM25", "lexical", 1.0, 0.8),
            CostPoint("base", "model", 60.0, 0.55),
            CostPoint("<tuned>", "fused", 60.0, 0.9),
        ],
        title="Cost",
    )
    (best_x, best_y), (bm25_x, bm25_y), (base_x, base_y) = points_of(svg)
    assert bm25_x < base_x == best_x
    assert best_y < bm25_y < base_y
    # The base model is beaten in both.
    assert len(re.search(r'polyline points="([^"]+)"', svg)[1].split()) == 2  # type: ignore[index]
    assert "<tuned>" not in svg
    assert "base: 0.550 at 60" in svg


def test_names_of_equals_do_not_cover_one_another() -> None:
    svg = cost_drawing(
        [CostPoint(f"model {at}", "model", 10.0, 0.7) for at in range(5)], title="Cost"
    )
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="\w+" class', svg))
    assert all(after - before >= 13 for before, after in pairwise(heights))


def test_points_stay_inside_whatever_their_values() -> None:
    points = [CostPoint("a", "model", 1e-3, 0.0), CostPoint("b", "model", 5e9, 1.0)]
    for x, y in points_of(cost_drawing(points, title="Cost")):
        assert 40 <= x <= 400
        assert 12 <= y <= 222
