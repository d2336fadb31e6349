"""One bit a number: token vectors rotated to fewer dimensions, of which the signs are kept.

A token of MiniLM takes 1,536 bytes in full and 36 so. The query's tokens keep their numbers, and a
passage is scored by the best of hundreds of tokens, so that what the signs leave out hardly counts.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError, ModelError
from cvseeker.core.files import replacing
from cvseeker.retrieval.windows import FloatArray

CODEC_FILE = "late.safetensors"

# The most signs with which a passage of 750 tokens takes no more than 32 KiB, the tokens' places
# included. With MiniLM they cost .002 nDCG@10, and 64 dimensions of four bits each, which take
# nearly as much, cost .02: many rough numbers say more than few fine ones.
DIMS = 288

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TokenCodec:
    """Projects token vectors and keeps the sign of each of their numbers.

    Attributes
    ----------
    projection
        Shape (dim, k), float32; k is a multiple of 8.
    center
        Shape (k,), float32: the value that the numbers of a projected dimension lie about; a sign
        is that of the difference from it.
    spread
        Shape (k,), float32: what a sign stands for, so that cosines with the vectors decoded are
        right on average.
    """

    projection: FloatArray
    center: FloatArray
    spread: FloatArray

    @classmethod
    def fit(cls, vectors: FloatArray, *, dims: int = DIMS, seed: int = 13) -> Self:
        """Fit a codec to passages' token vectors; it needs no queries.

        The dimensions of most variance are kept, then rotated at random, so that each of them says
        as much as any other and their signs say most together.

        Parameters
        ----------
        vectors
            Shape (n, dim), float32, unit length: some ten thousand of a corpus are enough.
        dims
            Dimensions to keep, at most; fewer where the vectors have fewer. Rounded down to a
            multiple of 8, so that signs fill whole bytes.
        seed
            Of the rotation.

        Raises
        ------
        InputError
            If there are no vectors, or fewer than 8 dimensions are to be kept.

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
        generator = np.random.default_rng(seed)
        rotation, _ = np.linalg.qr(generator.normal(size=(kept, kept)))
        projection = (_principal_axes(vectors, kept) @ rotation).astype(np.float32)
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
        """Return vectors projected, shape (n, k), float32, unit length.

        Raises
        ------
        InputError
            If they have another dimension than those that the codec was fitted to.
        """
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
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelError
            If the file is missing, damaged or something else.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(folder / CODEC_FILE)
            return cls(arrays["projection"], arrays["center"], arrays["spread"])
        except (OSError, SafetensorError, KeyError) as error:
            raise ModelError(
                f"{folder / CODEC_FILE}: cannot read how token vectors are kept ({error}); "
                "expected the file that was saved with them; make both again with: cvseeker index"
            ) from error


def unit(vectors: FloatArray) -> FloatArray:
    """Scale each row to unit length; a row of zeros stays.

    Parameters
    ----------
    vectors
        Shape (n, dim).

    Returns
    -------
    ndarray
        Shape (n, dim), float32.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled


def _principal_axes(vectors: FloatArray, dims: int) -> FloatArray:
    """Return the axes that keep most of vectors' inner products, shape (dim, dims).

    The vectors are not centred, since their cosines are not.
    """
    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)  # ascending
    return np.ascontiguousarray(axes[:, ::-1][:, :dims], dtype=np.float32)
