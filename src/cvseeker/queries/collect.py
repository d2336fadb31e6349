"""From an LLM's replies to a data set: read, filtered, written, every loss accounted for."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from cvseeker.core.datasets import DatasetWriter
from cvseeker.core.errors import LlmError
from cvseeker.core.files import read_jsonl
from cvseeker.core.hashes import text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.records import SPLITS, Passage, Query
from cvseeker.llm import Ledger, LedgerRow
from cvseeker.queries.asking import PassageRequests
from cvseeker.queries.filters import (
    NOT_FOUND,
    REASONS,
    REPEATED,
    Repeats,
    check_query,
    free_identifier,
    own_ranks,
)
from cvseeker.queries.kinds import kinds_of, read_queries

NO_QUERY_LEFT = "every query was dropped"
NOT_ASKED = "not asked"
_REPORT_EVERY = 200
# Characters of a query that an error quotes.
_SHOWN = 60


def collect(
    asking: PassageRequests,
    folder: Path,
    *,
    ledger: Path,
    settings: GenerateSettings,
    base: str | None = None,
    examples: Sequence[str] = (),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Read the replies, drop what is not fit for use, and write each split's data set.

    ``folder`` gets ``<split>.json`` and ``beir/<split>/``, ``passages.jsonl`` with what became of
    every passage, and ``dropped.jsonl`` with every query left out and the reason. Nothing is held
    in memory but what tells near-duplicates apart. The outcome depends on the replies and the
    passages' order alone. ``base`` is the base model, for a round trip by it; ``examples`` are the
    user's own searches, which no query may repeat. Returns JSON-ready counts: drop reasons in the
    order of the checks, and the numbers of each split. An `LlmError` says that no query is left.
    """
    candidates = folder / "candidates.jsonl"
    with Ledger(ledger) as book, _open(folder / "dropped.jsonl") as dropped:
        collection = _Collection(asking, settings, book, dropped)
        collection.check(candidates, examples, progress)
        free_identifier()  # the round trip is the one step that needs much memory itself
        ranks = collection.ranks(candidates, base, progress)
        splits = collection.write(folder, candidates, iter(ranks))
    candidates.unlink()
    counts = collection.counts()
    if counts["passages"] and not counts["queries"]:
        raise LlmError(_nothing_left(counts, collection.samples, settings))
    return {**counts, **splits}


