"""Fine-tune a base model on pairs, with early stopping on validation nDCG@10."""

import json
import random
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvseeker.config import FinetuneSettings
from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder
from cvseeker.errors import DatasetError
from cvseeker.files import read_json, read_jsonl, write_json, write_jsonl
from cvseeker.progress import Progress, silent
from cvseeker.rank.metrics import METRICS
from cvseeker.resumes.split import assign_splits
from cvseeker.train.card import write_model_card
from cvseeker.train.pairs import TrainingPair, build_pairs, complete_person_groups
from cvseeker.train.validation import validate

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer

SMALL_MODEL_WEIGHTS = 50_000_000

# What a resumed run reads, besides the state.
CHECKPOINT_FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth")


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """What fine-tuning came to.

    Attributes
    ----------
    base
        Name of the base model.
    pairs
        Training pairs used.
    steps
        Steps taken; ``best_step`` is the one whose weights were kept.
    base_scores, tuned_scores
        Metric → mean on the validation split, before and after.
    """

    base: str
    pairs: int
    steps: int
    best_step: int
    base_scores: dict[str, float]
    tuned_scores: dict[str, float]


def finetune(
    train: RetrievalDataset,
    folder: Path,
    *,
    settings: FinetuneSettings,
    val: RetrievalDataset | None = None,
    scratch: Path,
    progress: Progress = silent,
) -> FinetuneResult:
    """Fine-tune the base model and save it as a plain sentence-transformers folder.

    Parameters
    ----------
    train
        Queries, qrels and their passages.
    folder
        Where the tuned model goes.
    settings
        Base model, learning rate and so on.
    val
        The validation split; ``None``: a share of the persons of ``train`` is held out.
    scratch
        Where pairs and checkpoints are kept meanwhile. If it holds those of an interrupted run of
        the same data and settings, training continues from there, bit for bit; the caller
        deletes it afterwards.
    progress
        Called at each step with the loss and the validation's outcome.

    Returns
    -------
    FinetuneResult

    Raises
    ------
    DatasetError
        If there are too few pairs, or too few persons to hold any out.
    ModelError
        If the base model cannot be found or loaded.
    """
    if val is None:
        train, val = hold_out(train, share=settings.val_share, seed=settings.seed)
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    val = with_distractors(val, train, passages=settings.val_passages, seed=settings.seed)
    scratch.mkdir(parents=True, exist_ok=True)
    pairs = _pairs(train, encoder, settings, scratch / "pairs.jsonl", progress)
    base_scores = _base_scores(encoder, val, scratch / "base.json")
    set_dropout(encoder.model, settings.dropout)
    trainer = _trainer(encoder, pairs, val, settings, scratch / "checkpoints", progress)
    trainer.train(resume_from_checkpoint=_last_checkpoint(scratch / "checkpoints"))
    encoder.model.eval()
    result = FinetuneResult(
        base=encoder.name,
        pairs=len(pairs),
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step or trainer.state.global_step,
        base_scores=base_scores,
        tuned_scores=_scores_at(trainer.state.log_history, trainer.state.best_global_step),
    )
    encoder.save(folder)
    write_model_card(folder, result, settings, train=train, val=val)
    return result


def _scores_at(log: list[dict[str, float]], step: int | None) -> dict[str, float]:
    """Return what the validation found at a step, the last one where no step was the best."""
    validations = [entry for entry in log if "eval_ndcg@10" in entry]
    best = next((entry for entry in validations if entry["step"] == step), validations[-1])
    return {name: float(best[f"eval_{name}"]) for name in METRICS}


