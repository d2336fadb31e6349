"""The commands that search, and the one that looks at the installation."""

from typing import Annotated

import typer

from cvseeker.cli.options import JsonOption, WorkspaceOption, takes
from cvseeker.cli.streams import put_json
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
    from cvseeker.search import open_searcher

    hits = open_searcher(workspace).search(query, top_k_resumes=settings.search.top_k)
    if as_json:
        put_json([hit.to_dict() for hit in hits])
        return
    stdout().print(hits_table(hits, f'"{query}"'))


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
