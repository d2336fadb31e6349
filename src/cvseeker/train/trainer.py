"""The trainer: sentence-transformers', with our batches, loss, validation and silence."""

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.evaluation import BaseEvaluator
from torch import nn
from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.integrations import integration_utils
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import PrinterCallback, ProgressCallback, TrainerState
from transformers.trainer_utils import IntervalStrategy

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import SettingsError
from cvseeker.core.files import write_text
from cvseeker.core.progress import Progress
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.machine import encoding_dtype
from cvseeker.retrieval.memory import return_freed_memory
from cvseeker.retrieval.metrics import mean_metrics
from cvseeker.retrieval.validation import Validation, validate_search
from cvseeker.train.batches import tokenise_columns
from cvseeker.train.distributed import LONG_WAIT, is_main, world_size
from cvseeker.train.loss import RetrievalLoss, word_tokens
from cvseeker.train.packed import use_packed_attention
from cvseeker.train.pairs import TrainingPair
from cvseeker.train.sampler import BucketSampler, FollowEpoch

Precision = Literal["fp32", "bf16", "fp16"]

SMALL_MODEL_WEIGHTS = 50_000_000
# Adapters want about ten times the rate of full training, at any size.
# Schulman & Thinking Machines Lab 2025, https://thinkingmachines.ai/blog/lora/.
LORA_RATE = 10.0

# What a resumed run reads, besides the state.
# Of adapters only these are saved; of several processes each has a random state of its own.
CHECKPOINT_FILES = ("*model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth")


@dataclass(frozen=True, slots=True)
class StepPlan:
    """How pairs become steps; each process takes ``device_batch_size`` pairs of a batch."""

    batch_size: int
    device_batch_size: int
    steps: int
    evaluation_steps: int


class PairTrainer(SentenceTransformerTrainer):
    """The trainer with its clock and validations at hand."""

    clock: "StepClock"
    validations: "WindowedEvaluator"

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none: the library's card would quote training texts."""

    def train_on(self, checkpoint: str | None) -> None:
        """Train on from a checkpoint, unless training ended with it: then its best is loaded."""
        if checkpoint is not None:
            state = TrainerState.load_from_json(str(Path(checkpoint) / TRAINER_STATE_NAME))
            callbacks: Any = state.stateful_callbacks
            # Within an epoch the library would train a step before it looks whether to stop.
            if callbacks["TrainerControl"]["args"]["should_training_stop"]:
                self.state = state
                if state.best_model_checkpoint is None:
                    self._load_from_checkpoint(checkpoint)
                else:
                    self._load_best_model()
                return
        self.train(resume_from_checkpoint=checkpoint)


def build_trainer(
    encoder: LocalEncoder,
    pairs: list[TrainingPair],
    val: Sequence[RetrievalDataset],
    settings: FinetuneSettings,
    *,
    checkpoints: Path,
    progress: Progress,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> PairTrainer:
    """Return a trainer that trains the encoder's model in place.

    It keeps the step that is best on ``val``; without any, the last.
    """
    model = encoder.model
    set_dropout(model, settings.dropout)
    arguments = training_arguments(encoder, len(pairs), settings, checkpoints)
    packed = use_packed_attention(model, half=arguments.bf16 or arguments.fp16).packed
    dataset, collator = tokenise_columns(
        model,
        {"anchor": [pair.anchor for pair in pairs], "positive": [pair.positive for pair in pairs]},
        prompts={"anchor": encoder.query_prompt, "positive": encoder.document_prompt},
        labels=label_rows(pairs),
        packed=packed,
    )
    # Packed batches have no padding to save.
    arguments.batch_sampler = partial(BucketSampler, by_length=not packed)
    # Each checkpoint gets the library's card: it is to ask no hub and to encode no examples.
    model.model_card_data.local_files_only = True
    model.model_card_data.generate_widget_examples = False
    validations = WindowedEvaluator(encoder, val, checkpoints.with_name("validations"))
    if not val:
        arguments.eval_strategy = IntervalStrategy.NO
        arguments.load_best_model_at_end = False
    clock = StepClock()
    trainer = PairTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset,
        data_collator=collator,  # type: ignore[arg-type]
        loss=_loss(model, settings),
        evaluator=validations if val else None,
        callbacks=[
            *([EarlyStoppingCallback(early_stopping_patience=settings.patience)] if val else []),
            ReportProgress("fine-tune" if val else "fine-tune on everybody", progress),
            FollowEpoch(),
            clock,
            *callbacks,
        ],
    )
    trainer.validations, trainer.clock = validations, clock
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


def _loss(model: SentenceTransformer, settings: FinetuneSettings) -> RetrievalLoss:
    return RetrievalLoss(
        model,
        temperature=settings.temperature,
        late_temperature=settings.late_temperature,
        late_weight=settings.late_weight,
        words=word_tokens(model),
        matryoshka=settings.matryoshka,
        mini_batch_size=settings.mini_batch_size,
    )


def label_rows(pairs: list[TrainingPair]) -> list[list[int]]:
    """Return the labels of the pairs as the loss reads them, all of one length.

    Each begins with the person group of the positive, then those of everybody who answers the
    anchor, filled up with -1.
    """
    longest = max(len(pair.answered) for pair in pairs)
    return [[pair.group, *pair.answered, *[-1] * (longest - len(pair.answered))] for pair in pairs]


