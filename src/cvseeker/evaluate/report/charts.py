"""Bar charts as SVG that stands inside a page and takes its colours from it."""

import html
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
Family = Literal["lexical", "model", "fused"]
INK = "currentColor"
# Longer names would leave no room for the bars on a phone.
LONGEST_NAME = 24
_PLOT_WIDTH = 200
_ROW_HEIGHT = 30


@dataclass(frozen=True, slots=True)
class Bar:
    """One system's mean with the ends of its 95 % interval, all in [0, 1]."""

    name: str
    family: Family
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
    import vl_convert

    svg = vl_convert.vegalite_to_svg(_chart(bars).to_dict())
    spoken = "; ".join(
        f"{bar.name} {bar.mean:.3f}, interval {bar.low:.3f} to {bar.high:.3f}" for bar in bars
    )
    return _accessible(svg, title=title, description=f"{title}: {spoken}")


def _chart(bars: Sequence[Bar]) -> "altair.LayerChart":
    """Lay bars, intervals and values over one another."""
    import altair

    rows = [{**asdict(bar), "row": at, "value": f"{bar.mean:.3f}"} for at, bar in enumerate(bars)]
    # By number and not by name, because two long names may be cut to the same one.
    labels = {str(at): _short(bar.name) for at, bar in enumerate(bars)}
    base = altair.Chart().encode(
        # A JSON object is an object in Vega's expressions too.
        altair.Y("row:O", title=None).axis(labelExpr=f"{json.dumps(labels)}[datum.value]")
    )
    colour = altair.Color("family:N", legend=None).scale(
        domain=list(COLOURS), range=list(COLOURS.values())
    )
    length = altair.X("mean:Q", title=None).scale(domain=[0, 1], nice=False)
    drawn = base.mark_bar(height=15).encode(length.axis(values=[0, 0.25, 0.5, 0.75, 1]), colour)
    intervals = base.mark_rule(strokeWidth=2, color=INK).encode(x="low:Q", x2="high:Q")
    values = base.mark_text(align="right", fontWeight=600, color=INK).encode(
        x=altair.value(_PLOT_WIDTH + 46), text="value:N"
    )
    return altair.LayerChart(
        layer=[drawn, intervals, values],
        data=altair.InlineData(values=rows),
        width=_PLOT_WIDTH,
        height=_ROW_HEIGHT * len(rows),
        config=_page_style(),
    )


def _page_style() -> "altair.Config":
    """Leave the background, the colours and the type to the page."""
    import altair

    return altair.Config(
        background="transparent",
        font="system-ui, sans-serif",
        # Room for letters that are wider on the reader's machine than where they were measured.
        padding={"left": 14, "right": 2, "top": 2, "bottom": 2},
        view=altair.ViewConfig(stroke=None),
        axis=altair.AxisConfig(
            labelColor=INK, gridColor=INK, gridOpacity=0.14, domain=False, ticks=False
        ),
        axisY=altair.AxisConfig(grid=False, labelFontSize=13, labelLimit=170, labelPadding=8),
        axisX=altair.AxisConfig(
            format=".2~f", labelFlush=False, labelFontSize=11, labelOpacity=0.7
        ),
        text=altair.MarkConfig(fontSize=13),
    )


def _accessible(svg: str, *, title: str, description: str) -> str:
    """Make the drawing one image with a name, as wide as the page lets it be."""
    head = f'role="img" aria-label="{html.escape(description)}"><title>{html.escape(title)}</title>'
    opening = re.compile(r'<svg\b[^>]*?(viewBox="[^"]+")[^>]*>')
    return opening.sub(lambda match: f"<svg {match.group(1)} {head}", svg, count=1)


def _short(name: str) -> str:
    """Cut a long name in the middle: of paths and hub names both ends tell."""
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half]}…{name[-(LONGEST_NAME - 1 - half) :]}"
