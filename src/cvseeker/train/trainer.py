"""The trainer: sentence-transformers', with our batches, loss, validation and silence."""

from functools import partial
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from torch import nn
from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.progress import Progress
from cvseeker.core.settings import FinetuneSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.packed import use_packed_attention
from cvseeker.train.arguments import training_arguments
from cvseeker.train.batches import tokenise_columns
from cvseeker.train.callbacks import ReportProgress, WindowedEvaluator
from cvseeker.train.loss import RetrievalLoss
from cvseeker.train.pairs import TrainingPair
from cvseeker.train.sampler import BucketSampler, FollowEpoch
from cvseeker.train.throughput import ModelSize, ThroughputMeter, device_name


class PairTrainer(SentenceTransformerTrainer):
    """The trainer with a meter, and without its model card, which would quote training texts."""

    meter: ThroughputMeter
    validations: WindowedEvaluator

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none; CVSeeker writes a card of its own."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Count the batch, then compute its loss."""
        self.meter.add(inputs.pop("counts"))
        return super().compute_loss(model, inputs, *args, **kwargs)


def build_trainer(
    encoder: LocalEncoder,
    pairs: list[TrainingPair],
    val: RetrievalDataset,
    settings: FinetuneSettings,
    *,
    checkpoints: Path,
    progress: Progress,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> PairTrainer:
    """Return a trainer over the pairs that validates with the encoder and keeps the best step.

    Parameters
    ----------
    encoder
        Its model is trained in place.
    pairs
        The training pairs.
    val
        The validation split.
    settings
        All of fine-tuning's.
    checkpoints
        Folder of the checkpoints.
    progress
        Called at each step.
    callbacks
        Called by the trainer besides.
    """
    model = encoder.model
    set_dropout(model, settings.dropout)
    arguments = training_arguments(encoder, len(pairs), settings, checkpoints)
    half = arguments.bf16 or arguments.fp16
    packed = use_packed_attention(model, half=half).packed
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
    validations = WindowedEvaluator(encoder, val)
    trainer = PairTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset,
        data_collator=collator,  # type: ignore[arg-type]
        loss=RetrievalLoss(
            model,
            temperature=settings.temperature,
            matryoshka=settings.matryoshka,
            mini_batch_size=settings.mini_batch_size,
        ),
        evaluator=validations,
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=settings.patience),
            ReportProgress(progress),
            FollowEpoch(),
            *callbacks,
        ],
    )
    trainer.validations = validations
    trainer.meter = ThroughputMeter(size=ModelSize.of_model(model), device=device_name())
    trainer.add_callback(trainer.meter)
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


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
