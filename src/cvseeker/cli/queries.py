"""The commands that make a data set: ``generate`` and ``judge``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cvseeker.cli.options import (
    BatchOption,
    BudgetOption,
    ConcurrencyOption,
    ConfigOption,
    CorpusOption,
    DatasetOutOption,
    DepthOption,
    DryRunOption,
    JsonOption,
    LanguageOption,
    LlmKeyOption,
    LlmOption,
    LlmUrlOption,
    NoMaskOption,
    OptionalWorkspace,
    PerPassageOption,
    PricesOption,
    PromptOption,
    RoundTripOption,
    RoundTripTopKOption,
    StatusOption,
    StyleOption,
    read_settings,
    require_one_way,
)
from cvseeker.core.errors import InputError

if TYPE_CHECKING:
    from cvseeker.core.settings import Settings
    from cvseeker.core.workspace import Workspace


def generate(
    workspace: OptionalWorkspace = None,
    corpus: CorpusOption = None,
    out: DatasetOutOption = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    llm_key_env: LlmKeyOption = None,
    style: StyleOption = None,
    per_passage: PerPassageOption = None,
    language: LanguageOption = None,
    prompt: PromptOption = None,
    round_trip: RoundTripOption = None,
    top_k: RoundTripTopKOption = None,
    no_mask: NoMaskOption = False,
    max_concurrency: ConcurrencyOption = None,
    budget: BudgetOption = None,
    prices: PricesOption = None,
    batch: BatchOption = False,
    dry_run: DryRunOption = False,
    status: StatusOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write queries that each passage answers, for a workspace or for a file of passages."""
    settings = read_settings(
        config,
        generate={
            "llm": llm,
            "style": style,
            "per_passage": per_passage,
            "prompt": prompt,
            "round_trip": round_trip,
            "mask": False if no_mask else None,
            "filters": {"language": language, "top_k": top_k},
        },
        llm={
            "url": llm_url,
            "key_env": llm_key_env,
            "max_concurrency": max_concurrency,
            "budget": budget,
            "prices": prices,
            "batch": batch or None,
        },
    )
    require_one_way(workspace, {"--corpus": corpus, "--out": out}, "generate")
    if status:
        _print_status(workspace, out, as_json=as_json)
    elif dry_run:
        _print_plan("generate", _source(workspace, corpus), out, settings, as_json=as_json)
    else:
        _generate(workspace, corpus, out, settings, as_json=as_json)


def judge(
    workspace: OptionalWorkspace = None,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Queries: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the data set goes: ….json, or a BEIR folder."),
    ] = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    llm_key_env: LlmKeyOption = None,
    depth: DepthOption = None,
    no_mask: NoMaskOption = False,
    max_concurrency: ConcurrencyOption = None,
    budget: BudgetOption = None,
    prices: PricesOption = None,
    batch: BatchOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Judge which passages of the whole corpus answer each query, not only its own."""
    settings = read_settings(
        config,
        judge={"llm": llm, "depth": depth, "mask": False if no_mask else None},
        llm={
            "url": llm_url,
            "key_env": llm_key_env,
            "max_concurrency": max_concurrency,
            "budget": budget,
            "prices": prices,
            "batch": batch or None,
        },
    )
    require_one_way(workspace, {"--dataset": dataset, "--out": out}, "judge")
    if dry_run:
        _print_plan("judge", _source(workspace, dataset), out, settings, as_json=as_json)
    else:
        _judge(workspace, dataset, out, settings, as_json=as_json)


def _judge(
    workspace: Path | None,
    dataset: Path | None,
    out: Path | None,
    settings: "Settings",
    *,
    as_json: bool,
) -> None:
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.queries import judge_stage

    with drawn_progress() as progress:
        result = judge_stage(_source(workspace, dataset), settings, progress, out=out)
    if as_json:
        typer.echo(json.dumps(result.counts, ensure_ascii=False, indent=2))
        return
    print_stage("judged", result)
    typer.echo(out if workspace is None else workspace / "judged")


def _generate(
    workspace: Path | None,
    corpus: Path | None,
    out: Path | None,
    settings: "Settings",
    *,
    as_json: bool,
) -> None:
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.queries import generate_stage

    try:
        with drawn_progress() as progress:
            result = generate_stage(_source(workspace, corpus), settings, progress, out=out)
    except KeyboardInterrupt:
        if settings.llm.batch:
            typer.echo("batches go on at the provider", err=True)
        raise
    if as_json:
        typer.echo(json.dumps(result.counts, ensure_ascii=False, indent=2))
        return
    print_stage("queries", result)
    if out is not None:
        typer.echo(out)


def _source(workspace: Path | None, file: Path | None) -> "Workspace | Path":
    """Return what a stage reads; one of the two was given."""
    from cvseeker.core.workspace import Workspace

    return file or Workspace(workspace or Path())


def _print_plan(
    stage: Literal["generate", "judge"],
    source: "Workspace | Path",
    out: Path | None,
    settings: "Settings",
    *,
    as_json: bool,
) -> None:
    from cvseeker.cli.terminal import drawn_progress
    from cvseeker.cli.terminal_queries import print_plan
    from cvseeker.queries import plan_stage

    with drawn_progress() as progress:
        plan = plan_stage(stage, source, settings, progress, out=out)
    if as_json:
        typer.echo(json.dumps(plan.to_dict(), ensure_ascii=False, indent=2))
        return
    print_plan(plan)


def _print_status(workspace: Path | None, out: Path | None, *, as_json: bool) -> None:
    from cvseeker.cli.terminal_queries import print_ledger
    from cvseeker.llm import Ledger
    from cvseeker.queries import ledger_of

    path = ledger_of(_source(workspace, out))
    if not path.is_file():
        raise InputError(f"{path}: no ledger; one is written by: cvseeker generate --llm MODEL")
    with Ledger(path) as ledger:
        summary = ledger.summary()
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False, indent=2))
        return
    print_ledger(summary)
