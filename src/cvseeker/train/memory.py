"""Memory: how much is used and free, and what is done when it runs out."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from cvseeker.core.errors import ModelError
from cvseeker.core.training_settings import FinetuneSettings
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


def available_memory(device: str) -> int | None:
    """Return the bytes that are free on a GPU, or to this process; ``None``: not known."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def reset_peak_memory(device: str) -> None:
    """Let the peak be measured from now on, where the system can."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory(device: str) -> int | None:
    """Return the most bytes in use at once, on a GPU or by this process; ``None``: not known."""
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    # Linux's own figure, unlike getrusage's, can be reset.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    from resource import RUSAGE_SELF, getrusage

    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit
