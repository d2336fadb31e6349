"""The ledger's account of batches: which requests are under way at a provider, and in which one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from cvseeker.llm.ledger import Ledger
from cvseeker.llm.request import ChatRequest

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a run's requests that goes into one batch.

    Attributes
    ----------
    name
        Ours, in the batch's metadata as well: it finds a batch whose id was never written down.
    url, model
        Who is asked.
    task
        The `ChatTask` as JSON: a later run may be of another one.
    batch_id
        The provider's; empty until it is known that there is a batch.
    prompt_tokens
        Of all its requests.
    reserved
        What it may cost at most, in trillionths of a dollar.
    at
        When it was cut, in seconds since 1970.
    """

    name: str
    url: str
    model: str
    task: str
    batch_id: str
    prompt_tokens: int
    reserved: int
    at: float


_COLUMNS = ", ".join(field.name for field in fields(Part))
_CREATE = f"""
CREATE TABLE IF NOT EXISTS batch_parts ({_COLUMNS}, PRIMARY KEY (name));
CREATE TABLE IF NOT EXISTS batch_requests (key, part, item, prompt_tokens, PRIMARY KEY (key));
CREATE INDEX IF NOT EXISTS requests_of_part ON batch_requests (part);
"""


class BatchLedger(Ledger):
    """A ledger with its batches under way; a request is in one of them at most."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._db.executescript(_CREATE)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything that follows, or nothing of it."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")

    def begin(self, part: Part, requests: Iterable[ChatRequest]) -> None:
        """Write down that requests are about to be submitted as a part."""
        with self.transaction():
            marks = ", ".join("?" * len(fields(Part)))
            self._execute(f"INSERT INTO batch_parts VALUES ({marks})", astuple(part))
            self._db.executemany(
                "INSERT INTO batch_requests VALUES (?, ?, ?, ?)",
                ((row.key, part.name, row.item, row.prompt_tokens) for row in requests),
            )

    def submitted(self, name: str, batch_id: str) -> None:
        """Write down a part's batch."""
        self._execute("UPDATE batch_parts SET batch_id = ? WHERE name = ?", (batch_id, name))

    def discard(self, name: str) -> None:
        """Forget a part; its requests without an outcome are as if never submitted."""
        self._execute("DELETE FROM batch_requests WHERE part = ?", (name,))
        self._execute("DELETE FROM batch_parts WHERE name = ?", (name,))

    def parts(self, *, url: str, model: str) -> list[Part]:
        """Return the parts under way at a model, the oldest first."""
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM batch_parts WHERE url = ? AND model = ? ORDER BY at",
            (url, model),
        )
        return [Part(*row) for row in rows]

    def is_under_way(self, key: str) -> bool:
        """Tell whether a request is in a batch that has not ended."""
        found = self._execute("SELECT 1 FROM batch_requests WHERE key = ?", (key,)).fetchone()
        return found is not None

    def under_way(self, name: str | None = None) -> int:
        """Return the number of requests in a part, or in all batches that have not ended."""
        row = self._execute(
            "SELECT COUNT(*) FROM batch_requests WHERE part = ? OR ? IS NULL", (name, name)
        ).fetchone()
        return int(row[0])

    def reserved(self) -> int:
        """Return what the batches under way may cost, in trillionths of a dollar."""
        total = self._execute("SELECT COALESCE(SUM(reserved), 0) FROM batch_parts").fetchone()
        return int(total[0])

    def take(self, name: str, key: str) -> ChatRequest | None:
        """Take a request out of a part, without its text; ``None`` where it is not in there."""
        row = self._execute(
            "SELECT key, item, '', prompt_tokens FROM batch_requests WHERE part = ? AND key = ?",
            (name, key),
        ).fetchone()
        self._execute("DELETE FROM batch_requests WHERE part = ? AND key = ?", (name, key))
        return ChatRequest(*row) if row else None

    def take_rest(self, name: str) -> Iterator[ChatRequest]:
        """Take out all requests that a part still has, without their texts."""
        while rows := self._execute(
            "SELECT key, item, '', prompt_tokens FROM batch_requests WHERE part = ? LIMIT ?",
            (name, _ROWS_AT_ONCE),
        ).fetchall():
            for row in rows:
                self._execute("DELETE FROM batch_requests WHERE key = ?", (row[0],))
                yield ChatRequest(*row)


def pending(
    requests: Iterable[ChatRequest], book: BatchLedger, *, began: float
) -> Iterator[ChatRequest]:
    """Yield the requests that are to be submitted: none that is under way, none twice in a run.

    What has failed since the run ``began`` (in seconds since 1970) is left to the next.
    """
    for request in requests:
        row = book.get(request.key)
        tried = row is not None and (row.at >= began or row.is_final)
        if not tried and not book.is_under_way(request.key):
            yield request
