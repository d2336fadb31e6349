"""The ledger's account of batches: which requests are under way at a provider, and in which one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields

from cvseeker.llm.ledger import Ledger
from cvseeker.llm.request import ChatRequest


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a run's requests that goes into one batch.

    ``name`` is ours, in the batch's metadata as well: it finds a batch whose id was never written
    down. ``task`` is the `ChatTask` as JSON: a later run may be of another one. ``batch_id`` is
    empty until it is known that there is a batch. ``reserved`` is what it may cost at most, in
    trillionths of a dollar.
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

    def _prepare(self) -> None:
        super()._prepare()
        self._create(_CREATE)

    def begin(self, part: Part, requests: Iterable[ChatRequest]) -> None:
        """Write down that requests are about to be submitted as a part."""
        with self.transaction():
            marks = ", ".join("?" * len(fields(Part)))
            self._execute(f"INSERT INTO batch_parts VALUES ({marks})", astuple(part))
            for row in requests:
                values = (row.key, part.name, row.item, row.prompt_tokens)
                self._execute("INSERT INTO batch_requests VALUES (?, ?, ?, ?)", values)

    def submitted(self, name: str, batch_id: str) -> None:
        """Write down a part's batch."""
        self._execute("UPDATE batch_parts SET batch_id = ? WHERE name = ?", (batch_id, name))

    def discard(self, name: str) -> None:
        """Forget a part; its requests without an outcome are as if never submitted."""
        self._execute("DELETE FROM batch_requests WHERE part = ?", (name,))
        self._execute("DELETE FROM batch_parts WHERE name = ?", (name,))

    def parts(self, *, url: str, model: str) -> list[Part]:
        """Return the parts under way at a model, the oldest first."""
        condition = "WHERE url = ? AND model = ? ORDER BY at"
        rows = self._rows(f"SELECT {_COLUMNS} FROM batch_parts {condition}", (url, model))
        return [Part(*row) for row in rows]

    def is_under_way(self, key: str) -> bool:
        """Tell whether a request is in a batch that has not ended."""
        return any(self._rows("SELECT 1 FROM batch_requests WHERE key = ?", (key,)))

    def under_way(self, name: str | None = None) -> int:
        """Return the number of requests in a part, or in all batches that have not ended."""
        count = "SELECT COUNT(*) FROM batch_requests WHERE part = ? OR ? IS NULL"
        return int(next(self._rows(count, (name, name)))[0])

    def reserved(self) -> int:
        """Return what the batches under way may cost, in trillionths of a dollar."""
        return int(next(self._rows("SELECT COALESCE(SUM(reserved), 0) FROM batch_parts"))[0])

    def take(self, name: str, key: str) -> ChatRequest | None:
        """Take a request out of a part, without its text; ``None`` where it is not in there."""
        return next(self._take("part = ? AND key = ?", (name, key)), None)

    def take_rest(self, name: str) -> Iterator[ChatRequest]:
        """Take out all requests that a part still has, without their texts."""
        return self._take("part = ?", (name,))

    def _take(self, condition: str, values: Sequence[str]) -> Iterator[ChatRequest]:
        select = "SELECT key, item, prompt_tokens FROM batch_requests"
        while row := next(self._rows(f"{select} WHERE {condition} LIMIT 1", values), None):
            key, item, prompt_tokens = row
            self._execute("DELETE FROM batch_requests WHERE key = ?", (key,))
            yield ChatRequest(key, item, "", prompt_tokens)


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
