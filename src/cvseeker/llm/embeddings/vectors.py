"""Vectors that an endpoint was paid for, kept on disk: nothing is paid for twice."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cvseeker.core.database import Database

FloatArray = np.ndarray[Any, np.dtype[np.float32]]

# SQLite took no more than 999 values in a statement before 3.32.
_KEYS_AT_ONCE = 900
_BYTES = 4
_CREATE = """
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dimensions (model BLOB PRIMARY KEY, dim INTEGER NOT NULL);
"""


def model_key(url: str, model: str, dimensions: int | None) -> bytes:
    """Return what identifies a model at an endpoint: a SHA-256 of all that makes its vectors."""
    return _digest(url.encode(), model.encode(), str(dimensions or "").encode())


def text_key(model: bytes, text: str) -> bytes:
    """Return the key of a text's vector, given its model's key: a SHA-256, 32 bytes."""
    return _digest(model, text.encode("utf-8", "surrogatepass"))


class VectorCache(Database):
    """A file of vectors by key, which several processes may read and write.

    It may be a ledger's file too: their tables do not touch.
    """

    kind = "a cache of embeddings"
    loss = ", which pays for its texts again"

    def _prepare(self) -> None:
        self._create(_CREATE)

    def known(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that have a vector."""
        return {row[0] for row in self._select("key", keys)}

    def read(self, keys: Sequence[bytes]) -> FloatArray:
        """Return the vectors of n known keys, shape (n, dim), unit length; (0, 0) for no keys."""
        if not keys:
            return np.zeros((0, 0), dtype=np.float32)
        positions: dict[bytes, list[int]] = {}
        for position, key in enumerate(keys):
            positions.setdefault(key, []).append(position)
        vectors: FloatArray | None = None
        found = 0
        for key, blob in self._select("key, vector", list(positions)):
            if not isinstance(blob, bytes) or not blob or len(blob) % _BYTES:
                raise self.unusable("a vector is of a wrong type")
            vector = np.frombuffer(blob, dtype="<f4")
            if vectors is None:
                vectors = np.zeros((len(keys), len(vector)), dtype=np.float32)
            if vectors.shape[1] != len(vector):
                raise self.unusable(f"vectors of {vectors.shape[1]} and of {len(vector)} numbers")
            vectors[positions[key]] = vector
            found += 1
        if vectors is None or found < len(positions):
            raise self.unusable(f"{len(positions) - found} of {len(positions)} vectors are missing")
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise self.unusable("a vector holds NaN, or is all zeros or infinite")
        return vectors

    def dim(self, model: bytes) -> int | None:
        """Return the length of a model's vectors, ``None`` where none was kept yet."""
        rows = self._rows("SELECT dim FROM dimensions WHERE model = ?", (model,))
        dim = next((dim for (dim,) in rows), None)
        if not isinstance(dim, int | None):
            raise self.unusable("a vector's length is of a wrong type")
        return dim

    def store(self, model: bytes, vectors: Mapping[bytes, FloatArray]) -> None:
        """Keep vectors of a model, each of shape (dim,); they are on disk when this returns."""
        if not vectors:
            return
        dim = len(next(iter(vectors.values())))
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        with self.transaction():
            self._execute("INSERT OR IGNORE INTO dimensions VALUES (?, ?)", (model, dim))
            for row in rows:
                self._execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", row)

    def _select(self, columns: str, keys: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        """Yield the columns of the keys that are there."""
        for begin in range(0, len(keys), _KEYS_AT_ONCE):
            part = keys[begin : begin + _KEYS_AT_ONCE]
            marks = ", ".join("?" * len(part))
            yield from self._rows(f"SELECT {columns} FROM vectors WHERE key IN ({marks})", part)


def _digest(*parts: bytes) -> bytes:
    """Return the SHA-256 of several byte strings; their borders count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
