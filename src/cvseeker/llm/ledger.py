"""What was asked of LLMs and what came back: one row a request, never lost, never paid twice."""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import NoneType

from cvseeker.core.database import Database
from cvseeker.core.errors import InputError
from cvseeker.core.places import make_file
from cvseeker.llm.request import OUTCOMES, Outcome

FINAL: frozenset[Outcome] = frozenset({"ok", "refused"})
"""Outcomes that asking again would not change; the others are asked for again by the next run."""

# Numbers and ids, HTTP's status codes aside.
_PARTICULAR = re.compile(r"\b(?![45]\d\d(?:[:)]| -))(?=[\w-]*\d)\w[\w-]*")
# Raised when the table's columns change.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of one request.

    Attributes
    ----------
    key, task, item
        Of the request: its key, its task's name, what it is about.
    model, url, mode
        Who was asked, and how the reply's form was asked for.
    outcome, reason
        ``ok``: a reply of the schema asked for. ``refused``: the model declined. ``rejected``: the
        server would not take the request. ``unparsable``: no reply of the schema in any attempt.
        ``failed``: no reply at all.
    reply
        The last reply's JSON, where the outcome is ``ok``; else empty.
    raw
        The last body that came, as it came.
    prompt_tokens, completion_tokens
        Of all attempts that were answered: what was paid for.
    cost
        In trillionths of a dollar, of all attempts; ``None`` where the price is not known.
    attempts
        Requests sent for it, failed ones included.
    latency
        Seconds that the last attempt took.
    at
        When it was recorded, in seconds since 1970.
    """

    key: str
    task: str
    item: str
    model: str
    url: str
    mode: str
    outcome: Outcome
    reason: str
    reply: str
    raw: str
    prompt_tokens: int
    completion_tokens: int
    cost: int | None
    attempts: int
    latency: float
    at: float

    @property
    def is_final(self) -> bool:
        """Whether asking again would not change the outcome."""
        return self.outcome in FINAL

    @property
    def kind_of_reason(self) -> str:
        """The reason without what differs from request to request."""
        return kind_of_reason(self.reason)


_COLUMNS = tuple(field.name for field in fields(LedgerRow))
_TYPES: dict[str, type | tuple[type, ...]] = dict.fromkeys(_COLUMNS, str)
_TYPES |= dict.fromkeys(("prompt_tokens", "completion_tokens", "attempts"), int)
_TYPES |= {"cost": (int, NoneType), "latency": (int, float), "at": (int, float)}
_CREATE = f"""
CREATE TABLE IF NOT EXISTS requests ({", ".join(_COLUMNS)}, PRIMARY KEY (key));
CREATE TABLE IF NOT EXISTS modes (url, model, mode, PRIMARY KEY (url, model));
PRAGMA user_version = {_VERSION};
"""


class Ledger(Database):
    """The ledger's file, opened for reading and writing; created where it is missing."""

    kind = "a ledger"

    def _prepare(self) -> None:
        version = next(self._rows("PRAGMA user_version"))[0]
        if version > _VERSION:
            raise InputError(
                f"{self.path}: a ledger of version {version}; this CVSeeker reads up to "
                f"{_VERSION}. Update it: pip install --upgrade cvseeker"
            )
        if version < _VERSION:
            self._create(_CREATE)
        self._execute(f"{_SELECT} LIMIT 0")  # another program's has other columns

    def get(self, key: str) -> LedgerRow | None:
        """Return a request's row, or ``None`` where it was never answered."""
        return next(self._read("WHERE key = ?", (key,)), None)

    def is_final(self, key: str) -> bool:
        """Tell whether a request need not be sent again."""
        row = next(self._rows("SELECT outcome FROM requests WHERE key = ?", (key,)), None)
        return row is not None and row[0] in FINAL

    def record(self, row: LedgerRow) -> None:
        """Write a request's row; what was paid for it before is added to it."""
        before = self.get(row.key)
        values = list(astuple(row))
        if before is not None:
            for name in ("prompt_tokens", "completion_tokens", "cost", "attempts"):
                earlier = getattr(before, name)
                position = _COLUMNS.index(name)
                if earlier is not None:
                    values[position] = earlier + (values[position] or 0)
        marks = ", ".join("?" * len(_COLUMNS))
        self._execute(f"INSERT OR REPLACE INTO requests VALUES ({marks})", values)

    def rows(self, *, outcomes: Sequence[Outcome] = OUTCOMES) -> Iterator[LedgerRow]:
        """Yield the rows with these outcomes, in the order of their keys."""
        marks = ", ".join("?" * len(outcomes))
        return self._read(f"WHERE outcome IN ({marks}) ORDER BY key", outcomes)

    def _read(self, condition: str, values: Sequence[object]) -> Iterator[LedgerRow]:
        for row in self._rows(f"{_SELECT} {condition}", values):
            for name, value in zip(_COLUMNS, row, strict=True):
                if not isinstance(value, _TYPES[name]):
                    raise self.unusable(f"{name} {value!r:.40} of a request is of a wrong type")
            found = LedgerRow(*row)
            if found.outcome not in OUTCOMES or (found.outcome == "ok" and found.reply[:1] != "{"):
                raise self.unusable(f"a request has the outcome {found.outcome!r:.40} and no reply")
            yield found

    def forget(self, passage_ids: Collection[str]) -> int:
        """Erase what was asked and answered about passages, and return how many requests.

        What was paid for them stays on the bill.
        """
        with self.transaction():
            table = "SELECT name FROM sqlite_master WHERE name = 'batch_requests'"
            tables = ["requests", *(name for (name,) in self._rows(table))]
            items = {item for name in tables for (item,) in self._rows(f"SELECT item FROM {name}")}
            # Of a query and a passage, the passage stands last, and its id may hold spaces.
            gone = [
                (item,)
                for item in items
                if item in passage_ids or str(item).partition(" ")[2] in passage_ids
            ]
            for one in gone:
                self._execute(
                    "UPDATE requests SET item = '', reason = 'erased', reply = '', raw = '', "
                    "outcome = 'failed' WHERE item = ?",
                    one,
                )
                if len(tables) > 1:
                    # A reply that is still to come belongs to nothing, and is passed over.
                    self._execute("DELETE FROM batch_requests WHERE item = ?", one)
        return len(gone)

    def spent(self) -> int:
        """Return what all requests cost together, in trillionths of a dollar."""
        (cost,) = next(self._rows("SELECT COALESCE(SUM(cost), 0) FROM requests"))
        if not isinstance(cost, int):
            raise self.unusable(f"the sum of what was paid is {cost!r}")
        return cost

    def mean_reply_tokens(self, task: str) -> float | None:
        """Return the mean length of a task's usable replies, ``None`` where there are none."""
        mean: float | None = next(
            self._rows(
                "SELECT AVG(1.0 * completion_tokens / MAX(attempts, 1)) FROM requests "
                "WHERE task = ? AND outcome = 'ok'",
                (task,),
            )
        )[0]
        return mean

    def summary(self) -> list[dict[str, str | int | float | None]]:
        """Return the counts of requests by task, model, outcome and reason.

        Reasons of one :func:`kind_of_reason` count as one.
        """
        self._db.create_function("kind_of", 1, lambda reason: kind_of_reason(str(reason)))
        cursor = self._execute(
            "SELECT task, model, outcome, kind_of(reason) AS reason, COUNT(*) AS requests, "
            "SUM(attempts) AS attempts, "
            "SUM(prompt_tokens) AS prompt_tokens, SUM(completion_tokens) AS completion_tokens, "
            "SUM(cost) AS cost, AVG(latency) AS mean_latency FROM requests "
            "GROUP BY task, model, outcome, kind_of(reason) ORDER BY task, model, requests DESC"
        )
        names = [column[0] for column in cursor.description]
        with self._told():
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def mode(self, url: str, model: str) -> str:
        """Return how replies were last asked for at an endpoint, empty where never."""
        rows = self._rows("SELECT mode FROM modes WHERE url = ? AND model = ?", (url, model))
        return next((str(mode) for (mode,) in rows), "")

    def set_mode(self, url: str, model: str, mode: str) -> None:
        """Remember how an endpoint takes requests."""
        self._execute("INSERT OR REPLACE INTO modes VALUES (?, ?, ?)", (url, model, mode))


def kind_of_reason(reason: str) -> str:
    """Return a reason without what differs from request to request: numbers and ids within it.

    Examples
    --------
    >>> kind_of_reason("400: request (5234 tokens) exceeds the context (4096 tokens), id r-7f3")
    '400: request (… tokens) exceeds the context (… tokens), id …'
    """
    return _PARTICULAR.sub("…", reason)


_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM requests"


@contextmanager
def sole_sender(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the right to send for a ledger, which one process has at a time.

    A sender whose command was killed still saves the replies in flight; the next one waits for it,
    and calls ``waiting`` once. The lock is a database's, which every platform frees when its holder
    dies.
    """
    place = path.with_name(f"{path.name}.lock")
    lock = None
    try:
        try:
            make_file(place)
            lock = sqlite3.connect(place, timeout=0.0, isolation_level=None)
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                waiting()
                lock.execute("PRAGMA busy_timeout = 3600000")
                lock.execute("BEGIN EXCLUSIVE")
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"{place}: cannot be locked ({error}); make its folder writable, or remove the file"
            ) from error
        yield
    finally:
        if lock is not None:
            lock.close()
