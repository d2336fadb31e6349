"""The metrics of many queries at once: the same numbers as ``metrics.py`` gives one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval import metrics as one_query
from cvseeker.retrieval.metrics import METRICS, OF_WHOLE_RANKING, UNJUDGED, Unjudged
from cvseeker.retrieval.windows import IntArray

Values = NDArray[np.float64]


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
        judged = sorted(
            (row * width + position[key], max(grade, 0))
            for row, query_id in enumerate(query_ids)
            for key, grade in qrels[query_id].items()
            if key in position
        )
        best = [
            sorted((grade for grade in qrels[query_id].values() if grade > 0), reverse=True)
            for query_id in query_ids
        ]
        ideal = np.zeros((len(best), max(map(len, best), default=0)), dtype=np.int64)
        for row, grades in zip(ideal, best, strict=True):
            row[: len(grades)] = grades
        pairs = np.array(judged, dtype=np.int64).reshape(-1, 2)
        return cls(pairs[:, 0], pairs[:, 1], ideal, width)

    def lookup(self, positions: IntArray, *, first_row: int = 0) -> IntArray:
        """Return the grades of ranked candidates.

        Parameters
        ----------
        positions
            Shape (n, k): rankings of the queries from ``first_row`` on.
        first_row
            The row of the first ranking's query.

        Returns
        -------
        ndarray
            Shape (n, k), int64; ``UNJUDGED`` where there is no grade.
        """
        grades = np.full(positions.shape, UNJUDGED, dtype=np.int64)
        if len(self.keys):
            rows = np.arange(first_row, first_row + len(positions))[:, None]
            wanted = rows * self.width + positions
            at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            found = self.keys[at] == wanted
            grades[found] = self.grades[at[found]]
        return grades

    def metrics(
        self, positions: IntArray, *, first_row: int = 0, unjudged: Unjudged = "as-irrelevant"
    ) -> dict[str, Values]:
        """Compute every metric of a block of rankings.

        Parameters
        ----------
        positions
            Shape (n, k): candidates, best first.
        first_row
            The row of the first ranking's query.
        unjudged
            As in :func:`~cvseeker.retrieval.metrics.query_metrics`.

        Returns
        -------
        dict
            Name of the metric → shape (n,), float64, in [0, 1].
        """
        grades = self.lookup(positions, first_row=first_row)
        return block_metrics(
            grades, self.ideal[first_row : first_row + len(grades)], unjudged=unjudged
        )


def block_metrics(
    grades: IntArray, ideal: IntArray, *, unjudged: Unjudged = "as-irrelevant"
) -> dict[str, Values]:
    """Compute every metric of many rankings.

    Parameters
    ----------
    grades
        Shape (n, k): the grades of the ranked candidates, ``UNJUDGED`` where there is none.
    ideal
        Shape (n, most): each query's positive grades in descending order, then 0.
    unjudged
        As in :func:`~cvseeker.retrieval.metrics.query_metrics`.

    Returns
    -------
    dict
        Name of the metric → shape (n,), float64, in [0, 1].
    """
    kept = grades
    if unjudged == "ignore":
        # What is left out goes to the end, where it counts as irrelevant.
        order = np.argsort(grades == UNJUDGED, axis=1, kind="stable")
        kept = np.take_along_axis(grades, order, axis=1)
    return {
        name: _BLOCK_METRICS[metric.func](
            grades if name in OF_WHOLE_RANKING else kept, ideal, **metric.keywords
        )
        for name, metric in METRICS.items()
    }


def _accuracy(grades: IntArray, _ideal: IntArray, *, k: int) -> Values:
    return np.asarray((grades[:, :k] > 0).any(axis=1), dtype=np.float64)


def _recall(grades: IntArray, ideal: IntArray, *, k: int) -> Values:
    found: Values = (grades[:, :k] > 0).sum(axis=1) / (ideal > 0).sum(axis=1)
    return found


def _reciprocal_rank(grades: IntArray, _ideal: IntArray, *, k: int) -> Values:
    relevant = grades[:, :k] > 0
    first = relevant.argmax(axis=1) if relevant.shape[1] else np.zeros(len(grades), np.int64)
    return np.where(relevant.any(axis=1), 1.0 / (first + 1), 0.0)


def _ndcg(grades: IntArray, ideal: IntArray, *, k: int) -> Values:
    gained: Values = _discounted_gain(grades[:, :k]) / _discounted_gain(ideal[:, :k])
    return gained


def _average_precision(grades: IntArray, ideal: IntArray, *, k: int) -> Values:
    relevant = grades[:, :k] > 0
    precisions = relevant.cumsum(axis=1) / np.arange(1, relevant.shape[1] + 1)
    total: Values = (precisions * relevant).sum(axis=1) / (ideal > 0).sum(axis=1)
    return total


def _judged(grades: IntArray, _ideal: IntArray, *, k: int) -> Values:
    first = grades[:, :k] != UNJUDGED
    return np.asarray(first.sum(axis=1) / max(first.shape[1], 1), dtype=np.float64)


def _discounted_gain(grades: IntArray) -> Values:
    ranks = np.arange(2, grades.shape[1] + 2)
    gains: Values = (np.maximum(grades, 0) / np.log2(ranks)).sum(axis=1)
    return gains


# One for each function that METRICS is made of.
_BLOCK_METRICS: dict[Callable[..., Any], Callable[..., Values]] = {
    one_query.accuracy: _accuracy,
    one_query.recall: _recall,
    one_query.reciprocal_rank: _reciprocal_rank,
    one_query.ndcg: _ndcg,
    one_query.average_precision: _average_precision,
    one_query.judged: _judged,
}
