"""The ``cvseeker`` command line: parse, make one call, print.

Heavy modules are imported inside the commands, so that ``cvseeker --help`` is instant.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvseeker import __version__
from cvseeker.cli_options import (
    BaseOption,
    ConfigOption,
    EpochsOption,
    JsonOption,
    JudgementsOption,
    LlmOption,
    OptionalWorkspace,
    PerPassageOption,
    SourcesArgument,
    WorkspaceOption,
)
from cvseeker.errors import InputError

if TYPE_CHECKING:
    from cvseeker.config import Settings
    from cvseeker.workspace import StageResult

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
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def demo(
    workspace: WorkspaceOption = Path("cvseeker-demo"),
    base: BaseOption = None,
) -> None:
    """Run the whole pipeline on the bundled fictional résumés, then search with it."""
    from cvseeker.demonstration import DEMO_QUERIES, demo_judgements, demo_resumes
    from cvseeker.search.workspace import open_base_searcher, open_searcher
    from cvseeker.terminal import drawn_progress, hits_table, stdout

    settings = _settings(None, finetune={"base": base})
    _run([demo_resumes()], workspace, settings, demo_judgements())
    # Dense scores only: this shows what the training changed, without BM25's help.
    with drawn_progress() as progress:
        before = open_base_searcher(workspace, lexical_weight=0.0, progress=progress)
    after = open_searcher(workspace, lexical_weight=0.0)
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
    epochs: EpochsOption = None,
    judgements: JudgementsOption = None,
    config: ConfigOption = None,
) -> None:
    """Run the whole pipeline on your résumés; the same command completes an interrupted run."""
    settings = _settings(config, generate={"llm": llm}, finetune={"base": base, "epochs": epochs})
    _run(sources, workspace, settings, judgements)
    _print_where(workspace)


@app.command()
def ingest(
    sources: SourcesArgument, workspace: WorkspaceOption, config: ConfigOption = None
) -> None:
    """Read résumés, cut them into passages, group them by person and split them."""
    from cvseeker.stages import ingest_stage
    from cvseeker.terminal import drawn_progress
    from cvseeker.workspace import Workspace

    with drawn_progress() as progress:
        result = ingest_stage(Workspace(workspace), sources, _settings(config), progress)
    _print_stage("ingest", result)


@app.command()
def generate(
    workspace: OptionalWorkspace = None,
    corpus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Passages: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the data set goes: ….json, or a BEIR folder."),
    ] = None,
    llm: LlmOption = None,
    per_passage: PerPassageOption = None,
    config: ConfigOption = None,
) -> None:
    """Write queries that each passage answers, for a workspace or for a file of passages."""
    from cvseeker.stages import generate_stage
    from cvseeker.standalone import generate_file
    from cvseeker.terminal import drawn_progress, say
    from cvseeker.workspace import Workspace

    settings = _settings(config, generate={"llm": llm, "per_passage": per_passage})
    _one_way(workspace, {"--corpus": corpus, "--out": out}, "generate")
    with drawn_progress() as progress:
        if workspace is not None:
            result = generate_stage(Workspace(workspace), settings, progress)
        elif corpus is not None and out is not None:
            dataset = generate_file(corpus, out, settings, progress)
    if workspace is not None:
        _print_stage("queries", result)
        return
    say(f"{len(dataset.queries)} queries about {len(dataset.corpus)} passages")
    typer.echo(out)


@app.command()
def finetune(
    workspace: OptionalWorkspace = None,
    train: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Training data: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Validation data; none: a tenth of the persons."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the tuned model goes.")
    ] = None,
    base: BaseOption = None,
    epochs: EpochsOption = None,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="X", help="Peak learning rate [default: by size].")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="Pairs in a batch [default: 64].")
    ] = None,
    max_pairs: Annotated[
        int | None, typer.Option(metavar="N", help="Pairs used at most [default: 6000].")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed [default: 13].")] = None,
    config: ConfigOption = None,
) -> None:
    """Fine-tune the base model on queries and their passages."""
    from cvseeker.stages import finetune_stage
    from cvseeker.standalone import finetune_files
    from cvseeker.terminal import drawn_progress
    from cvseeker.workspace import Workspace

    flags = {
        "base": base,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "max_pairs": max_pairs,
        "seed": seed,
    }
    settings = _settings(config, finetune=flags)
    _one_way(workspace, {"--train": train, "--out": out}, "finetune")
    with drawn_progress() as progress:
        if workspace is not None:
            result = finetune_stage(Workspace(workspace), settings, progress)
        elif train is not None and out is not None:
            result = finetune_files(train, val, out, settings, progress)
    _print_stage("model", result)
    typer.echo(out if workspace is None else workspace / "model")


@app.command()
def evaluate(
    workspace: OptionalWorkspace = None,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Test data: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the report goes.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME_OR_DIR", help="A model; 'base' is the default base model."),
    ] = None,
    judgements: JudgementsOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare BM25, models and their hybrids: metrics, run files and a report."""
    from cvseeker.files import read_json
    from cvseeker.stages import evaluate_stage
    from cvseeker.standalone import evaluate_files
    from cvseeker.terminal import drawn_progress
    from cvseeker.workspace import Workspace

    settings = _settings(config)
    _one_way(workspace, {"--dataset": dataset, "--out": out}, "evaluate")
    with drawn_progress() as progress:
        if workspace is not None:
            evaluate_stage(Workspace(workspace), settings, progress, judgements=judgements)
            folder = workspace / "evaluation"
        elif dataset is not None and out is not None:
            evaluate_files(dataset, model or ["base"], out, settings, progress)
            folder = out
    metrics = read_json(folder / "metrics.json")
    if as_json:
        typer.echo(json.dumps(metrics, ensure_ascii=False, indent=2))
        return
    _print_metrics(metrics)
    typer.echo(folder / "report.html")


