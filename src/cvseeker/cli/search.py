"""The commands that search, and those that look at a workspace and at the installation."""

from dataclasses import asdict
from typing import Annotated

import typer

from cvseeker.cli.options import JsonOption, WorkspaceOption, takes
from cvseeker.cli.streams import put_json, say
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.settings import Settings


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
        '-w workspace "welder" --top-k 3 --json',
    ),
)
def search(
    *,
    query: Annotated[str, typer.Argument(help="What you look for, in your own words.")],
    workspace: WorkspaceOption,
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """Find the résumés that fit a query, and why."""
    from cvseeker.cli.tables import hits_table
    from cvseeker.cli.terminal import stdout
    from cvseeker.core.workspace import Workspace
    from cvseeker.search import open_searcher

    searcher = open_searcher(workspace, engine=settings.search.engine)
    hits = searcher.search(query, top_k_resumes=settings.search.top_k)
    stages = Workspace(workspace)
    if stages.newer_than("index"):
        say(f"there is a model since; to search with it: {stages.command('index')}")
    if as_json:
        put_json([hit.to_dict() for hit in hits])
        return
    stdout().print(hits_table(hits, f'"{query}"'))


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
    states = stages.states(verify=verify)
    if as_json:
        put_json([asdict(state) for state in states])
    else:
        rows = [(one.stage, one.state, "\n".join((*one.problems, one.command))) for one in states]
        stdout().print(table(str(workspace), ("stage", "state", "what to do"), rows, numbers=()))
    broken = [one for one in states if one.problems]
    if verify and broken:
        raise WorkspaceError(f"{broken[0].problems[0]}; run: {broken[0].command}")


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
