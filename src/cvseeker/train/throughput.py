"""How fast training is: pairs and tokens a second, padding, and how much of the GPU it uses."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import TrainerCallback

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Part of a device's name → its peak in bfloat16 without sparsity, in FLOP/s, from NVIDIA's data
# sheets. The first that fits counts, so a variant stands before its family.
PEAKS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H200 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
}


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """What is in a batch.

    Attributes
    ----------
    pairs
        Anchors, each with its positive.
    tokens
        Tokens of all its texts; ``squares`` is the sum of the squared lengths of the texts.
    slots
        Places for tokens, padding included.
    """

    pairs: int
    tokens: int
    slots: int
    squares: int


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What a model's arithmetic depends on.

    Attributes
    ----------
    weights
        Weights that every token passes: all but the embeddings and the unused pooler.
    layers, hidden
        Number of layers and width of each.
    """

    weights: int
    layers: int
    hidden: int

    @classmethod
    def of_model(cls, model: "SentenceTransformer") -> "ModelSize | None":
        """Measure a model; ``None`` where it is no transformer of the usual kind."""
        transformer = getattr(model[0], "model", None)
        config = getattr(transformer, "config", None)
        layers, hidden = (
            getattr(config, name, None) for name in ("num_hidden_layers", "hidden_size")
        )
        if not isinstance(transformer, nn.Module) or layers is None or hidden is None:
            return None
        embeddings = {
            id(weight)
            for module in transformer.modules()
            if isinstance(module, nn.Embedding)
            for weight in module.parameters()
        }
        weights = sum(
            weight.numel()
            for name, weight in transformer.named_parameters()
            if id(weight) not in embeddings and not name.startswith("pooler.")
        )
        return cls(weights=weights, layers=int(layers), hidden=int(hidden))

    def training_flops(self, counts: BatchCounts) -> int:
        """Return the floating-point operations of a forward and a backward pass.

        Padding counts for nothing, nor does what is computed twice to save memory.

        References
        ----------
        6 N for each token and 12 L d T for each token of a text of T tokens: Chowdhery et al. 2022,
        PaLM, appendix B, https://arxiv.org/abs/2204.02311.
        """
        return 6 * self.weights * counts.tokens + 12 * self.layers * self.hidden * counts.squares


@dataclass(frozen=True, slots=True)
class Throughput:
    """How fast a training was, on this process's device; JSON-ready through ``asdict``.

    Attributes
    ----------
    device
        Name of the device.
    steps
        Steps measured: all but the first, which also warms the device up.
    seconds
        Time they took, validations and checkpoints left out.
    pairs_per_second, tokens_per_second
        Tokens without padding.
    padding_share
        Share of the places in the batches that held no token, in [0, 1].
    flops_per_second
        Model FLOP/s as :meth:`ModelSize.training_flops` counts; ``None`` where they are unknown.
    mfu
        Model FLOPs utilisation: their share of the device's peak; ``None`` where that is unknown.
    """

    device: str
    steps: int
    seconds: float
    pairs_per_second: float
    tokens_per_second: float
    padding_share: float
    flops_per_second: float | None
    mfu: float | None


def peak_flops(device: str) -> float | None:
    """Return a GPU's peak in bfloat16, in FLOP/s, by its name; ``None`` where it is unknown."""
    named = (peak for name, peak in PEAKS.items() if re.search(rf"\b{name}\b", device))
    return next(named, None)


class ThroughputMeter(TrainerCallback):
    """Counts batches and the time of the steps; the trainer calls it.

    Parameters
    ----------
    size
        Of the model; ``None``: its arithmetic is not counted.
    device
        Name of the device.
    clock
        Gives seconds.
    """

    def __init__(
        self,
        *,
        size: ModelSize | None,
        device: str,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._size = size
        self._device = device
        self._clock = clock
        self._pending: list[BatchCounts] = []
        self._steps: list[tuple[float, list[BatchCounts]]] = []
        self._since: float | None = None

    def add(self, counts: BatchCounts) -> None:
        """Count a batch that this step computes."""
        self._pending.append(counts)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock, unless it has run on since the step before."""
        if self._since is None:
            self._since = self._clock()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the step; the clock runs on, for fetching the next batch is part of its step."""
        now = self._clock()
        if self._since is not None:
            self._steps.append((now - self._since, self._pending))
        self._pending = []
        self._since = now

    def on_evaluate(self, *_: Any, **__: Any) -> None:
        """Stop the clock until the next step: a validation is not training."""
        self._since = None

    def on_save(self, *_: Any, **__: Any) -> None:
        """Stop the clock until the next step: writing a checkpoint is not training."""
        self._since = None

    def read(self) -> Throughput:
        """Return the measurement so far; all zero before the first step."""
        steps = self._steps[1:] or self._steps
        seconds = sum(duration for duration, _ in steps)
        batches = [counts for _, batches in steps for counts in batches]
        total = BatchCounts(
            pairs=sum(counts.pairs for counts in batches),
            tokens=sum(counts.tokens for counts in batches),
            slots=sum(counts.slots for counts in batches),
            squares=sum(counts.squares for counts in batches),
        )
        flops = _rate(self._size.training_flops(total), seconds) if self._size else None
        peak = peak_flops(self._device)
        return Throughput(
            device=self._device,
            steps=len(steps),
            seconds=seconds,
            pairs_per_second=_rate(total.pairs, seconds),
            tokens_per_second=_rate(total.tokens, seconds),
            padding_share=1 - total.tokens / total.slots if total.slots else 0.0,
            flops_per_second=flops,
            mfu=flops / peak if flops is not None and peak is not None else None,
        )


def device_name() -> str:
    """Return the name of the GPU that this process trains on, ``mps``, or ``cpu``."""
    import torch

    from cvseeker.retrieval.models import device

    return torch.cuda.get_device_name() if torch.cuda.is_available() else device()


def _rate(amount: float, seconds: float) -> float:
    return amount / seconds if seconds > 0 else 0.0