def set_dropout(model: SentenceTransformer, probability: float) -> None:
    """Set the probability of every dropout layer; what is saved keeps the base's configuration."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = probability


def training_precision(wanted: str, device: str) -> Precision:
    """Return the arithmetic to train in on ``cuda``, ``mps`` or ``cpu``.

    ``auto`` is bf16 where a GPU has it or a processor encodes in it, else fp32: fp16 overflows now
    and then.
    """
    has_bf16 = device == "cuda" and torch.cuda.is_bf16_supported()
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
        encodes = device == "cpu" and encoding_dtype(device) == torch.bfloat16
        return "bf16" if has_bf16 or encodes else "fp32"
    return "bf16" if wanted == "bf16" else "fp16" if wanted == "fp16" else "fp32"


def check_trackers(names: Sequence[str]) -> list[str]:
    """Return the trackers' names as the trainer takes them; refuse unknown or absent ones."""
    if not names:
        return []
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


def plan_steps(pairs: int, settings: FinetuneSettings, *, processes: int = 1) -> StepPlan:
    """Return how a number of pairs becomes steps.

    Processes share each batch, so that the model does not depend on how many there are.
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


def training_arguments(
    encoder: LocalEncoder, pairs: int, settings: FinetuneSettings, checkpoints: Path
) -> SentenceTransformerTrainingArguments:
    """Return the trainer's arguments for a number of pairs; checkpoints go to a folder."""
    plan = plan_steps(pairs, settings, processes=world_size())
    kind = encoder.model.device.type
    precision = training_precision(settings.precision, kind)
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
        # Else the patience of a run that was interrupted would begin anew.
        restore_callback_states_from_checkpoint=True,
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
    rate = 1.5e-4 if weights < SMALL_MODEL_WEIGHTS else 2e-5
    return rate * LORA_RATE if settings.lora_rank else rate


def _keep_records_in_place() -> None:
    """Keep what trackers write out of the checkpoints, which are deleted, and under our name."""
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", "runs")
    os.environ.setdefault("WANDB_PROJECT", "cvseeker")
    os.environ.setdefault("TRACKIO_PROJECT", "cvseeker")


class WindowedEvaluator(BaseEvaluator):
    """Validation as search will use the encoder: fused, and of windows the best counts."""

    def __init__(
        self, encoder: LocalEncoder, datasets: Sequence[RetrievalDataset], folder: Path
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.primary_metric = "ndcg@10"
        self._encoder = encoder
        self._datasets = datasets
        self._folder = folder

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return metric → mean over the validation queries; what was found at a step is kept."""
        validation = validate_search(self._encoder, self._datasets)
        if is_main():
            validation.write(self._folder / f"{steps}.json")
        return mean_metrics(validation.metrics)

    def found(self, step: int | None) -> Validation | None:
        """Return what was found at a step, be it in the run that was interrupted."""
        return Validation.read(self._folder / f"{step}.json")


class ReportProgress(TrainerCallback):
    """Passes each step's loss and the latest validation on to a progress callback."""

    def __init__(self, label: str, progress: Progress) -> None:
        self._label = label
        self._progress = progress
        self._loss = ""
        self._ndcg = ""

    def on_save(self, *_: Any, **__: Any) -> None:
        """Keep what batches of changing length have scattered from piling up."""
        return_freed_memory()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        """Report a step."""
        logs = logs or {}
        if "loss" in logs:
            self._loss = f"loss {float(logs['loss']):.3f}"
        if "eval_ndcg@10" in logs:
            self._ndcg = f"validation nDCG@10 {float(logs['eval_ndcg@10']):.3f}"
        note = ", ".join(part for part in (self._loss, self._ndcg) if part)
        self._progress(self._label, state.global_step, state.max_steps, note)


class StepClock(TrainerCallback):
    """Measures how fast pairs are trained on, all processes together."""

    def __init__(self) -> None:
        self._steps: list[tuple[float, int]] = []
        self._since: float | None = None

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock, unless it has run on since the step before."""
        if self._since is None:
            self._since = time.perf_counter()

    def on_step_end(self, args: Any, *_: Any, **__: Any) -> None:
        """Note the step; the clock runs on, for fetching the next batch is part of its step."""
        now = time.perf_counter()
        if self._since is not None:
            self._steps.append((now - self._since, args.train_batch_size * args.world_size))
        self._since = now

    def on_save(self, *_: Any, **__: Any) -> None:
        """Stop the clock until the next step: validation and checkpoints are no training."""
        self._since = None

    def pairs_per_second(self) -> float:
        """Return the mean of all steps but the first, which also warms up; 0 before any."""
        steps = self._steps[1:] or self._steps
        seconds = sum(duration for duration, _ in steps)
        return sum(pairs for _, pairs in steps) / seconds if seconds else 0.0


def _name_the_best(path: Path) -> None:
    """Let a checkpoint's state find the best one where they all are now: they may be moved."""
    state = json.loads(path.read_text(encoding="utf-8"))
    best = state.get("best_model_checkpoint")
    here = best and str(path.parent.with_name(Path(best).name))
    if best != here:
        # Not as our own files: a loss may be no number.
        write_text(path, json.dumps({**state, "best_model_checkpoint": here}))


def last_whole_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written whole; others are deleted.

    The trainer writes ``trainer_state.json`` last, so a checkpoint with a readable one is whole,
    unless it was being deleted: then other files are missing.
    """
    checkpoints = sorted(
        folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2])
    )
    whole = None
    for checkpoint in checkpoints:
        try:
            _name_the_best(checkpoint / TRAINER_STATE_NAME)
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)
            continue
        if all(any(checkpoint.glob(name)) for name in CHECKPOINT_FILES):
            whole = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return str(whole) if whole else None
