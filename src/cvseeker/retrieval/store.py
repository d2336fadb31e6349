"""Vectors kept on the disk, so that nothing is encoded twice and an interrupted run goes on.

A model has a folder, named by the hash of all that its vectors depend on; in it lie blocks of
passages, each passage known by the hash of its text. Whoever encodes a corpus, be it for the
index, to evaluate or to judge, finds what another has encoded before. It holds no text. Any file,
or all of them, may be deleted.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import ModelError
from cvseeker.core.files import replacing
from cvseeker.core.hashes import text_hash
from cvseeker.core.places import make_file, make_folder
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.codec import CODEC_FILE, TokenCodec, TokenCodes
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder, LocalEncoder, WindowEmbeddings
from cvseeker.retrieval.late import LateInteractionRanker
from cvseeker.retrieval.machine import encoding_dtype
from cvseeker.retrieval.tokens import encode_passages_with_tokens
from cvseeker.retrieval.windows import FloatArray, IntArray, Window, rows_of

Arrays = Mapping[str, NDArray[Any]]

# Raised when windows, pooling or token codes come out otherwise from the same model and texts.
FORMAT_VERSION = 2
SECONDS = "seconds"

# Passages whose full token vectors are held at once: 0.3 GB at 384 dimensions.
BLOCK = 256

UNREADABLE = (OSError, ValueError, EOFError, KeyError, BadZipFile)

# Ragged arrays of a block, by the array of how many rows each passage has in them.
ROWS = {
    "windows": ("window_starts", "window_ends", "vectors"),
    "tokens": ("codes", "token_starts", "token_lengths"),
    "distinct": ("ids",),
}


NOTHING = {
    name: np.zeros((0, 0) if name in {"vectors", "codes"} else 0, np.int64)
    for name in (SECONDS, *ROWS, *chain(*ROWS.values()))
}


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """What a model says of a corpus.

    Attributes
    ----------
    embeddings
        The passages' windows and their pooled vectors.
    codes
        Their token vectors, for late interaction; ``None`` where the encoder gives none.
    seconds
        What encoding took when it was done.
    """

    embeddings: WindowEmbeddings
    codes: TokenCodes | None
    seconds: float

    def dense(self) -> DenseRanker:
        """Return a ranker by pooled vectors."""
        return DenseRanker(self.embeddings.vectors, self.embeddings.owners)

    def late(self) -> LateInteractionRanker:
        """Return a ranker by token vectors.

        Raises
        ------
        ModelError
            If there are none.
        """
        if self.codes is None:
            raise ModelError("no token vectors of the corpus; expected a local model's")
        return LateInteractionRanker(self.codes)


class VectorStore:
    """Vectors by the hashes of what they depend on.

    Parameters
    ----------
    folder
        Where they are kept; ``None``: nowhere, and everything is made anew.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def encode_corpus(
        self, encoder: Encoder, texts: Sequence[str], progress: Progress = silent
    ) -> EncodedCorpus:
        """Encode passages, those that are not in the store yet.

        Parameters
        ----------
        encoder
            A local model, which also gives token vectors, or any other encoder.
        texts
            The passages. The full token vectors of 256 are held at once, the codes of all.
        progress
            Called with the passages done; not at all where nothing is left to do.

        Returns
        -------
        EncodedCorpus
            In the order of ``texts``.

        Raises
        ------
        InputError
            If there are no words in the first passages to fit a codec to.
        ModelError
            If the model gives what is no number.
        """
        folder, codec = self._place(encoder)
        keys = [text_hash(text) for text in texts]
        # Codes without the codec that made them say nothing.
        readable = codec is not None or not isinstance(encoder, LocalEncoder)
        blocks = _read_blocks(folder, set(keys)) if folder is not None and readable else []
        known = {key: (block, row) for block in blocks for row, key in enumerate(block.keys)}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        wanted = list(missing.items())
        for begin in range(0, len(wanted), BLOCK):
            chosen = dict(wanted[begin : begin + BLOCK])
            block, codec = _encode(encoder, chosen, codec)
            _keep(block, codec, folder)
            known |= {key: (block, row) for row, key in enumerate(block.keys)}
            done = begin + len(chosen)
            progress(f"encode with {encoder.name}", done, len(wanted), "passages")
        return _assemble(texts, [known[key] for key in keys], codec)

    def _place(self, encoder: Encoder) -> tuple[Path | None, TokenCodec | None]:
        """Return a model's folder, and its own codec or the one fitted when it was first met."""
        own = encoder.codec if isinstance(encoder, LocalEncoder) else None
        if self._folder is None:
            return None, own
        folder = self._folder / encoder_identity(encoder)
        if not isinstance(encoder, LocalEncoder) or not (folder / CODEC_FILE).is_file():
            return folder, own
        kept = TokenCodec.load(folder)
        if own is None or own.identity == kept.identity:
            return folder, kept
        return folder.with_name(f"{folder.name}-{own.identity[:16]}"), own

    def arrays(
        self, names: Sequence[str], parts: Sequence[str], make: Callable[[], Arrays]
    ) -> tuple[Arrays, float]:
        """Return arrays that were kept, or make them and keep them.

        Parameters
        ----------
        names
            The arrays'.
        parts
            What they depend on: kind of entry, hashes, settings.
        make
            Makes them.

        Returns
        -------
        arrays, seconds
            By name, those kept read from the disk as they are used; and how long making them took.
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
    """Return what changes when an encoder's vectors do, as a file's name.

    Parameters
    ----------
    encoder
        A local model: the hash of its weights, modules, tokenizer, prompts, windows and precision.
        Any other: its attribute ``identity`` where it has one, else its name.
    """
    version = str(FORMAT_VERSION)
    if not isinstance(encoder, LocalEncoder):
        named = str(getattr(encoder, "identity", encoder.name))
        return text_hash(version, type(encoder).__name__, named)
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
    model = encoder.model
    return text_hash(
        version,
        digest.hexdigest(),
        repr(model),
        json.dumps(tokenizer, sort_keys=True),
        json.dumps([model.prompts, model.default_prompt_name, model.max_seq_length]),
        f"{model.truncate_dim} {encoder.windows.model_dump_json()}",
        str(encoding_dtype(model.device.type)),
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """Passages that were encoded together: their keys, and arrays as ``ROWS`` names them."""

    keys: list[str]
    arrays: Arrays


def _take(arrays: Arrays, chosen: IntArray) -> Arrays:
    """Return the arrays of some of the passages, in the order given; all of them are not copied."""
    if np.array_equal(chosen, np.arange(len(arrays[SECONDS]))):
        return arrays
    taken = {SECONDS: arrays[SECONDS][chosen]}
    for count, names in ROWS.items():
        rows = rows_of(_bounds(arrays[count]), chosen)
        taken[count] = arrays[count][chosen]
        taken |= {name: arrays[name][rows] for name in names}
    return taken


def _bounds(sizes: NDArray[Any]) -> IntArray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _encode(
    encoder: Encoder, passages: Mapping[str, str], codec: TokenCodec | None
) -> tuple[_Block, TokenCodec | None]:
    """Encode passages, known by their keys; fit a codec to them where there is none yet."""
    texts, started = list(passages.values()), time.perf_counter()
    arrays: dict[str, NDArray[Any]] = dict(NOTHING)
    arrays |= dict.fromkeys(("tokens", "distinct"), np.zeros(len(texts), np.int64))
    if isinstance(encoder, LocalEncoder):
        pooled, tokens = encode_passages_with_tokens(encoder, texts)
        require_numbers(encoder.name, "passages", pooled.vectors)
        codec = codec or TokenCodec.fit(tokens.vectors)
        coded = TokenCodes.from_vectors(tokens, codec)
        owners, ids = tokens.occurrences
        arrays |= {
            "tokens": np.diff(tokens.bounds),
            "codes": coded.codes,
            "token_starts": coded.starts,
            "token_lengths": coded.lengths,
            "distinct": np.bincount(owners, minlength=len(texts)),
            "ids": ids,
        }
    else:
        pooled = encoder.encode_passages(texts)
        require_numbers(encoder.name, "passages", pooled.vectors)
    windows = pooled.windows
    arrays |= {
        "windows": np.bincount(pooled.owners, minlength=len(texts)),
        "window_starts": np.array([window.start for window in windows], np.int64),
        "window_ends": np.array([window.start + len(window.text) for window in windows], np.int64),
        "vectors": pooled.vectors,
        SECONDS: np.full(len(texts), (time.perf_counter() - started) / len(texts)),
    }
    return _Block(list(passages), arrays), codec


def require_numbers(model: str, what: str, vectors: FloatArray) -> None:
    """Refuse vectors, shape (n, dim), that hold what is no number.

    Raises
    ------
    ModelError
        If they do; ``model`` and ``what`` say whose and of what they are.
    """
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ModelError(
            f"{model}: {len(broken)} of {len(vectors)} vectors of {what} hold NaN or infinity; "
            "expected numbers: the model is damaged or was trained too fast"
        )


def _assemble(
    texts: Sequence[str], places: Sequence[tuple[_Block, int]], codec: TokenCodec | None
) -> EncodedCorpus:
    """Put the passages' arrays in the order of the texts."""
    of_block: dict[int, tuple[_Block, list[int]]] = {}
    for at, (block, _) in enumerate(places):
        of_block.setdefault(id(block), (block, []))[1].append(at)
    parts = [
        _take(block.arrays, np.array([places[at][1] for at in positions]))
        for block, positions in of_block.values()
    ]
    names = parts[0] if parts else NOTHING
    joined = {name: np.concatenate([part[name] for part in parts or [NOTHING]]) for name in names}
    order = np.array([at for _, positions in of_block.values() for at in positions], np.int64)
    return _corpus(texts, _take(joined, np.argsort(order)), codec)


