import re
from itertools import pairwise
from typing import Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.compare import Interval
from cvseeker.evaluate.report import render
from cvseeker.evaluate.report.drawings import (
    MOST_BARS,
    CostPoint,
    Delta,
    cost_plot,
    delta_plot,
    query_deltas,
)
from cvseeker.evaluate.results import EvaluatedSet, SystemResult

ATTACK = "<script>alert('x')</script>"


def drawn(template: str, **parts: Any) -> str:
    """Fill one of the report's templates with a drawing alone."""
    content = {
        "title": 'of "x"',
        "candidate": "tuned",
        "reference": "base",
        "queries": 0,
        "level": "passages",
        "systems": [],
        **parts,
    }
    return render(template, {"set": content, "metric_titles": []})


def drawn_cost(points: list[CostPoint]) -> str:
    return drawn("_cost.html", cost=[cost_plot(points, title="Cost")])


def test_a_chart_takes_its_colours_from_the_page_and_has_a_name() -> None:
    names = {"a": "BM25", "b": "models/a-long-name-that-is-number-one", "c": f"models/{ATTACK}"}
    families = dict(zip("abc", ("lexical", "model", "fused"), strict=True))
    values = {"a": 0.5, "b": 0.7, "c": 0.9}
    means = {key: Interval(mean, mean - 0.1, mean + 0.1) for key, mean in values.items()}
    page = drawn("_systems.html", intervals={"ndcg@10": means}, names=names, families=families)
    drawing = page[page.index("<svg") : page.index("</svg>")]
    assert "<title>nDCG@10 by system, of &#34;x&#34;</title>" in drawing
    assert "BM25 0.500, interval 0.400 to 0.600" in drawing
    for colour in ("lexical", "model", "fused"):
        assert f'fill="var(--{colour})"' in drawing
    assert "currentColor" in drawing
    assert "models/a-long-…t-is-number-one" in drawing
    assert "<script" not in drawing
    assert not re.findall(r'\b(?:width|height)="\d+"', drawing[: drawing.index(">")])
    # Bars as long as their means, from one line, and the interval's ends around the bar's end.
    ends = [
        (float(x), float(width))
        for x, width in re.findall(r'<rect x="([\d.]+)"[^>]*? width="([\d.]+)"', drawing)
    ]
    assert [width for _, width in ends] == [100, 140, 180]
    left = ends[0][0]
    intervals = re.findall(r'M([\d.]+) [\d.]+H([\d.]+)" stroke', drawing)
    assert [(float(a) - left, float(b) - left) for a, b in intervals] == [
        (80, 120),
        (120, 160),
        (160, 200),
    ]


def points_of(svg: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    ]


def test_better_is_higher_and_cheaper_is_further_left() -> None:
    svg = drawn_cost(
        [
            CostPoint("BM25", "lexical", 1.0, 0.8),
            CostPoint("base", "model", 60.0, 0.55),
            CostPoint("<tuned>", "fused", 60.0, 0.9),
        ]
    )
    (best_x, best_y), (bm25_x, bm25_y), (base_x, base_y) = points_of(svg)
    assert bm25_x < base_x == best_x
    assert best_y < bm25_y < base_y
    # The base model is beaten in both.
    assert len(re.search(r'polyline points="([^"]+)"', svg)[1].split()) == 2  # type: ignore[index]
    assert "<tuned>" not in svg
    assert "base: 0.550 at 60" in svg


def test_names_of_equals_do_not_cover_one_another() -> None:
    svg = drawn_cost([CostPoint(f"model {at}", "model", 10.0, 0.7) for at in range(5)])
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="\w+" class', svg))
    assert all(after - before >= 13 for before, after in pairwise(heights))


def test_points_stay_inside_whatever_their_values() -> None:
    points = [CostPoint("a", "model", 1e-3, 0.0), CostPoint("b", "model", 5e9, 1.0)]
    for x, y in points_of(drawn_cost(points)):
        assert 40 <= x <= 400
        assert 12 <= y <= 222


def test_gains_come_first_and_losses_last(tiny_dataset: RetrievalDataset) -> None:
    before = dict(zip(tiny_dataset.queries, (0.5, 0.5, 1.0, 0.0, 1.0, 0.2), strict=True))
    after = dict(zip(tiny_dataset.queries, (0.5, 1.0, 0.0, 1.0, 0.9, 0.2), strict=True))
    results = {
        name: SystemResult(name, per_query={key: {"ndcg@10": value} for key, value in row.items()})
        for name, row in {"base": before, "tuned": after}.items()
    }
    deltas = query_deltas(EvaluatedSet("test", tiny_dataset, results), "base", "tuned")
    assert [delta.query_id for delta in deltas] == ["q4", "q2", "q1", "q6", "q5", "q3"]
    plot = delta_plot(deltas)
    assert (plot.rose, plot.fell, plot.stayed, len(plot.bars)) == (2, 2, 2, 6)
    svg = drawn("_deltas.html", deltas=plot)
    assert re.findall(r'rect class="(\w+)"', svg) == "up up same same down down".split()
    assert "+1.000 (0.000 → 1.000): payroll for more than 1,000 employees" in svg
    # From the middle to the top, and from the middle to the bottom.
    assert 'y="0.0" width="166.67" height="100.0"' in svg
    assert 'x="833.3" y="100.0" width="166.67" height="100.0"' in svg


def test_very_many_queries_are_thinned_and_counted_all() -> None:
    deltas = [Delta(f"q{at}", "a <b>", 0.0, 1 - at / 5_000) for at in range(5_000)]
    plot = delta_plot(deltas)
    svg = drawn("_deltas.html", deltas=plot)
    assert (plot.rose, len(plot.bars), svg.count("<title>")) == (5_000, MOST_BARS, MOST_BARS)
    assert "<b>" not in svg
    assert len(svg) < 500_000
