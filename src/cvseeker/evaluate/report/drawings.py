"""What the drawings of a report show and where its marks stand; templates draw them as SVG."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from cvseeker.evaluate.compare import HEADLINE_METRIC, mean_value, metric_values, models_of
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import BM25, shortened_inside, shown_query

# Names in the page's CSS, so that one drawing serves light, dark and print.
Family = Literal["lexical", "model", "fused"]
Item = TypeVar("Item")

# More bars than a wide screen has columns for, and half a megabyte of titles.
MOST_BARS = 1_200
_TITLE_CHARACTERS = 160

_LEFT, _TOP, _WIDTH, _HEIGHT = 40, 12, 360, 210
_LABEL_HEIGHT = 13
# About what a letter of the labels is wide.
_LETTER = 5.6
_LONGEST_LABEL = 26

# Left, top, right, bottom.
_Box = tuple[float, float, float, float]


def families(evaluated: EvaluatedSet) -> dict[str, Family]:
    """Return the family of every system, which gives it its colour."""
    models = set(models_of(evaluated))
    return {
        name: "lexical" if name == BM25 else "model" if name in models else "fused"
        for name in evaluated.results
    }


def spread_evenly(items: Sequence[Item], most: int) -> Sequence[Item]:
    """Take every so many of a very long list, first and last included."""
    if len(items) <= most:
        return items
    step = (len(items) - 1) / (most - 1)
    return [items[round(at * step)] for at in range(most)]


@dataclass(frozen=True, slots=True)
class Delta:
    """One query's nDCG@10 in the reference (``before``) and in the candidate (``after``)."""

    query_id: str
    text: str
    before: float
    after: float

    @property
    def value(self) -> float:
        """The gain, from -1 to 1."""
        return self.after - self.before

    @property
    def way(self) -> str:
        """Whether the query rose or fell."""
        return "up" if self.value > 0 else "down" if self.value < 0 else "same"


@dataclass(frozen=True, slots=True)
class DeltaPlot:
    """The bars, thinned where queries are very many, and how many of all went which way."""

    bars: Sequence[Delta]
    rose: int
    fell: int
    stayed: int


def query_deltas(evaluated: EvaluatedSet, reference: str, candidate: str) -> list[Delta]:
    """Return every query's change in nDCG@10, the largest gain first; contacts are masked."""
    query_ids = list(evaluated.dataset.queries)
    before = metric_values(evaluated, reference, HEADLINE_METRIC, query_ids)
    after = metric_values(evaluated, candidate, HEADLINE_METRIC, query_ids)
    queries = evaluated.dataset.queries
    texts = (shown_query(queries[query_id], _TITLE_CHARACTERS) for query_id in query_ids)
    deltas = [
        Delta(query_id, text, one, other)
        for query_id, text, one, other in zip(query_ids, texts, before, after, strict=True)
    ]
    return sorted(deltas, key=lambda delta: -delta.value)


def delta_plot(deltas: Sequence[Delta]) -> DeltaPlot:
    """Count the ways of all queries, and keep as many bars as can be drawn."""
    ways = Counter(delta.way for delta in deltas)
    return DeltaPlot(spread_evenly(deltas, MOST_BARS), ways["up"], ways["down"], ways["same"])


@dataclass(frozen=True, slots=True)
class CostPoint:
    """A system: what it costs, above 0, and its mean nDCG@10."""

    name: str
    family: Family
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
    names, family = evaluated.names, families(evaluated)
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
                CostPoint(names[name], family[name], cost, mean_value(evaluated, name))
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
    steps = round((top - bottom) * 10)
    return CostPlot(
        title=title,
        marks=_marks([(point, *place(point.cost, point.quality)) for point in points], best),
        line=[place(point.cost, point.quality) for point in best],
        across=[
            (place(10.0**power, bottom)[0], in_short(10.0**power)) for power in range(low, high + 1)
        ],
        up=[
            (place(10.0**low, bottom + step / 10)[1], f"{bottom + step / 10:.1f}")
            for step in range(steps + 1)
        ],
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
