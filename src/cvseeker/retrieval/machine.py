"""What models run on here: which device, in which precision, with how many threads.

Half of the bits are enough to rank by: with bfloat16 all metrics stay within .002. Processors with
AMX or AVX-512 BF16 multiply in it twice as fast; others emulate it and are slower, so it is tried
once on each machine, and remembered.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cvseeker.core.errors import SettingsError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.hashes import text_hash

if TYPE_CHECKING:
    import torch

# fp32, bf16, or auto, which tries.
VARIABLE = "CVSEEKER_PRECISION"
CHOICES = ("auto", "fp32", "bf16")

# A gain below this is not worth the digits.
WORTH_IT = 1.25


def device() -> str:
    """Return the device that models run on: ``cuda``, ``mps`` or ``cpu``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def encoding_dtype(device: str) -> "torch.dtype":
    """Return the dtype that models encode in on a device.

    Parameters
    ----------
    device
        ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    torch.dtype
        ``torch.bfloat16`` where it is faster on this machine, else ``torch.float32``; the variable
        ``CVSEEKER_PRECISION`` overrides it with ``fp32`` or ``bf16``.

    Raises
    ------
    SettingsError
        If the variable holds something else.
    """
    import torch

    wanted = wanted_precision()
    if wanted == "auto":
        wanted = _tried(device)
    return torch.bfloat16 if wanted == "bf16" else torch.float32


def wanted_precision() -> str:
    """Return what the variable ``CVSEEKER_PRECISION`` says: ``auto``, ``fp32`` or ``bf16``.

    Raises
    ------
    SettingsError
        If it says something else.
    """
    wanted = os.environ.get(VARIABLE, "") or "auto"
    if wanted not in CHOICES:
        raise SettingsError(f"{VARIABLE} is {wanted!r}; expected one of: {', '.join(CHOICES)}")
    return wanted


@contextmanager
def threads_on(device: str) -> Iterator[int]:
    """Yield how many threads may encode at once, and let each of them calculate by itself.

    A small encoder's products are too short to be shared out: with a batch in each thread all are
    busy, tokenizing included, and a query is answered soonest by one.
    """
    import torch

    threads = torch.get_num_threads()
    if threads > 1:
        torch.set_num_threads(1)
    try:
        yield threads if device == "cpu" else 1
    finally:
        if threads > 1:
            torch.set_num_threads(threads)


@cache
def _tried(device: str) -> str:
    """Return what was faster on this machine, from the user's cache directory where it is known."""
    import torch

    machine = f"{_processor(device)}, torch {torch.__version__}"
    path = cache_file("precision.json")
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = dict(read_json(path))
    if known.get(machine) in CHOICES[1:]:
        return known[machine]
    found = "bf16" if _speedup(device) >= WORTH_IT else "fp32"
    # Where nothing can be kept, it is tried again next time.
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {**known, machine: found})
    return found


def cache_file(name: str) -> Path:
    """Return where something is remembered for all workspaces of this user."""
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "cvseeker" / name


def _processor(device: str) -> str:
    import torch

    if device == "cuda":
        return str(torch.cuda.get_device_name())
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        kept = {line.partition(":")[0].strip(): line for line in lines}
        named = " ".join(kept[name] for name in ("model name", "model", "flags") if name in kept)
        return f"{device} {text_hash(named)[:16]}"
    return f"{device} {platform.processor() or platform.machine()}"


def _speedup(device: str) -> float:
    """Time a small encoder's largest product in both precisions, in turn."""
    import torch

    if device == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return 0.0
    if device not in {"cuda", "cpu"}:
        return 0.0
    best: dict[torch.dtype, float] = {}
    with torch.inference_mode():
        for turn in range(4):
            for dtype in (torch.float32, torch.bfloat16):
                rows = torch.ones(512, 384, dtype=dtype, device=device)
                weights = torch.ones(384, 1536, dtype=dtype, device=device)
                started = time.perf_counter()
                for _ in range(3):
                    torch.matmul(rows, weights)
                if device == "cuda":
                    torch.cuda.synchronize()
                seconds = time.perf_counter() - started
                if turn:  # the first turn builds the kernels
                    best[dtype] = min(seconds, best.get(dtype, seconds))
    return best[torch.float32] / best[torch.bfloat16]
