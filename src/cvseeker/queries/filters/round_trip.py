"""The round trip: at which rank a query finds the passage that it was written about."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, TypeVar

import numpy as np

from cvseeker.core.progress import Progress, silent
from cvseeker.queries.filters.rivals import (
    TIE,
    Rivals,
    Statistics,
    number_by_frequency,
    read_queries,
)
from cvseeker.queries.filters.shards import group_number, term_shards
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

Item = TypeVar("Item")

Passages = Callable[[], Iterable[tuple[str, str]]]
"""Called for each reading of a corpus: text and person group of every passage, in one order."""

# Passages and queries compared at once: larger products no longer fit the processor's cache.
_SHARD, _BLOCK = 4_096, 512
_DENSE_SHARD, _DENSE_BLOCK = 2_048, 512
# Texts encoded at once.
_ENCODED = 2_048


def lexical_ranks(
    queries: Iterable[tuple[str, int]],
    passages: Passages,
    *,
    limit: int | None = None,
    progress: Progress = silent,
) -> IntArray:
    """Rank each query's own passage by BM25 among all passages of other persons.

    Parameters
    ----------
    queries
        Text of each query, and the number of its own passage, counted from 0.
    passages
        Reads the corpus; called twice.
    limit
        A rank beyond which ranks need not be exact: queries that fit every passage then cost
        little. ``None``: all are exact.
    progress
        Called with the passages done.

    Returns
    -------
    ndarray
        Shape (n_queries,), int64: 1 for the best. Only what scores higher ranks higher, and
        passages of the own passage's person group do not count. A passage that has no word of
        the query is not found by it: it ranks last.
    """
    asked = read_queries(queries)
    statistics = Statistics(asked)
    for shard in term_shards(passages(), asked.vocabulary, size=_SHARD):
        statistics.add(shard)
        progress("read passages", len(statistics.lengths), 0, "")
    total = len(statistics.lengths)
    if not total:
        return np.zeros(0, dtype=np.int64)
    own = statistics.own_scores()
    ranks = np.where(own > 0, 1, total)
    asked, old_numbers = number_by_frequency(asked, statistics.frequencies)
    idf, fullness = statistics.idf[old_numbers], statistics.fullness
    groups = statistics.groups
    for shard in term_shards(passages(), asked.vocabulary, size=_SHARD):
        end = shard.first + len(shard.lengths)
        rivals = Rivals(shard, idf=idf, fullness=fullness[shard.first : end])
        for begin in range(0, len(ranks), _BLOCK):
            chosen = np.arange(begin, min(begin + _BLOCK, len(ranks)))
            undecided = (own[chosen] > 0) & (limit is None or ranks[chosen] <= limit)
            chosen = chosen[undecided]
            ranks[chosen] += rivals.better(
                asked, chosen, own=own[chosen], groups=groups[asked.owners[chosen]]
            )
        progress("round trip", end, total, "passages")
    return ranks


def dense_ranks(
    queries: Iterable[tuple[str, int]],
    passages: Passages,
    *,
    encoder: Encoder,
    progress: Progress = silent,
) -> IntArray:
    """Rank each query's own passage by its best window's cosine, as in :func:`lexical_ranks`.

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
        windows_of = groups = np.zeros(0, dtype=np.int64)
        for shard in _chunks(passages(), _ENCODED):
            encoded = encoder.encode_passages([text for text, _ in shard], progress)
            encoded.vectors.tofile(window_file)
            windows_of = np.append(windows_of, encoded.owners + len(groups))
            numbers = [
                group_number(group, number)
                for number, (_, group) in enumerate(shard, start=len(groups))
            ]
            groups = np.append(groups, numbers)
            progress("encode passages", len(groups), 0, "")
        if not len(owners):
            return owners
        return _rank_vectors(
            _on_disk(query_file, len(owners)),
            _on_disk(window_file, len(windows_of)),
            owners=owners,
            windows_of=windows_of,
            groups=groups,
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
    bars = np.empty((len(owners), 1), dtype=np.float32)
    for query, owner in enumerate(owners.tolist()):
        own = windows[starts[owner] : starts[owner + 1]]
        bars[query] = (own @ queries[query]).max() + TIE
    ranks = np.ones(len(owners), dtype=np.int64)
    for begin in range(0, len(groups), _DENSE_SHARD):
        end = min(begin + _DENSE_SHARD, len(groups))
        inside = slice(starts[begin], starts[end])
        vectors, places = np.array(windows[inside]), windows_of[inside] - begin
        for first in range(0, len(ranks), _DENSE_BLOCK):
            block = slice(first, first + _DENSE_BLOCK)
            scores = max_over_windows(queries[block] @ vectors.T, places)
            kin = groups[begin:end] == groups[owners[block]][:, None]
            ranks[block] += np.count_nonzero((scores > bars[block]) & ~kin, axis=1)
        progress("round trip", end, len(groups), "passages")
    return ranks


def _on_disk(file: IO[bytes], rows: int) -> FloatArray:
    """Return the rows of float32 that were written to a file, left where they are."""
    file.flush()
    flat: FloatArray = np.memmap(file, dtype=np.float32, mode="r")
    return flat.reshape(rows, -1)


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk
