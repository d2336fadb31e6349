"""Settings → the trainer's arguments."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cvseeker.core.errors import SettingsError
from cvseeker.core.settings import FinetuneSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.models import device
from cvseeker.train.adapters import require_peft
from cvseeker.train.distributed import LONG_WAIT, world_size

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformerTrainingArguments

SMALL_MODEL_WEIGHTS = 50_000_000

# Adapters want about ten times the rate of full training, at any size.
# Schulman & Thinking Machines Lab 2025, https://thinkingmachines.ai/blog/lora/.
LORA_RATE = 10.0

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """How pairs become steps.

    Attributes
    ----------
    batch_size
        Pairs in a batch, all processes together.
    device_batch_size
        Of these, the pairs of one process.
    steps
        Steps at most.
    evaluation_steps
        Steps between two validations.
    """

    batch_size: int
    device_batch_size: int
    steps: int
    evaluation_steps: int


def plan_steps(pairs: int, settings: FinetuneSettings, *, processes: int = 1) -> StepPlan:
    """Return how a number of pairs becomes steps.

    Parameters
    ----------
    pairs
        Training pairs.
    settings
        Batch size, epochs or steps, validations in an epoch.
    processes
        They share each batch, so that the model does not depend on how many there are.

    Returns
    -------
    StepPlan

    Examples
    --------
    >>> plan_steps(1000, FinetuneSettings(epochs=2, batch_size=64))
    StepPlan(batch_size=64, device_batch_size=64, steps=32, evaluation_steps=16)
    >>> plan_steps(1000, FinetuneSettings(max_steps=5, batch_size=64), processes=4)
    StepPlan(batch_size=64, device_batch_size=16, steps=5, evaluation_steps=5)
    """
    share = max(1, min(settings.batch_size, max(2, pairs // 2)) // processes)
    steps_per_epoch = max(1, -(-pairs // (share * processes)))
    steps = settings.max_steps or max(1, round(steps_per_epoch * settings.epochs))
    return StepPlan(
        batch_size=share * processes,
        device_batch_size=share,
        steps=steps,
        # At least one: without a validation there is no best step to keep.
        evaluation_steps=min(max(1, steps_per_epoch // settings.evaluations_per_epoch), steps),
    )


def check_settings(settings: FinetuneSettings) -> None:
    """Refuse, before anything is read, what this machine cannot do.

    Raises
    ------
    SettingsError
        If the device lacks the precision, or a tracker is unknown or not installed.
    MissingExtraError
        If adapters are wanted and peft is not installed.
    """
    choose_precision(settings.precision, device=device(), has_bf16=has_bf16())
    check_trackers(settings.track)
    if settings.lora_rank is not None:
        require_peft()


def choose_precision(wanted: str, *, device: str, has_bf16: bool) -> Precision:
    """Return the arithmetic to train in.

    Parameters
    ----------
    wanted
        ``auto``, ``fp32``, ``bf16`` or ``fp16``.
    device
        ``cuda``, ``mps`` or ``cpu``.
    has_bf16
        Whether the device is a GPU that calculates in bf16.

    Returns
    -------
    str
        ``auto`` is bf16 where a GPU has it, else fp32: fp16 overflows now and then.

    Raises
    ------
    SettingsError
        If the device lacks it.

    Examples
    --------
    >>> choose_precision("auto", device="cuda", has_bf16=True)
    'bf16'
    >>> choose_precision("auto", device="cpu", has_bf16=False)
    'fp32'
    """
    if wanted == "fp16" and device == "cpu":
        raise SettingsError(
            "precision 'fp16' is for GPUs, and this machine trains on its processor; type "
            "--precision fp32, or bf16 on a processor made for it"
        )
    if wanted == "bf16" and device == "cuda" and not has_bf16:
        raise SettingsError(
            "precision 'bf16': this GPU does not calculate in it; type --precision fp16 or fp32"
        )
    if wanted == "auto":
        return "bf16" if has_bf16 else "fp32"
    return "bf16" if wanted == "bf16" else "fp16" if wanted == "fp16" else "fp32"


def check_trackers(names: Sequence[str]) -> list[str]:
    """Return the trackers' names as the trainer takes them.

    Raises
    ------
    SettingsError
        If one is unknown or not installed.
    """
    if not names:
        return []
    from transformers.integrations import integration_utils

    known = sorted(integration_utils.INTEGRATION_TO_CALLBACK)
    installed = integration_utils.get_available_reporting_integrations()
    for name in names:
        if name not in known:
            raise SettingsError(f"track {name!r}: no such tracker; expected {', '.join(known)}")
        if name not in installed:
            raise SettingsError(
                f"track {name!r}: it is not installed; run: pip install {name}; or leave out "
                f"--track {name}"
            )
    return list(names)


def training_arguments(
    encoder: LocalEncoder, pairs: int, settings: FinetuneSettings, checkpoints: Path
) -> "SentenceTransformerTrainingArguments":
    """Return the trainer's arguments for a number of pairs; checkpoints go to a folder."""
    from sentence_transformers import SentenceTransformerTrainingArguments

    plan = plan_steps(pairs, settings, processes=world_size())
    kind = encoder.model.device.type
    precision = choose_precision(settings.precision, device=kind, has_bf16=has_bf16())
    _keep_records_in_place()
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        max_steps=plan.steps,
        per_device_train_batch_size=plan.device_batch_size,
        learning_rate=settings.learning_rate or default_learning_rate(encoder, settings),
        warmup_steps=round(settings.warmup_share * plan.steps),
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=kind == "cpu",
        eval_strategy="steps",
        eval_steps=plan.evaluation_steps,
        save_strategy="steps",
        save_steps=plan.evaluation_steps,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_ndcg@10",
        greater_is_better=True,
        logging_steps=1,
        disable_tqdm=True,
        report_to=check_trackers(settings.track),
        seed=settings.seed,
        data_seed=settings.seed,
        # Every process must have as many pairs: their documents are each other's negatives.
        dataloader_drop_last=world_size() > 1,
        dataloader_pin_memory=kind == "cuda",
        # The others wait while the main process validates.
        ddp_timeout=LONG_WAIT,
        prompts={"anchor": encoder.query_prompt} if encoder.query_prompt else None,
    )
    if arguments.n_gpu > 1:
        # One process would split its batches over all GPUs, which is slower than one GPU and
        # gives the loss a part of its negatives; torchrun is the way to use several.
        arguments._n_gpu = 1
    return arguments


def default_learning_rate(encoder: LocalEncoder, settings: FinetuneSettings) -> float:
    """Return the default by size: what a small model needs makes a large one forget."""
    weights = sum(parameter.numel() for parameter in encoder.model.parameters())
    rate = 2e-4 if weights < SMALL_MODEL_WEIGHTS else 2e-5
    return rate * LORA_RATE if settings.lora_rank else rate


def has_bf16() -> bool:
    """Return whether there is a GPU that calculates in bf16."""
    import torch

    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def _keep_records_in_place() -> None:
    """Keep what trackers write out of the checkpoints, which are deleted, and under our name."""
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", "runs")
    os.environ.setdefault("WANDB_PROJECT", "cvseeker")
    os.environ.setdefault("TRACKIO_PROJECT", "cvseeker")
