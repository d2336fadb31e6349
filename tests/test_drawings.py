import re
from typing import Any

from cvseeker.evaluate.report import render
from cvseeker.evaluate.report.drawings import Bar, Colour, colour_of, training_curve
from cvseeker.evaluate.verdict import Verdict

ATTACK = "<script>alert('x')</script>"


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
