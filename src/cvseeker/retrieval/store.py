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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import ModelError
from cvseeker.core.files import replacing
from cvseeker.core.hashes import text_hash
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.places import make_folder
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.codec import TokenCodec
from cvseeker.retrieval.corpus import (
    UNREADABLE,
    Arrays,
    Block,
    EncodedCorpus,
    encode_all,
    read_blocks,
    require_numbers,
)
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.machine import encoding_dtype
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.tokens import TokenVectors

# Raised when windows, pooling, token codes or files come out otherwise from a model and texts.
FORMAT_VERSION = 4
_SECONDS = "seconds"

# Models whose vectors stay: the base, the tuned one, and some that they are compared with.
KEPT_MODELS = 8
FOLDER = re.compile(r"[0-9a-f]{16}")


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
        blocks = read_blocks(folder, codec, set(keys))
        known = {key: (block, row) for block in blocks for row, key in enumerate(block.keys)}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for block, used in self._encoded(encoder, [missing], codec, progress, map_here):
            known |= {key: (block, row) for row, key in enumerate(block.keys)}
            codec = used
        return EncodedCorpus.of_blocks(texts, [known[key] for key in keys], codec)

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
        blocks = read_blocks(folder, codec, {key for texts in named for key in texts})
        known = {key for block in blocks for key in block.keys}
        wanted: list[dict[str, str]] = []
        for texts in named:
            wanted.append({key: text for key, text in texts.items() if key not in known})
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
    ) -> Iterator[tuple[Block, TokenCodec | None]]:
        """Yield blocks, encoded and kept, with the codec of their token vectors."""
        folder, done, total = self._place(encoder), 0, sum(map(len, wanted))
        has_codec = _kept_codec(folder) is not None
        for block, used in encode_all(encoder, wanted, codec, mapper):
            if folder is not None:
                if used is not None and not has_codec:
                    self._make(folder)
                    used.save(folder)
                    has_codec = True
                self._keep_block(folder, block)
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
                return kept, float(kept.pop(_SECONDS))
        started = time.perf_counter()
        arrays = make()
        seconds = time.perf_counter() - started
        if path:
            self._keep(path, {**arrays, _SECONDS: np.array(seconds)})
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
            kept: Block | None = None
            with suppress(*UNREADABLE):
                arrays = _read(path)
                keys = arrays["keys"].tolist() if path.name.startswith("passages-") else None
                if keys is not None and gone.isdisjoint(keys):
                    continue
                if keys is not None:
                    kept = Block(keys, arrays, arrays["codec"]).without(gone)
            if kept is not None and kept.keys:
                self._keep_block(path.parent, kept)
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

    def _keep_block(self, folder: Path, block: Block) -> None:
        self._keep(folder / f"passages-{text_hash(*block.keys)}.npz", block.to_arrays())

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


def _known_codec(encoder: Encoder, folder: Path | None) -> TokenCodec | None:
    """Return a model's codec: the one that came with it, or that lies with its vectors."""
    if not isinstance(encoder, LocalEncoder):
        return None
    return encoder.codec or _kept_codec(folder)


def _query_arrays(encoder: Encoder, texts: Sequence[str]) -> Arrays:
    queries = EncodedQueries.from_texts(texts, encoder)
    require_numbers(encoder.name, "queries", queries.vectors)
    tokens = queries.tokens
    parts = {field.name: getattr(tokens, field.name) for field in fields(tokens)} if tokens else {}
    return {"pooled": queries.vectors, **parts}


def _kept_codec(folder: Path | None) -> TokenCodec | None:
    """Return the codec that lies with a model's vectors; a damaged one is as good as none."""
    if folder is not None:
        with suppress(ModelError):
            return TokenCodec.load(folder)
    return None


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as raw, np.load(raw) as file:
        return dict(file)
