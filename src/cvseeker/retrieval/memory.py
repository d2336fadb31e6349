"""What the C library does with memory between batches."""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

# Parameters of glibc's mallopt(3): from how many bytes on a block gets pages of its own, and how
# many free bytes the heap keeps.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
LARGEST_BLOCK, LARGEST_REST = 1 << 30, (1 << 31) - 1


@cache
def reuse_freed_memory() -> None:
    """Let a batch use the pages of the one before, where the C library can (glibc).

    By default each large block gets new pages, which the system fills with zeros: a tenth of the
    time of encoding, a fifth of a training step's.
    """
    with suppress(AttributeError, OSError, TypeError):
        library: Any = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        library.mallopt(M_TRIM_THRESHOLD, LARGEST_REST)


def return_freed_memory() -> None:
    """Give freed memory back to the system, where the C library can (glibc)."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
