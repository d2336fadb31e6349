"""A corpus as a model sees it: encoded block by block, and put together of kept blocks."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import ModelError
from cvseeker.core.mapping import Mapper
from cvseeker.retrieval.codec import TokenCodec, TokenCodes
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder, LocalEncoder, WindowEmbeddings
from cvseeker.retrieval.late import LateInteractionRanker
from cvseeker.retrieval.ragged import bounds_of, take_rows
from cvseeker.retrieval.tokens import encode_passages_with_tokens
from cvseeker.retrieval.windows import FloatArray, IntArray, Window

Arrays = Mapping[str, NDArray[Any]]

# Passages whose full token vectors are held at once: 0.3 GB at 384 dimensions.
BLOCK = 256
_SECONDS = "seconds"

UNREADABLE = (OSError, ValueError, EOFError, KeyError, BadZipFile)

# Ragged arrays of a block, by the array of how many rows each passage has in them.
ROWS = {
    "windows": ("window_starts", "window_ends", "vectors"),
    "tokens": ("codes", "token_starts", "token_lengths"),
    "distinct": ("ids",),
}


_NOTHING = {
    name: np.zeros((0, 0) if name in {"vectors", "codes"} else 0, np.int64)
    for name in (_SECONDS, *ROWS, *chain(*ROWS.values()))
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

    @classmethod
    def of_blocks(
        cls, texts: Sequence[str], places: Sequence[tuple["Block", int]], codec: TokenCodec | None
    ) -> Self:
        """Put passages together that lie in blocks, each at its row of one of them."""
        of_block: dict[int, tuple[Block, list[int]]] = {}
        for at, (block, _) in enumerate(places):
            of_block.setdefault(id(block), (block, []))[1].append(at)
        parts = [
            _take(block.arrays, np.array([places[at][1] for at in positions]))
            for block, positions in of_block.values()
        ] or [_NOTHING]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.array([at for _, positions in of_block.values() for at in positions], np.int64)
        arrays = _take(joined, np.argsort(order))
        owners = np.repeat(np.arange(len(texts)), arrays["windows"])
        starts, ends = arrays["window_starts"].tolist(), arrays["window_ends"].tolist()
        windows = [
            Window(owner, texts[owner][start:end], start)
            for owner, start, end in zip(owners.tolist(), starts, ends, strict=True)
        ]
        embeddings = WindowEmbeddings(windows, arrays["vectors"], owners)
        codes = None if codec is None else _codes(codec, arrays)
        return cls(embeddings, codes, float(arrays[_SECONDS].sum()), arrays)

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


@dataclass(frozen=True, slots=True)
class Block:
    """Passages that were encoded together: their keys, and arrays as ``ROWS`` names them."""

    keys: list[str]
    arrays: Arrays
    # Whose token codes it holds.
    codec: NDArray[Any]

    def without(self, gone: Collection[str]) -> "Block":
        """Return a block of the passages that are not among those who go."""
        rows = np.array([at for at, key in enumerate(self.keys) if key not in gone], np.int64)
        return Block([self.keys[at] for at in rows], _take(self.arrays, rows), self.codec)

    def to_arrays(self) -> Arrays:
        """Return what is written of it."""
        return {"keys": np.array(self.keys), "codec": self.codec, **self.arrays}


def _take(arrays: Arrays, chosen: IntArray) -> Arrays:
    """Return the arrays of some of the passages, in the order given; all of them are not copied."""
    if np.array_equal(chosen, np.arange(len(arrays[_SECONDS]))):
        return arrays
    return {_SECONDS: arrays[_SECONDS][chosen], **take_rows(arrays, chosen, ROWS)}


def _cut(passages: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield blocks of passages."""
    wanted = list(passages.items())
    for begin in range(0, len(wanted), BLOCK):
        yield dict(wanted[begin : begin + BLOCK])


def encode_all(
    encoder: Encoder,
    corpora: Iterable[Mapping[str, str]],
    codec: TokenCodec | None,
    mapper: Mapper,
) -> Iterator[tuple[Block, TokenCodec | None]]:
    """Encode passages, known by their keys, in blocks; the first is what a codec is fitted to.

    Parameters
    ----------
    encoder, codec
        With a codec, none is fitted.
    corpora
        No block is of two of them.
    mapper
        Where the blocks are encoded.

    Yields
    ------
    Block, codec
    """
    wanted = [block for passages in corpora for block in _cut(passages)]
    if codec is None and wanted:
        block, codec = _encode(encoder, wanted[0], None)
        yield block, codec
        wanted = wanted[1:]
    for block in mapper(partial(_encode_blocks, encoder, codec), wanted, at_once=1):
        yield block, codec


def _encode_blocks(
    encoder: Encoder, codec: TokenCodec | None, wanted: Iterable[Mapping[str, str]]
) -> Iterator[Block]:
    for passages in wanted:
        yield _encode(encoder, passages, codec)[0]


def _encode(
    encoder: Encoder, passages: Mapping[str, str], codec: TokenCodec | None
) -> tuple[Block, TokenCodec | None]:
    """Encode passages, known by their keys; fit a codec to them where there is none yet."""
    texts, started = list(passages.values()), time.perf_counter()
    arrays: dict[str, NDArray[Any]] = dict(_NOTHING)
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
        _SECONDS: np.full(len(texts), (time.perf_counter() - started) / len(texts)),
    }
    return Block(list(passages), arrays, _mark(codec)), codec


def _codes(codec: TokenCodec, arrays: Arrays) -> TokenCodes:
    return TokenCodes(
        codec,
        arrays["codes"],
        arrays["token_starts"].astype(np.uint32),
        arrays["token_lengths"].astype(np.uint16),
        bounds_of(arrays["tokens"]),
        np.bincount(arrays["ids"]).astype(np.int64),
    )


def _mark(codec: TokenCodec | None) -> NDArray[Any]:
    """Return what tells whose codes a block holds."""
    return np.array(codec.identity if codec else "")


def read_blocks(folder: Path | None, codec: TokenCodec | None, wanted: set[str]) -> Iterator[Block]:
    """Yield the blocks of a codec that hold wanted passages; a damaged one is as good as none."""
    for path in sorted(folder.glob("passages-*.npz")) if folder else ():
        with suppress(*UNREADABLE), path.open("rb") as raw, np.load(raw) as file:
            keys = file["keys"].tolist()
            if not wanted.isdisjoint(keys) and file["codec"] == _mark(codec):
                arrays = {name: file[name] for name in _NOTHING}
                if _is_whole(arrays, len(keys)):
                    yield Block(keys, arrays, _mark(codec))


def _is_whole(arrays: Arrays, count: int) -> bool:
    """Return whether a block has as many rows as it says, and numbers only."""
    sizes = (len(arrays[name]) == arrays[rows].sum() for rows in ROWS for name in ROWS[rows])
    return (
        all(len(arrays[rows]) == count for rows in (_SECONDS, *ROWS))
        and all(sizes)
        and bool(np.isfinite(arrays["vectors"]).all())
    )


def require_numbers(model: str, what: str, vectors: FloatArray) -> None:
    """Refuse vectors, shape (n, dim), that hold what is no number."""
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ModelError(
            f"{model}: {len(broken)} of {len(vectors)} vectors of {what} hold NaN or infinity; "
            "expected numbers: the model is damaged or was trained too fast"
        )
