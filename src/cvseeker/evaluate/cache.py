"""Vectors kept on the disk, so that nothing is encoded twice.

An entry is a folder of arrays, named by the hash of all that they depend on: the model's content,
the texts, the windows. It holds no text. Any entry, or all of them, may be deleted.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.files import text_hash
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.precision import encoding_dtype

Arrays = Mapping[str, NDArray[Any]]

# Raised when windows, pooling or token codes come out otherwise from the same model and texts.
FORMAT_VERSION = 1
SECONDS = "seconds"


class VectorCache:
    """Arrays by the hash of what they depend on, in a folder; ``None``: everything is made anew."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def arrays(
        self, names: Sequence[str], parts: Sequence[str], make: Callable[[], Arrays]
    ) -> tuple[Arrays, float]:
        """Return arrays by name, kept or made now, and how long making them took.

        ``parts`` are what they depend on: kind of entry, hashes, settings.
        """
        if self._folder is None:
            return _timed(make)
        entry = self._folder / text_hash(str(FORMAT_VERSION), *parts)
        kept = _read(entry, names)
        if kept is None:
            _write(entry, *_timed(make))
            kept = _read(entry, names)
        return kept or _timed(make)


def encoder_identity(encoder: Encoder) -> str:
    """Return what changes when an encoder's vectors do.

    Of a local model the hash of its weights, modules, tokenizer, prompts, windows and codec; of any
    other its attribute ``identity`` where it has one, else its name.
    """
    if not isinstance(encoder, LocalEncoder):
        return f"{type(encoder).__name__} {getattr(encoder, 'identity', encoder.name)}"
    import hashlib

    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    # Padding and truncation change from call to call.
    tokenizer = json.loads(encoder.model.tokenizer.backend_tokenizer.to_str())
    tokenizer |= {"padding": None, "truncation": None}
    codec = encoder.codec
    for array in (codec.projection, codec.center, codec.spread) if codec else ():
        digest.update(np.ascontiguousarray(array).data)
    model = encoder.model
    parts = (
        repr(model),
        json.dumps(tokenizer, sort_keys=True),
        json.dumps([model.prompts, model.default_prompt_name, model.max_seq_length]),
        f"{model.truncate_dim} {encoder.windows.model_dump_json()}",
        str(encoding_dtype(model.device.type)),
    )
    return f"{digest.hexdigest()} {text_hash(*parts)}"


def _timed(make: Callable[[], Arrays]) -> tuple[Arrays, float]:
    started = time.perf_counter()
    arrays = make()
    return arrays, time.perf_counter() - started


def _write(entry: Path, arrays: Arrays, seconds: float) -> None:
    """Write a neighbour and rename it, so that an entry is whole or absent."""
    scratch = entry.with_name(f".{entry.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name, array in (*arrays.items(), (SECONDS, np.array(seconds))):
        np.save(scratch / f"{name}.npy", array, allow_pickle=False)
    # A damaged entry, or another process's equal one.
    shutil.rmtree(entry, ignore_errors=True)
    try:
        scratch.replace(entry)
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)


def _read(entry: Path, names: Sequence[str]) -> tuple[Arrays, float] | None:
    """Return an entry, ``None`` where there is none that can be read."""
    try:
        arrays = {name: _load(entry / f"{name}.npy") for name in names}
        return arrays, float(_load(entry / f"{SECONDS}.npy"))
    except (OSError, ValueError, EOFError):
        return None


def _load(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, allow_pickle=False)
    if array.nbytes < 1_000_000:
        return array
    return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