def _corpus(
    texts: Sequence[str], arrays: Mapping[str, NDArray[Any]], codec: TokenCodec | None
) -> EncodedCorpus:
    owners = np.repeat(np.arange(len(texts)), arrays["windows"])
    starts, ends = arrays["window_starts"].tolist(), arrays["window_ends"].tolist()
    windows = [
        Window(owner, texts[owner][start:end], start)
        for owner, start, end in zip(owners.tolist(), starts, ends, strict=True)
    ]
    codes = None
    if codec is not None:
        codes = TokenCodes(
            codec,
            arrays["codes"],
            arrays["token_starts"].astype(np.uint32),
            arrays["token_lengths"].astype(np.uint16),
            _bounds(arrays["tokens"]),
            np.bincount(arrays["ids"]).astype(np.int64),
        )
    embeddings = WindowEmbeddings(windows, arrays["vectors"], owners)
    return EncodedCorpus(embeddings, codes, float(arrays[SECONDS].sum()))


def _read_blocks(folder: Path, wanted: set[str]) -> list[_Block]:
    """Return the blocks that hold wanted passages; a damaged one is as good as none."""
    blocks = []
    for path in sorted(folder.glob("*.npz")):
        with suppress(*UNREADABLE), path.open("rb") as raw, np.load(raw) as file:
            keys = file["keys"].tolist()
            if not wanted.isdisjoint(keys):
                blocks.append(_Block(keys, {name: file[name] for name in NOTHING}))
    return blocks


def _keep(block: _Block, codec: TokenCodec | None, folder: Path | None) -> None:
    """Write a block, whole or not at all, and before it the codec that its codes were made by."""
    if folder is None:
        return
    make_folder(folder)
    if codec is not None and not (folder / CODEC_FILE).is_file():
        codec.save(folder)
    path = folder / f"{text_hash(*block.keys)}.npz"
    with replacing(path) as scratch, scratch.open("wb") as file:
        np.savez(file, allow_pickle=False, keys=np.array(block.keys), **block.arrays)


def _timed(make: Callable[[], Arrays]) -> tuple[Arrays, float]:
    started = time.perf_counter()
    arrays = make()
    return arrays, time.perf_counter() - started


def _write(entry: Path, arrays: Arrays, seconds: float) -> None:
    """Write a neighbour and rename it, so that an entry is whole or absent."""
    scratch = entry.with_name(f".{entry.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    make_folder(scratch)
    for name, array in (*arrays.items(), (SECONDS, np.array(seconds))):
        make_file(scratch / f"{name}.npy")
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
