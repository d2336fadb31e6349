"""Where a query's answer stands: how much it copies, in how long a passage, in which part of it."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.bm25 import tokenize

Place = Literal["first third", "middle third", "last third", "spread evenly", "no word shared"]
THIRDS: tuple[Place, ...] = ("first third", "middle third", "last third")

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A query beside the relevant passage that shares most words with it.

    Attributes
    ----------
    passage_id
        That passage; where résumés are judged, one of a relevant résumé's.
    overlap
        Share of the query's stems, stop words left out, that stand in the passage; ``None`` where
        the query has none.
    words
        The passage's words.
    place
        The third of the passage that holds most of the query's rarer words.
    """

    passage_id: str
    overlap: float | None
    words: int
    place: Place


def find_evidence(
    dataset: RetrievalDataset, *, resume_of: Mapping[str, str] | None = None
) -> dict[str, Evidence]:
    """Find the passage that answers each query and say how the two relate.

    Parameters
    ----------
    dataset
        Corpus, queries and qrels.
    resume_of
        Passage id → résumé id, where the qrels name résumés.

    Returns
    -------
    dict
        Query id → evidence; a query none of whose relevant passages is known is left out.
    """
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


def answer_passages(
    dataset: RetrievalDataset, *, resume_of: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """Return query id → the corpus's passages that answer it; queries without one are left out.

    Where the qrels name a résumé, all its passages do.
    """
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
