"""What the drawings of a report show and where its marks stand; templates draw them as SVG."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cvseeker.evaluate.compare import COMPARED, Interval
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import BM25, made_of

# Names in the page's CSS, so that one drawing serves light, dark and print.
Colour = Literal["lexical", "untuned", "tuned"]

_LEFT, _TOP, _WIDTH, _HEIGHT = 40, 12, 360, 210


def colour_of(system: str, systems: Collection[str]) -> Colour:
    """Return a system's colour: without a model, with the tuned one, with any other."""
    if system == BM25:
        return "lexical"
    return "tuned" if "tuned" in {system, made_of(system, systems)[0]} else "untuned"


@dataclass(frozen=True, slots=True)
class Bar:
    """A system of the chart: its mean nDCG@10 with its interval, and its hits among five."""

    name: str
    colour: Colour
    mean: float
    low: float
    high: float
    hits: float
    in_use: bool


def bars(
    evaluated: EvaluatedSet,
    systems: Sequence[str],
    intervals: Mapping[str, Mapping[str, Interval]],
    *,
    in_use: str = "",
) -> list[Bar]:
    """Return the chart's bars, in the order of the systems."""
    means, hits = (intervals[metric] for metric in COMPARED)
    return [
        Bar(
            evaluated.names[name],
            colour_of(name, evaluated.results),
            **asdict(means[name]),
            hits=hits[name].mean,
            in_use=name == in_use,
        )
        for name in systems
    ]


@dataclass(frozen=True, slots=True)
class Curve:
    """Validation by training step as a line, (x, y) in the drawing, and what stands at its ends."""

    line: Sequence[tuple[float, float]]
    base: float
    best: tuple[float, float]
    steps: int
    values: Sequence[tuple[int, float]]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]


def training_curve(model: Mapping[str, Any]) -> Curve | None:
    """Draw validation by training step, from the model stage's counts where it is kept there."""
    points = [(int(step), float(value)) for step, value in model.get("curve", [])]
    if len(points) < 2:
        return None
    bottom, top = _frame([value for _, value in points])
    last = max(step for step, _ in points) or 1

    def place(step: float, value: float) -> tuple[float, float]:
        up = (value - bottom) / (top - bottom)
        return round(_LEFT + step / last * _WIDTH, 1), round(_TOP + (1 - up) * _HEIGHT, 1)

    values = dict(points)
    best = model.get("best_step", last)
    return Curve(
        line=[place(*point) for point in points],
        base=place(0, points[0][1])[1],
        best=place(best, values.get(best, points[-1][1])),
        steps=last,
        values=points,
        across=[(place(step, bottom)[0], f"{step:,}") for step in (0, last)],
        up=_ticks(bottom, top, lambda value: place(0, value)[1]),
    )


def _ticks(bottom: float, top: float, place: Callable[[float], float]) -> list[tuple[float, str]]:
    """Return a mark for every tenth."""
    steps = range(round((top - bottom) * 10) + 1)
    return [(place(bottom + step / 10), f"{bottom + step / 10:.1f}") for step in steps]


def _frame(qualities: Sequence[float]) -> tuple[float, float]:
    """Return the tenths that hold all means."""
    bottom = math.floor(min(qualities) * 10 - 1e-9) / 10
    return max(bottom, 0.0), min(max(math.ceil(max(qualities) * 10 + 1e-9) / 10, bottom + 0.1), 1.1)
