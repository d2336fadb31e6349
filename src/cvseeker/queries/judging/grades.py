"""Grades by an LLM: how well a passage answers a query, asked one pair at a time."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvseeker.core.progress import Progress, silent
from cvseeker.llm import ChatClient, ChatRequest, ChatTask, Ledger, SendCounts
from cvseeker.queries.asking import ask, requests_left
from cvseeker.queries.plan import Plan, plan_items
from cvseeker.queries.prompts import as_data, packaged_instructions, shown_passage

GRADES = (0, 1, 2, 3)
_SAMPLE_REPLY = '{"grade": 2}'
# A grade takes ten; the rest is for a reasoning preamble.
_MOST_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Pair:
    """A query, a passage of its pool, and the candidate's name where it is known."""

    query_id: str
    query: str
    passage_id: str
    passage: str
    name: str = ""


@dataclass(frozen=True)
class PairRequests:
    """Makes the requests about pairs, with names and contacts masked if ``mask``."""

    client: ChatClient
    # Gives all pairs in their order, each time it is called, without holding them.
    pairs: Callable[[], Iterable[Pair]]
    mask: bool = True

    def key(self, pair: Pair) -> str:
        """Return the ledger's key of the request about a pair."""
        sort = "masked" if self.mask else "plain"
        return self.client.key(json.dumps([sort, pair.name, pair.query, pair.passage]))

    def message(self, pair: Pair) -> tuple[str, Counter[str]]:
        """Return what is sent about a pair, and how much of which sort was masked in it."""
        passage, masked = shown_passage(pair.passage, name=pair.name, mask=self.mask)
        return f"{as_data(pair.query, 'query')}\n\n{as_data(passage, 'passage')}", masked

    def unanswered(self, ledger: Ledger | None) -> Iterator[Pair]:
        """Yield the pairs without a final outcome in the ledger, those of the same texts once."""
        seen: set[str] = set()
        for pair in self.pairs():
            key = self.key(pair)
            if key not in seen and (ledger is None or not ledger.is_final(key)):
                seen.add(key)
                yield pair

    def requests(self, ledger: Path) -> Iterator[ChatRequest]:
        """Yield the requests without a final outcome in the ledger, made as they are needed."""
        return requests_left(
            self, ledger, item_id=lambda pair: f"{pair.query_id} {pair.passage_id}"
        )


@dataclass(frozen=True, slots=True)
class LlmGrades:
    """What an LLM said of pairs, and what sending came to."""

    # Query id → passage id → grade from 0 to 3; a pair without a usable reply is in none.
    grades: dict[str, dict[str, int]]
    # Pairs that the next run asks about again.
    unanswered: int
    sent: SendCounts
    # What all requests of the ledger cost, in trillionths of a dollar.
    spent: int


def grade_task(*, max_tokens: int | None, temperature: float | None) -> ChatTask:
    """Return what all requests for grades share; the default leaves room for a preamble."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"grade": {"type": "integer", "enum": list(GRADES)}},
        "required": ["grade"],
        "additionalProperties": False,
    }
    return ChatTask(
        name="grade",
        system=packaged_instructions("judge"),
        schema=schema,
        max_tokens=max_tokens or _MOST_TOKENS,
        temperature=temperature,
    )


def grade_with_llm(
    asking: PairRequests, *, ledger: Path, total: int, progress: Progress = silent
) -> LlmGrades:
    """Ask about every pair that the ledger has no final outcome for, and read all grades."""
    sent = ask(asking, ledger=ledger, total=total, name="judge", progress=progress)
    grades: dict[str, dict[str, int]] = {}
    unanswered = 0
    with Ledger(ledger) as book:
        for pair in asking.pairs():
            row = book.get(asking.key(pair))
            unanswered += row is None or not row.is_final
            if row is not None and row.outcome == "ok":
                grade = int(json.loads(row.reply)["grade"])
                grades.setdefault(pair.query_id, {})[pair.passage_id] = grade
        return LlmGrades(grades, unanswered, sent, book.spent())


def plan_grades(
    asking: PairRequests, *, ledger: Path, total: int, progress: Progress = silent
) -> Plan:
    """Count what :func:`grade_with_llm` would send; nothing is sent, and no file is made."""
    return plan_items(
        asking,
        ledger=ledger,
        total=total,
        items="pairs",
        sample_tokens=lambda: float(asking.client.counter.count([_SAMPLE_REPLY])[0]),
        progress=progress,
    )
