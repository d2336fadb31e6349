"""The requests about passages: what an LLM is shown of each, and under which key."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cvseeker.llm.chat import ChatRequest
from cvseeker.llm.door import Door
from cvseeker.llm.ledger import Ledger
from cvseeker.queries.prompts import as_data, without_orders
from cvseeker.records import Passage
from cvseeker.resumes.redaction.redact import redact

PassageSource = Callable[[], Iterable[Passage]]
"""Gives all passages in their order, each time it is called, without holding them."""


@dataclass(frozen=True)
class PassageRequests:
    """Makes the requests about passages.

    Attributes
    ----------
    door
        The LLM and its task.
    passages
        What is asked about.
    names
        Résumé id → the candidate's name, where it is known.
    mask
        Whether names and contacts are masked in what is sent.
    """

    door: Door
    passages: PassageSource
    names: Mapping[str, str] = field(default_factory=dict)
    mask: bool = True

    def key(self, passage: Passage) -> str:
        """Return the ledger's key of the request about a passage."""
        name = self.names.get(passage.resume_id, "")
        return self.door.key(f"{'masked' if self.mask else 'plain'}\0{name}\0{passage.text}")

    def message(self, passage: Passage) -> tuple[str, Counter[str]]:
        """Return what is sent about a passage, and how much of which sort was masked in it."""
        name = self.names.get(passage.resume_id, "")
        text, masked = shown_passage(passage.text, name=name, mask=self.mask)
        return as_data(text, "passage"), masked

    def unanswered(self, ledger: Ledger | None) -> Iterator[Passage]:
        """Yield the passages without a final outcome in the ledger, all where there is none."""
        for passage in self.passages():
            if ledger is None or not ledger.is_final(self.key(passage)):
                yield passage

    def requests(self, ledger: Path) -> Iterator[ChatRequest]:
        """Yield the requests without a final outcome in the ledger, made as they are needed."""
        with Ledger(ledger) as book:
            for passage in self.unanswered(book):
                text, _ = self.message(passage)
                yield ChatRequest(
                    key=self.key(passage),
                    item=passage.passage_id,
                    text=text,
                    prompt_tokens=self.door.prompt_tokens(text),
                )


def shown_passage(text: str, *, name: str, mask: bool) -> tuple[str, Counter[str]]:
    """Return what an LLM is shown of a passage, and how much of which sort was masked in it.

    Parameters
    ----------
    text
        The passage.
    name
        The candidate's; empty where it is not known.
    mask
        Whether names and contacts are masked. Orders to a model are taken out in any case.
    """
    masked: Counter[str] = Counter()
    if mask:
        redaction = redact(text, name=name)
        text = redaction.text
        masked.update(redaction.counts)
    text, orders = without_orders(text)
    if orders:
        masked["orders to a model"] += orders
    return text, masked
