import re
from itertools import pairwise
from typing import Any

from cvseeker.evaluate.report import render
from cvseeker.evaluate.report.drawings import (
    Bar,
    Colour,
    CostPoint,
    colour_of,
    cost_plot,
    training_curve,
)
from cvseeker.evaluate.verdict import Verdict

ATTACK = "<script>alert('x')</script>"


def drawn(template: str, **parts: Any) -> str:
    """Fill one of the report's templates with a drawing alone."""
    content = {"title": 'of "x"', "candidate": "tuned", "reference": "base", "queries": 0, **parts}
    return render(template, {"set": content})


def drawn_cost(points: list[CostPoint]) -> str:
    return drawn("_cost.html", cost=[cost_plot(points, title="Cost")])


def card(**parts: Any) -> str:
    content = {
        "verdict": Verdict("bm25", "Use it.", "It is good."),
        "in_use": "",
        "basis": "",
        "badges": [],
        "bars": [],
        "sets": [{"title": "Test"}],
        "families": [],
        "curve": None,
        **parts,
    }
    return render("_card.html", content)


def test_bars_are_as_long_as_their_means_and_take_their_colours_from_the_page() -> None:
    colours: tuple[Colour, ...] = ("lexical", "untuned", "tuned")
    bars = [
        Bar(f"models/{ATTACK}", colour, mean, mean - 0.1, mean + 0.1, 0.956, colour == "tuned")
        for colour, mean in zip(colours, (0.5, 0.7, 0.9), strict=True)
    ]
    page = card(bars=bars)
    assert ATTACK not in page
    assert re.findall(r'<i class="(\w+)" style="width:([\d.]+)%"', page) == [
        ("lexical", "50.0"),
        ("untuned", "70.0"),
        ("tuned", "90.0"),
    ]
    assert 'style="left:80.0%;width:20.0%"' in page
    assert page.count("(in use)") == 1
    assert page.count("96 %") == 3
    assert re.findall(r'<i class="\w+"></i>([\w ]+)', page) == ["tuned", "untuned", "no model"]


def test_the_colour_says_what_the_model_is() -> None:
    systems = ["bm25", "base", "tuned", "hybrid(tuned)", "tuned@64", "e5"]
    assert [colour_of(one, systems) for one in systems] == [
        "lexical",
        "untuned",
        "tuned",
        "tuned",
        "tuned",
        "untuned",
    ]


def test_training_is_a_curve_from_the_base_to_what_was_kept() -> None:
    model = {"curve": [[0, 0.61], [10, 0.78], [20, 0.74]], "best_step": 10}
    curve = training_curve(model)
    assert curve is not None
    (_, first), (middle, best), (last, end) = curve.line
    assert curve.base == first > end > best
    assert curve.best == (middle, best)
    assert (middle - 40) * 2 == last - 40
    assert "0: 0.610; 10: 0.780; 20: 0.740" in card(curve=curve)
    assert training_curve({}) is None
    assert "<svg" not in card()


def points_of(svg: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    ]


def test_better_is_higher_and_cheaper_is_further_left() -> None:
    svg = drawn_cost(
        [
            CostPoint("BM25", "lexical", 1.0, 0.8),
            CostPoint("base", "untuned", 60.0, 0.55),
            CostPoint("<tuned>", "tuned", 60.0, 0.9),
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
    svg = drawn_cost([CostPoint(f"model {at}", "untuned", 10.0, 0.7) for at in range(5)])
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="\w+" class', svg))
    assert all(after - before >= 13 for before, after in pairwise(heights))


def test_points_stay_inside_whatever_their_values() -> None:
    points = [CostPoint("a", "untuned", 1e-3, 0.0), CostPoint("b", "untuned", 5e9, 1.0)]
    for x, y in points_of(drawn_cost(points)):
        assert 40 <= x <= 400
        assert 12 <= y <= 222
