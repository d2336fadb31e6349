"""A user's own past searches say what queries are to be like: how long, and of which words."""

import random
import re
from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.named_files import read_lines
from cvseeker.core.settings import Settings
from cvseeker.queries.filters import sure_language
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.cross_sections import overlaps
from cvseeker.retrieval.holdout import keep_queries
from cvseeker.retrieval.lines import count_words, terms
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.windows import FloatArray, IntArray

# What answers a past search is not known. Of the words of the 160 hand-written queries BM25's first
# three passages have .46, those that are relevant .45, and its first alone .55.
_FIRST = 3
# Queries kept in any case, of all.
_FEWEST = 1 / 3
_STEPS = 50
# Bounds of the cells in which queries are counted: words, and share of them that the answer has.
_LENGTHS, _SHARES = (3, 5, 9, 21), (0.2, 0.4, 0.6, 0.8)
_BOOLEAN = re.compile(r"\b(?:AND|OR|NOT)\b")
_BLOCK = 128
# Searches whose language is that of all.
_ENOUGH = 200


def read_searches(path: Path | None) -> list[str]:
    """Read past searches, one a line, none without a file; one that was repeated counts once."""
    if path is None:
        return []
    lines = (" ".join(line.split()) for line in read_lines(path, "searches, one a line"))
    searches = list(dict.fromkeys(line for line in lines if terms(line)))
    if not searches:
        raise InputError(f"{path}: no searches in it; expected one a line, as people typed them")
    return searches


def in_their_language(settings: Settings) -> Settings:
    """Return settings by which an LLM writes in the past searches' language, if none was chosen."""
    generate = settings.generate
    chosen = "language" in generate.filters.model_fields_set
    if generate.like is None or generate.llm == "offline" or chosen:
        return settings
    language = sure_language(" \n".join(read_searches(generate.like)[:_ENOUGH]))
    if not language:
        return settings
    filters = generate.filters.model_copy(update={"language": language})
    return settings.model_copy(
        update={"generate": generate.model_copy(update={"filters": filters})}
    )


def keep_alike(
    sources: Mapping[str, RetrievalDataset],
    searches: Sequence[str],
    passages: Sequence[str],
    *,
    seed: int,
) -> tuple[dict[str, RetrievalDataset], dict[str, Any]]:
    """Keep of all sources so many queries that together they are like the searches.

    Returns the data sets, and JSON-ready what was wanted, what there was, and what was kept.
    """
    keys, shares, cells = [], [], []
    for source, dataset in sources.items():
        for query_id, share in overlaps(dataset).items():
            keys.append((source, query_id))
            shares.append(share)
            cells.append(_cells(dataset.queries[query_id], share))
    wanted = _overlaps_of_searches(searches, passages)
    target = [_cells(text, share) for text, share in zip(searches, wanted, strict=True)]
    weights = _raked(np.array(cells), np.array(target))
    chosen = [keys[at] for at in _drawn(weights, random.Random(f"{seed}\0like"))]
    kept = {source: {key for own, key in chosen if own == source} for source in sources}
    of_query = dict(zip(keys, shares, strict=True))
    account = {
        "searches": len(searches),
        "overlap": {
            "searches": round(mean(wanted), 3),
            "queries before": round(mean(shares), 3),
            "queries": round(mean(of_query[key] for key in chosen), 3),
        },
        "kept": {
            f"{source}: {kind}": number
            for source, dataset in sources.items()
            for kind, number in sorted(Counter(dataset.kinds[key] for key in kept[source]).items())
        },
    }
    return {source: keep_queries(sources[source], ids) for source, ids in kept.items()}, account


def _overlaps_of_searches(searches: Sequence[str], passages: Sequence[str]) -> list[float]:
    """Estimate which share of each search's words the passages have that answer it."""
    words = [terms(text) for text in passages]
    ranker = BM25Ranker(passages)
    found: list[float] = []
    for start in range(0, len(searches), _BLOCK):
        asked = EncodedQueries.from_texts(searches[start : start + _BLOCK])
        for text, best in zip(asked.texts, top_k(ranker.scores(asked), _FIRST), strict=True):
            told = terms(text)
            found.append(mean(len(told & words[at]) / len(told) for at in best.tolist()))
    return found


def _cells(text: str, share: float) -> tuple[int, int, int]:
    """Return in which cells a query is counted: by overlap, by length, by form."""
    form = 1 if _BOOLEAN.search(text) else 2 if text.endswith(("?", "\uff1f")) else 0
    return bisect(_SHARES, share), bisect(_LENGTHS, count_words(text)), form


def _raked(cells: IntArray, target: IntArray) -> FloatArray:
    """Weigh queries, (n_queries,), such that the counts in each cell are in the target's ratio.

    Both have a column for each way of counting, shape (n, 3). Iterative proportional fitting,
    Deming and Stephan 1940.
    """
    weights = np.ones(len(cells), dtype=np.float32)
    most = int(max(cells.max(), target.max())) + 1
    for _ in range(_STEPS):
        for own, others in zip(cells.T, target.T, strict=True):
            # Half a search in each cell: a few searches do not say what nobody looks for.
            there = np.bincount(own, weights=weights, minlength=most)
            asked = np.bincount(others, minlength=most) + 0.5
            weights *= (asked / np.maximum(there, 1e-9))[own].astype(np.float32)
    return weights


def _drawn(weights: FloatArray, rng: random.Random) -> list[int]:
    """Draw positions by their weights, as many as the weights are worth.

    That is Kish's effective size, (Σw)² / Σw², and a third of all in any case.
    """
    size = max(float(weights.sum()) ** 2 / float((weights**2).sum()), _FEWEST * len(weights))
    chances = weights * (size / weights.sum())
    # Every step of a fair walk over the chances takes one: no kind is missed by bad luck.
    steps = np.floor(np.cumsum(np.minimum(chances, 1)) + rng.random())
    return np.flatnonzero(np.diff(steps, prepend=0) > 0).tolist()
