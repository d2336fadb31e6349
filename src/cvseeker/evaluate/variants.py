"""Vectors made smaller: cut to their first dimensions, or with fewer bits a number.

What a variant loses in quality stands beside what it saves in bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError
from cvseeker.core.settings import EvaluateSettings
from cvseeker.retrieval.codec import unit
from cvseeker.retrieval.dense import Rows
from cvseeker.retrieval.windows import FloatArray

Quantisation = Literal["int8", "binary"]


@dataclass(frozen=True, slots=True)
class Quantised:
    """Vectors as codes, (n, bytes a vector), that are decoded a block at a time."""

    codes: NDArray[np.uint8]
    decode: Callable[[NDArray[np.uint8]], FloatArray]

    def __len__(self) -> int:
        """Return the number of vectors."""
        return len(self.codes)

    def __getitem__(self, rows: slice) -> FloatArray:
        """Return some of the vectors that the codes stand for."""
        return self.decode(self.codes[rows])

    @property
    def nbytes(self) -> int:
        """Bytes of all codes."""
        return int(self.codes.nbytes)


@dataclass(frozen=True, slots=True)
class Variant:
    """A model's vectors made smaller; ``name`` follows the model's: ``@256`` or ``[int8]``."""

    name: str
    queries: FloatArray
    vectors: Rows
    nbytes: int


def check_cuts(model: str, dim: int, settings: EvaluateSettings) -> None:
    """Refuse to cut vectors to as many dimensions as they have, or more."""
    for dimensions in settings.dimensions:
        if dimensions >= dim:
            raise InputError(
                f"{model} has vectors of {dim} dimensions and cannot be cut to {dimensions}; "
                "expected fewer in --dimensions"
            )


def variants_of(
    label: str, queries: FloatArray, vectors: FloatArray, settings: EvaluateSettings
) -> Iterator[Variant]:
    """Make the variants of a model that the settings ask for, one at a time: each takes memory."""
    check_cuts(label, vectors.shape[1], settings)
    for dimensions in settings.dimensions:
        short = unit(vectors[:, :dimensions])
        yield Variant(f"@{dimensions}", unit(queries[:, :dimensions]), short, short.nbytes)
    for kind in settings.quantise:
        small = to_int8(vectors) if kind == "int8" else to_binary(vectors)
        yield Variant(f"[{kind}]", queries, small, small.nbytes)


def to_int8(vectors: FloatArray) -> Quantised:
    """Keep one byte a number: 256 steps between a dimension's least and greatest value."""
    low, high = np.min(vectors, axis=0), np.max(vectors, axis=0)  # (dim,)
    step = np.maximum((high - low) / np.float32(255), np.float32(1e-9))
    codes = np.rint((vectors - low) / step).astype(np.uint8)
    return Quantised(codes, lambda some: some * step + low)


def to_binary(vectors: FloatArray) -> Quantised:
    """Keep one bit a number: its sign.

    Numbers become ±1/√dim, so that a score is about a cosine. That the query keeps its numbers
    ranks better than counting equal bits (asymmetric distance: Gordo et al. 2014,
    https://doi.org/10.1109/TPAMI.2013.101).
    """
    dim = vectors.shape[1]
    length = np.float32(1 / np.sqrt(dim))

    def decode(some: NDArray[np.uint8]) -> FloatArray:
        bits: NDArray[Any] = np.unpackbits(some, axis=1, count=dim).astype(np.float32)
        return bits * (2 * length) - length

    return Quantised(np.packbits(vectors > 0, axis=1), decode)
