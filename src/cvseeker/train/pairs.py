"""Queries and qrels → training pairs: a query and the window of its passage that fits it best."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cvseeker.config import IngestSettings
from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import Encoder
from cvseeker.encoder.windows import FloatArray
from cvseeker.progress import Progress, silent
from cvseeker.rank.bm25 import BM25Ranker
from cvseeker.rank.hybrid import fuse
from cvseeker.resumes.duplicates import person_groups

# Queries scored against all windows at once by BM25.
BLOCK = 128


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """An anchor (a query), its positive (a window), and the person group of the positive."""

    anchor: str
    positive: str
    group: int


def build_pairs(
    dataset: RetrievalDataset,
    encoder: Encoder,
    *,
    max_pairs: int,
    seed: int,
    progress: Progress = silent,
) -> list[TrainingPair]:
    """Choose for every query the window of its relevant passage that fits it best.

    A window's fit is the mean of its dense and its BM25 score, each min-max normalised over the
    windows of the passage. The query's highest-graded passage is taken, the first of several.

    Parameters
    ----------
    dataset
        Queries and qrels over a corpus.
    encoder
        The base model: its windows are chosen from, and it gives the dense score.
    max_pairs
        Queries beyond this number are left out by a random sample.
    seed
        Of that sample.
    progress
        Called while the corpus is encoded.

    Returns
    -------
    list of TrainingPair
        In the order of the data set's queries.
    """
    query_ids = _sample(list(dataset.queries), max_pairs, seed)
    positions = {passage_id: position for position, passage_id in enumerate(dataset.corpus)}
    targets = [positions[_best_passage(dataset.qrels[query_id])] for query_id in query_ids]
    queries = [dataset.queries[query_id] for query_id in query_ids]
    embeddings = encoder.encode_passages(list(dataset.corpus.values()), progress)
    texts = [window.text for window in embeddings.windows]
    first = np.searchsorted(embeddings.owners, np.arange(len(positions) + 1))
    spans = [(int(first[target]), int(first[target + 1])) for target in targets]
    groups = group_numbers(dataset)
    dense = _own_scores(encoder.encode_queries(queries), embeddings.vectors, spans)
    lexical = _own_bm25_scores(queries, texts, spans)
    pairs = []
    for query, target, (begin, _), ours, theirs in zip(
        queries, targets, spans, dense, lexical, strict=True
    ):
        best = begin + int(fuse(theirs[None], ours[None], weight=0.5)[0].argmax())
        pairs.append(TrainingPair(query, texts[best], groups[target]))
    return pairs


def group_numbers(dataset: RetrievalDataset) -> list[int]:
    """Return the number of each passage's person group, in the corpus's order."""
    groups: Mapping[str, str] = complete_person_groups(dataset)
    numbers: dict[str, int] = {}
    return [numbers.setdefault(groups[passage_id], len(numbers)) for passage_id in dataset.corpus]


def complete_person_groups(dataset: RetrievalDataset) -> dict[str, str]:
    """Return the person group of every passage; found by overlap where the data set has none."""
    if all(passage_id in dataset.person_groups for passage_id in dataset.corpus):
        return dict(dataset.person_groups)
    return person_groups(dataset.corpus, similarity=IngestSettings().duplicate_similarity)


def _sample(query_ids: list[str], count: int, seed: int) -> list[str]:
    if len(query_ids) <= count:
        return query_ids
    chosen = set(random.Random(seed).sample(query_ids, count))
    return [query_id for query_id in query_ids if query_id in chosen]


def _best_passage(grades: Mapping[str, int]) -> str:
    return max(grades, key=lambda passage_id: grades[passage_id])


def _own_scores(
    queries: FloatArray, windows: FloatArray, spans: Sequence[tuple[int, int]]
) -> list[FloatArray]:
    """Return each query's cosines with the windows of its own passage."""
    return [windows[begin:end] @ query for query, (begin, end) in zip(queries, spans, strict=True)]


def _own_bm25_scores(
    queries: Sequence[str], windows: Sequence[str], spans: Sequence[tuple[int, int]]
) -> list[FloatArray]:
    """Return each query's BM25 scores with the windows of its own passage."""
    ranker = BM25Ranker(windows)
    scores: list[FloatArray] = []
    for start in range(0, len(queries), BLOCK):
        block = ranker.scores(queries[start : start + BLOCK])
        scores += [
            row[begin:end]
            for row, (begin, end) in zip(block, spans[start : start + BLOCK], strict=True)
        ]
    return scores
