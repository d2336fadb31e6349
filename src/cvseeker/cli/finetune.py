"""The command that trains: ``finetune``, alone or in several processes under ``torchrun``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvseeker.cli.options import (
    BaseOption,
    BatchSizeOption,
    ConfigOption,
    EpochsOption,
    ForceOption,
    FrozenLayersOption,
    GradientCheckpointingOption,
    JsonOption,
    LearningRateOption,
    LoraRankOption,
    MatryoshkaOption,
    MaxPairsOption,
    MaxStepsOption,
    MiniBatchSizeOption,
    OptionalWorkspace,
    PrecisionOption,
    PushToHubOption,
    SeedOption,
    TrackOption,
    TrainingDryRunOption,
    read_settings,
    require_one_way,
)
from cvseeker.core.settings import FinetuneSettings
from cvseeker.train import heard, is_main

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cvseeker.core.settings import Settings


def finetune(
    workspace: OptionalWorkspace = None,
    train: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Training data: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Validation data; none: a fifth of the persons."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the tuned model goes.")
    ] = None,
    base: BaseOption = None,
    epochs: EpochsOption = None,
    max_steps: MaxStepsOption = None,
    learning_rate: LearningRateOption = None,
    batch_size: BatchSizeOption = None,
    mini_batch_size: MiniBatchSizeOption = None,
    max_pairs: MaxPairsOption = None,
    lora_rank: LoraRankOption = None,
    frozen_layers: FrozenLayersOption = None,
    precision: PrecisionOption = None,
    gradient_checkpointing: GradientCheckpointingOption = False,
    matryoshka: MatryoshkaOption = None,
    seed: SeedOption = None,
    force: ForceOption = False,
    track: TrackOption = None,
    push_to_hub: PushToHubOption = None,
    dry_run: TrainingDryRunOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Fine-tune the base model on queries and their passages."""
    # The options are named as the settings are.
    given = {
        name: value for name, value in locals().items() if name in FinetuneSettings.model_fields
    }
    settings = read_settings(config, finetune=_flags(given))
    require_one_way(workspace, {"--train": train, "--out": out}, "finetune")
    if dry_run:
        _print_estimate(workspace, train, val, settings, as_json=as_json)
    else:
        _finetune(workspace, train, val, out, settings, as_json=as_json)


def _flags(given: "Mapping[str, Any]") -> dict[str, Any]:
    """Return what was typed; what was not leaves the settings as they are."""
    flags = {
        name: value
        for name, value in given.items()
        if value not in (None, []) and value is not False
    }
    if "matryoshka" in flags:
        flags["matryoshka"] = flags["matryoshka"].split(",")
    return flags


def publish(folder: Path, counts: "Mapping[str, Any]", settings: "Settings") -> None:
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
    settings: "Settings",
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
    typer.echo(json.dumps(result.counts, ensure_ascii=False, indent=2) if as_json else folder)


def _print_estimate(
    workspace: Path | None,
    train: Path | None,
    val: Path | None,
    settings: "Settings",
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
        typer.echo(json.dumps(plan.to_dict(), ensure_ascii=False, indent=2))
        return
    print_estimate(plan)
