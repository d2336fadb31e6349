"""Vectors kept on the disk, so that nothing is encoded twice and an interrupted run goes on.

A model has a folder, named by the hash of all that its vectors depend on; in it lie blocks of
passages, each passage known by the hash of its text, and what else was encoded by it. Whoever
encodes a corpus, be it for the index, to evaluate or to judge, finds what another has encoded
before. It holds no text. Any file, or all of them, may be deleted; a damaged one counts as deleted,
and the folders of all but the models used last are deleted by itself.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import ModelError
from cvseeker.core.files import replacing
from cvseeker.core.hashes import text_hash
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.places import make_folder
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.codec import TokenCodec, TokenCodes
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder, LocalEncoder, WindowEmbeddings
from cvseeker.retrieval.late import LateInteractionRanker
from cvseeker.retrieval.machine import encoding_dtype
from cvseeker.retrieval.ragged import bounds_of, take_rows
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.tokens import TokenVectors, encode_passages_with_tokens
from cvseeker.retrieval.windows import FloatArray, IntArray, Window

Arrays = Mapping[str, NDArray[Any]]

# Raised when windows, pooling, token codes or files come out otherwise from a model and texts.
FORMAT_VERSION = 3
SECONDS = "seconds"

# Passages whose full token vectors are held at once: 0.3 GB at 384 dimensions.
BLOCK = 256
# Models whose vectors stay: the base, the tuned one, and some that they are compared with.
KEPT_MODELS = 8
FOLDER = re.compile(r"[0-9a-f]{16}")

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
    arrays
        All of this passage by passage, as ``ROWS`` names it.
    """

    embeddings: WindowEmbeddings
    codes: TokenCodes | None
    seconds: float
    arrays: Arrays = field(default_factory=dict)

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
        self,
        encoder: Encoder,
        texts: Sequence[str],
        progress: Progress = silent,
        *,
        codec: TokenCodec | None = None,
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
        codec
            What writes the token codes; ``None``: the model's, or what lies with its vectors.

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
        folder = self._place(encoder)
        codec = codec or _known_codec(encoder, folder)
        keys = [text_hash(text) for text in texts]
        blocks = _read_blocks(folder, codec, set(keys))
        known = {key: (block, row) for block in blocks for row, key in enumerate(block.keys)}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for block, used in self._encoded(encoder, list(_cut(missing)), codec, progress, map_here):
            known |= {key: (block, row) for row, key in enumerate(block.keys)}
            codec = used
        return _assemble(texts, [known[key] for key in keys], codec)

    def encode_ahead(
        self,
        encoder: Encoder,
        corpora: Sequence[Sequence[str]],
        mapper: Mapper,
        progress: Progress = silent,
        *,
        codec: TokenCodec | None = None,
    ) -> None:
        """Have encoded and keep what :meth:`encode_corpus` will be asked for.

        Passages come in the same blocks as there, corpus after corpus, and so to the same vectors.

        Parameters
        ----------
        encoder, progress, codec
            As there.
        corpora
            The passages of each.
        mapper
            Where the blocks are encoded.
        """
        folder = self._place(encoder)
        codec = codec or _known_codec(encoder, folder)
        named = [{text_hash(text): text for text in texts} for texts in corpora]
        blocks = _read_blocks(folder, codec, {key for texts in named for key in texts})
        known = {key for block in blocks for key in block.keys}
        wanted: list[dict[str, str]] = []
        for texts in named:
            wanted += _cut({key: text for key, text in texts.items() if key not in known})
            known |= texts.keys()
        for _ in self._encoded(encoder, wanted, codec, progress, mapper):
            pass

    def _encoded(
        self,
        encoder: Encoder,
        wanted: Sequence[Mapping[str, str]],
        codec: TokenCodec | None,
        progress: Progress,
        mapper: Mapper,
    ) -> Iterator[tuple["_Block", TokenCodec | None]]:
        """Yield blocks, encoded and kept, with the codec of their token vectors."""
        folder, done, total = self._place(encoder), 0, sum(map(len, wanted))
        has_codec = _kept_codec(folder) is not None
        for block, used in _encode_all(encoder, wanted, codec, mapper):
            if folder is not None:
                if used is not None and not has_codec:
                    self._make(folder)
                    used.save(folder)
                    has_codec = True
                arrays = {"keys": np.array(block.keys), "codec": _mark(used), **block.arrays}
                self._keep(folder / f"passages-{text_hash(*block.keys)}.npz", arrays)
            yield block, used
            done += len(block.keys)
            progress(f"encode with {encoder.name}", done, total, "passages")

    def encode_queries(
        self, encoder: Encoder, texts: Sequence[str]
    ) -> tuple[EncodedQueries, float]:
        """Encode queries, unless these very ones are in the store.

        Returns
        -------
        queries, seconds
            And what encoding took when it was done.

        Raises
        ------
        ModelError
            If the model gives what is no number.
        """
        arrays, seconds = self.arrays(
            encoder, "queries", texts, lambda: _query_arrays(encoder, texts)
        )
        parts = {name: array for name, array in arrays.items() if name != "pooled"}
        tokens = TokenVectors(**parts) if parts else None
        return EncodedQueries(texts, tokenize(texts), arrays["pooled"], tokens), seconds

    def arrays(
        self, encoder: Encoder, kind: str, texts: Sequence[str], make: Callable[[], Arrays]
    ) -> tuple[Arrays, float]:
        """Return what was made of texts and kept, or make and keep it.

        Parameters
        ----------
        encoder
            By which.
        kind
            What is made of them, as a part of a file's name.
        texts
            Of which.
        make
            Makes the arrays, by name.

        Returns
        -------
        arrays, seconds
            And how long making them took.
        """
        folder = self._place(encoder)
        path = folder and folder / f"{kind}-{text_hash(*texts)}.npz"
        if path:
            with suppress(*UNREADABLE):
                kept = _read(path)
                return kept, float(kept.pop(SECONDS))
        started = time.perf_counter()
        arrays = make()
        seconds = time.perf_counter() - started
        if path:
            self._keep(path, {**arrays, SECONDS: np.array(seconds)})
        return arrays, seconds

    def forget(self, texts: Collection[str]) -> int:
        """Delete what was made of some texts, whatever the model; return how many files changed.

        Parameters
        ----------
        texts
            Passages. Queries and all that was made of several texts at once goes with them.
        """
        gone, changed = {text_hash(text) for text in texts}, 0
        for path in sorted(self._folder.glob("*/*.npz")) if self._folder else ():
            kept: Arrays | None = None
            with suppress(*UNREADABLE):
                arrays = _read(path)
                keys = arrays["keys"].tolist() if path.name.startswith("passages-") else None
                if keys is not None and gone.isdisjoint(keys):
                    continue
                rows = np.array([at for at, key in enumerate(keys or ()) if key not in gone])
                if len(rows):
                    part = _take({name: arrays[name] for name in NOTHING}, rows.astype(np.int64))
                    kept = {"keys": arrays["keys"][rows], "codec": arrays["codec"], **part}
            if kept is not None:
                name = f"passages-{text_hash(*kept['keys'].tolist())}.npz"
                self._keep(path.with_name(name), kept)
            path.unlink()
            changed += 1
        return changed

    def _place(self, encoder: Encoder) -> Path | None:
        """Return a model's folder, be it there or not, and remember that it was used."""
        if self._folder is None:
            return None
        folder = self._folder / encoder_identity(encoder)
        with suppress(OSError):
            os.utime(folder)
        return folder

    def _make(self, folder: Path) -> None:
        """Make a model's folder, and delete those of all models but the last used."""
        if folder.is_dir():
            return
        make_folder(folder)
        others = [path for path in folder.parent.iterdir() if FOLDER.match(path.name)]
        for path in sorted(others, key=lambda path: -path.stat().st_mtime)[KEPT_MODELS:]:
            shutil.rmtree(path, ignore_errors=True)

    def _keep(self, path: Path, arrays: Arrays) -> None:
        """Write arrays into a model's folder, whole or not at all."""
        self._make(path.parent)
        with replacing(path) as scratch, scratch.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)


