"""The command that trains: ``finetune``, alone or in several processes under ``torchrun``."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvseeker.cli.options import (
    JsonOption,
    OptionalWorkspace,
    require_one_way,
    takes,
)
from cvseeker.cli.streams import put, put_json, say
from cvseeker.core.settings import Settings

if TYPE_CHECKING:
    from cvseeker.train import TrainingData


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
    data = _training_data(workspace, train, val, out)
    if dry_run:
        _print_estimate(data, settings, as_json=as_json)
    else:
        folder = out or data.workspace.stage_folder(data.stage)
        _finetune(data, folder, settings, as_json=as_json)


def publish(folder: Path, counts: Mapping[str, Any], settings: Settings) -> None:
    """Upload a model where the settings ask for it, and say where it went; the base stays here."""
    from cvseeker.train import is_main, publish_model

    repository = settings.finetune.push_to_hub
    if repository is None or not is_main():
        return
    if counts.get("verdict", {}).get("kept") == "base":
        say(f"not uploaded to {repository}: the base was kept; --force keeps the tuned model")
        return
    say(f"uploaded: {publish_model(folder, repository)}")


def _finetune(data: "TrainingData", folder: Path, settings: Settings, *, as_json: bool) -> None:
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.train import finetune_stage, is_main

    with drawn_progress() as progress:
        result = finetune_stage(data, settings, progress)
    if not is_main():
        return
    print_stage("model", result)
    publish(folder, result.counts, settings)
    if as_json:
        put_json(result.counts)
    else:
        put(folder)


def _training_data(
    workspace: Path | None, train: Path | None, val: Path | None, out: Path | None
) -> "TrainingData":
    """Return what is trained on; a workspace or both files were given."""
    from cvseeker.core.workspace import Workspace
    from cvseeker.train import TrainingData

    if train is not None and out is not None:
        return TrainingData.from_files(train, val, out)
    return TrainingData.from_workspace(Workspace(workspace or Path()))


def _print_estimate(data: "TrainingData", settings: Settings, *, as_json: bool) -> None:
    from cvseeker.cli.tables import estimate_table
    from cvseeker.cli.terminal import stdout
    from cvseeker.train import estimate_finetune, is_main

    similarity = settings.ingest.duplicate_similarity
    training, validation = data.read(similarity=similarity)
    plan = estimate_finetune(
        training,
        settings=settings.finetune,
        val=validation,
        sections=data.sections(settings.generate),
        given=data.given,
    )
    if not is_main():
        return
    if as_json:
        put_json(plan.to_dict())
        return
    stdout().print(estimate_table(plan))
    if (plan.memory_bytes or 0) > (plan.available_bytes or math.inf):
        put("more than is free: see --mini-batch-size, --gradient-checkpointing")
