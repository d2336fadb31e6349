"""The log of who searched, viewed, exported and changed what: only added to, chained by hash."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cvseeker.core.errors import WorkspaceError
from cvseeker.core.record.record import Record


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What somebody did; ``at`` is in seconds since 1970, ``about`` empty where it was erased."""

    entry: int
    at: float
    who: str
    what: str
    about: Mapping[str, Any]


class Journal:
    """The log of a record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def write(self, who: str, what: str, about: Mapping[str, Any]) -> None:
        """Add an entry."""
        self.write_all([(time.time(), who, what, about)])

    def write_all(self, entries: Iterable[tuple[float, str, str, Mapping[str, Any]]]) -> None:
        """Add entries, all or none: when, in seconds since 1970, who, what, and what about."""
        with self._record.transaction():
            last = self._record.rows("SELECT chain FROM journal ORDER BY entry DESC LIMIT 1")
            before = next(last, ("",))[0]
            for at, who, what, about in entries:
                content = json.dumps(about, ensure_ascii=False, sort_keys=True)
                digest = _digest(content)
                before = _link(before, at, who, what, digest)
                self._record.write(
                    "INSERT INTO journal (at, who, what, about, digest, chain) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    (at, who, what, content, digest, before),
                )

    def entries(self, *, limit: int = 200, before: int | None = None) -> list[LogEntry]:
        """Return the last entries, the newest first; those older than one if it is named."""
        rows = self._record.rows(
            "SELECT entry, at, who, what, about FROM journal WHERE entry < ? "
            "ORDER BY entry DESC LIMIT ?",
            (2**62 if before is None else before, limit),
        )
        return [
            LogEntry(entry, at, who, what, json.loads(about) if about else {})
            for entry, at, who, what, about in rows
        ]

    def blank(self, entries: list[int]) -> None:
        """Erase what entries were about; that they were made stays."""
        self._record.write_many(
            "UPDATE journal SET about = '' WHERE entry = ?", [(entry,) for entry in entries]
        )

    def verify(self) -> int:
        """Return how many entries there are; refuse a log of which one was changed or taken."""
        chain, count, last = "", 0, 0
        query = "SELECT entry, at, who, what, about, digest, chain FROM journal ORDER BY entry"
        for entry, at, who, what, about, digest, link in self._record.rows(query):
            fits = not about or _digest(about) == digest
            if not fits or link != _link(chain, at, who, what, digest) or entry != last + 1:
                raise WorkspaceError(
                    f"{self._record.path}: entry {entry} of the log is not as it was written, or "
                    "one before it is gone"
                )
            chain, count, last = link, count + 1, entry
        return count


def _link(before: str, at: float, who: str, what: str, digest: str) -> str:
    return _digest(before, repr(at), who, what, digest)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
