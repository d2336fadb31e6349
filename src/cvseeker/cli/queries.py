"""The commands that make a data set: ``generate`` and ``judge``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cvseeker.cli.options import (
    JsonOption,
    OptionalWorkspace,
    require_one_way,
    takes,
)
from cvseeker.cli.streams import put, put_json, say
from cvseeker.core.errors import InputError
from cvseeker.core.settings import Settings

if TYPE_CHECKING:
    from cvseeker.core.workspace import Workspace

DatasetOutOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the data set goes: ….json, or a BEIR folder."),
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Send nothing: say what would be sent, and what it would cost."),
]


@takes(
    "generate",
    "llm",
    examples=(
        "-w workspace",
        "--corpus passages.json --out queries.json --llm gpt-4o-mini --dry-run",
    ),
)
def generate(
    *,
    workspace: OptionalWorkspace = None,
    corpus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Passages: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    out: DatasetOutOption = None,
    settings: Settings,
    dry_run: DryRunOption = False,
    status: Annotated[
        bool, typer.Option("--status", help="Send nothing: say what the ledger holds.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write queries that each passage answers.

    For a workspace or for a file of passages; without an LLM unless one is named.
    """
    require_one_way(workspace, {"--corpus": corpus, "--out": out}, "generate")
    if status:
        _print_status(_source(workspace, out), as_json=as_json)
    elif dry_run:
        _print_plan("generate", _source(workspace, corpus), out, settings, as_json=as_json)
    else:
        _run("queries", _source(workspace, corpus), out, settings, as_json=as_json)


@takes(
    "judge",
    "llm",
    examples=("-w workspace", "--dataset queries.json --out judged.json --llm gpt-4o-mini"),
)
def judge(
    *,
    workspace: OptionalWorkspace = None,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Queries: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    out: DatasetOutOption = None,
    settings: Settings,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge which other passages answer each query.

    The whole corpus is looked through by several rankers, and what they find is graded.
    """
    require_one_way(workspace, {"--dataset": dataset, "--out": out}, "judge")
    if dry_run:
        _print_plan("judge", _source(workspace, dataset), out, settings, as_json=as_json)
    else:
        _run("judged", _source(workspace, dataset), out, settings, as_json=as_json)


def _source(workspace: Path | None, file: Path | None) -> "Workspace | Path":
    """Return what a stage reads; one of the two was given."""
    from cvseeker.core.workspace import Workspace

    return file or Workspace(workspace or Path())


def _run(
    name: str, source: "Workspace | Path", out: Path | None, settings: Settings, *, as_json: bool
) -> None:
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.queries import generate_stage, judge_stage

    stage = generate_stage if name == "queries" else judge_stage
    try:
        with drawn_progress() as progress:
            result = stage(source, settings, progress, out=out)
    except KeyboardInterrupt:
        if settings.llm.batch:
            say("batches go on at the provider")
        raise
    if as_json:
        put_json(result.counts)
        return
    print_stage(name, result)
    put(out or result.folder)


def _print_plan(
    stage: Literal["generate", "judge"],
    source: "Workspace | Path",
    out: Path | None,
    settings: Settings,
    *,
    as_json: bool,
) -> None:
    from cvseeker.cli.tables import plan_table
    from cvseeker.cli.terminal import drawn_progress, stdout
    from cvseeker.queries import plan_stage

    with drawn_progress() as progress:
        plan = plan_stage(stage, source, settings, progress, out=out)
    if as_json:
        put_json(plan.to_dict())
        return
    stdout().print(plan_table(plan))
    if plan.message:
        put(f"the first request\n{plan.system}\n{plan.message}")


def _print_status(source: "Workspace | Path", *, as_json: bool) -> None:
    from cvseeker.cli.tables import ledger_table
    from cvseeker.cli.terminal import stdout
    from cvseeker.llm import Ledger
    from cvseeker.queries import ledger_of

    path = ledger_of(source)
    if not path.is_file():
        raise InputError(f"{path}: no ledger; one is written by: cvseeker generate --llm MODEL")
    with Ledger(path) as ledger:
        summary = ledger.summary()
    if as_json:
        put_json(summary)
        return
    stdout().print(ledger_table(summary))