@dataclass(slots=True)
class _Collection:
    """Goes over the passages twice: to check their queries, and to write what is kept of them."""

    asking: PassageRequests
    settings: GenerateSettings
    book: Ledger
    dropped: TextIO
    written: int = 0
    unanswered: int = 0
    # Queries dropped by reason; passages by outcome.
    reasons: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    # The first query dropped for each reason.
    samples: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        """Return what became of passages and of the queries that the replies held."""
        return {
            "queries": self.written - self.reasons.total(),
            "written": self.written,
            "dropped": {reason: self.reasons[reason] for reason in REASONS},
            "passages": dict(sorted(self.outcomes.items())),
            "unanswered": self.unanswered,
        }

    def check(self, candidates: Path, examples: Sequence[str], progress: Progress) -> None:
        """Write the queries that pass the checks, a line for each passage."""
        filters = self.settings.filters
        repeats = Repeats(filters.near_duplicate)
        for example in examples:
            repeats.first_alike(example)
        with _open(candidates) as kept:
            for number, passage in enumerate(self.asking.items()):
                row = self.book.get(self.asking.key(passage))
                self.unanswered += row is None or not row.is_final
                name = self.asking.names.get(passage.resume_id, "")
                fit: list[dict[str, Any]] = []
                for query in _read_queries(row, passage, self.settings):
                    self.written += 1
                    reason = check_query(query, passage=passage.text, name=name, settings=filters)
                    if reason is None and repeats.first_alike(query.text) is not None:
                        reason = REPEATED
                    if reason is None:
                        fit.append(asdict(query))
                    else:
                        self.drop(asdict(query), reason)
                _write(kept, {"queries": fit})
                if number % _REPORT_EVERY == 0:
                    progress("filter", number, 0, f"{self.written} queries")

    def drop(self, query: Mapping[str, Any], reason: str, **more: Any) -> None:
        """Account for a query that is left out."""
        self.reasons[reason] += 1
        self.samples.setdefault(reason, query["text"])
        row = {key: query[key] for key in ("passage_id", "kind", "text")}
        _write(self.dropped, {**row, "reason": reason, **more})

    def ranks(self, candidates: Path, base: str | None, progress: Progress) -> Sequence[int]:
        """Return the rank of each candidate's own passage, 0 where nobody asks."""
        queries = (
            (query["text"], number)
            for number, row in enumerate(read_jsonl(candidates))
            for query in row["queries"]
        )
        if self.settings.round_trip == "off" or self.settings.filters.top_k == 0:
            return [0 for _ in queries]
        passages = ((passage.text, passage.person_group) for passage in self.asking.items())
        encoder = None
        if self.settings.round_trip == "base":
            from cvseeker.retrieval.encoder import LocalEncoder

            encoder = LocalEncoder.from_name(base)
        found: list[int] = own_ranks(queries, passages, encoder=encoder, progress=progress).tolist()
        return found

    def write(self, folder: Path, candidates: Path, ranks: Iterator[int]) -> dict[str, Any]:
        """Write the queries that find their passage among the top k (0: all), and every passage."""
        top_k = self.settings.filters.top_k
        with ExitStack() as stack:
            status = stack.enter_context(_open(folder / "passages.jsonl"))
            writers = {
                split: stack.enter_context(
                    DatasetWriter(
                        folder / "beir" / split, split=split, llamaindex=folder / f"{split}.json"
                    )
                )
                for split in SPLITS
            }
            for passage, row in zip(self.asking.items(), read_jsonl(candidates), strict=True):
                key, writer, found = passage.passage_id, writers[passage.split], 0
                writer.add_passage(key, passage.text, person_group=passage.person_group)
                for query, rank in zip(row["queries"], ranks, strict=False):
                    if rank > (top_k or rank):
                        self.drop(query, NOT_FOUND, rank=rank)
                        continue
                    found += 1
                    query_id, text, kind = query["query_id"], query["text"], query["kind"]
                    writer.add_query(query_id, text, grades={key: 1}, kind=kind)
                outcome, kind = ("accepted",) * 2 if found else self.why_none(passage)
                self.outcomes[kind] += 1
                _write(status, {"passage_id": key, "queries": found, "outcome": outcome})
        return {split: writer.counts() for split, writer in writers.items()}

    def why_none(self, passage: Passage) -> tuple[str, str]:
        """Return why a passage has no query, and as what that is counted."""
        row = self.book.get(self.asking.key(passage))
        if row is None or row.outcome == "ok":
            return (NO_QUERY_LEFT if row else NOT_ASKED,) * 2
        return f"{row.outcome}: {row.reason}", f"{row.outcome}: {row.kind_of_reason}"


def _nothing_left(
    counts: Mapping[str, Any], samples: Mapping[str, str], settings: GenerateSettings
) -> str:
    """Return why there is no query, and what may help."""
    asked = f"no query of {settings.llm!r} is left"
    dropped = Counter({why: number for why, number in counts["dropped"].items() if number})
    if not dropped:
        outcomes = Counter(counts["passages"]).most_common(3)
        told = "; ".join(f"{why} ({number})" for why, number in outcomes)
        return (
            f"{asked}: none was written about {sum(counts['passages'].values()):,} passages: "
            f"{told}; the replies are in the ledger (--status), or try another model"
        )
    told = "; ".join(
        f"{why} ({number}, as {samples[why][:_SHOWN]!r})" for why, number in dropped.most_common(3)
    )
    advice = "--top-k 0 keeps those" if NOT_FOUND in dropped else "thresholds: [generate.filters]"
    return (
        f"{asked}: {counts['written']:,} were written and all dropped: {told}; what was answered "
        f"is kept; try a larger model, or laxer filters ({advice})"
    )


def _read_queries(
    row: LedgerRow | None, passage: Passage, settings: GenerateSettings
) -> Iterator[Query]:
    """Yield the queries of a reply, as many as were asked for."""
    if row is None or row.outcome != "ok":
        return
    for kind, text in read_queries(row.reply, kinds_of(settings)):
        yield Query(text_hash(passage.passage_id, kind, text), text, kind, passage.passage_id)


def _open(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


def _write(file: TextIO, row: Mapping[str, Any]) -> None:
    file.write(f"{json.dumps(row, ensure_ascii=False)}\n")
