"""The trainer: sentence-transformers', with our batches, loss, validation and silence."""

from pathlib import Path

from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from torch import nn
from transformers import EarlyStoppingCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from cvseeker.config import FinetuneSettings
from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder
from cvseeker.progress import Progress
from cvseeker.train.arguments import training_arguments
from cvseeker.train.callbacks import PlainTrainer, ReportProgress, WindowedEvaluator
from cvseeker.train.loss import MaskedInfoNCELoss
from cvseeker.train.pairs import TrainingPair


def build_trainer(
    encoder: LocalEncoder,
    pairs: list[TrainingPair],
    val: RetrievalDataset,
    settings: FinetuneSettings,
    checkpoints: Path,
    progress: Progress,
) -> SentenceTransformerTrainer:
    """Return a trainer over the pairs that validates with the encoder and keeps the best step."""
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
        args=training_arguments(encoder, len(pairs), settings, checkpoints),
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


def set_dropout(model: SentenceTransformer, probability: float) -> None:
    """Set the probability of every dropout layer; what is saved keeps the base's configuration."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = probability
