"""``record.sqlite``: who there is, what their résumés say, and what has changed since when."""

import json
import shlex
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from cvseeker.core.database import Database
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.insights import Insight
from cvseeker.core.records import Passage, Resume, Section, Split

NAME = "record.sqlite"
# "CVSk", so that no other program's file is taken for one.
_APPLICATION = 0x4356536B
# SQLite took no more than 999 values in a statement before 3.32.
_AT_ONCE = 900

ChangeKind = Literal["added", "changed", "renamed", "removed"]
_CANDIDATE = (
    "number, resume_id, source, text, sections, metadata, person_group, split, sha256, modified, "
    "sequence"
)


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of a candidate, who may have gone."""

    sequence: int
    number: int
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate as the record knows them.

    ``number`` is theirs for ever; ``sha256`` and ``modified``, in seconds since 1970, are of the
    file; ``sequence`` is of their last change.
    """

    number: int
    resume: Resume
    person_group: str
    split: Split
    sha256: str
    modified: float
    sequence: int


class Record(Database):
    """The record of a workspace's candidates; a damaged or a later version's file is refused.

    What is committed survives a power cut. Several processes may read while one writes.
    """

    kind = "the record of candidates"
    tables = frozenset({"candidates"})
    synchronous = "FULL"

    @classmethod
    def open(cls, workspace: Path) -> Self:
        """Open the record that is in a workspace; without one, name the command that makes it."""
        path = workspace / NAME
        if not path.is_file():
            raise WorkspaceError(f"{path}: no record of candidates; run: {_command(path)}")
        return cls(path)

    @classmethod
    def make(cls, workspace: Path) -> Self:
        """Open the record of a workspace, or begin one."""
        return cls(workspace / NAME)

    def discard(self) -> None:
        """Close the record, and delete it where nothing is in it."""
        is_empty = not self.sequence
        self.close()
        if is_empty:
            for name in (NAME, f"{NAME}-wal", f"{NAME}-shm"):
                self.path.with_name(name).unlink(missing_ok=True)

    def _prepare(self) -> None:
        """Bring the tables up to this version, all the way or not at all."""
        self._execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten: a candidate who asks to be forgotten is.
        self._execute("PRAGMA secure_delete = ON")
        scripts = _migrations()
        if self._version() > len(scripts):
            raise WorkspaceError(
                f"{self.path}: a record of version {self._version()}; this CVSeeker reads up to "
                f"{len(scripts)}. Update it: pip install --upgrade cvseeker"
            )
        application: int = next(self._rows("PRAGMA application_id"))[0]
        if self._version() and application != _APPLICATION:
            raise self.unusable("another program's")
        if self._version() < len(scripts):
            with self.transaction():  # another process may have been faster
                for statement in (one for script in scripts[self._version() :] for one in script):
                    self._execute(statement)
                self._execute(f"PRAGMA application_id = {_APPLICATION}")
                self._execute(f"PRAGMA user_version = {len(scripts)}")

    def _version(self) -> int:
        return int(next(self._rows("PRAGMA user_version"))[0])

    def unusable(self, reason: str) -> WorkspaceError:
        """Return the line about a record that is damaged, another program's, or out of room."""
        return WorkspaceError(
            f"{self.path}: not usable as {self.kind} ({reason}); free space on the disk, or move "
            f"the file away and run: {_command(self.path)}"
        )

    @property
    def sequence(self) -> int:
        """The number of the last change; 0 where there was none."""
        return self.last("changes")

    def last(self, table: str) -> int:
        """Return the last number that a table gave out; 0 where it gave none."""
        found = self._rows("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return int(next(found, (0,))[0])

    @property
    def count(self) -> int:
        """How many candidates there are."""
        return int(next(self._rows("SELECT count(*) FROM candidates"))[0])

    def changes(self, *, after: int = 0) -> list[Change]:
        """Return the last change of each candidate, gone or not, after the one of that number.

        They are in their order: whoever replays them has what the record has now.
        """
        query = "SELECT sequence, number, kind FROM changes WHERE sequence > ? ORDER BY sequence"
        return [Change(*row) for row in self._rows(query, (after,))]

    def numbers(self) -> dict[str, int]:
        """Return résumé id → number of every candidate."""
        return dict(self._rows("SELECT resume_id, number FROM candidates ORDER BY number"))

    def candidates(self, numbers: Collection[int] | None = None) -> Iterator[Candidate]:
        """Yield candidates, all or those of some numbers, in the order of their numbers."""
        insights = self._insights(numbers)
        for row in self._of(f"SELECT {_CANDIDATE} FROM candidates", numbers, "number"):
            number, resume_id, source, text, sections, metadata, *facts = row
            resume = Resume(
                resume_id,
                text,
                tuple(Section(**section) for section in json.loads(sections)),
                source,
                tuple(insights[number]),
                json.loads(metadata),
            )
            yield Candidate(number, resume, *facts)

    def _insights(self, numbers: Collection[int] | None) -> dict[int, list[Insight]]:
        found: dict[int, list[Insight]] = defaultdict(list)
        query = 'SELECT number, kind, value, text, start, "end", confidence FROM insights'
        for number, *facts in self._of(query, numbers, "rowid"):
            found[number].append(Insight(*facts))
        return found

    def passages(self, numbers: Collection[int] | None = None) -> Iterator[tuple[int, Passage]]:
        """Yield each candidate's number and passages, in their order; of all or of some."""
        query = (
            "SELECT number, passage_id, resume_id, passages.text, passages.sections, "
            "person_group, split FROM passages JOIN candidates USING (number)"
        )
        for number, passage_id, resume_id, text, kinds, *facts in self._of(
            query, numbers, "number, position"
        ):
            sections = tuple(json.loads(kinds))
            yield number, Passage(passage_id, resume_id, text, sections, *facts)

    def lines(self, numbers: Sequence[int]) -> Iterator[str]:
        """Yield candidates' résumés, in the order wanted, as :meth:`Resume.to_dict` in JSON."""
        names = ("resume_id", "text", "sections", "source", "metadata")
        columns = ", ".join(names)
        insights = self._insights(None)
        for number in numbers:
            found = self._rows(f"SELECT {columns} FROM candidates WHERE number = ?", (number,))
            values = dict(zip(names, next(found), strict=True))
            for name in ("resume_id", "text", "source"):
                values[name] = _json(values[name])
            values["insights"] = _json([asdict(one) for one in insights[number]])
            parts = (f'"{field.name}": {values[field.name]}' for field in fields(Resume))
            yield f"{{{', '.join(parts)}}}\n"

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a SELECT; the scripts in ``migrations`` show the tables."""
        yield from self._rows(query, values)

    @staticmethod
    def among(column: str) -> str:
        """Return the condition in SQL that a column is in a list of numbers, given as JSON."""
        return f"{column} IN (SELECT value FROM json_each(?))"

    def write(self, statement: str, values: Sequence[object] = ()) -> None:
        """Change something by a statement in SQL; inside a transaction, with all else in it."""
        self._execute(statement, values)

    def write_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once a row of values."""
        with self._told():
            self._db.executemany(statement, rows)

    def put(
        self,
        resume: Resume,
        passages: Sequence[Passage],
        *,
        number: int | None = None,
        kind: ChangeKind = "added",
        sha256: str = "",
        modified: float = 0.0,
    ) -> int:
        """Write a candidate, in a transaction of the caller's, and return their number.

        The passages say group and split; ``number`` is whom it replaces, ``None`` nobody.
        """
        group, split = (passages[0].person_group, passages[0].split) if passages else ("", "train")
        values = (
            resume.resume_id,
            resume.source,
            resume.text,
            _json([asdict(section) for section in resume.sections]),
            _json(dict(resume.metadata)),
            group or resume.resume_id,
            split,
            sha256,
            modified,
        )
        columns = [name.strip() for name in _CANDIDATE.split(",")][1:-1]
        if number is None:
            marks = ", ".join("?" * len(columns))
            cursor = self._execute(
                f"INSERT INTO candidates ({', '.join(columns)}, sequence) VALUES ({marks}, 0)",
                values,
            )
            number = int(cursor.lastrowid or 0)
        else:
            assignments = ", ".join(f"{name} = ?" for name in columns)
            self._execute(
                f"UPDATE candidates SET {assignments} WHERE number = ?", (*values, number)
            )
            self._execute("DELETE FROM passages WHERE number = ?", (number,))
            self._execute("DELETE FROM insights WHERE number = ?", (number,))
        self.write_many(
            "INSERT INTO insights VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((number, *astuple(insight)) for insight in resume.insights),
        )
        self.write_many(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?)",
            (
                (number, position, passage.passage_id, passage.text, _json(passage.sections))
                for position, passage in enumerate(passages)
            ),
        )
        self._note(number, kind)
        return number

    def rename(self, number: int, resume_id: str) -> None:
        """Give a candidate's résumé another id, in a transaction of the caller's."""
        self._execute("UPDATE candidates SET resume_id = ? WHERE number = ?", (resume_id, number))
        self._execute(
            "UPDATE passages SET passage_id = ? || ':' || position WHERE number = ?",
            (resume_id, number),
        )
        self._note(number, "renamed")

    def remove(self, numbers: Collection[int]) -> None:
        """Delete candidates and all that is theirs, in a transaction of the caller's."""
        for number in numbers:
            self._execute("DELETE FROM candidates WHERE number = ?", (number,))
            self._note(number, "removed")

    def _note(self, number: int, kind: ChangeKind) -> None:
        """Give a candidate's change the next sequence number."""
        self._execute("DELETE FROM changes WHERE number = ?", (number,))
        cursor = self._execute("INSERT INTO changes (number, kind) VALUES (?, ?)", (number, kind))
        self._execute(
            "UPDATE candidates SET sequence = ? WHERE number = ?", (cursor.lastrowid, number)
        )

    def _of(
        self, query: str, numbers: Collection[int] | None, order: str
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query about all candidates, or about some."""
        if numbers is None:
            yield from self._rows(f"{query} ORDER BY {order}")
            return
        wanted = sorted(numbers)
        for begin in range(0, len(wanted), _AT_ONCE):
            some = wanted[begin : begin + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from self._rows(f"{query} WHERE number IN ({marks}) ORDER BY {order}", some)


@cache
def _migrations() -> tuple[tuple[str, ...], ...]:
    """Return the statements that make each version from the one before.

    A script that was released never changes.
    """
    folder = resources.files("cvseeker.core.record") / "migrations"
    scripts = sorted(folder.iterdir(), key=lambda script: script.name)
    return tuple(
        tuple(_statements(script.read_text(encoding="utf-8")))
        for script in scripts
        if script.name.endswith(".sql")
    )


def _statements(script: str) -> Iterator[str]:
    """Cut a script into statements; a trigger has semicolons of its own."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _command(path: Path) -> str:
    return f"cvseeker ingest SOURCE... -w {shlex.quote(str(path.parent))}"
