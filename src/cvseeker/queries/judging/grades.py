"""Grades by an LLM: how well a passage answers a query, asked one pair at a time."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvseeker.core.progress import Progress, silent
from cvseeker.llm import ChatTask, Ledger
from cvseeker.queries.asking import Asking
from cvseeker.queries.kinds import object_schema
from cvseeker.queries.prompts import (
    as_data,
    packaged_instructions,
    shown_passage,
)

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
class PairRequests(Asking[Pair]):
    """Makes the requests about pairs."""

    about, task = "pairs", "judge"

    def key(self, pair: Pair) -> str:
        """Return the key, which depends on the texts and the name alone."""
        sort = "masked" if self.mask else "plain"
        return self.client.key(json.dumps([sort, pair.name, pair.query, pair.passage]))

    def item_id(self, pair: Pair) -> str:
        """Return the ids of query and passage."""
        return f"{pair.query_id} {pair.passage_id}"

    def reply_tokens(self) -> float:
        """Return the tokens of a grade."""
        return float(self.client.counter.count([_SAMPLE_REPLY])[0])

    def message(self, pair: Pair) -> tuple[str, Counter[str]]:
        """Return what is sent about a pair, and how much of which sort was masked in it."""
        passage, masked = shown_passage(pair.passage, name=pair.name, mask=self.mask)
        return f"{as_data(pair.query, 'query')}\n\n{as_data(passage, 'passage')}", masked


def grade_task(*, max_tokens: int | None, temperature: float | None) -> ChatTask:
    """Return what all requests for grades share; the default leaves room for a preamble."""
    return ChatTask(
        name="grade",
        system=packaged_instructions("judge.txt"),
        schema=object_schema({"grade": {"type": "integer", "enum": list(GRADES)}}),
        max_tokens=max_tokens or _MOST_TOKENS,
        temperature=temperature,
    )


def grade_with_llm(
    asking: PairRequests, ledger: Path, progress: Progress = silent
) -> tuple[dict[str, dict[str, int]], dict[str, Any]]:
    """Ask about every pair that the ledger has no final outcome for, and read all grades.

    Returns query id → passage id → grade from 0 to 3, pairs without a usable reply left out, and
    counts: of requests, and of pairs ``unanswered``, which the next run asks about again.
    """
    requests = asking.send(ledger, progress)
    grades: dict[str, dict[str, int]] = {}
    unanswered = 0
    with Ledger(ledger) as book:
        for pair in asking.items():
            row = book.get(asking.key(pair))
            unanswered += row is None or not row.is_final
            if row is not None and row.outcome == "ok":
                grade = int(json.loads(row.reply)["grade"])
                grades.setdefault(pair.query_id, {})[pair.passage_id] = grade
    return grades, {"unanswered": unanswered, "requests": requests}
