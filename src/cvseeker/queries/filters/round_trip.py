"""The round trip: at which rank a query finds the passage that it was written about."""

from collections.abc import Iterable, Iterator

import numpy as np

from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.ranker import EncodedQueries, Ranker
from cvseeker.retrieval.windows import FloatArray, IntArray

# Scores that differ by less, relatively or where below 1 absolutely, are ties: the order in which
# words are added up must decide nothing, at single precision.
_TIE = 1e-5
# Scores held at once: 16 MB, whatever the corpus.
_SCORES = 1 << 22


def own_ranks(
    queries: Iterable[tuple[str, int]],
    passages: Iterable[tuple[str, str]],
    *,
    encoder: Encoder | None = None,
    progress: Progress = silent,
) -> IntArray:
    """Rank each query's own passage among all passages of other persons.

    ``queries`` are a text and its own passage's number, ``passages`` a text and its person group,
    empty where it has none. The encoder ranks by the best window's cosine; without one, BM25 does.
    Returns shape (n_queries,), int64: 1 for the best. Only what scores higher ranks higher, and
    passages of the own passage's person group do not count. A passage that has no word of the
    query is not found by BM25: it ranks last.
    """
    named: list[str] = []

    def texts() -> Iterator[str]:
        for text, group in passages:
            named.append(group)
            yield text

    ranker: Ranker
    if encoder is None:
        ranker = BM25Ranker(texts())  # which keeps none of them
    else:
        windows = encoder.encode_passages(list(texts()), progress)
        ranker = DenseRanker(windows.vectors, windows.owners)
    groups = _group_numbers(named)
    asked = list(queries)
    ranks = np.empty(len(asked), dtype=np.int64)
    block = max(1, _SCORES // max(1, len(groups)))
    for begin in range(0, len(asked), block):
        part = asked[begin : begin + block]
        owners = np.array([owner for _, owner in part])
        encoded = EncodedQueries.from_texts([text for text, _ in part], encoder, tokens=False)
        scores = ranker.scores(encoded)
        own = scores[np.arange(len(part)), owners]
        found = 1 + _count_better(scores, own, groups, groups[owners])
        if encoder is None:
            found = np.where(own > 0, found, len(groups))
        ranks[begin : begin + len(part)] = found
        progress("round trip", begin + len(part), len(asked), "queries")
    return ranks


def _count_better(
    scores: FloatArray, own: FloatArray, groups: IntArray, own_groups: IntArray
) -> IntArray:
    """Count, for each query, the passages of other groups that score higher than its own.

    Shapes: (n_queries, n_passages), (n_queries,), (n_passages,), (n_queries,) → (n_queries,).
    """
    bars = own + np.float32(_TIE) * np.maximum(own, 1)
    better: IntArray = np.count_nonzero(
        (scores > bars[:, None]) & (groups != own_groups[:, None]), axis=1
    )
    return better


def _group_numbers(groups: Iterable[str]) -> IntArray:
    """Return a number for each person group, shape (n_passages,); one without is its own."""
    numbers: dict[str | int, int] = {}
    found = [numbers.setdefault(group or at, len(numbers)) for at, group in enumerate(groups)]
    return np.array(found, dtype=np.int64)
