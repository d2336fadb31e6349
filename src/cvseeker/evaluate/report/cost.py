"""Quality against what it costs: seconds, and bytes a passage where they are known."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from cvseeker.evaluate.comparison import HEADLINE_METRIC, display_name, metric_values
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.report.charts import COLOURS, Family

_LEFT, _TOP, _WIDTH, _HEIGHT = 40, 12, 360, 210
_LABEL_HEIGHT = 13
# About what a letter of the labels is wide.
_LETTER = 5.6
_LONGEST_LABEL = 26

# Left, top, right, bottom.
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class CostPoint:
    """A system: what it costs, above 0, and its mean nDCG@10."""

    name: str
    family: Family
    cost: float
    quality: float


def cost_drawings(evaluated: EvaluatedSet, families: dict[str, Family]) -> list[tuple[str, str]]:
    """Draw quality against seconds, and against bytes a passage where systems know theirs.

    Parameters
    ----------
    evaluated
        The query set.
    families
        Name of the system → its family, which colours it.

    Returns
    -------
    list of (caption, svg)
        Only drawings with two points or more.
    """
    queries = list(evaluated.dataset.queries)
    costs = {
        "nDCG@10 against seconds in all": {
            name: result.seconds for name, result in evaluated.results.items()
        },
        "nDCG@10 against bytes a passage": {
            name: float(getattr(result, "bytes_per_passage", None) or 0)
            for name, result in evaluated.results.items()
        },
    }
    drawings = []
    for caption, values in costs.items():
        points = [
            CostPoint(
                display_name(name),
                families[name],
                cost,
                sum(metric_values(evaluated, name, HEADLINE_METRIC, queries)) / len(queries),
            )
            for name, cost in values.items()
            if cost > 0
        ]
        if len(points) > 1:
            drawings.append((caption, cost_drawing(points, title=caption)))
    return drawings


def cost_drawing(points: Sequence[CostPoint], *, title: str) -> str:
    """Draw systems by cost, on a logarithmic scale, and by quality.

    Parameters
    ----------
    points
        Two systems at least.
    title
        What is drawn, for those who cannot see it.

    Returns
    -------
    str
        An ``<svg>`` element; systems that no other beats in both are joined by a line.
    """
    low, high = _decades([point.cost for point in points])
    bottom, top = _frame([point.quality for point in points])

    def place(point: CostPoint) -> tuple[float, float]:
        across = (math.log10(point.cost) - low) / (high - low)
        up = (point.quality - bottom) / (top - bottom)
        return _LEFT + across * _WIDTH, _TOP + (1 - up) * _HEIGHT

    spoken = "; ".join(f"{one.name} {one.quality:.3f} at {_short(one.cost)}" for one in points)
    best = sorted(_unbeaten(points), key=lambda point: point.cost)
    line = " ".join("{:.1f},{:.1f}".format(*place(point)) for point in best)
    return (
        f'<svg class="cost" viewBox="0 0 {_LEFT + _WIDTH + 12} {_TOP + _HEIGHT + 26}" role="img" '
        f'aria-label="{html.escape(f"{title}: {spoken}")}">'
        f"{_grid(low, high, bottom, top)}"
        f'<polyline points="{line}" class="unbeaten"/>'
        f"{_marks([(point, *place(point)) for point in points], best)}</svg>"
    )


def _decades(costs: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten that hold all costs."""
    low = math.floor(math.log10(min(costs)))
    return low, max(math.ceil(math.log10(max(costs))), low + 1)


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


def _grid(low: int, high: int, bottom: float, top: float) -> str:
    parts = []
    floor = _TOP + _HEIGHT
    for power in range(low, high + 1):
        x = _LEFT + (power - low) / (high - low) * _WIDTH
        parts.append(f'<path d="M{x:.1f} {_TOP}V{floor}" class="line"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{floor + 17}" text-anchor="middle">{_short(10.0**power)}</text>'
        )
    steps = round((top - bottom) * 10)
    for step in range(steps + 1):
        y = floor - step / steps * _HEIGHT
        parts.append(f'<path d="M{_LEFT} {y:.1f}h{_WIDTH}" class="line"/>')
        value = f"{bottom + step / 10:.1f}"
        parts.append(f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    return "".join(parts)


def _marks(placed: Sequence[tuple[CostPoint, float, float]], first: Sequence[CostPoint]) -> str:
    """Draw points, and names where there is room beside them, those of ``first`` first."""
    taken = [(x - 5, y - 6, x + 5, y + 6) for _, x, y in placed]
    parts = []
    for point, x, y in sorted(placed, key=lambda mark: (mark[0] not in first, mark[2], mark[1])):
        words = f"{point.name}: {point.quality:.3f} at {_short(point.cost)}"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{COLOURS[point.family]}">'
            f"<title>{html.escape(words)}</title></circle>"
        )
        name = point.name
        if len(name) > _LONGEST_LABEL:
            name = f"{name[:12]}…{name[-13:]}"
        if (box := _room_beside(x, y, len(name) * _LETTER, taken)) is None:
            continue
        taken.append(box)
        anchor, at = ("start", box[0]) if box[0] > x else ("end", box[2])
        parts.append(
            f'<text x="{at:.1f}" y="{box[1] + 10:.1f}" text-anchor="{anchor}" class="name">'
            f"{html.escape(name)}</text>"
        )
    return "".join(parts)


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


def _short(value: float) -> str:
    """Print a cost with three digits at most.

    Examples
    --------
    >>> _short(0.01), _short(1536.0), _short(2_500_000)
    ('0.01', '1.54k', '2.5M')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
