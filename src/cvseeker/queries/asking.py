"""The requests about items: what an LLM is shown of each, under which key, and sending them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.progress import Progress, silent
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.records import Passage
from cvseeker.llm import ChatClient, ChatRequest, Ledger, SendCounts, dollars
from cvseeker.queries.kinds import CHOICES, kinds_of
from cvseeker.queries.prompts import as_data, example_turn, passage_brief, shown_passage

PassageSource = Callable[[], Iterable[Passage]]
"""Gives all passages in their order, each time it is called, without holding them."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Asking(ABC, Generic[Item]):
    """Makes the requests about items, with names and contacts masked if ``mask``.

    ``items`` gives all of them in their order, each time it is called, without holding them.
    """

    client: ChatClient
    items: Callable[[], Iterable[Item]]
    mask: bool = True
    # What the items are called in counts, and the work in the progress.
    about: ClassVar[str]
    task: ClassVar[str]

    @abstractmethod
    def key(self, item: Item) -> str:
        """Return the ledger's key of the request about an item."""

    @abstractmethod
    def item_id(self, item: Item) -> str:
        """Return what an item is called in the ledger."""

    @abstractmethod
    def message(self, item: Item) -> tuple[str, Counter[str]]:
        """Return what is sent about an item, and how much of which sort was masked in it."""

    @abstractmethod
    def reply_tokens(self) -> float:
        """Return the tokens of an ordinary reply."""

    def unanswered(self, ledger: Ledger | None) -> Iterator[Item]:
        """Yield the items without a final outcome in the ledger, those of the same texts once."""
        seen: set[str] = set()
        for item in self.items():
            key = self.key(item)
            if key not in seen and (ledger is None or not ledger.is_final(key)):
                seen.add(key)
                yield item

    def requests(self, ledger: Path, mapper: Mapper = map_here) -> Iterator[ChatRequest]:
        """Yield the requests without a final outcome in the ledger, made as they are needed."""
        with Ledger(ledger) as book:
            # Where they are made, nobody needs the other items.
            yield from mapper(replace(self, items=list)._requests, self.unanswered(book))

    def _requests(self, items: Iterable[Item]) -> Iterator[ChatRequest]:
        for item in items:
            text, _ = self.message(item)
            tokens = self.client.prompt_tokens(text)
            yield ChatRequest(self.key(item), self.item_id(item), text, tokens)

    def send(
        self, ledger: Path, progress: Progress = silent, mapper: Mapper = map_here
    ) -> dict[str, Any]:
        """Ask about every item without a final outcome in the ledger; return JSON-ready counts."""
        with Ledger(ledger) as book:
            left = sum(1 for _ in self.unanswered(book))
        client, sent = self.client, SendCounts()
        if left:
            sent = client.send(
                lambda: self.requests(ledger, mapper),
                ledger=ledger,
                total=left,
                name=self.task,
                progress=progress,
            )
        with Ledger(ledger) as book:
            spent_in_all = book.spent()
        return {
            "sent": sent.attempts,
            "answered_before": sum(1 for _ in self.items()) - left,
            "prompt_tokens": sent.prompt_tokens,
            "completion_tokens": sent.completion_tokens,
            "spent": dollars(sent.spent) if client.price else "price not known",
            "spent_in_all": dollars(spent_in_all) if client.price else "price not known",
        }


@dataclass(frozen=True)
class PassageRequests(Asking[Passage]):
    """Makes the requests about passages; ``names`` are the candidates', by résumé id."""

    about, task = "passages", "generate"
    settings: GenerateSettings = field(default_factory=GenerateSettings)
    names: Mapping[str, str] = field(default_factory=dict)

    def key(self, passage: Passage) -> str:
        """Return the key, which depends on the text and the name, not on where it stands."""
        name = self.names.get(passage.resume_id, "")
        sort = "masked" if self.mask else "plain"
        return self.client.key(f"{sort}\0{name}\0{passage.text}\0{CHOICES}")

    def item_id(self, passage: Passage) -> str:
        """Return the passage's id."""
        return passage.passage_id

    def message(self, passage: Passage) -> tuple[str, Counter[str]]:
        """Return what is sent about a passage, and how much of which sort was masked in it."""
        name = self.names.get(passage.resume_id, "")
        shown, masked = shown_passage(passage.text, name=name, mask=self.mask)
        data = as_data(shown, "passage")
        # Drawn by what is shown: an order to a model in the passage changes nothing of it.
        return f"{data}\n\n{passage_brief(data, self.settings)}".strip(), masked

    def reply_tokens(self) -> float:
        """Return the tokens of a reply like the example's, by the number of its queries."""
        kinds = kinds_of(self.settings)
        _, reply = example_turn(kinds)
        (tokens,) = self.client.counter.count([reply])
        return tokens * kinds.total() / sum(min(number, 2) for number in kinds.values())
