"""The token vectors of a corpus, small enough to keep.

A passage of 750 tokens takes over a megabyte in full and 31 KiB so.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval.codec import Bytes, TokenCodec
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.retrieval.windows import FloatArray, IntArray

CODES_FILE = "token_codes.npy"
PLACES_FILE = "token_places.npz"
# The arrays of ``token_places.npz``, in the order of the fields of :class:`TokenCodes`.
PLACES = ("starts", "lengths", "bounds", "frequencies")

# Passages whose full token vectors are held at once: 0.3 GB at 384 dimensions.
BLOCK = 256


@dataclass(frozen=True, slots=True)
class TokenCodes:
    """The token vectors of a corpus, as codes.

    Attributes
    ----------
    codec
        What wrote the codes and reads them.
    codes
        Shape (n_tokens, k / 8), uint8; a passage's tokens in reading order.
    starts
        Shape (n_tokens,), uint32: where each token begins, in characters of its passage.
    lengths
        Shape (n_tokens,), uint16: its length; a longer one is cut off.
    bounds
        Shape (n_passages + 1,), int64: passage i has the rows from ``bounds[i]`` to
        ``bounds[i + 1]``.
    frequencies
        In how many passages each token id occurs, shape (highest id + 1,), int64.
    """

    codec: TokenCodec
    codes: Bytes
    starts: NDArray[np.uint32]
    lengths: NDArray[np.uint16]
    bounds: IntArray
    frequencies: IntArray

    @classmethod
    def from_vectors(cls, tokens: TokenVectors, codec: TokenCodec) -> Self:
        """Encode the token vectors of passages."""
        lengths = np.minimum(np.diff(tokens.spans, axis=1)[:, 0], np.iinfo(np.uint16).max)
        return cls(
            codec,
            codec.encode(tokens.vectors),
            tokens.spans[:, 0].astype(np.uint32),
            lengths.astype(np.uint16),
            tokens.bounds,
            tokens.frequencies,
        )

    @property
    def spans(self) -> IntArray:
        """Start and end of each token, in characters of its passage, shape (n_tokens, 2)."""
        starts = self.starts.astype(np.int64)
        return np.stack([starts, starts + self.lengths], axis=1)

    @property
    def bytes_per_passage(self) -> float:
        """What a passage takes on average, with all that scoring and explaining need of it."""
        held = self.codes.nbytes + self.starts.nbytes + self.lengths.nbytes + self.bounds.nbytes
        return held / max(len(self.bounds) - 1, 1)

    def project(self, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return factors (n, k) of signs and offsets (n,) that make the cosines with ``decode``.

        The queries are scaled instead of the codes, of which there are many more.
        """
        projected = self.codec.project(vectors)
        offsets: FloatArray = projected @ (self.codec.center - self.codec.spread)
        return projected * (2 * self.codec.spread), offsets

    def rows(self, positions: IntArray) -> FloatArray:
        """Return the signs of the tokens at these positions, shape (n, k), 0 or 1."""
        return self.codec.signs(self.codes[positions])

    def save(self, folder: Path) -> None:
        """Write ``token_codes.npy``, ``token_places.npz`` and the codec, ``late.safetensors``."""
        self.codec.save(folder)
        np.save(folder / CODES_FILE, self.codes)
        np.savez(
            folder / PLACES_FILE,
            starts=self.starts,
            lengths=self.lengths,
            bounds=self.bounds,
            frequencies=self.frequencies,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; the codes stay on the disk until they are used."""
        codec = TokenCodec.load(folder)
        codes = np.load(folder / CODES_FILE, mmap_mode="r", allow_pickle=False)
        with np.load(folder / PLACES_FILE, allow_pickle=False) as places:
            return cls(codec, codes, *(places[name] for name in PLACES))
