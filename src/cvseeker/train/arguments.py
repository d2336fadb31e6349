"""Settings → the trainer's arguments."""

from pathlib import Path
from typing import TYPE_CHECKING

from cvseeker.config import FinetuneSettings
from cvseeker.encoder.local import LocalEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformerTrainingArguments

SMALL_MODEL_WEIGHTS = 50_000_000


def training_arguments(
    encoder: LocalEncoder, pairs: int, settings: FinetuneSettings, checkpoints: Path
) -> "SentenceTransformerTrainingArguments":
    """Return the trainer's arguments for a number of pairs; checkpoints go to a folder."""
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
