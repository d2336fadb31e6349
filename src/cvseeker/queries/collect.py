"""From an LLM's replies to a data set: read, filtered, written, every loss accounted for."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, Self

from cvseeker.core.datasets import DatasetWriter
from cvseeker.core.files import read_jsonl, text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import SPLITS, Passage, Query
from cvseeker.core.settings import GenerateSettings
from cvseeker.llm import Ledger, LedgerRow
from cvseeker.queries.asking import PassageRequests
from cvseeker.queries.filters.checks import NOT_FOUND, REASONS, REPEATED, check_query
from cvseeker.queries.filters.languages import free_identifier
from cvseeker.queries.filters.repeats import Repeats
from cvseeker.queries.filters.round_trip import dense_ranks, lexical_ranks

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


def collect(
    asking: PassageRequests,
    folder: Path,
    *,
    ledger: Path,
    settings: GenerateSettings,
    base: str | None = None,
    progress: Progress = silent,
) -> QueryCounts:
    """Read the replies, drop what is not fit for use, and write down what became of each.

    Nothing is held in memory but what tells near-duplicates apart. The outcome depends on the
    replies and the passages' order alone.

    Parameters
    ----------
    asking
        The passages and their keys.
    folder
        Where ``accepted.jsonl`` and ``dropped.jsonl`` go.
    ledger
        The ledger's file.
    settings
        The filters and the round trip.
    base
        The base model, for the round trip by it.
    progress
        Called with the passages read.

    Returns
    -------
    QueryCounts
    """
    counts = QueryCounts()
    candidates, dropped = folder / "candidates.jsonl", folder / "dropped.jsonl"
    with Ledger(ledger) as book, _Lines(candidates) as kept, _Lines(dropped) as out:
        _check_each(asking, book, kept, out, counts, settings, progress)
    free_identifier()  # the round trip is the one step that needs much memory itself
    ranks = _ranks(asking, candidates, settings, base, progress)
    with _Lines(folder / "accepted.jsonl") as kept, _Lines(dropped, "a") as out:
        for row, rank in zip(read_jsonl(candidates), ranks, strict=True):
            if rank > (settings.filters.top_k or rank):
                counts.dropped[NOT_FOUND] += 1
                out.write(_told(row, NOT_FOUND, rank=rank))
            else:
                counts.accepted += 1
                kept.write(row)
    candidates.unlink()
    return counts


def write_datasets(
    asking: PassageRequests, folder: Path, *, ledger: Path, counts: QueryCounts
) -> dict[str, dict[str, int]]:
    """Write each split's data set, and ``passages.jsonl``: what became of every passage.

    Parameters
    ----------
    asking
        The passages.
    folder
        Holds ``accepted.jsonl``, which is taken away; gets ``<split>.json`` and ``beir/<split>/``.
    ledger
        Tells why a passage has no reply.
    counts
        Its passages are counted.

    Returns
    -------
    dict
        Split → numbers of queries and passages.
    """
    accepted = folder / "accepted.jsonl"
    with ExitStack() as stack:
        book = stack.enter_context(Ledger(ledger))
        status = stack.enter_context(_Lines(folder / "passages.jsonl"))
        writers = {
            split: stack.enter_context(
                DatasetWriter(
                    folder / "beir" / split, split=split, llamaindex=folder / f"{split}.json"
                )
            )
            for split in SPLITS
        }
        groups = groupby(read_jsonl(accepted), key=itemgetter("passage_id"))
        group = next(groups, None)
        for passage in asking.passages():
            writer = writers[passage.split]
            writer.add_passage(passage.passage_id, passage.text, person_group=passage.person_group)
            found = 0
            if group is not None and group[0] == passage.passage_id:
                for row in group[1]:
                    found += 1
                    grades = {passage.passage_id: 1}
                    writer.add_query(row["query_id"], row["text"], grades=grades, kind=row["kind"])
                group = next(groups, None)
            outcome = "accepted" if found else _why_none(book, asking.key(passage))
            counts.passages[outcome] += 1
            status.write({"passage_id": passage.passage_id, "queries": found, "outcome": outcome})
    accepted.unlink()
    return {split: writer.counts() for split, writer in writers.items()}


class _Lines:
    """A file that rows are written to as JSON lines."""

    def __init__(self, path: Path, mode: Literal["w", "a"] = "w") -> None:
        self._path, self._mode = path, mode

    def __enter__(self) -> Self:
        self._file = self._path.open(self._mode, encoding="utf-8", newline="")
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
    for number, passage in enumerate(asking.passages()):
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
                out.write(_told(line, reason))
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

    def passages() -> Iterator[tuple[str, str]]:
        return ((passage.text, passage.person_group) for passage in asking.passages())

    if settings.round_trip == "bm25":
        ranks = lexical_ranks(queries, passages, progress=progress)
    else:
        from cvseeker.retrieval.encoder import LocalEncoder

        encoder = LocalEncoder.from_name(base)
        ranks = dense_ranks(queries, passages, encoder=encoder, progress=progress)
    found: list[int] = ranks.tolist()
    return found


def _told(row: Mapping[str, Any], reason: str, **more: Any) -> dict[str, Any]:
    return {**{key: row[key] for key in ("passage_id", "kind", "text")}, "reason": reason, **more}


def _why_none(book: Ledger, key: str) -> str:
    """Return why a passage has no query."""
    row = book.get(key)
    if row is None:
        return NOT_ASKED
    return NO_QUERY_LEFT if row.outcome == "ok" else f"{row.outcome}: {row.reason}"
