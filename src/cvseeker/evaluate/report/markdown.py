"""The report as Markdown: its words and tables, for a merge request or a notebook."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cvseeker.evaluate.report.changes import Change, Changes
from cvseeker.evaluate.report.excerpts import Snippet
from cvseeker.evaluate.report.page import in_words
from cvseeker.evaluate.report.tables import Cell

# What would be read as markup; titles and excerpts are text.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def escaped(text: str) -> str:
    r"""Return a text on one line that Markdown prints as it is.

    Examples
    --------
    >>> print(escaped("a|b <i> *c*"))
    a\|b \<i\> \*c\*
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column is text and the others numbers; cells are not escaped.

    Examples
    --------
    >>> print(table(["System", "nDCG@10"], [["BM25", "0.823"]]))
    | System | nDCG@10 |
    | :-- | --: |
    | BM25 | 0.823 |
    """
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report_markdown(content: Mapping[str, Any]) -> str:
    """Return the report's words and tables.

    Parameters
    ----------
    content
        What the report's page is filled from.

    Returns
    -------
    str
        Markdown with tables as GitHub reads them.
    """
    parts = [f"# {escaped(content['title'])}", f"CVSeeker report, {content['date']}"]
    for told in content["sets"]:
        parts += _set(told, content["metric_titles"])
    parts += _made_with(content)
    return "\n\n".join(part for part in parts if part) + "\n"


def _set(told: Mapping[str, Any], metric_titles: Sequence[str]) -> list[str]:
    """Tell of one query set."""
    return [
        f"## {escaped(told['title'])}",
        f"**{escaped(told['verdict'])}**",
        "\n".join(f"- {escaped(note)}" for note in told["notes"]),
        f"Means over {told['queries']:,} queries; {told['level']} are ranked. In brackets 95 % "
        f"intervals over {told['people']:,} groups of queries.",
        _rows(told["systems"], [*metric_titles, "Seconds"]),
        "### Are the differences real?",
        _differences(told["differences"]),
        *_further(told),
        *_cut(told, metric_titles),
        *_changes(told),
    ]


def _rows(rows: Sequence[Any], titles: Sequence[str]) -> str:
    return table(
        ["System", *titles],
        [
            [
                f"{escaped(row.name)} ({escaped(row.hint)})",
                *(_cell(cell) for cell in row.cells),
            ]
            for row in rows
        ],
    )


def _cell(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} {cell.interval}".strip()


def _differences(rows: Sequence[Any]) -> str:
    return table(
        ["Question", "Metric", "Means", "Difference", "95 % interval", "p", "Answer"],
        [
            [
                escaped(row.question),
                row.metric,
                row.means,
                row.difference,
                row.interval,
                row.p_value.replace("<", r"\<"),
                row.outcome,
            ]
            for row in rows
        ],
    )


def _further(told: Mapping[str, Any]) -> list[str]:
    """Tell of significance, slices and leaks, where they are known."""
    further = told["further"]
    return [
        *(_significance(further["significance"]) if "significance" in further else []),
        *(_slices(told, further["slices"]) if further.get("slices") else []),
        *(_leakage(further["leakage"]) if further.get("leakage") else []),
    ]


def _significance(told: Mapping[str, Any]) -> list[str]:
    if len(told["systems"]) < 2:
        return []
    rows = [
        [escaped(row["name"]), row["mean"], row["interval"], row["letters"]]
        for row in told["systems"]
    ]
    return [
        "### Which systems can be told apart?",
        "\n".join(f"- {escaped(sentence)}" for sentence in told["sentences"]),
        table(["System", told["metric"], "95 % interval", "Shares a letter"], rows),
    ]


def _slices(told: Mapping[str, Any], slices: Any) -> list[str]:
    parts = [f"### Where the difference comes from (nDCG@10, {escaped(told['candidate'])})"]
    for part in slices:
        names = [escaped(name) for name in part["systems"]]
        compared = part["rows"] and part["rows"][0]["gain"] is not None
        rows = [
            [
                f"{escaped(in_words(row['name']))} ({row['queries']:,})",
                *row["means"],
                *([row["gain"]["change"], row["gain"]["interval"]] if compared else []),
            ]
            for row in part["rows"]
        ]
        head = ["Queries", *names, *(["Change", "95 % interval"] if compared else [])]
        parts += [f"#### {escaped(part['title'])}", table(head, rows)]
    return parts


def _leakage(findings: Any) -> list[str]:
    rows = [[escaped(one.title), f"{one.count:,}", f"{one.of:,}"] for one in findings]
    return ["### Leaks", table(["What was looked for", "Found", "Of"], rows)]


def _cut(told: Mapping[str, Any], metric_titles: Sequence[str]) -> list[str]:
    if not told["truncated"]:
        return []
    return ["### Whole passages against cut ones", _rows(told["truncated"], metric_titles)]


def _changes(told: Mapping[str, Any]) -> list[str]:
    changes: Changes | None = told["changes"]
    if changes is None:
        return []
    before, after = escaped(told["reference"]), escaped(told["candidate"])
    moves = [
        [name, *(f"{count:,}" for count in row)]
        for name, row in zip(changes.bands, changes.moves, strict=True)
    ]
    return [
        f"### What changed from {before} to {after}",
        f"The right answer rose for {changes.rose:,} queries, fell for {changes.fell:,} and kept "
        f"its rank for {changes.stayed:,}.",
        table([f"Rank in {before} ↓, in {after} →", *changes.bands], moves),
        *(_examples("Better now", changes.improved, changes.depth)),
        *(_examples("Worse now", changes.worsened, changes.depth)),
    ]


def _examples(title: str, examples: Sequence[Change], depth: int) -> list[str]:
    if not examples:
        return []
    lines = [
        f"- **{_rank(one.before, depth)} → {_rank(one.after, depth)}** {escaped(one.text)}  \n"
        f"  {_marked(one.right)}"
        for one in examples
    ]
    return [f"#### {title}", "\n".join(lines)]


def _rank(rank: int | None, depth: int) -> str:
    return f"beyond {depth}" if rank is None else str(rank)


def _marked(snippet: Snippet) -> str:
    """Print an excerpt with the query's words in bold."""
    # The white space around a piece is part of the sentence, which escaping folds away.
    return "".join(
        f"**{escaped(text)}**" if is_match else _MARKUP.sub(r"\\\1", text)
        for text, is_match in snippet.pieces
    )


def _made_with(content: Mapping[str, Any]) -> list[str]:
    made_with = content["made_with"]
    hashes = {"data set": made_with.dataset, **made_with.models}
    rows = [[escaped(name), version] for name, version in made_with.versions.items()]
    rows += [[escaped(name), f"sha256 {value}"] for name, value in hashes.items() if value]
    settings = content["settings"]
    return [
        "## How to reproduce",
        f"```sh\n{content['command']}\n```",
        f"`settings.toml`:\n\n```toml\n{settings}\n```" if settings else "",
        table(["Made with", "Version"], rows),
    ]
