"""The memory that training takes, by formulas, and the memory that is free."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """What memory depends on besides the number of weights: a transformer's shape."""

    layers: int
    hidden: int
    intermediate: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: weights; gradients and Adam's means; activations; free on the device, if known."""

    weights: int
    optimizer: int
    activations: int
    available: int | None

    @property
    def total(self) -> int:
        """At the peak, besides what Python and its libraries take."""
        return self.weights + self.optimizer + self.activations


def optimizer_bytes(parameters: int) -> int:
    """Return the bytes of gradients and of Adam's two means, all of four bytes a number.

    References
    ----------
    Rajbhandari et al. 2020 (ZeRO), https://arxiv.org/abs/1910.02054, section 3.1.
    """
    return 3 * 4 * parameters


def activation_bytes(
    shape: Shape, *, tokens: int, bytes_a_number: int, checkpointing: bool = False
) -> int:
    """Return the bytes of what a transformer keeps for the backward pass.

    A token leaves in a layer the inputs of its linear layers (to queries, keys and values: h; of
    the attention's output: h; of the feed-forward part: h + f), the queries, keys and values (3h),
    the inputs of two norms (2h) and of the activation function (f): 8h + 2f numbers. The attention
    matrix itself is not kept (FlashAttention), nor are masks, as nothing drops out.

    Parameters
    ----------
    shape
        The layers that are trained, h (hidden) and f (intermediate).
    tokens
        In a batch, padding included.
    bytes_a_number
        2 in half precision, else 4.
    checkpointing
        Keep the layers' inputs only, and one layer's activations at a time.

    References
    ----------
    Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, section 4.1, where f = 4h and two
    bytes a number make it 34sbh with the masks.

    Examples
    --------
    >>> activation_bytes(Shape(1, 1024, 4096), tokens=1, bytes_a_number=2) / 1024
    32.0
    """
    layer = (8 * shape.hidden + 2 * shape.intermediate) * tokens * bytes_a_number
    if checkpointing:
        return shape.layers * shape.hidden * tokens * bytes_a_number + layer
    return shape.layers * layer


def available_memory(device: str) -> int | None:
    """Return the bytes that are free on a GPU, or to this process; ``None``: not known."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