def encoder_identity(encoder: Encoder) -> str:
    """Return what changes when an encoder's vectors do, as a folder's name.

    Of a local model the hash of its weights, modules, tokenizer, prompts, windows and precision; of
    any other its attribute ``identity`` where it has one, else its name.
    """
    version = str(FORMAT_VERSION)
    if not isinstance(encoder, LocalEncoder):
        named = str(getattr(encoder, "identity", encoder.name))
        return text_hash(version, type(encoder).__name__, named)
    model = encoder.model
    return text_hash(
        version,
        encoder.weights_hash(),
        repr(model),
        json.dumps([model.prompts, model.default_prompt_name, model.max_seq_length]),
        f"{model.truncate_dim} {encoder.windows.model_dump_json()}",
        str(encoding_dtype(model.device.type)),
    )


def require_numbers(model: str, what: str, vectors: FloatArray) -> None:
    """Refuse vectors, shape (n, dim), that hold what is no number."""
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ModelError(
            f"{model}: {len(broken)} of {len(vectors)} vectors of {what} hold NaN or infinity; "
            "expected numbers: the model is damaged or was trained too fast"
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
    return {SECONDS: arrays[SECONDS][chosen], **take_rows(arrays, chosen, ROWS)}


def _cut(passages: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield blocks of passages."""
    wanted = list(passages.items())
    for begin in range(0, len(wanted), BLOCK):
        yield dict(wanted[begin : begin + BLOCK])


def _encode_all(
    encoder: Encoder,
    wanted: Sequence[Mapping[str, str]],
    codec: TokenCodec | None,
    mapper: Mapper,
) -> Iterator[tuple[_Block, TokenCodec | None]]:
    """Encode blocks; where there is no codec, the first of them is what it is fitted to."""
    if codec is None and wanted:
        block, codec = _encode(encoder, wanted[0], None)
        yield block, codec
        wanted = wanted[1:]
    for block in mapper(partial(_encode_blocks, encoder, codec), wanted, at_once=1):
        yield block, codec


def _encode_blocks(
    encoder: Encoder, codec: TokenCodec | None, wanted: Iterable[Mapping[str, str]]
) -> Iterator[_Block]:
    for passages in wanted:
        yield _encode(encoder, passages, codec)[0]


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
            bounds_of(arrays["tokens"]),
            np.bincount(arrays["ids"]).astype(np.int64),
        )
    embeddings = WindowEmbeddings(windows, arrays["vectors"], owners)
    return EncodedCorpus(embeddings, codes, float(arrays[SECONDS].sum()), arrays)


def _query_arrays(encoder: Encoder, texts: Sequence[str]) -> Arrays:
    queries = EncodedQueries.from_texts(texts, encoder)
    require_numbers(encoder.name, "queries", queries.vectors)
    tokens = queries.tokens
    parts = {field.name: getattr(tokens, field.name) for field in fields(tokens)} if tokens else {}
    return {"pooled": queries.vectors, **parts}


def _mark(codec: TokenCodec | None) -> NDArray[Any]:
    """Return what tells whose codes a block holds."""
    return np.array(codec.identity if codec else "")


def _known_codec(encoder: Encoder, folder: Path | None) -> TokenCodec | None:
    """Return a model's codec: the one that came with it, or that lies with its vectors."""
    if not isinstance(encoder, LocalEncoder):
        return None
    return encoder.codec or _kept_codec(folder)


def _kept_codec(folder: Path | None) -> TokenCodec | None:
    """Return the codec that lies with a model's vectors; a damaged one is as good as none."""
    if folder is not None:
        with suppress(ModelError):
            return TokenCodec.load(folder)
    return None


def _read_blocks(
    folder: Path | None, codec: TokenCodec | None, wanted: set[str]
) -> Iterator[_Block]:
    """Yield the blocks of a codec that hold wanted passages; a damaged one is as good as none."""
    for path in sorted(folder.glob("passages-*.npz")) if folder else ():
        with suppress(*UNREADABLE), path.open("rb") as raw, np.load(raw) as file:
            keys = file["keys"].tolist()
            if not wanted.isdisjoint(keys) and file["codec"] == _mark(codec):
                arrays = {name: file[name] for name in NOTHING}
                if _is_whole(arrays, len(keys)):
                    yield _Block(keys, arrays)


def _is_whole(arrays: Arrays, count: int) -> bool:
    """Return whether a block has as many rows as it says, and numbers only."""
    sizes = (len(arrays[name]) == arrays[rows].sum() for rows in ROWS for name in ROWS[rows])
    return (
        all(len(arrays[rows]) == count for rows in (SECONDS, *ROWS))
        and all(sizes)
        and bool(np.isfinite(arrays["vectors"]).all())
    )


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as raw, np.load(raw) as file:
        return dict(file)
