"""Bar charts as SVG that stands inside a page and takes its colours from it."""

import html
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import altair

# CSS variables of the page, so that one drawing serves light, dark and print.
COLOURS = {
    "lexical": "var(--lexical)",
    "model": "var(--model)",
    "fused": "var(--fused)",
}
INK = "currentColor"
# Longer names would leave no room for the bars on a phone.
LONGEST_NAME = 18
_PLOT_WIDTH = 230
_ROW_HEIGHT = 30


@dataclass(frozen=True, slots=True)
class Bar:
    """One system's mean with the ends of its 95 % interval, all in [0, 1]."""

    name: str
    family: Literal["lexical", "model", "fused"]
    mean: float
    low: float
    high: float


def bar_chart(bars: Sequence[Bar], *, title: str) -> str:
    """Draw horizontal bars with their intervals and values.

    Parameters
    ----------
    bars
        The systems, from top to bottom.
    title
        What is drawn; a screen reader is given the values after it.

    Returns
    -------
    str
        An ``<svg>`` element without a fixed size, with names escaped.
    """
    drawing = io.StringIO()
    _chart(bars).save(drawing, format="svg")
    spoken = "; ".join(
        f"{bar.name} {bar.mean:.3f}, interval {bar.low:.3f} to {bar.high:.3f}" for bar in bars
    )
    return _accessible(drawing.getvalue(), title=title, description=f"{title}: {spoken}")


def _chart(bars: Sequence[Bar]) -> "altair.LayerChart":
    """Lay bars, intervals and values over one another."""
    import altair

    rows = [
        # A key of its own, because two long names may be cut to the same one.
        {**asdict(bar), "row": number, "label": _short(bar.name), "value": f"{bar.mean:.3f}"}
        for number, bar in enumerate(bars)
    ]
    labels = {str(row["row"]): row["label"] for row in rows}
    rows_axis = (
        altair.Y("row:O")
        .title(None)
        .axis(
            # A JSON object is an object in Vega's expressions too.
            labelExpr=f"{json.dumps(labels)}[datum.value]",
            labelLimit=150,
            labelPadding=8,
        )
    )
    base = altair.Chart(altair.Data(values=rows)).encode(y=rows_axis)
    scale = altair.Scale(domain=[0, 1], nice=False)
    axis = altair.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f", title=None, labelFlush=False)
    colour = altair.Color("family:N").legend(None)
    palette = altair.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    drawn = base.mark_bar(height=15).encode(
        x=altair.X("mean:Q").scale(scale).axis(axis), color=colour.scale(palette)
    )
    intervals = base.mark_rule(strokeWidth=1.5, color=INK).encode(x="low:Q", x2="high:Q")
    caps = [
        base.mark_tick(size=7, thickness=1.5, color=INK).encode(x=f"{end}:Q")
        for end in ("low", "high")
    ]
    values = base.mark_text(align="right", fontWeight=600, color=INK).encode(
        x=altair.value(_PLOT_WIDTH + 46), text="value:N"
    )
    return _styled(
        altair.layer(drawn, intervals, *caps, values).properties(
            width=_PLOT_WIDTH, height=_ROW_HEIGHT * len(rows)
        )
    )


def _styled(chart: "altair.LayerChart") -> "altair.LayerChart":
    """Leave the background, the colours and the type to the page."""
    return (
        chart.configure(background="transparent", font="system-ui, sans-serif", padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            labelFontSize=13,
            gridColor=INK,
            gridOpacity=0.14,
            domain=False,
            ticks=False,
        )
        .configure_axisY(grid=False)
        .configure_axisX(labelOpacity=0.7, labelFontSize=11)
        .configure_text(fontSize=13)
    )


def _accessible(svg: str, *, title: str, description: str) -> str:
    """Make the drawing one image with a name, as wide as the page lets it be."""
    opening = re.compile(r"<svg\b[^>]*>")
    match = opening.search(svg)
    view = re.search(r'viewBox="[^"]+"', match.group()) if match else None
    if match is None or view is None:
        raise RuntimeError(f"the chart's renderer returned no SVG: {svg[:80]!r}")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {view.group()} role="img" '
        f'aria-label="{html.escape(description)}"><title>{html.escape(title)}</title>'
    )
    return head + svg[match.end() :]


def _short(name: str) -> str:
    """Cut a long name in the middle: of paths and hub names both ends tell."""
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half]}…{name[-(LONGEST_NAME - 1 - half) :]}"
