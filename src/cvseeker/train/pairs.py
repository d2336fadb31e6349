"""Queries and qrels → training pairs: a query and the window of its passage that fits it best."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.windows import Window

# Queries scored against all windows at once by BM25.
BLOCK = 128

# Share of the own positive's cosine from which another is no negative, as in NV-Retriever.
RIVAL = 0.95

# Pairs that one query with many relevant passages may give; the others are masked, not lost.
MOST_POSITIVES = 3


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A query and a window that answers it.

    ``group`` is the number of the positive's person group; ``answered`` are those of all the
    passages that answer the query: none of these is a negative.
    """

    anchor: str
    positive: str
    group: int
    answered: tuple[int, ...]


def build_pairs(
    dataset: RetrievalDataset, windows: Sequence[Window], *, max_pairs: int, seed: int
) -> list[TrainingPair]:
    """Choose for every query the window of its relevant passage that fits it best.

    A window's fit is its BM25 score among the windows of the whole corpus; of equals the first
    wins. Of several relevant passages those of the highest grade give a pair each, three at most.
    A query that stands twice in the data set is one query: what answers it once, answers it always.
    Queries beyond ``max_pairs`` are left out by a random sample.
    """
    query_ids = _sample(list(dataset.queries), max_pairs, seed)
    positions = {passage_id: position for position, passage_id in enumerate(dataset.corpus)}
    groups = group_numbers(dataset)
    answers = _answers(dataset)
    wanted: dict[tuple[str, int], None] = {}
    for query_id in query_ids:
        for passage_id in _best_passages(dataset.qrels[query_id]):
            wanted[dataset.queries[query_id], positions[passage_id]] = None
    best = _best_windows(list(wanted), windows)
    return [
        TrainingPair(
            query,
            windows[at].text,
            groups[target],
            tuple(sorted({groups[positions[passage_id]] for passage_id in answers[query]})),
        )
        for (query, target), at in zip(wanted, best, strict=True)
    ]


def mask_rivals(pairs: Sequence[TrainingPair], encoder: Encoder) -> list[TrainingPair]:
    """Let nobody be a negative whom the base finds about as fitting as the anchor's own positive.

    What one person claims many can show, and a negative that answers teaches the wrong thing.

    References
    ----------
    Moreira et al. 2024 (NV-Retriever, "positive-aware"), https://arxiv.org/abs/2407.15831;
    Solatorio 2024 (GISTEmbed, in-batch), https://arxiv.org/abs/2402.16829.
    """
    anchors = list(dict.fromkeys(pair.anchor for pair in pairs))
    positives = list(dict.fromkeys(pair.positive for pair in pairs))
    column_of = {positive: column for column, positive in enumerate(positives)}
    columns = np.array([column_of[pair.positive] for pair in pairs])
    groups = np.array([pair.group for pair in pairs])
    by_anchor: dict[str, list[int]] = defaultdict(list)
    for at, pair in enumerate(pairs):
        by_anchor[pair.anchor].append(at)
    queries = EncodedQueries.from_texts(anchors, encoder, tokens=False)
    windows = encoder.encode_passages(positives)
    ranker = DenseRanker(windows.vectors, windows.owners)
    masked = list(pairs)
    for start in range(0, len(anchors), BLOCK):
        block = slice(start, start + BLOCK)
        # (block, n_pairs): how well every pair's positive fits each anchor.
        scores = ranker.scores(queries[block])[:, columns]
        for anchor, row in zip(anchors[block], scores, strict=True):
            for at in by_anchor[anchor]:
                rivals = groups[row >= RIVAL * row[at]].tolist()
                answered = {*pairs[at].answered, *rivals}
                masked[at] = replace(pairs[at], answered=tuple(sorted(answered)))
    return masked


def group_numbers(dataset: RetrievalDataset) -> list[int]:
    """Return the number of each passage's person group, in the corpus's order."""
    groups = dataset.person_groups
    numbers: dict[str, int] = {}
    return [
        numbers.setdefault(groups.get(passage_id, passage_id), len(numbers))
        for passage_id in dataset.corpus
    ]


def _sample(query_ids: list[str], count: int, seed: int) -> list[str]:
    if len(query_ids) <= count:
        return query_ids
    chosen = set(random.Random(seed).sample(query_ids, count))
    return [query_id for query_id in query_ids if query_id in chosen]


def _answers(dataset: RetrievalDataset) -> dict[str, set[str]]:
    """Return the relevant passages of every query's text."""
    answers: dict[str, set[str]] = defaultdict(set)
    for query_id, text in dataset.queries.items():
        answers[text] |= {key for key, grade in dataset.qrels[query_id].items() if grade > 0}
    return answers


def _best_passages(grades: Mapping[str, int]) -> list[str]:
    highest = max(grades.values())
    return [key for key, grade in grades.items() if grade == highest][:MOST_POSITIVES]


def _best_windows(wanted: list[tuple[str, int]], windows: Sequence[Window]) -> list[int]:
    """Return for each query and passage the position of the window that BM25 puts first."""
    owners = np.array([window.passage for window in windows])
    ranker = BM25Ranker([window.text for window in windows])
    best = []
    for start in range(0, len(wanted), BLOCK):
        block = wanted[start : start + BLOCK]
        scores = ranker.scores(EncodedQueries.from_texts([query for query, _ in block]))
        for row, (_, target) in zip(scores, block, strict=True):
            begin, end = np.searchsorted(owners, [target, target + 1])
            best.append(int(begin + row[begin:end].argmax()))
    return best
