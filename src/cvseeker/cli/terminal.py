"""What the command line draws: progress on stderr, tables and search results on stdout."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from cvseeker.cli.program import command
from cvseeker.core import progress as reporting
from cvseeker.core.workspace import Workspace

if TYPE_CHECKING:
    from cvseeker.cli.diagnosis import Finding
    from cvseeker.core.workspace import StageResult
    from cvseeker.search import Hit

# Between two lines of progress where stderr is a file.
SECONDS_BETWEEN_LINES = 15.0

# Characters of a passage that are shown, and those of them before the first word that matches.
SNIPPET_LENGTH, SNIPPET_LEAD = 280, 60

COLUMNS = {
    "accuracy@1": "acc@1",
    "hit_rate@5": "hit@5",
    "accuracy@10": "acc@10",
    "recall@10": "recall@10",
    "mrr@10": "MRR@10",
    "ndcg@10": "nDCG@10",
    "map@100": "MAP@100",
}


def stdout() -> Console:
    """Return a console on stdout; wide enough for a table where stdout is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=110)


def stderr() -> Console:
    """Return a console on stderr."""
    return Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


@contextmanager
def drawn_progress() -> Iterator[reporting.Progress]:
    """Give a progress callback that draws bars on a terminal, and lines into a file."""
    if not sys.stderr.isatty():
        yield _LineProgress()
        return
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        _WhereCounted(BarColumn(bar_width=24)),
        _WhereCounted(TextColumn("{task.completed:.0f}/{task.total:.0f}")),
        _WhereCounted(TimeRemainingColumn()),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        yield _BarProgress(bars)


class _WhereCounted(ProgressColumn):
    """Draws a column where it is known how much there is to do, and nothing elsewhere."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        """Draw the column for a task, or nothing."""
        return self._column.render(task) if task.total else ""


class _BarProgress:
    """Draws the task at hand: words that turn, and a bar where there is a count."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._name = ""

    def __call__(self, task: str, done: int, total: int, note: str = "") -> None:
        if self._task is None or task != self._name:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(escape(task), total=None, note="")
            self._name = task
        self._bars.update(self._task, completed=done, total=total or None, note=escape(note))


