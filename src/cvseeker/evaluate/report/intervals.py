"""Every system's mean with its interval, as tables and charts show it."""

from collections.abc import Mapping
from dataclasses import dataclass

from cvseeker.evaluate.comparison import (
    BM25,
    display_name,
    metric_values,
    models_of,
    query_groups,
)
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.report.charts import Bar, Family
from cvseeker.retrieval.significance import bootstrap_interval

COMPARED = ("ndcg@10", "accuracy@5")


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def mean_intervals(evaluated: EvaluatedSet) -> dict[str, dict[str, Interval]]:
    """Return metric → system → mean and 95 % interval, for the metrics that are compared.

    Queries about one person are resampled together.
    """
    query_ids = list(evaluated.dataset.queries)
    groups = query_groups(evaluated, query_ids)
    intervals: dict[str, dict[str, Interval]] = {metric: {} for metric in COMPARED}
    for metric, rows in intervals.items():
        for name in evaluated.results:
            values = metric_values(evaluated, name, metric, query_ids)
            ends = bootstrap_interval(values, groups=groups)
            rows[name] = Interval(sum(values) / len(values), *ends)
    return intervals


def bars(evaluated: EvaluatedSet, intervals: Mapping[str, Interval]) -> list[Bar]:
    """Return every system's mean of a metric with its interval, as a chart draws them."""
    family = families(evaluated)
    return [
        Bar(display_name(name), family[name], one.mean, one.low, one.high)
        for name, one in intervals.items()
    ]


def families(evaluated: EvaluatedSet) -> dict[str, Family]:
    """Return the family of every system, which gives it its colour."""
    models = set(models_of(evaluated))
    return {
        name: "lexical" if name == BM25 else "model" if name in models else "fused"
        for name in evaluated.results
    }
