"""The ``cvseeker`` command line: parse, make one call, print.

Heavy modules are imported inside the commands, so that ``cvseeker --help`` is instant.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvseeker import __version__, cli_audit, cli_evaluate, cli_finetune, cli_queries
from cvseeker.cli_options import (
    BaseOption,
    ConfigOption,
    EpochsOption,
    JsonOption,
    JudgementsOption,
    LlmOption,
    LlmUrlOption,
    SourcesArgument,
    WorkspaceOption,
    read_settings,
)
from cvseeker.errors import InputError
from cvseeker.train.distributed import world_size

if TYPE_CHECKING:
    from cvseeker.config import Settings

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
    from cvseeker.config import HybridWeights
    from cvseeker.demonstration import DEMO_QUERIES, demo_judgements, demo_resumes
    from cvseeker.search.workspace import open_base_searcher, open_searcher
    from cvseeker.terminal import drawn_progress, hits_table, stdout

    # Four queries a passage, not six: the demo is to take minutes on a laptop.
    settings = read_settings(None, generate={"per_passage": 4}, finetune={"base": base})
    _run([demo_resumes()], workspace, settings, demo_judgements())
    # Dense scores only: this shows what the training changed, without BM25's help.
    dense_only = HybridWeights(bm25=0, dense=1, late=0)
    with drawn_progress() as progress:
        before = open_base_searcher(workspace, weights=dense_only, progress=progress)
    after = open_searcher(workspace, weights=dense_only)
    for query in DEMO_QUERIES:
        for model, searcher in (("base", before), ("tuned", after)):
            hits = searcher.search(query, top_k_resumes=3)
            stdout().print(hits_table(hits, f'"{query}", {model} model'))
    _print_where(workspace)


@app.command()
def run(
    sources: SourcesArgument,
    workspace: WorkspaceOption,
    base: BaseOption = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    epochs: EpochsOption = None,
    judgements: JudgementsOption = None,
    config: ConfigOption = None,
) -> None:
    """Run the whole pipeline on your résumés; the same command completes an interrupted run."""
    from cvseeker.workspace import Workspace

    settings = read_settings(
        config,
        generate={"llm": llm},
        llm={"url": llm_url},
        finetune={"base": base, "epochs": epochs},
    )
    _run(sources, workspace, settings, judgements)
    if settings.finetune.push_to_hub is not None:
        counts = (Workspace(workspace).manifest("model") or {})["counts"]
        cli_finetune.publish(workspace / "model", counts, settings)
    _print_where(workspace)


@app.command()
def ingest(
    sources: SourcesArgument, workspace: WorkspaceOption, config: ConfigOption = None
) -> None:
    """Read résumés, cut them into passages, group them by person and split them."""
    from cvseeker.stages import ingest_stage
    from cvseeker.terminal import drawn_progress, print_stage
    from cvseeker.workspace import Workspace

    with drawn_progress() as progress:
        result = ingest_stage(Workspace(workspace), sources, read_settings(config), progress)
    print_stage("ingest", result)


app.command()(cli_queries.generate)
app.command()(cli_queries.judge)
app.command()(cli_finetune.finetune)


app.command()(cli_evaluate.evaluate)
app.command()(cli_evaluate.compare)
app.command()(cli_audit.audit)


@app.command()
def index(workspace: WorkspaceOption, config: ConfigOption = None) -> None:
    """Build the search index of a workspace."""
    from cvseeker.stages import index_stage
    from cvseeker.terminal import drawn_progress, print_stage
    from cvseeker.workspace import Workspace

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
    from cvseeker.search.workspace import open_searcher
    from cvseeker.terminal import hits_table, stdout

    hits = open_searcher(workspace).search(query, top_k_resumes=top_k)
    if as_json:
        typer.echo(json.dumps([hit.to_dict() for hit in hits], ensure_ascii=False, indent=2))
        return
    stdout().print(hits_table(hits, f'"{query}"'))


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed, which model and device would be used, and what is missing."""
    from cvseeker.diagnosis import diagnose
    from cvseeker.terminal import diagnosis_table, stdout

    findings = diagnose()
    if as_json:
        typer.echo(json.dumps([finding.to_dict() for finding in findings], indent=2))
        return
    stdout().print(diagnosis_table(findings))


def _run(sources: list[Path], workspace: Path, settings: "Settings", judged: Path | None) -> None:
    from cvseeker import pipeline
    from cvseeker.files import read_json
    from cvseeker.terminal import drawn_progress, print_metrics, print_stage
    from cvseeker.workspace import Workspace

    with drawn_progress() as progress:
        pipeline.run(
            sources,
            Workspace(workspace),
            settings,
            judgements=judged,
            progress=progress,
            stage_done=print_stage,
        )
    print_metrics(read_json(workspace / "evaluation" / "metrics.json"))


def _print_where(workspace: Path) -> None:
    typer.echo(f"report: {workspace / 'evaluation' / 'report.html'}")
    typer.echo(f'search: cvseeker search -w {workspace} "QUERY"')
