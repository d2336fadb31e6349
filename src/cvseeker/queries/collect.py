"""From an LLM's replies to a data set: read, filtered, written, every loss accounted for."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from cvseeker.core.datasets import DatasetWriter
from cvseeker.core.files import read_jsonl
from cvseeker.core.hashes import text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.records import SPLITS, Passage, Query
from cvseeker.llm import Ledger, LedgerRow
from cvseeker.queries.asking import PassageRequests, ask, request_counts
from cvseeker.queries.filters import (
    NOT_FOUND,
    REASONS,
    REPEATED,
    Repeats,
    check_query,
    free_identifier,
    own_ranks,
)

NO_QUERY_LEFT = "every query was dropped"
NOT_ASKED = "not asked"
_REPORT_EVERY = 200


@dataclass(slots=True)
class QueryCounts:
    """What became of passages and of the queries written about them.

    ``passages`` counts accepted ones and the reasons of the others, ``dropped`` the queries by
    reason; ``written`` is how many queries the replies held.
    """

    written: int = 0
    accepted: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    passages: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; drop reasons in the order of the checks."""
        return {
            "queries": self.accepted,
            "written": self.written,
            "dropped": {reason: self.dropped[reason] for reason in REASONS},
            "passages": dict(sorted(self.passages.items())),
            "unanswered": self.unanswered,
        }


