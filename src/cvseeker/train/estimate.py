"""What fine-tuning would take, found out by two real steps on a copy."""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.progress import silent
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.train.adapters import prepare_model
from cvseeker.train.distributed import world_size
from cvseeker.train.memory import (
    advice_when_out_of_memory,
    available_memory,
    peak_memory,
    reset_peak_memory,
    with_smaller_mini_batches,
)
from cvseeker.train.pairs import TrainingPair, build_pairs
from cvseeker.train.sources import DEFAULT_SECTIONS, read_sources
from cvseeker.train.stage import check_finetune

if TYPE_CHECKING:
    from cvseeker.train.trainer import PairTrainer

# Windows encoded to see how long a validation takes.
SAMPLE = 64


@dataclass(frozen=True, slots=True)
class Seconds:
    """Times: all steps, those on everybody too; all validations, before, in between and after."""

    train: float
    validate: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What fine-tuning would take.

    Attributes
    ----------
    base, device, precision
        What would be trained, where, in which arithmetic.
    pairs, batch_size, mini_batch_size, steps
        Pairs used, in a batch, in memory at once, and steps at most.
    query_tokens, window_tokens
        Mean lengths.
    parameters, trained_parameters
        Weights, and those of them that are trained.
    memory_bytes, available_bytes
        The peak of two steps, on a processor with all of Python; and what was free before them on
        the device, ``None`` where it is not known.
    seconds
        Times on this machine, as busy as it is now, if no validation stops the training early.
    """

    base: str
    device: str
    precision: str
    pairs: int
    batch_size: int
    mini_batch_size: int
    steps: int
    query_tokens: float
    window_tokens: float
    parameters: int
    trained_parameters: int
    memory_bytes: int | None
    available_bytes: int | None
    seconds: Seconds

    @property
    def total_seconds(self) -> float:
        """All of the time."""
        return self.seconds.train + self.seconds.validate

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self) | {"total_seconds": self.total_seconds}


def estimate_finetune(
    train: RetrievalDataset,
    *,
    settings: FinetuneSettings,
    val: RetrievalDataset | None = None,
    sections: Path | GenerateSettings = DEFAULT_SECTIONS,
    given: bool = True,
) -> Estimate:
    """Estimate what :func:`~cvseeker.train.finetune` would take; nothing is kept.

    Parameters
    ----------
    train, val, sections, given
        The data, as fine-tuning gets it.
    settings
        The base model, batch size and so on.

    Returns
    -------
    Estimate

    Raises
    ------
    DatasetError
        If there are too few persons to hold any out.
    ModelError, SettingsError, MissingExtraError
        If the base model or a setting cannot be used.
    """
    from cvseeker.train.trainer import plan_steps, training_precision

    check_finetune(settings)
    sources = read_sources(train, val, settings, sections, given=given)
    joint, judges = sources.train, sources.judges
    again = len(sources.everybody.queries) / len(joint.queries) if sources.everybody else 0.0
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    windows = encoder.split(list(joint.corpus.values()))
    pairs = build_pairs(joint, windows, max_pairs=settings.max_pairs, seed=settings.seed)
    plan = plan_steps(len(pairs), settings, processes=world_size())
    prepare_model(encoder.model, settings)
    validation = _validation_seconds(encoder, judges)
    kind = encoder.model.device.type
    available = available_memory(kind)
    reset_peak_memory(kind)
    chosen = random.Random(settings.seed).sample(pairs, min(2 * plan.batch_size, len(pairs)))
    trainer, rows = _two_steps(encoder, chosen, settings)
    parameters = list(encoder.model.parameters())
    return Estimate(
        base=encoder.name,
        device=kind,
        precision=training_precision(settings.precision, kind),
        pairs=len(pairs),
        batch_size=plan.batch_size,
        mini_batch_size=min(rows or plan.device_batch_size, plan.device_batch_size),
        steps=plan.steps,
        query_tokens=_mean_length(trainer, "anchor"),
        window_tokens=_mean_length(trainer, "positive"),
        parameters=sum(weight.numel() for weight in parameters),
        trained_parameters=sum(weight.numel() for weight in parameters if weight.requires_grad),
        memory_bytes=peak_memory(kind),
        available_bytes=available,
        seconds=Seconds(
            train=(1 + again) * plan.steps * plan.batch_size / trainer.clock.pairs_per_second(),
            # The base before all steps, too; mixtures only where the gate refuses the whole.
            validate=validation * (plan.steps // plan.evaluation_steps + 1),
        ),
    )


def _two_steps(
    encoder: LocalEncoder,
    pairs: list[TrainingPair],
    settings: FinetuneSettings,
) -> "tuple[PairTrainer, int | None]":
    """Take two steps without validation; return the trainer and the pairs in memory at once."""
    from transformers.trainer_utils import SaveStrategy

    from cvseeker.train.trainer import build_trainer

    def attempt(mini_batch_size: int | None) -> "tuple[PairTrainer, int | None]":
        short = {"mini_batch_size": mini_batch_size, "max_steps": 2, "track": ()}
        with TemporaryDirectory(prefix="cvseeker-trial-") as folder:
            trainer = build_trainer(
                encoder,
                pairs,
                (),
                settings.model_copy(update=short),
                checkpoints=Path(folder),
                progress=silent,
            )
            trainer.args.save_strategy = SaveStrategy.NO
            trainer.train()
        return trainer, mini_batch_size

    with advice_when_out_of_memory(settings):
        return with_smaller_mini_batches(
            attempt, mini_batch_size=settings.mini_batch_size, batch_size=settings.batch_size
        )


def _validation_seconds(encoder: LocalEncoder, val: Sequence[RetrievalDataset]) -> float:
    """Encode a sample of the validation corpus's windows twice, and multiply the second time."""
    windows = encoder.split([text for dataset in val for text in dataset.corpus.values()])
    sample = random.Random(0).sample(windows, min(SAMPLE, len(windows)))
    began = 0.0
    for _ in range(2):
        began = perf_counter()
        encoder.encode_passages([window.text for window in sample])
    return (perf_counter() - began) * len(windows) / len(sample)


def _mean_length(trainer: "PairTrainer", column: str) -> float:
    """Return the mean number of tokens of the texts in a column."""
    lengths = [len(ids) for ids in trainer.train_dataset[column]]  # type: ignore[index]
    return round(sum(lengths) / len(lengths), 1)
