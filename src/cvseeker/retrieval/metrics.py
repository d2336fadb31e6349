"""Retrieval metrics as small pure functions of one query's ranking.

Every function takes ``grades``, the grades of the ranked passages, best rank first (``UNJUDGED``
where a passage is not judged), and some take ``ideal``, all positive grades of the query in
descending order, found or not. A query with nothing found scores 0; it never vanishes from a mean.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

# Stands for a grade where there is none. A judged grade below 0 counts as 0.
UNJUDGED = -1

Unjudged = Literal["as-irrelevant", "ignore"]
"""What an unjudged passage in a ranking is: an irrelevant one, or one that is left out."""

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


def precision(grades: Grades, _ideal: Grades, *, k: int) -> float:
    """Return the share of the first k ranks that hold a relevant passage.

    Examples
    --------
    >>> precision([1, 0, 1], [1, 1], k=5)
    0.4
    """
    return sum(grade > 0 for grade in grades[:k]) / k


def judged(grades: Grades, _ideal: Grades, *, k: int) -> float:
    """Return the share of the first k passages that are judged, relevant or not.

    Where it is low, the other metrics say little of the ranking: what nobody has looked at may
    well be an answer.

    Examples
    --------
    >>> judged([1, UNJUDGED, 0, UNJUDGED], [1], k=10)
    0.5
    """
    first = grades[:k]
    return sum(grade != UNJUDGED for grade in first) / len(first) if first else 0.0


def _discounted_gain(grades: Grades) -> float:
    return sum(max(grade, 0) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))


METRICS: dict[str, partial[float]] = {
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
# Of the whole ranking, whatever is left out of it for the others.
OF_WHOLE_RANKING = ("judged@10",)


def query_metrics(
    ranked: Sequence[str],
    qrels: Mapping[str, int],
    *,
    unjudged: Unjudged = "as-irrelevant",
    metrics: Mapping[str, partial[float]] = METRICS,
) -> dict[str, float]:
    """Compute every metric for one query.

    Parameters
    ----------
    ranked
        Passage ids, best first.
    qrels
        Passage id → grade; at least one is above 0.
    unjudged
        ``ignore``: passages without a grade are taken out of the ranking, and what stands below
        them moves up; ``judged@10`` still sees them.
    metrics
        Name → metric.

    Returns
    -------
    dict
        Name of the metric → value in [0, 1].

    References
    ----------
    Sakai 2007, "Alternatives to Bpref", https://doi.org/10.1145/1277741.1277756: condensed lists.

    Examples
    --------
    >>> query_metrics(["b", "a"], {"a": 1})["mrr@10"]
    0.5
    >>> query_metrics(["b", "a"], {"a": 1}, unjudged="ignore")["mrr@10"]
    1.0
    """
    whole = [max(qrels[key], 0) if key in qrels else UNJUDGED for key in ranked]
    kept = [grade for grade in whole if grade != UNJUDGED] if unjudged == "ignore" else whole
    ideal = sorted((grade for grade in qrels.values() if grade > 0), reverse=True)
    return {
        name: metric(whole if name in OF_WHOLE_RANKING else kept, ideal)
        for name, metric in metrics.items()
    }


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
