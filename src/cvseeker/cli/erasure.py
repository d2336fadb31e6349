"""The commands that remove people: those who ask for it, and those whose files are old."""

import re
from calendar import monthrange
from datetime import MINYEAR, date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvseeker.cli.options import JsonOption, WorkspaceOption, takes
from cvseeker.cli.streams import put_json, say
from cvseeker.core.errors import InputError
from cvseeker.core.settings import Settings

if TYPE_CHECKING:
    from cvseeker.pipeline import Receipt

_DAYS = {"d": 1, "w": 7}
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only say who it would be; nothing is changed.")
]


@takes(examples=("17 -w workspace --dry-run", "anna.pdf 'more.csv#12' -w workspace --json"))
def remove(
    *,
    resumes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RESUME", help="A candidate's number, or a résumé's file, as searches show it."
        ),
    ] = None,
    workspace: WorkspaceOption,
    readmit: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Remove nobody; let the next ingest take FILE in again."),
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove people from all of a workspace.

    All versions of their résumés go with them. Files elsewhere stay, and are named; the next ingest
    leaves them out. Without RESUME, a removal that was interrupted is completed.
    """
    from cvseeker import pipeline
    from cvseeker.cli.terminal import drawn_progress
    from cvseeker.core.workspace import Workspace

    place = Workspace(workspace)
    for file in readmit or ():
        known = pipeline.readmit(place, file, Settings().ingest)
        say(f"{file}: {'taken in by the next ingest' if known else 'was not left out'}")
    if readmit and not resumes:
        return
    with drawn_progress() as progress:
        receipts = pipeline.remove_people(place, resumes or (), progress, dry_run=dry_run)
    _show(receipts, workspace, dry_run=dry_run, as_json=as_json)


@takes(examples=("--older-than 24m -w workspace --dry-run", "--older-than 2y -w workspace"))
def retain(
    *,
    workspace: WorkspaceOption,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Of the newest file: 90d, 24m or 2y.")
    ],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove everybody whose files are too old.

    A file is as old as it says itself, else as when it was last written.
    """
    from cvseeker import pipeline
    from cvseeker.cli.terminal import drawn_progress
    from cvseeker.core.workspace import Workspace

    place, before = Workspace(workspace), day_of(older_than, date.today())
    names = pipeline.outdated_people(place, before)
    if not names:
        say(f"nobody's files are older than {before}")
    receipts = []
    if names:
        with drawn_progress() as progress:
            receipts = pipeline.remove_people(place, names, progress, dry_run=dry_run)
    _show(receipts, workspace, dry_run=dry_run, as_json=as_json)


def day_of(age: str, today: date) -> date:
    """Return the day that was so long ago.

    Examples
    --------
    >>> day_of("24m", date(2026, 11, 29))
    datetime.date(2024, 11, 29)
    """
    found = re.fullmatch(r"(\d{1,4})([dwmy])", age)
    if found is None:
        raise InputError(f"--older-than is {age!r}; expected days, weeks, months or years: 24m")
    count, unit = int(found[1]), found[2]
    if unit in _DAYS:
        return today - timedelta(days=count * _DAYS[unit])
    months = 12 * today.year + today.month - 1 - count * (12 if unit == "y" else 1)
    year, month = max(months // 12, MINYEAR), months % 12 + 1
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def _show(receipts: list["Receipt"], workspace: Path, *, dry_run: bool, as_json: bool) -> None:
    from cvseeker.cli.program import pasteable
    from cvseeker.cli.tables import table
    from cvseeker.cli.terminal import stdout

    if as_json:
        put_json([one.to_dict() for one in receipts])
        return
    for one in receipts:
        verb = "would be removed" if dry_run else "removed"
        people = f"{len(one.numbers)} candidate{'s' * (len(one.numbers) != 1)} {verb}"
        rows = [(place, str(count)) for place, count in one.removed.items()]
        rows += [("résumé", name) for name in one.resume_ids]
        rows += [("file that stays", name) for name in one.outside]
        rows += [("still named in", name) for name in one.named]
        rows += [("to be made again", pasteable(command)) for command in one.commands.values()]
        stdout().print(table(people, ("what", "how many, or which"), rows, numbers=()))
        if one.digest:
            say(f"receipt {one.digest}; the log has it: {workspace}")
