"""Memory that runs out: recognised, answered by smaller mini-batches, or turned into advice."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cvseeker.core.errors import ModelError
from cvseeker.core.settings import FinetuneSettings
from cvseeker.retrieval.memory import return_freed_memory

T = TypeVar("T")

# How PyTorch says it where it raises a plain RuntimeError: processors on Linux and on Windows,
# Apple's GPUs, CUDA's own libraries.
SIGNS = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on a GPU or on the processor."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in message for sign in SIGNS)


def with_smaller_mini_batches(
    step: Callable[[int | None], T],
    *,
    mini_batch_size: int | None,
    batch_size: int,
    halved: Callable[[int], None] = lambda size: None,
) -> T:
    """Do a step, with half the mini-batch as often as memory runs out, down to one pair.

    ``step`` is called with the pairs that may be in memory at once (``None``: the whole batch) and
    must begin anew each time; ``halved`` is called with each smaller size before it is tried. The
    loss over the whole batch is the same at any size.
    """
    size = mini_batch_size
    while True:
        try:
            return step(size)
        except (RuntimeError, MemoryError) as error:
            smaller = min(size or batch_size, batch_size) // 2
            if not smaller or not is_out_of_memory(error):
                raise
        # After the exception is gone: it keeps the failed step's tensors alive.
        free_memory()
        size = smaller
        halved(size)


def free_memory() -> None:
    """Give back what nobody holds any more."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return_freed_memory()


@contextmanager
def advice_when_out_of_memory(settings: FinetuneSettings) -> Iterator[None]:
    """Turn memory that runs out into a ``ModelError`` that says what to type."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(f"memory ran out while training; try {_advice(settings)}") from error


def _advice(settings: FinetuneSettings) -> str:
    """Name the flags that save memory and are not yet in use, the cheapest first."""
    size = min(settings.mini_batch_size or settings.batch_size, settings.batch_size)
    flags = []
    if size > 1:
        flags.append(f"--mini-batch-size {size // 2} (the same loss, a third slower)")
    if not settings.gradient_checkpointing:
        flags.append("--gradient-checkpointing")
    if settings.lora_rank is None:
        flags.append("--lora-rank 16")
    flags.append("a smaller --base")
    return ", or ".join(flags)