def generate_with_llm(
    asking: PassageRequests,
    folder: Path,
    *,
    ledger: Path,
    total: int,
    settings: GenerateSettings,
    base: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Have an LLM write queries about passages, and write the data set of those fit for use.

    ``base`` is the base model, for a round trip by it. Returns counts of queries by fate, of
    passages by outcome, of requests, and what was spent. An `LlmError` says that the LLM cannot be
    used, or that the budget does not suffice; what was answered is kept.
    """
    sent = ask(asking, ledger=ledger, total=total, name="generate", progress=progress)
    counts, splits = collect(
        asking, folder, ledger=ledger, settings=settings, base=base, progress=progress
    )
    with Ledger(ledger) as book:
        requests = request_counts(sent, asking.client, spent=book.spent())
    return {**counts.to_dict(), "requests": requests, **splits}


def collect(
    asking: PassageRequests,
    folder: Path,
    *,
    ledger: Path,
    settings: GenerateSettings,
    base: str | None = None,
    progress: Progress = silent,
) -> tuple[QueryCounts, dict[str, dict[str, int]]]:
    """Read the replies, drop what is not fit for use, and write each split's data set.

    ``folder`` gets ``<split>.json`` and ``beir/<split>/``, ``passages.jsonl`` with what became of
    every passage, and ``dropped.jsonl`` with every query left out and the reason. Nothing is held
    in memory but what tells near-duplicates apart. The outcome depends on the replies and the
    passages' order alone. Returns the counts, and the numbers of each split.
    """
    counts = QueryCounts()
    candidates = folder / "candidates.jsonl"
    with Ledger(ledger) as book, _Lines(folder / "dropped.jsonl") as dropped:
        with _Lines(candidates) as kept:
            _check_each(asking, book, kept, dropped, counts, settings, progress)
        free_identifier()  # the round trip is the one step that needs much memory itself
        ranks = _ranks(asking, candidates, settings, base, progress)
        ranked = zip(read_jsonl(candidates), ranks, strict=True)
        top_k = settings.filters.top_k
        splits = _write_datasets(asking, folder, book, ranked, dropped, counts, top_k)
    candidates.unlink()
    return counts, splits


def _write_datasets(
    asking: PassageRequests,
    folder: Path,
    book: Ledger,
    ranked: Iterable[tuple[dict[str, Any], int]],
    dropped: "_Lines",
    counts: QueryCounts,
    top_k: int,
) -> dict[str, dict[str, int]]:
    """Write the queries that find their passage among the top k (0: all), and every passage."""
    with ExitStack() as stack:
        status = stack.enter_context(_Lines(folder / "passages.jsonl"))
        writers = {
            split: stack.enter_context(
                DatasetWriter(
                    folder / "beir" / split, split=split, llamaindex=folder / f"{split}.json"
                )
            )
            for split in SPLITS
        }
        groups = groupby(ranked, key=lambda pair: pair[0]["number"])
        group = next(groups, None)
        for number, passage in enumerate(asking.items()):
            writer, found = writers[passage.split], 0
            writer.add_passage(passage.passage_id, passage.text, person_group=passage.person_group)
            if group is not None and group[0] == number:
                for row, rank in group[1]:
                    if rank > (top_k or rank):
                        counts.dropped[NOT_FOUND] += 1
                        dropped.write(_account(row, NOT_FOUND, rank=rank))
                        continue
                    found += 1
                    grades = {passage.passage_id: 1}
                    writer.add_query(row["query_id"], row["text"], grades=grades, kind=row["kind"])
                group = next(groups, None)
            counts.accepted += found
            outcome = "accepted" if found else _why_none(book, asking.key(passage))
            counts.passages[outcome] += 1
            status.write({"passage_id": passage.passage_id, "queries": found, "outcome": outcome})
    return {split: writer.counts() for split, writer in writers.items()}


class _Lines:
    """A file that rows are written to as JSON lines."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def write(self, row: Mapping[str, Any]) -> None:
        self._file.write(f"{json.dumps(row, ensure_ascii=False)}\n")


def _check_each(
    asking: PassageRequests,
    book: Ledger,
    kept: _Lines,
    out: _Lines,
    counts: QueryCounts,
    settings: GenerateSettings,
    progress: Progress,
) -> None:
    """Write the queries that pass the checks to ``kept``, the others with a reason to ``out``."""
    repeats = Repeats(settings.filters.near_duplicate)
    for number, passage in enumerate(asking.items()):
        row = book.get(asking.key(passage))
        counts.unanswered += row is None or not row.is_final
        name = asking.names.get(passage.resume_id, "")
        for query in _read_queries(row, passage, settings):
            counts.written += 1
            reason = check_query(query, passage=passage.text, name=name, settings=settings.filters)
            if reason is None and repeats.first_alike(query.text) is not None:
                reason = REPEATED
            line = {"number": number, **asdict(query)}
            if reason is None:
                kept.write(line)
            else:
                counts.dropped[reason] += 1
                out.write(_account(line, reason))
        if number % _REPORT_EVERY == 0:
            progress("filter", number, 0, f"{counts.written} queries")


def _read_queries(
    row: LedgerRow | None, passage: Passage, settings: GenerateSettings
) -> Iterator[Query]:
    """Yield the queries of a reply, as many as were asked for."""
    if row is None or row.outcome != "ok":
        return
    for query in json.loads(row.reply)["queries"][: settings.queries_per_passage]:
        text, kind = " ".join(query["text"].split()), query["kind"]
        yield Query(text_hash(passage.passage_id, kind, text), text, kind, passage.passage_id)


def _ranks(
    asking: PassageRequests,
    candidates: Path,
    settings: GenerateSettings,
    base: str | None,
    progress: Progress,
) -> Sequence[int]:
    """Return the rank of each candidate's own passage, 0 where nobody asks."""
    filters = settings.filters
    if settings.round_trip == "off" or filters.top_k == 0:
        return [0] * sum(1 for _ in read_jsonl(candidates))
    queries = ((row["text"], row["number"]) for row in read_jsonl(candidates))

    passages = ((passage.text, passage.person_group) for passage in asking.items())
    encoder = None
    if settings.round_trip == "base":
        from cvseeker.retrieval.encoder import LocalEncoder

        encoder = LocalEncoder.from_name(base)
    ranks = own_ranks(queries, passages, encoder=encoder, progress=progress)
    found: list[int] = ranks.tolist()
    return found


def _account(row: Mapping[str, Any], reason: str, **more: Any) -> dict[str, Any]:
    return {**{key: row[key] for key in ("passage_id", "kind", "text")}, "reason": reason, **more}


def _why_none(book: Ledger, key: str) -> str:
    """Return why a passage has no query."""
    row = book.get(key)
    if row is None:
        return NOT_ASKED
    return NO_QUERY_LEFT if row.outcome == "ok" else f"{row.outcome}: {row.reason}"
