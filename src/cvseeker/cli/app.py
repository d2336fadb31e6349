"""The ``cvseeker`` command line: parse, make one call, print.

Heavy modules are imported inside the commands, so that ``cvseeker --help`` is instant.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvseeker.cli import audit as audit_command
from cvseeker.cli import evaluate as evaluate_commands
from cvseeker.cli import finetune as finetune_command
from cvseeker.cli import queries as query_commands
from cvseeker.cli.options import (
    BaseOption,
    ConfigOption,
    EpochsOption,
    JsonOption,
    JudgementsOption,
    LlmOption,
    LlmUrlOption,
    NoTuneOption,
    SourcesArgument,
    WorkspaceOption,
    read_settings,
)
from cvseeker.core import __version__
from cvseeker.core.errors import InputError
from cvseeker.train import world_size

if TYPE_CHECKING:
    from cvseeker.core.settings import Settings

app = typer.Typer(
    name="cvseeker",
    help="Turn a folder of résumés into an embedding model that knows them, and search with it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if world_size() > 1 and context.invoked_subcommand != "finetune":
        raise InputError(
            f"{context.invoked_subcommand}: started in {world_size()} processes, and only finetune "
            f"runs in several; type: cvseeker {context.invoked_subcommand}"
        )


@app.command()
def demo(
    workspace: WorkspaceOption = Path("cvseeker-demo"),
    base: BaseOption = None,
) -> None:
    """Run the whole pipeline on the bundled fictional résumés, then search with it."""
    from cvseeker.cli.terminal import drawn_progress, hits_table, print_ready, stdout
    from cvseeker.core.settings import HybridWeights
    from cvseeker.examples import DEMO_QUERIES, demo_judgements, demo_resumes
    from cvseeker.search import open_base_searcher, open_searcher

    # Four queries a passage, not six: the demo is to take minutes on a laptop.
    settings = read_settings(None, generate={"per_passage": 4}, finetune={"base": base})
    _run([demo_resumes()], workspace, settings, judgements=demo_judgements())
    # Dense scores only: this shows what the training changed, without BM25's help.
    dense_only = HybridWeights(bm25=0, dense=1, late=0)
    with drawn_progress() as progress:
        before = open_base_searcher(workspace, weights=dense_only, progress=progress)
    after = open_searcher(workspace, weights=dense_only)
    for query in DEMO_QUERIES:
        for model, searcher in (("base", before), ("tuned", after)):
            hits = searcher.search(query, top_k_resumes=3)
            stdout().print(hits_table(hits, f'"{query}", {model} model'))
    print_ready(workspace)


@app.command()
def run(
    sources: SourcesArgument,
    workspace: WorkspaceOption,
    base: BaseOption = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    epochs: EpochsOption = None,
    judgements: JudgementsOption = None,
    no_tune: NoTuneOption = False,
    config: ConfigOption = None,
) -> None:
    """Make your résumés searchable, then fine-tune on them; the same command completes a run."""
    from cvseeker.cli.terminal import print_ready
    from cvseeker.core.workspace import Workspace

    settings = read_settings(
        config,
        generate={"llm": llm},
        llm={"url": llm_url},
        finetune={"base": base, "epochs": epochs},
    )
    _run(sources, workspace, settings, judgements=judgements, tune=not no_tune)
    if settings.finetune.push_to_hub is not None and not no_tune:
        counts = (Workspace(workspace).manifest("model") or {})["counts"]
        finetune_command.publish(workspace / "model", counts, settings)
    print_ready(workspace, tuned=not no_tune)


@app.command()
def ingest(
    sources: SourcesArgument, workspace: WorkspaceOption, config: ConfigOption = None
) -> None:
    """Read résumés, cut them into passages, group them by person and split them."""
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.core.workspace import Workspace
    from cvseeker.resumes import ingest_stage

    with drawn_progress() as progress:
        result = ingest_stage(Workspace(workspace), sources, read_settings(config), progress)
    print_stage("ingest", result)


app.command()(query_commands.generate)
app.command()(query_commands.judge)
app.command()(finetune_command.finetune)


app.command()(evaluate_commands.evaluate)
app.command()(evaluate_commands.compare)
app.command()(audit_command.audit)


@app.command()
def index(workspace: WorkspaceOption, config: ConfigOption = None) -> None:
    """Build the search index of a workspace."""
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.core.workspace import Workspace
    from cvseeker.search import index_stage

    with drawn_progress() as progress:
        result = index_stage(Workspace(workspace), read_settings(config), progress)
    print_stage("index", result)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What you look for, in your own words.")],
    workspace: WorkspaceOption,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Résumés shown.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Find the résumés that fit a query, with the passage that says why."""
    from cvseeker.cli.terminal import hits_table, stdout
    from cvseeker.search import open_searcher

    hits = open_searcher(workspace).search(query, top_k_resumes=top_k)
    if as_json:
        typer.echo(json.dumps([hit.to_dict() for hit in hits], ensure_ascii=False, indent=2))
        return
    stdout().print(hits_table(hits, f'"{query}"'))


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed, which model and device would be used, and what is missing."""
    from cvseeker.cli.diagnosis import diagnose
    from cvseeker.cli.terminal import diagnosis_table, stdout

    findings = diagnose()
    if as_json:
        typer.echo(json.dumps([finding.to_dict() for finding in findings], indent=2))
        return
    stdout().print(diagnosis_table(findings))


def _run(
    sources: list[Path],
    workspace: Path,
    settings: "Settings",
    *,
    judgements: Path | None,
    tune: bool = True,
) -> None:
    from cvseeker import pipeline
    from cvseeker.cli.terminal import drawn_progress, print_stage, say, search_command
    from cvseeker.core.workspace import StageResult, Workspace

    done: list[str] = []

    def stage_done(stage: str, result: StageResult) -> None:
        print_stage(stage, result)
        done.append(stage)
        if tune and done == ["ingest", "index"]:
            say(f"  search works now, in another terminal: {search_command(workspace)}")

    with drawn_progress() as progress:
        pipeline.run(
            sources,
            Workspace(workspace),
            settings,
            tune=tune,
            judgements=judgements,
            progress=progress,
            stage_done=stage_done,
        )
