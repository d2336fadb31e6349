"""What the drawings of a report show and where its marks stand; templates draw them as SVG."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cvseeker.evaluate.compare import COMPARED, Interval, mean_value
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import BM25, made_of, shortened_inside

# Names in the page's CSS, so that one drawing serves light, dark and print.
Colour = Literal["lexical", "untuned", "tuned"]

_LEFT, _TOP, _WIDTH, _HEIGHT = 40, 12, 360, 210
_LABEL_HEIGHT = 13
# About what a letter of the labels is wide.
_LETTER = 5.6
_LONGEST_LABEL = 26

# Left, top, right, bottom.
_Box = tuple[float, float, float, float]


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


@dataclass(frozen=True, slots=True)
class CostPoint:
    """A system: what it costs, above 0, and its mean nDCG@10."""

    name: str
    colour: Colour
    cost: float
    quality: float

    @property
    def words(self) -> str:
        """Say where the point stands."""
        return f"{self.name}: {self.quality:.3f} at {in_short(self.cost)}"


@dataclass(frozen=True, slots=True)
class CostPlot:
    """Systems by cost, on a logarithmic scale, and by quality.

    ``marks`` are points with their places and labels, a label being (x, y, which end of the text
    stands there, text), ``None`` where there is no room; ``line`` joins the systems that no other
    beats in both.
    """

    title: str
    marks: Sequence[tuple[CostPoint, float, float, tuple[float, float, str, str] | None]]
    line: Sequence[tuple[float, float]]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]


def cost_plots(evaluated: EvaluatedSet) -> list[CostPlot]:
    """Set quality against seconds, and against bytes a passage, where two systems have them."""
    names = evaluated.names
    costs = {
        "nDCG@10 against seconds in all": {
            name: result.seconds for name, result in evaluated.results.items()
        },
        "nDCG@10 against bytes a passage": {
            name: result.bytes_per_passage or 0.0 for name, result in evaluated.results.items()
        },
    }
    return [
        cost_plot(points, title=title)
        for title, values in costs.items()
        if len(
            points := [
                CostPoint(
                    names[name],
                    colour_of(name, evaluated.results),
                    cost,
                    mean_value(evaluated, name),
                )
                for name, cost in values.items()
                if cost > 0
            ]
        )
        > 1
    ]


def cost_plot(points: Sequence[CostPoint], *, title: str) -> CostPlot:
    """Place two systems at least, and their names where there is room."""
    low = math.floor(math.log10(min(point.cost for point in points)))
    high = max(math.ceil(math.log10(max(point.cost for point in points))), low + 1)
    bottom, top = _frame([point.quality for point in points])

    def place(cost: float, quality: float) -> tuple[float, float]:
        across = (math.log10(cost) - low) / (high - low)
        up = (quality - bottom) / (top - bottom)
        return round(_LEFT + across * _WIDTH, 1), round(_TOP + (1 - up) * _HEIGHT, 1)

    best = sorted(_unbeaten(points), key=lambda point: point.cost)
    return CostPlot(
        title=title,
        marks=_marks([(point, *place(point.cost, point.quality)) for point in points], best),
        line=[place(point.cost, point.quality) for point in best],
        across=[
            (place(10.0**power, bottom)[0], in_short(10.0**power)) for power in range(low, high + 1)
        ],
        up=_ticks(bottom, top, lambda quality: place(10.0**low, quality)[1]),
    )


def _frame(qualities: Sequence[float]) -> tuple[float, float]:
    """Return the tenths that hold all means."""
    bottom = math.floor(min(qualities) * 10 - 1e-9) / 10
    return max(bottom, 0.0), min(max(math.ceil(max(qualities) * 10 + 1e-9) / 10, bottom + 0.1), 1.1)


def _unbeaten(points: Sequence[CostPoint]) -> list[CostPoint]:
    """Return the systems than which no other is better and cheaper."""
    return [
        one
        for one in points
        if not any(
            other.cost <= one.cost
            and other.quality >= one.quality
            and (other.cost, other.quality) != (one.cost, one.quality)
            for other in points
        )
    ]


def _marks(
    placed: Sequence[tuple[CostPoint, float, float]], first: Sequence[CostPoint]
) -> list[tuple[CostPoint, float, float, tuple[float, float, str, str] | None]]:
    """Name points where there is room beside them, those of ``first`` first."""
    taken: list[_Box] = [(x - 5, y - 6, x + 5, y + 6) for _, x, y in placed]
    marks: list[Any] = []
    for point, x, y in sorted(placed, key=lambda mark: (mark[0] not in first, mark[2], mark[1])):
        name = shortened_inside(point.name, _LONGEST_LABEL)
        box = _room_beside(x, y, len(name) * _LETTER, taken)
        label = None
        if box is not None:
            taken.append(box)
            end, at = ("start", box[0]) if box[0] > x else ("end", box[2])
            label = round(at, 1), round(box[1] + 10, 1), end, name
        marks.append((point, x, y, label))
    return marks


def _room_beside(x: float, y: float, width: float, taken: Sequence[_Box]) -> _Box | None:
    """Return where a name fits beside a point, ``None`` where it would cover something."""
    half = _LABEL_HEIGHT / 2
    for lift in (0.0, -10.0, 10.0):
        for left in (x + 8, x - 8 - width):
            box = (left, y + lift - half, left + width, y + lift + half)
            inside = left > _LEFT and box[2] < _LEFT + _WIDTH + 10 and box[3] < _TOP + _HEIGHT
            if inside and not any(_overlap(box, other) for other in taken):
                return box
    return None


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def in_short(value: float) -> str:
    """Print a cost with three digits at most, such as 1.54k."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
