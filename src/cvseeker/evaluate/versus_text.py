"""Two evaluations against each other, in words: Markdown or a page."""

from collections.abc import Sequence

from cvseeker.evaluate.comparison import HEADLINE_METRIC, display_name, p_in_words, signed
from cvseeker.evaluate.report.markdown import escaped, table
from cvseeker.evaluate.report.page import page_of
from cvseeker.evaluate.report.tables import METRIC_TITLES
from cvseeker.evaluate.versus import QueryChange, SetVersus, SystemChange, Versus

HEAD = ("System", "Metric", "Means", "Difference", "95 % interval", "p (Holm)", "Outcome")


def versus_sentence(one: SetVersus) -> str:
    """Say in a sentence or two which systems are better and which are worse in nDCG@10.

    Parameters
    ----------
    one
        A query set in both evaluations.

    Returns
    -------
    str
        Plain text.
    """
    headline = [change for change in one.systems if change.metric == HEADLINE_METRIC]
    clauses = []
    for outcome in ("better", "worse"):
        found = [change for change in headline if change.outcome == outcome]
        if found:
            names = "; ".join(
                f"{display_name(change.system)} {signed(change.difference)}" for change in found
            )
            clauses.append(f"{outcome} in the second: {names}.")
    if not clauses:
        clauses.append("no evidence that any system differs.")
    noun = "query" if one.queries == 1 else "queries"
    return f"On {one.queries:,} {noun}, nDCG@10: {' '.join(clauses)}"


def versus_markdown(versus: Versus) -> str:
    """Return the comparison as Markdown, with tables as GitHub reads them."""
    parts = [f"# {escaped(versus.first)} → {escaped(versus.second)}"]
    for one in versus.sets:
        parts += [
            f"## {escaped(one.name)}",
            f"**{escaped(versus_sentence(one))}**",
            table(HEAD, [[escaped(cell) for cell in row] for row in system_lines(one.systems)]),
            *(escaped(note) for note in notes(one)),
        ]
        if one.changed:
            parts += [
                "### Queries that changed most",
                "\n".join(f"- {escaped(': '.join(query_line(change)))}" for change in one.changed),
            ]
    return "\n\n".join(parts) + "\n"


def versus_page(versus: Versus) -> str:
    """Return the comparison as one self-contained HTML page."""
    return page_of(
        "versus.html",
        {
            "first": versus.first,
            "second": versus.second,
            "head": HEAD,
            "sets": [
                {
                    "name": one.name,
                    "sentence": versus_sentence(one),
                    "rows": system_lines(one.systems),
                    "notes": notes(one),
                    "changed": [query_line(change) for change in one.changed],
                }
                for one in versus.sets
            ],
        },
    )


def system_lines(changes: Sequence[SystemChange]) -> list[tuple[str, ...]]:
    """Return the table's rows, with the columns of :data:`HEAD`."""
    return [
        (
            display_name(change.system),
            METRIC_TITLES[change.metric],
            f"{change.first_mean:.3f} → {change.second_mean:.3f}",
            signed(change.difference),
            f"{signed(change.low)} to {signed(change.high)}",
            p_in_words(change.p_value).removeprefix("p ").removeprefix("= "),
            "no evidence" if change.outcome == "within noise" else change.outcome,
        )
        for change in changes
    ]


def notes(one: SetVersus) -> list[str]:
    """Say how it was tested, and what only one of the two evaluations has."""
    found = [
        f"Paired by query, over {one.groups:,} groups of queries: those with the same answer are "
        "resampled together. p-values are corrected for the number of rows (Holm)."
    ]
    for where, systems in (("first", one.only_first), ("second", one.only_second)):
        if systems:
            names = "; ".join(display_name(system) for system in systems)
            found.append(f"Only in the {where}: {names}.")
    return found


def query_line(change: QueryChange) -> tuple[str, str]:
    """Return what happened to a query, and its text."""
    ranks = f"rank {change.rank_before or '–'} → {change.rank_after or '–'}"
    values = f"nDCG@10 {change.before:.3f} → {change.after:.3f}"
    return f"{display_name(change.system)}, {ranks}, {values}", change.text
