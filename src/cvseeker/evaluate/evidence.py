"""What a data set is like: its counts, and where the answers of its queries stand."""

import math
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.bm25 import tokenize

Place = Literal["first third", "middle third", "last third", "spread evenly", "no word shared"]
THIRDS: tuple[Place, ...] = ("first third", "middle third", "last third")

# Fixed, so that two evaluations' rows mean the same.
OVERLAPS = (0.25, 0.5, 0.75, 1.0)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A query beside the relevant passage that shares most words with it.

    ``overlap`` is the share of the query's stems, stop words left out, that stand in the passage,
    ``None`` where the query has none; ``words`` are the passage's, and ``place`` is the third of it
    that holds most of the query's rarer words.
    """

    passage_id: str
    overlap: float | None
    words: int
    place: Place


def find_evidence(
    dataset: RetrievalDataset, *, resume_of: Mapping[str, str] | None = None
) -> dict[str, Evidence]:
    """Find the passage that answers each query, if one is known, and say how the two relate."""
    answers = answer_passages(dataset, resume_of=resume_of)
    passage_ids = list(dict.fromkeys(key for keys in answers.values() for key in keys))
    texts = [dataset.corpus[key] for key in passage_ids]
    words = dict(zip(passage_ids, tokenize(texts), strict=True))
    sets = {key: frozenset(stems) for key, stems in words.items()}
    # Counted among the relevant passages only: enough to tell a rare word from a common one.
    frequencies = Counter(stem for stems in sets.values() for stem in stems)
    queries = tokenize([dataset.queries[query_id] for query_id in answers])
    found = {}
    for (query_id, keys), stems in zip(answers.items(), queries, strict=True):
        wanted = frozenset(stems)
        grades = dataset.qrels[query_id]
        best = max(keys, key=lambda key: (len(wanted & sets[key]), grades.get(key, 0)))
        shared = wanted & sets[best]
        weights = {stem: math.log(1 + len(sets) / frequencies[stem]) for stem in shared}
        found[query_id] = Evidence(
            passage_id=best,
            overlap=len(shared) / len(wanted) if wanted else None,
            words=len(_WORD.findall(dataset.corpus[best])),
            place=_place(words[best], weights),
        )
    return found


def overlap_bands() -> list[str]:
    """Return the names of the bands of overlaps, "0 to 25 %" first."""
    return [f"{100 * low:.0f} to {100 * high:.0f} %" for low, high in pairwise((0.0, *OVERLAPS))]


def overlap_band(overlap: float) -> str:
    """Return the band that an overlap lies in; an edge belongs to the band below it."""
    return overlap_bands()[sum(overlap > edge for edge in OVERLAPS[:-1])]


def copied_words(
    dataset: RetrievalDataset, *, resume_of: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Return the share of the queries in each band of words copied from the answer."""
    evidence = find_evidence(dataset, resume_of=resume_of).values()
    found = Counter(overlap_band(one.overlap) for one in evidence if one.overlap is not None)
    return {band: found[band] / max(found.total(), 1) for band in overlap_bands()}


def answer_passages(
    dataset: RetrievalDataset, *, resume_of: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """Return query id → the passages that answer it, all of a résumé's where the qrels name one."""
    passages_of: dict[str, list[str]] = {}
    for passage_id, resume_id in (resume_of or {}).items():
        if passage_id in dataset.corpus:
            passages_of.setdefault(resume_id, []).append(passage_id)
    answers = {}
    for query_id in dataset.queries:
        keys = [key for key, grade in dataset.qrels[query_id].items() if grade > 0]
        found = [
            passage_id
            for key in keys
            for passage_id in ([key] if key in dataset.corpus else passages_of.get(key, []))
        ]
        if found:
            answers[query_id] = found
    return answers


def _place(stems: Sequence[str], weights: Mapping[str, float]) -> Place:
    """Return the third that holds the most weight of the rarer half of the shared stems."""
    if not weights:
        return "no word shared"
    rarest = sorted(weights, key=lambda stem: (-weights[stem], stem))[: (len(weights) + 1) // 2]
    held = [0.0, 0.0, 0.0]
    for stem, third in {
        (stem, 3 * at // len(stems)) for at, stem in enumerate(stems) if stem in rarest
    }:
        held[third] += weights[stem]
    most = max(held)
    best = [place for place, weight in zip(THIRDS, held, strict=True) if weight > most - 1e-9]
    return best[0] if len(best) == 1 else "spread evenly"


def dataset_facts(dataset: RetrievalDataset) -> dict[str, Any]:
    """Count a data set's parts and say how its queries relate to their passages, JSON-ready.

    ``lexical_overlap`` is the mean share of a query's stems, stop words left out, that stand in its
    best relevant passage (62 % is usual for LLM-written queries; recruiters' own words copy less).
    """
    return {
        "passages": len(dataset.corpus),
        "queries": len(dataset.queries),
        "relevant_per_query": _mean(
            [sum(grade > 0 for grade in grades.values()) for grades in dataset.qrels.values()]
        ),
        "words_per_passage": _mean([len(_WORD.findall(text)) for text in dataset.corpus.values()]),
        "words_per_query": _mean([len(_WORD.findall(text)) for text in dataset.queries.values()]),
        "queries_by_kind": dict(sorted(Counter(dataset.kinds.values()).items())),
        "lexical_overlap": _lexical_overlap(dataset),
    }


def _lexical_overlap(dataset: RetrievalDataset) -> float | None:
    """Return the mean overlap, ``None`` where the qrels name résumés and not passages."""
    evidence = find_evidence(dataset)
    shares = [one.overlap for one in evidence.values() if one.overlap is not None]
    return _mean(shares) if evidence else None


def _mean(values: list[float] | list[int]) -> float:
    return round(statistics.fmean(values), 4) if values else 0.0