class _LineProgress:
    """Writes a line when a task begins, then now and then, and when it ends."""

    def __init__(self) -> None:
        self._name = ""
        self._began = self._written = 0.0

    def __call__(self, task: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if task != self._name:
            self._name, self._began = task, now
        elif done < total and now - self._written < SECONDS_BETWEEN_LINES:
            return
        self._written = now
        count = f" {done}/{total}" if total else ""
        left = (now - self._began) / done * (total - done) if 0 < done < total else 0.0
        eta = f", {left:.0f} s left" if left >= 1 else ""
        say(f"  {task}{count}{eta}{f' ({note})' if note else ''}")


def stage_line(stage: str, result: "StageResult") -> str:
    """Say in one line what a stage came to."""
    if result.skipped:
        return f"{stage}: unchanged, kept"
    flat = [f"{value} {name}" for name, value in result.counts.items() if isinstance(value, int)]
    return f"{stage}: done in {result.seconds:.1f} s ({', '.join(flat)})"


def metrics_table(systems: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """Draw ``metrics.json``'s systems as a table, each column's best value in bold."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("system")
    for heading in [*COLUMNS.values(), "seconds"]:
        table.add_column(heading, justify="right")
    best = {key: max(row[key] for row in systems.values()) for key in COLUMNS}
    for name, row in systems.items():
        cells = [
            Text(f"{row[key]:.3f}", style="bold" if row[key] == best[key] else "")
            for key in COLUMNS
        ]
        table.add_row(escape(name), *cells, f"{row['seconds']:.1f}")
    return table


def print_stage(stage: str, result: "StageResult") -> None:
    """Say on stderr what a stage came to, what it decided, and what became of queries."""
    say(stage_line(stage, result))
    for sentence in result.decided:
        say(f"  {sentence}")
    if "written" in result.counts and not result.skipped:
        _print_queries(result.counts)
    if "pairs" in result.counts and stage == "judged" and not result.skipped:
        _print_labels(result.counts)


def print_ready(workspace: Path, *, tuned: bool = True) -> None:
    """Say on stdout what a run came to: the verdict, where the report is, and how to search."""
    evaluation = Workspace(workspace).manifest("evaluation")
    if tuned and evaluation is not None:
        sys.stdout.write(f"verdict: {evaluation['counts'].get('verdict', 'see the report')}\n")
        sys.stdout.write(f"report: {workspace / 'evaluation' / 'report.html'}\n")
    sys.stdout.write(f"search: {search_command(workspace)}\n")
    if not tuned:
        sys.stdout.write("to fine-tune: the same command without --no-tune\n")


def search_command(workspace: Path) -> str:
    """Return what to type to search a workspace."""
    return f'{command("search", "-w", workspace)} "QUERY"'


def _print_queries(counts: Mapping[str, Any]) -> None:
    """Say what became of queries and passages, and what was spent, after a run with an LLM."""
    table = Table(title="queries", title_justify="left", title_style="bold")
    table.add_column("what became of them")
    table.add_column("number", justify="right")
    table.add_row("written by the LLM", f"{counts['written']:,}")
    for reason, number in counts["dropped"].items():
        table.add_row(f"dropped: {reason}", f"{number:,}")
    table.add_row("accepted", f"{counts['queries']:,}")
    for outcome, number in counts["passages"].items():
        table.add_row(f"passages: {escape(outcome)}", f"{number:,}")
    stderr().print(table)
    _print_requests(counts["requests"])
    if counts["unanswered"]:
        stderr().print(
            f"{counts['unanswered']:,} passages got no usable reply; the same command asks for "
            "them again",
            markup=False,
        )


def _print_labels(counts: Mapping[str, Any]) -> None:
    """Say what judging came to, and what was spent where an LLM did it."""
    table = Table(title="labels", title_justify="left", title_style="bold")
    table.add_column("what became of them")
    table.add_column("number", justify="right")
    table.add_row("pairs of a query and a passage pooled", f"{counts['pairs']:,}")
    for grade, number in counts["graded"].items():
        table.add_row(f"graded {grade}", f"{number:,}")
    table.add_row("not judged", f"{counts['unjudged']:,}")
    table.add_row("relevant passages a query, before", f"{counts['positives_before']:.2f}")
    table.add_row("relevant passages a query, after", f"{counts['positives_after']:.2f}")
    for kind, number in counts["left_as_they_were"].items():
        table.add_row(f"queries left as they were: {escape(kind)}", f"{number:,}")
    for reason, number in counts["dropped"].items():
        table.add_row(f"queries dropped: {reason}", f"{number:,}")
    table.add_row("queries", f"{counts['queries']:,}")
    stderr().print(table)
    if "requests" in counts:
        _print_requests(counts["requests"])
    if counts.get("unanswered"):
        stderr().print(
            f"{counts['unanswered']:,} pairs got no usable reply; the same command asks for them "
            "again",
            markup=False,
        )


def _print_requests(requests: Mapping[str, Any]) -> None:
    stderr().print(
        f"{requests['sent']:,} requests sent, {requests['prompt_tokens']:,} prompt and "
        f"{requests['completion_tokens']:,} reply tokens; spent: {requests['spent']} "
        f"(with earlier runs: {requests['spent_in_all']})",
        markup=False,
    )


def print_metrics(metrics: Mapping[str, Any]) -> None:
    """Print the tables of ``metrics.json``, one a query set."""
    stdout().print(metrics_table(metrics["systems"], "test split"))
    for name, part in metrics.items():
        if name not in {"dataset", "systems"}:
            title = "hand-written queries" if name == "handwritten" else name
            stdout().print(metrics_table(part["systems"], title))


def hits_table(hits: Sequence["Hit"], title: str) -> Table:
    """Draw search results, the words that the query shares in bold."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", show_lines=True)
    table.add_column("#", justify="right")
    table.add_column("résumé", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("best passage", ratio=1)
    for rank, hit in enumerate(hits, start=1):
        table.add_row(str(rank), Text(hit.resume_id), f"{hit.score:.3f}", _snippet(hit))
    return table


def diagnosis_table(findings: Sequence["Finding"]) -> Table:
    """Draw what the doctor found."""
    table = Table(title="cvseeker doctor", title_justify="left", title_style="bold")
    for heading in ("what", "state", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(finding.what, Text(finding.state), Text(finding.remedy))
    return table


def _snippet(hit: "Hit") -> Text:
    """Mark the matched words and shorten the snippet to the words around the first of them."""
    text = Text(hit.snippet)
    for start, end in hit.spans:
        text.stylize("bold yellow", start, end)
    begin = max(0, hit.spans[0][0] - SNIPPET_LEAD) if hit.spans else 0
    begin = hit.snippet.find(" ", begin) + 1 if begin else 0
    end = begin + SNIPPET_LENGTH
    end = hit.snippet.rfind(" ", begin, end) if end < len(hit.snippet) else end
    shown = Text(" ").join(text[begin:end].split("\n"))
    return Text("… " if begin else "") + shown + Text(" …" if end < len(hit.snippet) else "")
