"""Retrieval metrics of many rankings at once; one query is a block of one.

Every metric takes ``grades``, shape (n, depth), the grades of the ranked passages, best rank first
(``UNJUDGED`` where a passage is not judged), and ``ideal``, shape (n, most), each query's positive
grades in descending order, found or not, then 0; it returns one value a query. A query with nothing
found scores 0; it never vanishes from a mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval.windows import IntArray

Values = NDArray[np.float64]

# Stands for a grade where there is none. A judged grade below 0 counts as 0.
UNJUDGED = -1

Unjudged = Literal["as-irrelevant", "ignore"]
"""What an unjudged passage in a ranking is: an irrelevant one, or one that is left out."""


def accuracy(grades: IntArray, _ideal: IntArray, *, k: int) -> Values:
    """Return 1 if a relevant passage is among the first k, else 0; also called hit rate."""
    return np.asarray((grades[:, :k] > 0).any(axis=1), dtype=np.float64)


def recall(grades: IntArray, ideal: IntArray, *, k: int) -> Values:
    """Return the share of the relevant passages that are among the first k."""
    found: Values = (grades[:, :k] > 0).sum(axis=1) / (ideal > 0).sum(axis=1)
    return found


def precision(grades: IntArray, _ideal: IntArray, *, k: int) -> Values:
    """Return the share of the first k ranks that hold a relevant passage."""
    found: Values = (grades[:, :k] > 0).sum(axis=1) / k
    return found


def reciprocal_rank(grades: IntArray, _ideal: IntArray, *, k: int) -> Values:
    """Return 1 / the rank of the first relevant passage, 0 beyond rank k."""
    relevant = grades[:, :k] > 0
    best: Values = (relevant / np.arange(1, relevant.shape[1] + 1)).max(axis=1, initial=0.0)
    return best


def ndcg(grades: IntArray, ideal: IntArray, *, k: int) -> Values:
    """Return the normalised discounted cumulative gain at k.

    The gain is the grade itself and the discount log2(rank + 1), as in trec_eval (Järvelin &
    Kekäläinen 2002, https://doi.org/10.1145/582415.582418).
    """
    gained: Values = _discounted_gain(grades[:, :k]) / _discounted_gain(ideal[:, :k])
    return gained


def average_precision(grades: IntArray, ideal: IntArray, *, k: int) -> Values:
    """Return the mean, over all relevant passages, of the precision at each one's rank, 0 beyond k.

    Examples
    --------
    >>> average_precision(np.array([[1, 0, 1]]), np.array([[1, 1]]), k=100).round(4).tolist()
    [0.8333]
    """
    relevant = grades[:, :k] > 0
    precisions = relevant.cumsum(axis=1) / np.arange(1, relevant.shape[1] + 1)
    total: Values = (precisions * relevant).sum(axis=1) / (ideal > 0).sum(axis=1)
    return total


def precision_up_to(grades: IntArray, ideal: IntArray, *, k: int) -> Values:
    """Return the average precision out of what could be found in k ranks."""
    return average_precision(grades, ideal[:, :k], k=k)


def judged(grades: IntArray, _ideal: IntArray, *, k: int) -> Values:
    """Return the share of the first k passages that are judged, relevant or not.

    Where it is low, the other metrics say little of the ranking: what nobody has looked at may
    well be an answer.
    """
    first = grades[:, :k] != UNJUDGED
    return np.asarray(first.sum(axis=1) / max(first.shape[1], 1), dtype=np.float64)


def _discounted_gain(grades: IntArray) -> Values:
    ranks = np.arange(2, grades.shape[1] + 2)
    gains: Values = (np.maximum(grades, 0) / np.log2(ranks)).sum(axis=1)
    return gains


Metrics = Mapping[str, partial[Values]]

METRICS: Metrics = {
    "accuracy@1": partial(accuracy, k=1),
    "accuracy@3": partial(accuracy, k=3),
    "accuracy@5": partial(accuracy, k=5),
    "accuracy@10": partial(accuracy, k=10),
    "hit_rate@5": partial(accuracy, k=5),
    "recall@5": partial(recall, k=5),
    "recall@10": partial(recall, k=10),
    "mrr@10": partial(reciprocal_rank, k=10),
    "ndcg@10": partial(ndcg, k=10),
    "map@100": partial(average_precision, k=100),
    "judged@10": partial(judged, k=10),
}
# Those of sentence-transformers' evaluator, and LlamaIndex's hit rate.
EVALUATOR_METRICS: Metrics = {
    **{f"accuracy@{k}": partial(accuracy, k=k) for k in (1, 3, 5, 10)},
    "hit_rate@5": partial(accuracy, k=5),
    **{f"precision@{k}": partial(precision, k=k) for k in (1, 3, 5, 10)},
    **{f"recall@{k}": partial(recall, k=k) for k in (1, 3, 5, 10)},
    "ndcg@10": partial(ndcg, k=10),
    "mrr@10": partial(reciprocal_rank, k=10),
    "map@100": partial(precision_up_to, k=100),
}
# Of the whole ranking, whatever is left out of it for the others.
OF_WHOLE_RANKING = ("judged@10",)


def block_metrics(
    grades: IntArray,
    ideal: IntArray,
    *,
    unjudged: Unjudged = "as-irrelevant",
    metrics: Metrics = METRICS,
) -> dict[str, Values]:
    """Compute metrics of many rankings: name → shape (n,), float64, in [0, 1].

    With ``unjudged="ignore"`` passages without a grade are taken out of the ranking, and what
    stands below them moves up; ``judged@10`` still sees them.

    References
    ----------
    Sakai 2007, "Alternatives to Bpref", https://doi.org/10.1145/1277741.1277756: condensed lists.
    """
    kept = grades
    if unjudged == "ignore":
        # What is left out goes to the end, where it counts as irrelevant.
        order = np.argsort(grades == UNJUDGED, axis=1, kind="stable")
        kept = np.take_along_axis(grades, order, axis=1)
    return {
        name: metric(grades if name in OF_WHOLE_RANKING else kept, ideal)
        for name, metric in metrics.items()
    }


def query_metrics(
    ranked: Sequence[str], qrels: Mapping[str, int], *, unjudged: Unjudged = "as-irrelevant"
) -> dict[str, float]:
    """Compute every metric for one query.

    Parameters
    ----------
    ranked
        Passage ids, best first.
    qrels
        Passage id → grade; at least one is above 0.
    unjudged
        ``ignore``: passages without a grade are taken out of the ranking first.

    Returns
    -------
    dict
        Name of the metric → value in [0, 1].

    Examples
    --------
    >>> query_metrics(["b", "a"], {"a": 1})["mrr@10"]
    0.5
    >>> query_metrics(["b", "a"], {"a": 1}, unjudged="ignore")["mrr@10"]
    1.0
    """
    grades = [max(qrels[key], 0) if key in qrels else UNJUDGED for key in ranked]
    block = np.array([grades], dtype=np.int64)
    ideal = np.array([_ideal_grades(qrels)], dtype=np.int64)
    return metric_rows(block_metrics(block, ideal, unjudged=unjudged))[0]


def metric_rows(values: Mapping[str, Values]) -> list[dict[str, float]]:
    """Turn name → values, each of shape (n,), into n rows of name → value."""
    table = np.stack(list(values.values()), axis=1).tolist()  # (n, n_metrics)
    return [dict(zip(values, row, strict=True)) for row in table]


def mean_metrics(per_query: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Average each metric over the queries, one at least, to six decimals."""
    return {
        name: round(sum(values[name] for values in per_query.values()) / len(per_query), 6)
        for name in METRICS
    }


@dataclass(frozen=True, slots=True)
class QrelsTable:
    """Qrels as arrays, for looking up the grades of many rankings at once.

    Attributes
    ----------
    keys
        Shape (n_judged,), int64, ascending: query's row × ``width`` + candidate's position.
    grades
        Shape (n_judged,), int64, at least 0.
    ideal
        Shape (n_queries, most), int64: each query's positive grades in descending order, then 0.
    width
        The number of candidates.
    """

    keys: IntArray
    grades: IntArray
    ideal: IntArray
    width: int

    @classmethod
    def from_qrels(
        cls,
        qrels: Mapping[str, Mapping[str, int]],
        query_ids: Sequence[str],
        candidate_ids: Sequence[str],
    ) -> Self:
        """Place qrels over queries and candidates; what is not among the candidates is not found.

        Parameters
        ----------
        qrels
            Query id → passage or résumé id → grade.
        query_ids
            The rows.
        candidate_ids
            What positions in a ranking stand for.
        """
        position = {key: at for at, key in enumerate(candidate_ids)}
        width = len(candidate_ids)
        found = sorted(
            (row * width + position[key], max(grade, 0))
            for row, query_id in enumerate(query_ids)
            for key, grade in qrels[query_id].items()
            if key in position
        )
        best = [_ideal_grades(qrels[query_id]) for query_id in query_ids]
        ideal = np.zeros((len(best), max(map(len, best), default=0)), dtype=np.int64)
        for row, grades in zip(ideal, best, strict=True):
            row[: len(grades)] = grades
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        return cls(pairs[:, 0], pairs[:, 1], ideal, width)

    def metrics(
        self,
        positions: IntArray,
        *,
        first_row: int = 0,
        unjudged: Unjudged = "as-irrelevant",
        metrics: Metrics = METRICS,
    ) -> dict[str, Values]:
        """Compute metrics of a block of rankings.

        Parameters
        ----------
        positions
            Shape (n, depth): candidates, best first.
        first_row
            The row of the first ranking's query.
        unjudged
            ``ignore``: passages without a grade are taken out of the ranking first.
        metrics
            Name → metric.

        Returns
        -------
        dict
            Name of the metric → shape (n,), float64, in [0, 1].
        """
        rows = np.arange(first_row, first_row + len(positions))
        grades = np.full(positions.shape, UNJUDGED, dtype=np.int64)
        if len(self.keys):
            wanted = rows[:, None] * self.width + positions
            at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            found = self.keys[at] == wanted
            grades[found] = self.grades[at[found]]
        return block_metrics(grades, self.ideal[rows], unjudged=unjudged, metrics=metrics)


def _ideal_grades(qrels: Mapping[str, int]) -> list[int]:
    """Return a query's positive grades in descending order."""
    return sorted((grade for grade in qrels.values() if grade > 0), reverse=True)
