"""What the candidate gained or lost on each query, as a drawing."""

import html
from dataclasses import dataclass

from cvseeker.evaluate.comparison import HEADLINE_METRIC, metric_values, signed
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.report.excerpts import shown_query

# More bars than a wide screen has columns for, and half a megabyte of titles.
MOST_BARS = 1_200
# Units of the drawing; the page stretches it.
_WIDTH, _HEIGHT = 1_000, 200
_TITLE_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Delta:
    """One query's nDCG@10 in the reference (``before``) and in the candidate (``after``)."""

    query_id: str
    text: str
    before: float
    after: float

    @property
    def value(self) -> float:
        """Return the gain, from -1 to 1."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class DeltaPlot:
    """The drawing of every query's gain, and how many rose, fell and stayed.

    ``drawn`` is how many bars there are, fewer than queries where these are very many.
    """

    svg: str
    rose: int
    fell: int
    stayed: int
    drawn: int


def query_deltas(evaluated: EvaluatedSet, reference: str, candidate: str) -> list[Delta]:
    """Return every query's change in nDCG@10, the largest gain first.

    Parameters
    ----------
    evaluated
        The query set.
    reference, candidate
        Names of two of its systems.

    Returns
    -------
    list of Delta
        Queries are shortened, and contacts in them masked.
    """
    query_ids = list(evaluated.dataset.queries)
    before = metric_values(evaluated, reference, HEADLINE_METRIC, query_ids)
    after = metric_values(evaluated, candidate, HEADLINE_METRIC, query_ids)
    deltas = [
        Delta(query_id, shown_query(evaluated.dataset.queries[query_id]), one, other)
        for query_id, one, other in zip(query_ids, before, after, strict=True)
    ]
    return sorted(deltas, key=lambda delta: -delta.value)


def delta_plot(deltas: list[Delta], *, title: str) -> DeltaPlot:
    """Draw one bar a query, upwards for a gain.

    Parameters
    ----------
    deltas
        The queries, in the order in which they are drawn.
    title
        What is drawn, for those who cannot see it.

    Returns
    -------
    DeltaPlot
        Its ``<svg>`` may be stretched; every bar has the query as its title.
    """
    drawn = _thinned(deltas)
    step = _WIDTH / max(len(drawn), 1)
    bars = "".join(_bar(delta, at * step, step) for at, delta in enumerate(drawn))
    lines = "".join(
        f'<path d="M0 {y}H{_WIDTH}" class="{"zero" if y == _HEIGHT // 2 else "line"}"/>'
        for y in range(0, _HEIGHT + 1, _HEIGHT // 4)
    )
    rose = sum(delta.value > 0 for delta in deltas)
    fell = sum(delta.value < 0 for delta in deltas)
    stayed = len(deltas) - rose - fell
    spoken = f"{title}: {rose} queries rose, {fell} fell, {stayed} stayed"
    svg = (
        f'<svg class="deltas" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" '
        f'tabindex="0" role="img" aria-label="{html.escape(spoken)}">{lines}{bars}</svg>'
    )
    return DeltaPlot(svg, rose, fell, stayed, len(drawn))


def _thinned(deltas: list[Delta]) -> list[Delta]:
    """Take every so many of a very long list, first and last included."""
    if len(deltas) <= MOST_BARS:
        return deltas
    step = (len(deltas) - 1) / (MOST_BARS - 1)
    return [deltas[round(at * step)] for at in range(MOST_BARS)]


def _bar(delta: Delta, x: float, width: float) -> str:
    middle = _HEIGHT / 2
    height = abs(delta.value) * middle
    y = middle - height if delta.value > 0 else middle
    sign = "up" if delta.value > 0 else "down" if delta.value < 0 else "same"
    text = delta.text
    if len(text) > _TITLE_CHARACTERS:
        text = f"{text[: _TITLE_CHARACTERS - 1]}…"
    words = f"{signed(delta.value)} ({delta.before:.3f} → {delta.after:.3f}): {text}"
    return (
        f'<rect class="{sign}" x="{x:.1f}" y="{y:.1f}" width="{width:.2f}" height="{height:.1f}">'
        f"<title>{html.escape(words)}</title></rect>"
    )
