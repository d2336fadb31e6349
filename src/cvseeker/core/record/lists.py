"""Shortlists: candidates that somebody has chosen, with notes and tags; and searches to keep."""

import time
from dataclasses import dataclass

from cvseeker.core.errors import InputError
from cvseeker.core.record.record import Record

LONGEST_NAME, LONGEST_NOTE = 100, 10_000
# Where a candidate goes when no list is named.
FIRST = "Shortlist"


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate on a shortlist; ``added`` is in seconds since 1970."""

    number: int
    resume_id: str
    note: str
    tags: tuple[str, ...]
    added: float


class Shortlists:
    """The shortlists of a record; each change is a transaction of its own."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def names(self) -> dict[str, int]:
        """Return the lists' names and how many are on each."""
        query = (
            "SELECT name, count(number) FROM shortlists LEFT JOIN shortlisted USING (shortlist) "
            "GROUP BY shortlist ORDER BY name"
        )
        return dict(self._record.rows(query))

    def entries(self, name: str) -> list[Entry]:
        """Return who is on a list, in the order in which they came."""
        query = (
            "SELECT number, resume_id, note, tags, added FROM shortlisted "
            "JOIN candidates USING (number) WHERE shortlist = ? ORDER BY added, number"
        )
        return [
            Entry(number, resume_id, note, tuple(filter(None, tags.split("\n"))), added)
            for number, resume_id, note, tags, added in self._record.rows(query, (self._id(name),))
        ]

    def put(
        self,
        name: str,
        number: int,
        *,
        note: str | None = None,
        tags: tuple[str, ...] | None = None,
        added: float | None = None,
    ) -> None:
        """Put a candidate on a list, made where it is missing; ``None`` changes nothing."""
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise InputError(f"the list's name has 1 to {LONGEST_NAME} printable characters")
        if note is not None and len(note) > LONGEST_NOTE:
            raise InputError(f"the note has {len(note):,} characters; at most {LONGEST_NOTE:,}")
        with self._record.transaction():
            known = self._record.rows("SELECT 1 FROM candidates WHERE number = ?", (number,))
            if next(known, None) is None:
                raise InputError(f"no candidate {number}")
            self._record.write("INSERT OR IGNORE INTO shortlists (name) VALUES (?)", (name,))
            self._record.write(
                "INSERT OR IGNORE INTO shortlisted (shortlist, number, added) VALUES (?, ?, ?)",
                (self._id(name), number, time.time() if added is None else added),
            )
            for column, value in (("note", note), ("tags", None if tags is None else _lines(tags))):
                if value is not None:
                    self._record.write(
                        f"UPDATE shortlisted SET {column} = ? WHERE shortlist = ? AND number = ?",
                        (value, self._id(name), number),
                    )

    def take_off(self, name: str, number: int) -> Entry | None:
        """Take a candidate off a list, and return what stood there; ``None``: nobody did."""
        found = next((one for one in self.entries(name) if one.number == number), None)
        self._record.write(
            "DELETE FROM shortlisted WHERE shortlist = ? AND number = ?", (self._id(name), number)
        )
        return found

    def delete(self, name: str) -> None:
        """Delete a list."""
        self._record.write("DELETE FROM shortlists WHERE shortlist = ?", (self._id(name),))

    def searches(self) -> dict[str, str]:
        """Return the searches that are kept: name → form."""
        return dict(self._record.rows("SELECT name, form FROM saved_searches ORDER BY name"))

    def keep_search(self, name: str, form: str) -> None:
        """Keep a search under a name; an empty form forgets it."""
        self._record.write("DELETE FROM saved_searches WHERE name = ?", (name,))
        if form:
            self._record.write("INSERT INTO saved_searches VALUES (?, ?)", (name, form))

    def _id(self, name: str) -> int:
        found = self._record.rows("SELECT shortlist FROM shortlists WHERE name = ?", (name,))
        row = next(found, None)
        if row is None:
            names = ", ".join(self.names()) or "none"
            raise InputError(f"no shortlist {name!r}; there are: {names}")
        return int(row[0])


def _lines(tags: tuple[str, ...]) -> str:
    return "\n".join(dict.fromkeys(" ".join(tag.split())[:100] for tag in tags if tag.strip()))
