"""The requests about items: what an LLM is shown of each, under which key, and sending them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import Passage
from cvseeker.llm import ChatClient, ChatRequest, Ledger, SendCounts, dollars
from cvseeker.queries.prompts import passage_message

PassageSource = Callable[[], Iterable[Passage]]
"""Gives all passages in their order, each time it is called, without holding them."""


Item = TypeVar("Item")


class Asking(Protocol[Item]):
    """Makes the requests about items: passages, or pairs of a query and a passage."""

    @property
    def client(self) -> ChatClient:
        """The LLM and its task."""
        ...

    def key(self, item: Item, /) -> str:
        """Return the ledger's key of the request about an item."""
        ...

    def message(self, item: Item, /) -> tuple[str, Counter[str]]:
        """Return what is sent about an item, and how much of which sort was masked in it."""
        ...

    def unanswered(self, ledger: Ledger | None, /) -> Iterator[Item]:
        """Yield the items without a final outcome in the ledger, all where there is none."""
        ...

    def requests(self, ledger: Path, /) -> Iterator[ChatRequest]:
        """Yield the requests without a final outcome in the ledger, made as they are needed."""
        ...


@dataclass(frozen=True)
class PassageRequests:
    """Makes the requests about passages.

    ``names`` are those of candidates by résumé id, where known; ``mask`` says whether names
    and contacts are masked in what is sent.
    """

    client: ChatClient
    passages: PassageSource
    names: Mapping[str, str] = field(default_factory=dict)
    mask: bool = True

    def key(self, passage: Passage) -> str:
        """Return the ledger's key of the request about a passage."""
        name = self.names.get(passage.resume_id, "")
        return self.client.key(f"{'masked' if self.mask else 'plain'}\0{name}\0{passage.text}")

    def message(self, passage: Passage) -> tuple[str, Counter[str]]:
        """Return what is sent about a passage, and how much of which sort was masked in it."""
        name = self.names.get(passage.resume_id, "")
        return passage_message(passage.text, name=name, mask=self.mask)

    def unanswered(self, ledger: Ledger | None) -> Iterator[Passage]:
        """Yield the passages without a final outcome in the ledger, all where there is none."""
        for passage in self.passages():
            if ledger is None or not ledger.is_final(self.key(passage)):
                yield passage

    def requests(self, ledger: Path) -> Iterator[ChatRequest]:
        """Yield the requests without a final outcome in the ledger, made as they are needed."""
        return requests_left(self, ledger, item_id=lambda passage: passage.passage_id)


def ask(
    asking: Asking[Item], *, ledger: Path, total: int, name: str, progress: Progress = silent
) -> SendCounts:
    """Ask about every item (``total`` in all) that the ledger has no final outcome for.

    ``name`` is the task's in the progress. An `LlmError` says that the LLM cannot be used, or that
    the budget does not suffice.
    """
    with Ledger(ledger) as book:
        left = sum(1 for _ in asking.unanswered(book))
    if left == 0:
        return SendCounts(known=total)
    counts = asking.client.send(
        lambda: asking.requests(ledger),
        ledger=ledger,
        total=left,
        name=name,
        progress=progress,
    )
    return replace(counts, known=total - left)


def requests_left(
    asking: Asking[Item], ledger: Path, *, item_id: Callable[[Item], str]
) -> Iterator[ChatRequest]:
    """Yield the requests without a final outcome in the ledger, made as they are needed."""
    with Ledger(ledger) as book:
        for item in asking.unanswered(book):
            text, _ = asking.message(item)
            yield ChatRequest(
                key=asking.key(item),
                item=item_id(item),
                text=text,
                prompt_tokens=asking.client.prompt_tokens(text),
            )


def request_counts(sent: SendCounts, client: ChatClient, *, spent: int) -> dict[str, Any]:
    """Return what a run came to, JSON-ready; ``spent`` is of all requests in the ledger."""
    return {
        "sent": sent.attempts,
        "answered_before": sent.known,
        "prompt_tokens": sent.prompt_tokens,
        "completion_tokens": sent.completion_tokens,
        "spent": dollars(sent.spent) if client.price else "price not known",
        "spent_in_all": dollars(spent) if client.price else "price not known",
    }
