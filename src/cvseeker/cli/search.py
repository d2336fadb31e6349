"""The commands that search, and those that look at a workspace and at the installation."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvseeker.cli import program
from cvseeker.cli.options import JsonOption, WorkspaceOption, takes
from cvseeker.cli.streams import put_json, say
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.settings import Settings

if TYPE_CHECKING:
    from cvseeker.core.workspace import StageState, Workspace


@takes("finetune.base", examples=("-w workspace", "-w workspace --config settings.toml"))
def index(*, workspace: WorkspaceOption, settings: Settings) -> None:
    """Build the search index of a workspace."""
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.core.workspace import Workspace
    from cvseeker.search import index_stage

    with drawn_progress() as progress:
        result = index_stage(Workspace(workspace), settings, progress)
    print_stage("index", result)


@takes(
    "search",
    examples=(
        '-w workspace "icu nurse, night shifts, can teach juniors"',
        """-w workspace '("project manager" OR PM) AND place:Oslo AND years>=5 NOT intern'""",
        "-w workspace --file job.pdf --top-k 3 --json",
    ),
)
def search(
    *,
    query: Annotated[
        str, typer.Argument(help="What you look for, in your own words or Boolean.")
    ] = "",
    workspace: WorkspaceOption,
    settings: Settings,
    file: Annotated[
        str, typer.Option(metavar="FILE", help="A job description, such as a PDF; -: from stdin.")
    ] = "",
    similar: Annotated[
        str, typer.Option(metavar="ID", help="Whose like is looked for: a number or a file.")
    ] = "",
    must: Annotated[
        list[str] | None, typer.Option(help="What must be there, such as place:Oslo or years>=5.")
    ] = None,
    nice: Annotated[list[str] | None, typer.Option(help="What would be nice to have.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--not", help="What must not be there.")
    ] = None,
    page: Annotated[int, typer.Option(metavar="N", min=1, help="Which page of hits.")] = 1,
    blind: Annotated[bool, typer.Option("--blind", help="Numbers in the place of names.")] = False,
    opened: Annotated[bool, typer.Option("--open", help="Open the best hit's file.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find who fits a query or a job description, and why."""
    from cvseeker.cli.candidates import show
    from cvseeker.core.workspace import Workspace
    from cvseeker.search import CandidateSearch

    finder = CandidateSearch.open(workspace, engine=settings.search.engine)
    most = settings.search.top_k
    skip = (page - 1) * most
    if similar:
        found = finder.similar(similar, top_k=most, skip=skip)
    else:
        text = _job_text(file, settings) if file else query
        reading = finder.read(
            text, must=must or (), nice=nice or (), exclude=exclude or (), job=bool(file)
        )
        found = finder.search(reading, top_k=most, skip=skip)
    stages = Workspace(workspace)
    if stages.newer_than("index"):
        say(f"there is a model since; to search with it: {stages.command('index')}")
    show(found, skip=skip, blind=blind, form="json" if as_json else "csv" if as_csv else "")
    if opened and found.hits:
        typer.launch(found.hits[0].path)


def _job_text(file: str, settings: Settings) -> str:
    """Return a job description, from stdin or from a file of any kind that an ingest reads."""
    from cvseeker.resumes import Ingested

    if file == "-":
        return sys.stdin.read()
    return Ingested.text_of(Path(file), settings.ingest)


@takes(examples=("-w workspace", "-w workspace --verify"))
def status(
    *,
    workspace: WorkspaceOption,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare every file with its hash; 2 is returned if any differs."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say which stages of a workspace are done, outdated or damaged."""
    from cvseeker.cli.tables import table
    from cvseeker.cli.terminal import stdout
    from cvseeker.core.workspace import Workspace

    stages = Workspace(workspace)
    states = [*_whole_states(stages), *stages.states(verify=verify)]
    if as_json:
        put_json([asdict(state) for state in states])
    else:
        rows = [
            (one.stage, described(stages, one), "\n".join((*one.problems, one.command)))
            for one in states
        ]
        stdout().print(table(str(workspace), ("stage", "state", "what to do"), rows, numbers=()))
    broken = [one for one in states if one.problems]
    if verify and broken:
        raise WorkspaceError(f"{broken[0].problems[0]}; run: {broken[0].command}")


def described(stages: "Workspace", state: "StageState") -> str:
    """Return a stage's state, and of an index what finds the nearest, and how many of them."""
    if state.stage != "index" or state.state != "done":
        return state.state
    counts = (stages.manifest("index") or {"counts": {}})["counts"]
    recall = counts.get("recall@10")
    measured = "" if recall is None else f", recall@10 {recall:.3f}"
    return f"done, {counts.get('engine', 'exact')}{measured}"


def _whole_states(stages: "Workspace") -> list["StageState"]:
    """Return the state of the record, where there is one, and of a removal, if interrupted."""
    from cvseeker.core.record import NAME, Record
    from cvseeker.core.workspace import StageState

    states = []
    if stages.erasing.exists():
        command = program.command("remove", "-w", stages.path)
        states.append(StageState("removal", "interrupted", [], command))
    if (stages.path / NAME).is_file():
        with Record.open(stages.path) as record:
            exported = (stages.manifest("ingest") or {"counts": {}})["counts"].get("sequence")
            fresh = exported == record.sequence
            said = [] if fresh else [f"{stages.stage_folder('ingest')}: older than the record"]
            state = f"{record.count:,} candidates" if fresh else "newer than its export"
            command = "" if fresh else stages.command("ingest")
            states.append(StageState("record", state, said, command))
    return states


@takes(examples=("", "--json"))
def doctor(*, as_json: JsonOption = False) -> None:
    """Say what is installed, what would be used, what is missing."""
    from cvseeker.cli import diagnosis
    from cvseeker.cli.tables import diagnosis_table
    from cvseeker.cli.terminal import stdout

    findings = diagnosis.diagnose()
    if as_json:
        put_json([finding.to_dict() for finding in findings])
        return
    stdout().print(diagnosis_table(findings))