@app.command()
def index(workspace: WorkspaceOption, config: ConfigOption = None) -> None:
    """Build the search index of a workspace."""
    from cvseeker.stages import index_stage
    from cvseeker.terminal import drawn_progress
    from cvseeker.workspace import Workspace

    with drawn_progress() as progress:
        result = index_stage(Workspace(workspace), _settings(config), progress)
    _print_stage("index", result)


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


def _settings(config: Path | None, **flags: dict[str, Any]) -> "Settings":
    """Read the settings file, then let the flags override it."""
    from cvseeker.config import Settings

    settings = Settings.from_toml(config) if config else Settings()
    for stage, values in flags.items():
        settings = settings.override(stage, values)
    return settings


def _one_way(workspace: Path | None, files: dict[str, Path | None], command: str) -> None:
    """Refuse a command that names neither a workspace nor all its files, or both."""
    named = [name for name, value in files.items() if value is not None]
    if (workspace is None) == (len(named) < len(files)) or (workspace is not None and named):
        wanted = " and ".join(files)
        given = ", ".join(["-w"] * (workspace is not None) + named) or "neither"
        raise InputError(
            f"cvseeker {command} takes either -w DIR or {wanted}; got {given}. "
            f"See: cvseeker {command} --help"
        )


def _run(sources: list[Path], workspace: Path, settings: "Settings", judged: Path | None) -> None:
    from cvseeker import pipeline
    from cvseeker.files import read_json
    from cvseeker.terminal import drawn_progress
    from cvseeker.workspace import Workspace

    with drawn_progress() as progress:
        pipeline.run(
            sources,
            Workspace(workspace),
            settings,
            judgements=judged,
            progress=progress,
            stage_done=_print_stage,
        )
    _print_metrics(read_json(workspace / "evaluation" / "metrics.json"))


def _print_stage(stage: str, result: "StageResult") -> None:
    from cvseeker.terminal import files_table, say, stage_line, stderr

    say(stage_line(stage, result))
    if stage == "ingest" and not result.skipped:
        stderr().print(files_table(result.counts))


def _print_metrics(metrics: dict[str, Any]) -> None:
    from cvseeker.terminal import metrics_table, stdout

    titles = {"systems": "test split", "handwritten": "hand-written queries"}
    stdout().print(metrics_table(metrics["systems"], titles["systems"]))
    for name, part in metrics.items():
        if name not in {"dataset", "systems"}:
            stdout().print(metrics_table(part["systems"], titles.get(name, name)))


def _print_where(workspace: Path) -> None:
    typer.echo(f"report: {workspace / 'evaluation' / 'report.html'}")
    typer.echo(f'search: cvseeker search -w {workspace} "QUERY"')
