"""How the command line speaks: progress and messages on stderr, results on stdout."""

import sys
import time
from collections.abc import Iterator, Mapping
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

from cvseeker.cli import tables
from cvseeker.cli.program import command
from cvseeker.cli.streams import put, say
from cvseeker.core import progress as reporting
from cvseeker.core.screen import printable
from cvseeker.core.workspace import Workspace

if TYPE_CHECKING:
    from cvseeker.core.workspace import StageResult

# Between two lines of progress where stderr is a file.
SECONDS_BETWEEN_LINES = 15.0


class _Console(Console):
    """A console that leaves it to us how a command ends whose reader has gone."""

    def on_broken_pipe(self) -> None:
        """Raise what was caught: the console would exit with 1."""
        raise  # noqa: PLE0704


def stdout() -> Console:
    """Return a console on stdout; wide enough for a table where stdout is no terminal."""
    console = _Console(highlight=False)
    return console if console.is_terminal else _Console(highlight=False, width=110)


def stderr() -> Console:
    """Return a console on stderr."""
    return _Console(stderr=True, highlight=False)


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
            self._task = self._bars.add_task(escape(printable(task)), total=None, note="")
            self._name = task
        self._bars.update(
            self._task, completed=done, total=total or None, note=escape(printable(note))
        )


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


def print_stage(stage: str, result: "StageResult") -> None:
    """Say on stderr what a stage came to, what it decided, and what became of queries."""
    say(stage_line(stage, result))
    for sentence in result.decided:
        say(f"  {sentence}")
    if result.skipped:
        return
    if "written" in result.counts:
        stderr().print(tables.queries_table(result.counts))
        _print_asked(result.counts, "passages")
    if "sections" in result.counts:
        stderr().print(tables.sections_table(result.counts["sections"]))
    if "like" in result.counts:
        stderr().print(tables.like_table(result.counts["like"]))
    if stage == "judged":
        stderr().print(tables.labels_table(result.counts))
        _print_asked(result.counts, "pairs")


def print_ready(workspace: Path, *, tuned: bool = True) -> None:
    """Say on stdout what a run came to: the verdict, where the report is, and how to search."""
    evaluation = Workspace(workspace).manifest("evaluation")
    if tuned and evaluation is not None:
        put(f"verdict: {evaluation['counts'].get('verdict', 'see the report')}")
        put(f"report: {workspace / 'evaluation' / 'report.html'}")
    put(f"search: {search_command(workspace)}")
    put(f"in a browser: {command('serve', '-w', workspace)}")
    if not tuned:
        put("to fine-tune: the same command without --no-tune")


def search_command(workspace: Path) -> str:
    """Return what to type to search a workspace."""
    return f'{command("search", "-w", workspace)} "QUERY"'


def _print_asked(counts: Mapping[str, Any], what: str) -> None:
    """Say what was spent on an LLM, and what it left without an answer."""
    if requests := counts.get("requests"):
        say(
            f"{requests['sent']:,} requests sent, {requests['prompt_tokens']:,} prompt and "
            f"{requests['completion_tokens']:,} reply tokens; spent: {requests['spent']} "
            f"(with earlier runs: {requests['spent_in_all']})"
        )
    if counts.get("unanswered"):
        say(
            f"{counts['unanswered']:,} {what} got no usable reply; the same command asks for them "
            "again"
        )