def set_dropout(model: "SentenceTransformer", probability: float) -> None:
    """Set the probability of every dropout layer; what is saved keeps the base's configuration."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = probability


def hold_out(
    dataset: RetrievalDataset, *, share: float, seed: int
) -> tuple[RetrievalDataset, RetrievalDataset]:
    """Split a data set into training and validation, by person.

    Raises
    ------
    DatasetError
        If there are fewer than two persons with queries on either side.
    """
    groups = complete_person_groups(dataset)
    splits = assign_splits(groups, val_share=share, test_share=0.0, seed=seed)
    train = dataset.subset({key for key, split in splits.items() if split == "train"})
    val = dataset.subset({key for key, split in splits.items() if split == "val"})
    if not train.queries or not val.queries:
        raise DatasetError(
            f"{len(dataset.queries)} queries about {len(set(groups.values()))} persons are too few "
            "to hold any out for validation; add data or name a validation set with --val FILE"
        )
    return train, val


def with_distractors(
    val: RetrievalDataset, train: RetrievalDataset, *, passages: int, seed: int
) -> RetrievalDataset:
    """Fill a small validation corpus up with training passages.

    Among a dozen passages any encoder finds the right one, and nothing tells when to stop.
    """
    others = [key for key in train.corpus if key not in val.corpus]
    wanted = min(max(passages - len(val.corpus), 0), len(others))
    distractors = random.Random(seed).sample(others, wanted)
    return replace(val, corpus=val.corpus | {key: train.corpus[key] for key in distractors})


def _pairs(
    train: RetrievalDataset,
    encoder: LocalEncoder,
    settings: FinetuneSettings,
    path: Path,
    progress: Progress,
) -> list[TrainingPair]:
    """Build the pairs, or read those of an interrupted run."""
    if path.is_file():
        return [TrainingPair(**row) for row in read_jsonl(path)]
    pairs = build_pairs(
        train, encoder, max_pairs=settings.max_pairs, seed=settings.seed, progress=progress
    )
    if len({pair.group for pair in pairs}) < 2:
        raise DatasetError(
            f"{len(pairs)} pairs of one person: there is nobody to tell them from; "
            "expected queries about at least two persons"
        )
    write_jsonl(path, (asdict(pair) for pair in pairs))
    return pairs


def _base_scores(encoder: LocalEncoder, val: RetrievalDataset, path: Path) -> dict[str, float]:
    """Validate the base model, or read what an interrupted run found."""
    if not path.is_file():
        write_json(path, validate(encoder, val))
    scores: dict[str, float] = read_json(path)
    return scores


def _last_checkpoint(folder: Path) -> str | None:
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
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)
            continue
        if all((checkpoint / name).is_file() for name in CHECKPOINT_FILES):
            whole = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return str(whole) if whole else None


def _trainer(
    encoder: LocalEncoder,
    pairs: list[TrainingPair],
    val: RetrievalDataset,
    settings: FinetuneSettings,
    checkpoints: Path,
    progress: Progress,
) -> "SentenceTransformerTrainer":
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    from cvseeker.train.callbacks import PlainTrainer, ReportProgress, WindowedEvaluator
    from cvseeker.train.loss import MaskedInfoNCELoss

    columns = {
        "anchor": [pair.anchor for pair in pairs],
        "positive": [pair.positive for pair in pairs],
        "label": [pair.group for pair in pairs],
    }
    # Each checkpoint gets the library's card: it is to ask no hub and to encode no examples.
    encoder.model.model_card_data.local_files_only = True
    encoder.model.model_card_data.generate_widget_examples = False
    trainer = PlainTrainer(
        model=encoder.model,
        args=_arguments(encoder, len(pairs), settings, checkpoints),
        train_dataset=Dataset.from_dict(columns),
        loss=MaskedInfoNCELoss(encoder.model, temperature=settings.temperature),
        evaluator=WindowedEvaluator(encoder, val),
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=settings.patience),
            ReportProgress(progress),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


def _arguments(
    encoder: LocalEncoder, pairs: int, settings: FinetuneSettings, checkpoints: Path
) -> Any:
    import torch
    from sentence_transformers import SentenceTransformerTrainingArguments

    batch_size = min(settings.batch_size, max(2, pairs // 2))
    steps_per_epoch = max(1, -(-pairs // batch_size))
    total_steps = max(1, round(steps_per_epoch * settings.epochs))
    # At least one: without a validation there is no best step to keep.
    evaluation_steps = min(max(1, steps_per_epoch // settings.evaluations_per_epoch), total_steps)
    return SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        max_steps=total_steps,
        per_device_train_batch_size=batch_size,
        learning_rate=settings.learning_rate or _learning_rate(encoder),
        warmup_steps=round(settings.warmup_share * total_steps),
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        eval_strategy="steps",
        eval_steps=evaluation_steps,
        save_strategy="steps",
        save_steps=evaluation_steps,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_ndcg@10",
        greater_is_better=True,
        logging_steps=1,
        disable_tqdm=True,
        report_to=[],
        seed=settings.seed,
        data_seed=settings.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        prompts={"anchor": encoder.query_prompt} if encoder.query_prompt else None,
    )


def _learning_rate(encoder: LocalEncoder) -> float:
    """Return the default by size: what a small model needs makes a large one forget."""
    weights = sum(parameter.numel() for parameter in encoder.model.parameters())
    return 1e-4 if weights < SMALL_MODEL_WEIGHTS else 2e-5
