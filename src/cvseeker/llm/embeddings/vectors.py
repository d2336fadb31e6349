"""Vectors that an endpoint was paid for, kept on disk: nothing is paid for twice."""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from cvseeker.core.errors import InputError

FloatArray = np.ndarray[Any, np.dtype[np.float32]]

_BUSY_SECONDS = 60.0
# SQLite took no more than 999 values in a statement before 3.32.
_KEYS_AT_ONCE = 900
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


class VectorCache:
    """A file of vectors by key, which several processes may read and write.

    An SQLite file, created where it is missing. It may be a ledger's file too: their tables do not
    touch.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"{path}: cannot be made ({error}); name another place") from error
        try:
            self._execute("PRAGMA journal_mode = WAL")
            # Survives the death of the process, which is what interrupts runs.
            self._execute("PRAGMA synchronous = NORMAL")
            for statement in _CREATE.strip().splitlines():
                self._execute(statement)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

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
            vector = np.frombuffer(blob, dtype="<f4")
            if vectors is None:
                vectors = np.zeros((len(keys), len(vector)), dtype=np.float32)
            if vectors.shape[1] != len(vector):
                raise self._damaged(f"vectors of {vectors.shape[1]} and of {len(vector)} numbers")
            vectors[positions[key]] = vector
            found += 1
        if vectors is None or found < len(positions):
            raise self._damaged(f"{len(positions) - found} of {len(positions)} vectors are missing")
        return vectors

    def dim(self, model: bytes) -> int | None:
        """Return the length of a model's vectors, ``None`` where none was kept yet."""
        rows = self._execute("SELECT dim FROM dimensions WHERE model = ?", (model,)).fetchall()
        return int(rows[0][0]) if rows else None

    def store(self, model: bytes, vectors: Mapping[bytes, FloatArray]) -> None:
        """Keep vectors of a model, each of shape (dim,); they are on disk when this returns."""
        if not vectors:
            return
        dim = len(next(iter(vectors.values())))
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        self._execute("BEGIN IMMEDIATE")
        try:
            self._execute("INSERT OR IGNORE INTO dimensions VALUES (?, ?)", (model, dim))
            for row in rows:
                self._execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", row)
            self._execute("COMMIT")
        except BaseException:
            # A full disk has ended the transaction already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _select(self, columns: str, keys: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
        """Yield the columns of the keys that are there."""
        for begin in range(0, len(keys), _KEYS_AT_ONCE):
            part = keys[begin : begin + _KEYS_AT_ONCE]
            marks = ", ".join("?" * len(part))
            yield from self._execute(f"SELECT {columns} FROM vectors WHERE key IN ({marks})", part)

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> InputError:
        return InputError(
            f"{self.path}: not usable as a cache of embeddings ({reason}); free space on the disk, "
            "or move the file away to begin a new one, which pays for its texts again"
        )


def _digest(*parts: bytes) -> bytes:
    """Return the SHA-256 of several byte strings; their borders count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
