"""SQLite files that several processes share: opened in one place, and every failure is one line."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from cvseeker.core.errors import InputError
from cvseeker.core.places import make_file, make_folder

_BUSY_SECONDS = 60.0


class Database:
    """A file of tables, created where it is missing; every statement is its own transaction.

    ``kind`` says what the file is; ``loss``, what moving it away costs.
    """

    kind: ClassVar[str]
    loss: ClassVar[str] = ""
    # One of which every file has that is not empty: these kinds may share one.
    tables: ClassVar[frozenset[str]] = frozenset({"requests", "modes", "vectors", "dimensions"})
    # Survives the death of the process, which is what interrupts runs; FULL, a power cut as well.
    synchronous: ClassVar[str] = "NORMAL"

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            make_folder(path.parent)
            # SQLite's other files get the rights of this one.
            make_file(path)
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"{path}: cannot be made ({error}); name another place") from error
        try:
            self._refuse_foreign()
            self._execute("PRAGMA journal_mode = WAL")
            self._execute(f"PRAGMA synchronous = {self.synchronous}")
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        """Check and make the tables."""

    def _refuse_foreign(self) -> None:
        """Refuse another program's file before anything in it is changed."""
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = {name for (name,) in self._rows(query)}
        if names and names.isdisjoint(self.tables):
            raise self.unusable(f"it holds another program's table {min(names)!r:.40}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def compact(self) -> None:
        """Leave no byte in the file, nor beside it, of what was deleted; takes room for a copy."""
        self._execute("VACUUM")
        busy = next(self._rows("PRAGMA wal_checkpoint(TRUNCATE)"))[0]
        if busy:
            raise self.unusable("in use by another process; end that first")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything that follows, or nothing of it."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            # A full disk has ended the transaction already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _create(self, statements: str) -> None:
        for statement in filter(str.strip, statements.split(";")):
            self._execute(statement)

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        with self._told():
            return self._db.execute(statement, values)

    def _rows(self, statement: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query."""
        with self._told():
            yield from self._db.execute(statement, values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite complains of into one line."""
        try:
            yield
        except sqlite3.Error as error:
            raise self.unusable(str(error)) from error

    def unusable(self, reason: str) -> InputError:
        """Return the line about a file that is damaged, another program's, or out of room."""
        return InputError(
            f"{self.path}: not usable as {self.kind} ({reason}); free space on the disk, or move "
            f"the file away to begin a new one{self.loss}"
        )
