"""Corpus-wide labels: pool, grade, and write down which passages answer which query.

An LLM grades from 0 to 3, and a passage of 2 or 3 is shortlisted. Everywhere in CVSeeker a grade
above 0 is relevant, so the qrels hold the grade less one: 3 → 2, 2 → 1, 1 and 0 → 0, which says
that a passage was judged and is not relevant. ``grades.jsonl`` keeps the grades as they were given.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from cvseeker.core.datasets import Qrels, RetrievalDataset
from cvseeker.core.files import write_jsonl
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import Settings
from cvseeker.llm import ChatClient
from cvseeker.queries.judging.attributes import match_attributes
from cvseeker.queries.judging.grades import Pair, PairRequests, grade_task, grade_with_llm
from cvseeker.queries.judging.pools import pool_passages
from cvseeker.queries.plan import Plan, plan_requests
from cvseeker.retrieval.encoder import LocalEncoder

OWN_REJECTED = "its own passage does not answer it"
NOTHING_FITS = "no passage of its pool fits it"

Grades = Mapping[str, Mapping[str, int]]
"""Query id → passage id → grade from 0 to 3, of those judged."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What is to be judged: data sets by split, and what is known of the candidates."""

    datasets: Mapping[str, RetrievalDataset]
    # Passage id → the candidate's name, and working life in years, where they are known.
    names: Mapping[str, str] = field(default_factory=dict)
    years: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Labels:
    """What judging came to; ``counts`` are JSON-ready."""

    # Split → the data set with its new qrels, dropped queries left out.
    datasets: dict[str, RetrievalDataset]
    grades: Grades
    # Query id → why it was dropped.
    dropped: dict[str, str]
    counts: dict[str, Any]

    def write_account(self, grades: Path, dropped: Path) -> None:
        """Write the grades as they were given, and every query left out with the reason."""
        write_jsonl(
            grades,
            (
                {"query_id": query_id, "passage_id": passage_id, "grade": grade}
                for query_id, found in self.grades.items()
                for passage_id, grade in found.items()
            ),
        )
        rows = ({"query_id": key, "reason": reason} for key, reason in self.dropped.items())
        write_jsonl(dropped, rows)


def label_datasets(
    judging: Judging, settings: Settings, *, ledger: Path, progress: Progress = silent
) -> Labels:
    """Judge the passages that BM25 and the base encoder put first for each query of a split."""
    pools = _make_pools(judging, settings, progress)
    grades: dict[str, dict[str, int]] = {}
    requests: dict[str, Any] = {}
    if settings.judge.llm == "offline":
        for split, dataset in judging.datasets.items():
            grades |= match_attributes(dataset, pools[split], years=judging.years)
    else:
        asking = _pair_requests(judging, pools, settings)
        grades, requests = grade_with_llm(asking, ledger, progress)
    dropped: dict[str, str] = {}
    labelled = {
        split: apply_grades(dataset, grades, dropped) for split, dataset in judging.datasets.items()
    }
    pooled = sum(len(pool) for split in pools.values() for pool in split.values())
    counts = _counts(judging.datasets, labelled, grades, dropped, pooled)
    return Labels(labelled, grades, dropped, {**counts, **requests})


def plan_labels(
    judging: Judging, settings: Settings, *, ledger: Path, progress: Progress = silent
) -> Plan:
    """Count what judging by an LLM would send; nothing is sent, and no file is made."""
    asking = _pair_requests(judging, _make_pools(judging, settings, progress), settings)
    return plan_requests(asking, ledger, progress)


def apply_grades(
    dataset: RetrievalDataset, grades: Grades, dropped: dict[str, str]
) -> RetrievalDataset:
    """Return a data set with the grades in its qrels, less one, and without unanswered queries.

    Its qrels stay where there is no grade. ``dropped`` gets query id → reason of the queries left
    out: those whose own passages were all graded 0, and those that no passage fits.
    """
    qrels: Qrels = {}
    for query_id in dataset.queries:
        before, found = dataset.qrels[query_id], grades.get(query_id, {})
        own = [passage_id for passage_id, grade in before.items() if grade > 0]
        labels = {**before, **{key: max(0, grade - 1) for key, grade in found.items()}}
        if all(found.get(passage_id) == 0 for passage_id in own):
            dropped[query_id] = OWN_REJECTED
        elif not any(grade > 0 for grade in labels.values()):
            dropped[query_id] = NOTHING_FITS
        else:
            qrels[query_id] = labels
    return RetrievalDataset(
        corpus=dataset.corpus,
        queries={query_id: dataset.queries[query_id] for query_id in qrels},
        qrels=qrels,
        kinds={key: kind for key, kind in dataset.kinds.items() if key in qrels},
        person_groups=dataset.person_groups,
    )


def _make_pools(
    judging: Judging, settings: Settings, progress: Progress
) -> dict[str, dict[str, list[str]]]:
    """Pool every split's queries with the base encoder: split → query id → passage ids."""
    encoder = LocalEncoder.from_name(settings.finetune.base, windows=settings.finetune.windows)
    return {
        split: pool_passages(dataset, encoder, depth=settings.judge.depth, progress=progress)
        for split, dataset in judging.datasets.items()
    }


def _pair_requests(
    judging: Judging, pools: Mapping[str, Mapping[str, Sequence[str]]], settings: Settings
) -> PairRequests:
    """Return what would be asked about the pools' pairs."""

    def pairs() -> Iterator[Pair]:
        for split, dataset in judging.datasets.items():
            for query_id, pool in pools[split].items():
                for key in pool:
                    name = judging.names.get(key, "")
                    query, passage = dataset.queries[query_id], dataset.corpus[key]
                    yield Pair(query_id, query, key, passage, name)

    llm = settings.llm
    task = grade_task(max_tokens=llm.max_tokens, temperature=llm.temperature)
    client = ChatClient.open(settings.judge.llm, llm, task)
    return PairRequests(client, pairs, settings.judge.mask)


def _counts(
    before: Mapping[str, RetrievalDataset],
    after: Mapping[str, RetrievalDataset],
    grades: Grades,
    dropped: Mapping[str, str],
    pooled: int,
) -> dict[str, Any]:
    given = Counter(grade for found in grades.values() for grade in found.values())
    left = Counter(
        dataset.kinds.get(query_id, "") or "of no known kind"
        for dataset in before.values()
        for query_id in dataset.queries
        if query_id not in grades
    )
    reasons = Counter(dropped.values())
    return {
        "queries": sum(len(dataset.queries) for dataset in after.values()),
        "pairs": pooled,
        "graded": {str(grade): given[grade] for grade in sorted(given, reverse=True)},
        "unjudged": pooled - given.total(),
        "positives_before": _positives(before),
        "positives_after": _positives(after),
        "dropped": {reason: reasons[reason] for reason in (OWN_REJECTED, NOTHING_FITS)},
        "left_as_they_were": dict(sorted(left.items())),
        **{
            split: {"queries": len(dataset.queries), "passages": len(dataset.corpus)}
            for split, dataset in after.items()
        },
    }


def _positives(datasets: Mapping[str, RetrievalDataset]) -> float:
    """Return the mean number of relevant passages a query."""
    numbers = [
        sum(grade > 0 for grade in grades.values())
        for dataset in datasets.values()
        for grades in dataset.qrels.values()
    ]
    return round(fmean(numbers), 3) if numbers else 0.0
