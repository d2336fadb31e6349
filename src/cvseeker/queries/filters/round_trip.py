"""The round trip: at which rank a query finds the passage that it was written about.

Only what scores higher ranks higher, and passages of the own passage's person group do not count.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, TypeVar

import numpy as np

from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.queries import EncodedQueries
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

Item = TypeVar("Item")

Passages = Callable[[], Iterable[tuple[str, str]]]
"""Called for each reading of a corpus: text and person group of every passage, in one order."""

# Scores that differ by less, relatively (a cosine: absolutely), are ties: the order in which words
# are added up must decide nothing, at single precision.
_TIE = 1e-5
# BM25's scores held at once: 64 MB, whatever the corpus.
_SCORES = 1 << 24
# Passages and queries compared at once: larger products no longer fit the processor's cache.
_DENSE_SHARD, _DENSE_BLOCK = 2_048, 512
# Texts encoded at once.
_ENCODED = 2_048


def lexical_ranks(
    queries: Iterable[tuple[str, int]], passages: Passages, *, progress: Progress = silent
) -> IntArray:
    """Rank each query's own passage by BM25 among all passages of other persons.

    Parameters
    ----------
    queries
        Text of each query, and the number of its own passage, counted from 0.
    passages
        Reads the corpus; called once.
    progress
        Called with the queries done.

    Returns
    -------
    ndarray
        Shape (n_queries,), int64: 1 for the best. A passage that has no word of the query is not
        found by it: it ranks last.
    """
    corpus = list(passages())
    groups = _group_numbers(group for _, group in corpus)
    ranker = BM25Ranker([text for text, _ in corpus])
    asked = list(queries)
    ranks = np.empty(len(asked), dtype=np.int64)
    block = max(1, _SCORES // max(1, len(corpus)))
    for begin in range(0, len(asked), block):
        part = asked[begin : begin + block]
        owners = np.array([owner for _, owner in part])
        scores = ranker.scores(EncodedQueries.from_texts([text for text, _ in part]))
        own = scores[np.arange(len(part)), owners]
        better = _count_better(scores, own * np.float32(1 + _TIE), groups, groups[owners])
        ranks[begin : begin + len(part)] = np.where(own > 0, 1 + better, len(corpus))
        progress("round trip", begin + len(part), len(asked), "queries")
    return ranks


def dense_ranks(
    queries: Iterable[tuple[str, int]],
    passages: Passages,
    *,
    encoder: Encoder,
    progress: Progress = silent,
) -> IntArray:
    """Rank each query's own passage by its best window's cosine among those of other persons.

    Vectors wait in temporary files, so that memory does not grow with the corpus.

    Parameters
    ----------
    queries
        Text of each query, and the number of its own passage, counted from 0.
    passages
        Reads the corpus; called once.
    encoder
        Encodes both.
    progress
        Called with the passages done, and by the encoder.

    Returns
    -------
    ndarray
        Shape (n_queries,), int64: 1 for the best.
    """
    with TemporaryFile() as query_file, TemporaryFile() as window_file:
        owners = np.zeros(0, dtype=np.int64)
        for block in _chunks(queries, _ENCODED):
            encoder.encode_queries([text for text, _ in block]).tofile(query_file)
            owners = np.append(owners, [owner for _, owner in block])
        windows_of = np.zeros(0, dtype=np.int64)
        names: list[str] = []
        for shard in _chunks(passages(), _ENCODED):
            encoded = encoder.encode_passages([text for text, _ in shard], progress)
            encoded.vectors.tofile(window_file)
            windows_of = np.append(windows_of, encoded.owners + len(names))
            names += [group for _, group in shard]
            progress("encode passages", len(names), 0, "")
        if not len(owners):
            return owners
        return _rank_vectors(
            _on_disk(query_file, len(owners)),
            _on_disk(window_file, len(windows_of)),
            owners=owners,
            windows_of=windows_of,
            groups=_group_numbers(names),
            progress=progress,
        )


def _rank_vectors(
    queries: FloatArray,
    windows: FloatArray,
    *,
    owners: IntArray,
    windows_of: IntArray,
    groups: IntArray,
    progress: Progress,
) -> IntArray:
    """Count the passages of other groups with a better window than the own passage's best."""
    starts = np.searchsorted(windows_of, np.arange(len(groups) + 1))
    bars = np.empty(len(owners), dtype=np.float32)
    for query, owner in enumerate(owners.tolist()):
        own = windows[starts[owner] : starts[owner + 1]]
        bars[query] = (own @ queries[query]).max() + _TIE
    ranks = np.ones(len(owners), dtype=np.int64)
    for begin in range(0, len(groups), _DENSE_SHARD):
        end = min(begin + _DENSE_SHARD, len(groups))
        inside = slice(starts[begin], starts[end])
        vectors, places = np.array(windows[inside]), windows_of[inside] - begin
        for first in range(0, len(ranks), _DENSE_BLOCK):
            block = slice(first, first + _DENSE_BLOCK)
            scores = max_over_windows(queries[block] @ vectors.T, places)
            ranks[block] += _count_better(
                scores, bars[block], groups[begin:end], groups[owners[block]]
            )
        progress("round trip", end, len(groups), "passages")
    return ranks


def _count_better(
    scores: FloatArray, bars: FloatArray, groups: IntArray, own_groups: IntArray
) -> IntArray:
    """Count, for each query, the passages of other groups whose scores exceed its bar.

    Shapes: (n_queries, n_passages), (n_queries,), (n_passages,), (n_queries,) → (n_queries,).
    """
    better: IntArray = np.count_nonzero(
        (scores > bars[:, None]) & (groups != own_groups[:, None]), axis=1
    )
    return better


def _group_numbers(groups: Iterable[str]) -> IntArray:
    """Return a number for each person group, shape (n_passages,); one without is its own."""
    numbers: dict[str | int, int] = {}
    found = [numbers.setdefault(group or at, len(numbers)) for at, group in enumerate(groups)]
    return np.array(found, dtype=np.int64)


def _on_disk(file: IO[bytes], rows: int) -> FloatArray:
    """Return the rows of float32 that were written to a file, left where they are."""
    file.flush()
    flat: FloatArray = np.memmap(file, dtype=np.float32, mode="r")
    return flat.reshape(rows, -1)


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk
