"""The command that trains: ``finetune``, alone or in several processes under ``torchrun``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cvseeker.cli.options import (
    JsonOption,
    OptionalWorkspace,
    print_json,
    require_one_way,
    takes,
)
from cvseeker.core.settings import Settings
from cvseeker.train import heard, is_main


@takes(
    "finetune",
    examples=(
        "-w workspace --epochs 3",
        "--train train.json --val val.json --out model --windows.window-tokens 128 --dry-run",
    ),
)
def finetune(
    *,
    workspace: OptionalWorkspace = None,
    train: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Training data: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Validation data; without it persons are held out."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the tuned model goes.")
    ] = None,
    settings: Settings,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Write nothing: say what it takes in steps, time and memory.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune the base model on queries and their passages.

    The base is kept unless the tuned model is better. Under torchrun, all processes train together.
    """
    require_one_way(workspace, {"--train": train, "--out": out}, "finetune")
    if dry_run:
        _print_estimate(workspace, train, val, settings, as_json=as_json)
    else:
        _finetune(workspace, train, val, out, settings, as_json=as_json)


def publish(folder: Path, counts: Mapping[str, Any], settings: Settings) -> None:
    """Upload a model where the settings ask for it, and say where it went; the base stays here."""
    from cvseeker.cli.terminal import say
    from cvseeker.train import publish_model

    repository = settings.finetune.push_to_hub
    if repository is None or not is_main():
        return
    if counts.get("verdict", {}).get("kept") == "base":
        say(f"not uploaded to {repository}: the base was kept; --force keeps the tuned model")
        return
    say(f"uploaded: {publish_model(folder, repository)}")


def _finetune(
    workspace: Path | None,
    train: Path | None,
    val: Path | None,
    out: Path | None,
    settings: Settings,
    *,
    as_json: bool,
) -> None:
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.core.workspace import Workspace
    from cvseeker.train import finetune_files, finetune_stage

    with drawn_progress() as drawn:
        progress = heard(drawn)
        if workspace is not None:
            folder = workspace / "model"
            result = finetune_stage(Workspace(workspace), settings, progress)
        elif train is not None and out is not None:
            folder = out
            result = finetune_files(train, val, out, settings, progress)
    if not is_main():
        return
    print_stage("model", result)
    publish(folder, result.counts, settings)
    if as_json:
        print_json(result.counts)
    else:
        typer.echo(folder)


def _print_estimate(
    workspace: Path | None,
    train: Path | None,
    val: Path | None,
    settings: Settings,
    *,
    as_json: bool,
) -> None:
    from cvseeker.cli.terminal_finetune import print_estimate
    from cvseeker.core.datasets import read_dataset
    from cvseeker.core.workspace import Workspace
    from cvseeker.train.estimate import estimate

    if workspace is not None:
        stages = Workspace(workspace)
        beir = stages.require(stages.labels_stage()) / "beir"
        training = read_dataset(beir / "train", split="train")
        found = read_dataset(beir / "val", split="val", needs_queries=False)
        validation = found if found.queries else None
    elif train is not None:
        training = read_dataset(train, split="train")
        validation = read_dataset(val, split="dev") if val else None
    if not is_main():
        return
    plan = estimate(training, settings=settings.finetune, val=validation)
    if as_json:
        print_json(plan.to_dict())
        return
    print_estimate(plan)
