"""What fine-tuning would take: pairs, steps, memory by a formula, time by a short trial."""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.settings import FinetuneSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.holdout import hold_out, with_distractors
from cvseeker.train.adapters import encoder_layers, prepare_model
from cvseeker.train.arguments import (
    Precision,
    StepPlan,
    check_settings,
    choose_precision,
    has_bf16,
    plan_steps,
)
from cvseeker.train.distributed import world_size
from cvseeker.train.footprint import (
    Memory,
    Shape,
    activation_bytes,
    available_memory,
    optimizer_bytes,
)
from cvseeker.train.merge import ALPHAS
from cvseeker.train.pairs import TrainingPair, build_pairs
from cvseeker.train.trial import seconds_a_token

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Pairs whose lengths are counted.
SAMPLE = 256

# A forward pass is a third of a step's work, the backward pass two thirds: Kaplan et al. 2020,
# https://arxiv.org/abs/2001.08361, table 1. Mini-batches and checkpointing repeat the forward pass.
REPEATED_FORWARD = 4 / 3


@dataclass(frozen=True, slots=True)
class Seconds:
    """Times: all steps; all validations, before, in between and of the candidates for keeping."""

    train: float
    validate: float

    @property
    def total(self) -> float:
        """All of the time, if no validation stops the training early."""
        return self.train + self.validate


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
    memory
        Bytes at the peak, besides what Python and its libraries take.
    seconds
        Times on this machine, as busy as it is now.
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
    memory: Memory
    seconds: Seconds

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        totals = {"memory_bytes": self.memory.total, "total_seconds": self.seconds.total}
        return asdict(self) | totals


@dataclass(frozen=True, slots=True)
class _Lengths:
    """Tokens of a query and of a window, mean and longest, and the windows of a passage."""

    query: float
    longest_query: int
    window: float
    longest_window: int
    windows_a_passage: float


def estimate(
    train: RetrievalDataset,
    *,
    settings: FinetuneSettings,
    val: RetrievalDataset | None = None,
) -> Estimate:
    """Estimate what :func:`~cvseeker.train.finetune.finetune` would take; nothing is written.

    Parameters
    ----------
    train, val
        The data, as fine-tuning gets it.
    settings
        The base model, batch size and so on.

    Returns
    -------
    Estimate
        Times come from a short trial with random texts.

    Raises
    ------
    DatasetError
        If there are too few persons to hold any out.
    ModelError, SettingsError, MissingExtraError
        If the base model or a setting cannot be used.
    """
    check_settings(settings)
    if val is None:
        train, val = hold_out(train, share=settings.val_share, seed=settings.seed)
    val = with_distractors(val, train, passages=settings.val_passages)
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    prepare_model(encoder.model, settings)
    windows = encoder.split(list(train.corpus.values()))
    pairs = build_pairs(train, windows, max_pairs=settings.max_pairs, seed=settings.seed)
    plan = plan_steps(len(pairs), settings, processes=world_size())
    rows = min(settings.mini_batch_size or plan.device_batch_size, plan.device_batch_size)
    lengths = _lengths(pairs, encoder, settings.seed, len(windows) / len(train.corpus))
    parameters = list(encoder.model.parameters())
    kind = encoder.model.device.type
    precision = choose_precision(settings.precision, device=kind, has_bf16=has_bf16())
    return Estimate(
        base=encoder.name,
        device=kind,
        precision=precision,
        pairs=len(pairs),
        batch_size=plan.batch_size,
        mini_batch_size=rows,
        steps=plan.steps,
        query_tokens=round(lengths.query, 1),
        window_tokens=round(lengths.window, 1),
        parameters=sum(weight.numel() for weight in parameters),
        trained_parameters=sum(weight.numel() for weight in parameters if weight.requires_grad),
        memory=_memory(encoder.model, settings, plan, lengths, precision),
        seconds=_seconds(encoder.model, val, settings, plan, lengths, precision),
    )


def _memory(
    model: "SentenceTransformer",
    settings: FinetuneSettings,
    plan: StepPlan,
    lengths: _Lengths,
    precision: Precision,
) -> Memory:
    """Apply the formulas to a prepared model and its longest texts."""
    parameters = list(model.parameters())
    rows = settings.mini_batch_size or plan.device_batch_size
    tokens = (
        plan.device_batch_size * (lengths.longest_query + lengths.longest_window)
        if rows >= plan.device_batch_size
        # Mini-batches hold the texts of one side at a time.
        else rows * lengths.longest_window
    )
    return Memory(
        weights=4 * sum(weight.numel() for weight in parameters),
        optimizer=optimizer_bytes(
            sum(weight.numel() for weight in parameters if weight.requires_grad)
        ),
        activations=activation_bytes(
            _shape(model, settings.frozen_layers),
            tokens=tokens,
            bytes_a_number=4 if precision == "fp32" else 2,
            checkpointing=settings.gradient_checkpointing,
        ),
        available=available_memory(model.device.type),
    )


def _seconds(
    model: "SentenceTransformer",
    val: RetrievalDataset,
    settings: FinetuneSettings,
    plan: StepPlan,
    lengths: _Lengths,
    precision: Precision,
) -> Seconds:
    """Try a few texts and multiply."""
    train_token, encode_token = seconds_a_token(
        model, length=round(lengths.window), precision=precision
    )
    mini = (settings.mini_batch_size or plan.device_batch_size) < plan.device_batch_size
    passage = lengths.windows_a_passage * lengths.window  # tokens
    pair = lengths.query + lengths.window  # tokens
    validation = len(val.corpus) * passage + len(val.queries) * lengths.query  # tokens
    return Seconds(
        train=train_token
        * (REPEATED_FORWARD if mini else 1.0)
        * plan.steps
        * plan.device_batch_size
        * pair,
        # The base model as well, before the first step, and each mixture of base and tuned.
        validate=encode_token
        * validation
        * (1 + plan.steps // plan.evaluation_steps + len(ALPHAS)),
    )


def _shape(model: "SentenceTransformer", frozen: int) -> Shape:
    config: Any = model.transformers_model.config  # type: ignore[union-attr]
    hidden = int(config.hidden_size)
    intermediate = int(getattr(config, "intermediate_size", 4 * hidden))
    return Shape(len(encoder_layers(model)) - frozen, hidden, intermediate)


def _lengths(
    pairs: Sequence[TrainingPair], encoder: LocalEncoder, seed: int, windows_a_passage: float
) -> _Lengths:
    """Count the tokens of a sample."""
    sample = random.Random(seed).sample(pairs, min(SAMPLE, len(pairs)))
    asked = _token_counts(encoder, [encoder.query_prompt + pair.anchor for pair in sample])
    shown = _token_counts(encoder, [encoder.document_prompt + pair.positive for pair in sample])
    return _Lengths(
        query=sum(asked) / len(asked),
        longest_query=max(asked),
        window=sum(shown) / len(shown),
        longest_window=max(shown),
        windows_a_passage=windows_a_passage,
    )


def _token_counts(encoder: LocalEncoder, texts: Sequence[str]) -> list[int]:
    tokens = encoder.model.tokenizer(list(texts), verbose=False)["input_ids"]
    limit = encoder.model.max_seq_length or encoder.windows.window_tokens
    return [min(len(ids), limit) for ids in tokens]
