"""Retrieval metrics as small pure functions of one query's ranking.

Every function takes ``grades``, the grades of the ranked passages, best rank first (0 where a
passage is not judged), and some take ``ideal``, all positive grades of the query in descending
order, found or not. A query with nothing found scores 0; it never vanishes from a mean.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

Grades = Sequence[int]
Metric = Callable[[Grades, Grades], float]


def accuracy(grades: Grades, _ideal: Grades, *, k: int) -> float:
    """Return 1 if a relevant passage is among the first k, else 0.

    The same number is called accuracy@k by sentence-transformers and hit rate by LlamaIndex.

    Examples
    --------
    >>> accuracy([0, 1, 0], [1], k=1), accuracy([0, 1, 0], [1], k=5)
    (0.0, 1.0)
    """
    return float(any(grade > 0 for grade in grades[:k]))


def recall(grades: Grades, ideal: Grades, *, k: int) -> float:
    """Return the share of the relevant passages that are among the first k.

    Examples
    --------
    >>> recall([1, 0, 0], [1, 1], k=3)
    0.5
    """
    return sum(grade > 0 for grade in grades[:k]) / len(ideal)


def reciprocal_rank(grades: Grades, _ideal: Grades, *, k: int) -> float:
    """Return 1 / the rank of the first relevant passage, 0 beyond rank k.

    Examples
    --------
    >>> reciprocal_rank([0, 1, 1], [1, 1], k=10)
    0.5
    """
    return next((1.0 / rank for rank, grade in enumerate(grades[:k], start=1) if grade > 0), 0.0)


def ndcg(grades: Grades, ideal: Grades, *, k: int) -> float:
    """Return the normalised discounted cumulative gain at k.

    The gain is the grade itself and the discount log2(rank + 1), as in trec_eval (Järvelin &
    Kekäläinen 2002, https://doi.org/10.1145/582415.582418).

    Examples
    --------
    >>> ndcg([0, 2], [2], k=10)
    0.6309297535714575
    """
    best = _discounted_gain(ideal[:k])
    return _discounted_gain(grades[:k]) / best if best else 0.0


def average_precision(grades: Grades, ideal: Grades, *, k: int) -> float:
    """Return the mean, over all relevant passages, of the precision at each one's rank.

    Relevant passages beyond rank k count with precision 0.

    Examples
    --------
    >>> average_precision([1, 0, 1], [1, 1], k=100)
    0.8333333333333333
    """
    found, total = 0, 0.0
    for rank, grade in enumerate(grades[:k], start=1):
        if grade > 0:
            found += 1
            total += found / rank
    return total / len(ideal)


def _discounted_gain(grades: Grades) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))


METRICS: dict[str, Metric] = {
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
}


def query_metrics(ranked: Sequence[str], qrels: Mapping[str, int]) -> dict[str, float]:
    """Compute every metric for one query.

    Parameters
    ----------
    ranked
        Passage ids, best first.
    qrels
        Passage id → grade; at least one is above 0.

    Returns
    -------
    dict
        Name of the metric → value in [0, 1].

    Examples
    --------
    >>> query_metrics(["b", "a"], {"a": 1})["mrr@10"]
    0.5
    """
    grades = [max(qrels.get(passage_id, 0), 0) for passage_id in ranked]
    ideal = sorted((grade for grade in qrels.values() if grade > 0), reverse=True)
    return {name: metric(grades, ideal) for name, metric in METRICS.items()}


def mean_metrics(per_query: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Average each metric over the queries, to six decimals.

    Parameters
    ----------
    per_query
        Query id → metric → value; at least one query.
    """
    return {
        name: round(sum(values[name] for values in per_query.values()) / len(per_query), 6)
        for name in METRICS
    }
