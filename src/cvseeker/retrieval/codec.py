"""Token vectors small enough to keep: rotated to fewer dimensions, of which the signs are kept.

A token of MiniLM takes 1,536 bytes in full and 36 so, and a passage of 750 tokens, with all that
scoring and explaining need, 31 KiB. The query's tokens keep their numbers, and a passage is scored
by the best of hundreds of tokens, so that what the signs leave out hardly counts.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError, ModelError
from cvseeker.core.files import replacing
from cvseeker.retrieval.windows import FloatArray, IntArray

if TYPE_CHECKING:
    from cvseeker.retrieval.tokens import TokenVectors

CODEC_FILE = "late.safetensors"

# The most signs with which a passage of 750 tokens takes no more than 32 KiB, the tokens' places
# included. With MiniLM they cost .002 nDCG@10, and 64 dimensions of four bits each, which take
# nearly as much, cost .02: many rough numbers say more than few fine ones.
DIMS = 288

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TokenCodec:
    """Projects token vectors and keeps the sign of each of their numbers.

    ``projection``, (dim, k), with k a multiple of 8; ``center``, (k,): the value that a projected
    dimension's numbers lie about, of the difference from which the sign is kept; ``spread``, (k,):
    what a sign stands for, so that cosines with the vectors decoded are right on average. All are
    float32.
    """

    projection: FloatArray
    center: FloatArray
    spread: FloatArray

    @classmethod
    def fit(cls, vectors: FloatArray, *, dims: int = DIMS, seed: int = 13) -> Self:
        """Fit a codec to passages' token vectors, (n, dim); some ten thousand are enough.

        The dimensions of most variance are kept, ``dims`` at most, then rotated at random, so that
        each of them says as much as any other and their signs say most together.

        References
        ----------
        Charikar 2002, https://doi.org/10.1145/509907.509965: signs after a random rotation keep
        angles. Gong & Lazebnik 2011, https://doi.org/10.1109/CVPR.2011.5995432: the rotation of
        principal components.
        """
        kept = min(dims, vectors.shape[1]) // 8 * 8
        if not len(vectors) or kept < 8:
            raise InputError(
                f"{len(vectors)} token vectors of {vectors.shape[1]} dimensions to fit {dims} "
                "signs to; expected one vector at least, and 8 dimensions"
            )
        axes = _principal_axes(vectors, kept)
        random = np.random.default_rng(seed).normal(size=(vectors.shape[1], kept))
        # Turned as the space is, not as the axes are: of two alike either may come first, and which
        # way one points is chance, so that the last digits of the vectors would make all the signs.
        rotation, _ = np.linalg.qr(axes.T @ random)
        projection = (axes @ rotation).astype(np.float32)
        projected = unit(vectors @ projection)
        center = projected.mean(axis=0)
        distance = np.maximum(np.abs(projected - center), np.float32(1e-6))
        # A level of E|x| would be nearest to the numbers, and shrink every cosine by a third.
        return cls(projection, center, (distance**2).mean(axis=0) / distance.mean(axis=0))

    @property
    def identity(self) -> str:
        """What changes when its codes do."""
        arrays = (self.projection, self.center, self.spread)
        return hashlib.sha256(
            b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
        ).hexdigest()

    def project(self, vectors: FloatArray) -> FloatArray:
        """Return vectors projected, shape (n, k), float32, unit length."""
        if vectors.shape[1] != len(self.projection):
            raise InputError(
                f"token vectors of {vectors.shape[1]} dimensions for a codec of "
                f"{len(self.projection)}; expected those of the model that it was fitted to"
            )
        return unit(vectors @ self.projection)

    def encode(self, vectors: FloatArray) -> Bytes:
        """Return the codes of vectors that are not yet projected, shape (n, k / 8), uint8."""
        return np.packbits(self.project(vectors) > self.center, axis=1)

    def decode(self, codes: Bytes) -> FloatArray:
        """Return the projected vectors that codes stand for, shape (n, k), float32.

        They are somewhat longer than one, which makes up for how far the signs turn them.
        """
        return self.signs(codes) * (2 * self.spread) + (self.center - self.spread)

    def signs(self, codes: Bytes) -> FloatArray:
        """Return the signs in codes, shape (n, k), float32, 0 or 1."""
        return np.unpackbits(codes, axis=1).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write ``late.safetensors`` into a folder, whole or not at all."""
        from safetensors.numpy import save_file

        arrays = {"projection": self.projection, "center": self.center, "spread": self.spread}
        with replacing(folder / CODEC_FILE) as scratch:
            save_file(arrays, scratch)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(folder / CODEC_FILE)
            codec = cls(arrays["projection"], arrays["center"], arrays["spread"])
            codec.check()
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise ModelError(
                f"{folder / CODEC_FILE}: cannot read how token vectors are kept ({error}); "
                "expected the file that was saved with them; make both again with: cvseeker index"
            ) from error
        return codec

    def check(self) -> None:
        """Refuse arrays that do not fit one another, or hold what is no number."""
        parts = (self.projection, self.center, self.spread)
        k = self.center.size
        shapes = [part.shape for part in parts]
        if shapes != [(len(self.projection), k), (k,), (k,)] or not k or k % 8:
            raise ValueError(f"arrays of shapes {shapes}")
        if not all(part.dtype == np.float32 and np.isfinite(part).all() for part in parts):
            raise ValueError("what is no number")


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
    def from_vectors(cls, tokens: "TokenVectors", codec: TokenCodec) -> Self:
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


def sign_words(packed: Bytes) -> NDArray[np.uint64]:
    """Return packed signs, (n, bytes), as words of 64 of them: shape (n_words, n), uint64."""
    padded = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(padded.view(np.uint64).T)


def differing(signs: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Return in how many signs each of some vectors, (n_words, n), differs from one, (n_words,)."""
    counts = np.zeros(signs.shape[1], np.uint16)
    for column, word in zip(signs, wanted, strict=True):
        counts += np.bitwise_count(column ^ word)
    return counts


def unit(vectors: FloatArray) -> FloatArray:
    """Scale each row, shape (n, dim), to unit length, as float32; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled


def _principal_axes(vectors: FloatArray, dims: int) -> FloatArray:
    """Return the axes that keep most of vectors' inner products, shape (dim, dims).

    The vectors are not centred, since their cosines are not.
    """
    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)  # ascending
    return np.ascontiguousarray(axes[:, ::-1][:, :dims], dtype=np.float32)
