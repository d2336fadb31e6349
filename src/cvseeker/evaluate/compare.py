"""Two systems compared query by query, and which systems there are to compare."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import BM25, hybrid_of, made_of
from cvseeker.retrieval.significance import (
    holm,
    pair_p_values,
    paired_effect_size,
    percentile_interval,
    resampled_means,
    win_counts,
)

# What the verdict is about. It sees grades and ranks alike.
HEADLINE_METRIC = "ndcg@10"
# What tables of differences and charts show.
COMPARED = (HEADLINE_METRIC, "accuracy@5")
SIGNIFICANT = 0.05

Outcome = Literal["better", "worse", "within noise"]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on one metric: the difference is ``first`` less ``second``.

    ``low`` and ``high`` are the ends of its 95 % interval; ``p_value`` is two-sided, and
    ``adjusted_p_value`` the same after Holm's correction for the comparisons made beside this one.
    ``effect_size`` is Cohen's d_z; ``wins``, ``ties`` and ``losses`` count the first's queries.
    """

    first: str
    second: str
    first_mean: float
    second_mean: float
    low: float
    high: float
    p_value: float
    adjusted_p_value: float
    effect_size: float | None
    wins: int
    ties: int
    losses: int

    @property
    def difference(self) -> float:
        """Return the difference of the means."""
        return self.first_mean - self.second_mean

    @property
    def outcome(self) -> Outcome:
        """Say what the first system is in comparison with the second."""
        if self.adjusted_p_value >= SIGNIFICANT:
            return "within noise"
        return "better" if self.difference > 0 else "worse"

    def turned_round(self) -> "Comparison":
        """Return the same comparison, the second less the first."""
        return replace(
            self,
            first=self.second,
            second=self.first,
            first_mean=self.second_mean,
            second_mean=self.first_mean,
            low=-self.high,
            high=-self.low,
            effect_size=None if self.effect_size is None else -self.effect_size,
            wins=self.losses,
            losses=self.wins,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {**asdict(self), "difference": self.difference, "outcome": self.outcome}


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def models_of(evaluated: EvaluatedSet) -> list[str]:
    """Return the names of the models, without BM25 and what is made of them."""
    names = list(evaluated.results)
    return [name for name in names if name != BM25 and not made_of(name, names)[0]]


def search_of(evaluated: EvaluatedSet, model: str) -> str:
    """Return the search with a model, or the model itself where nothing is made of it."""
    return hybrid_of(model) if hybrid_of(model) in evaluated.results else model


def compares_tuning(evaluated: EvaluatedSet) -> bool:
    """Tell whether one encoder is there before and after fine-tuning."""
    return {"base", "tuned"} <= set(evaluated.results)


def headline_pair(evaluated: EvaluatedSet) -> Pair | None:
    """Return the two systems that a report is about, the second being what the first is held to.

    They are the searches with the tuned and the untuned model, else the best search and the next;
    ``None`` where there is only one.
    """
    if compares_tuning(evaluated):
        return search_of(evaluated, "tuned"), search_of(evaluated, "base")
    searches = {BM25, *(search_of(evaluated, model) for model in models_of(evaluated))}
    best = [name for name, _ in ranking(evaluated) if name in searches]
    return (best[0], best[1]) if len(best) > 1 else None


def query_groups(evaluated: EvaluatedSet, query_ids: Sequence[str]) -> list[str]:
    """Return the person whom each query is about, (n_queries,): what is resampled together.

    It is the person group of the query's relevant passage or résumé, where that is not known the
    résumé or the passage itself; a query about several is a group of its own.
    """
    group_of = dict(evaluated.resume_of) | dict(evaluated.dataset.person_groups)
    # Where résumés are ranked, a résumé's group is that of its passages.
    group_of |= {
        resume_id: group_of[passage_id] for passage_id, resume_id in evaluated.resume_of.items()
    }
    groups = []
    for query_id in query_ids:
        grades = evaluated.dataset.qrels[query_id]
        about = {group_of.get(key) or key for key, grade in grades.items() if grade > 0}
        groups.append(f"person {about.pop()}" if len(about) == 1 else f"query {query_id}")
    return groups


def metric_values(
    evaluated: EvaluatedSet, system: str, metric: str, query_ids: Sequence[str]
) -> list[float]:
    """Return a system's value of a metric for each of the queries."""
    per_query = evaluated.results[system].per_query
    return [per_query[query_id][metric] for query_id in query_ids]


def mean_value(
    evaluated: EvaluatedSet,
    system: str,
    query_ids: Sequence[str] | None = None,
) -> float:
    """Return a system's mean nDCG@10 over the queries, one at least; ``None``: all."""
    queries = list(evaluated.dataset.queries if query_ids is None else query_ids)
    return sum(metric_values(evaluated, system, HEADLINE_METRIC, queries)) / len(queries)


def shown_systems(evaluated: EvaluatedSet) -> list[str]:
    """Return the systems that tables of slices show, in the order of their columns."""
    pair = headline_pair(evaluated)
    shown = (BM25, *reversed(pair)) if pair else (BM25, ranking(evaluated)[0][0])
    return list(dict.fromkeys(name for name in shown if name in evaluated.results))


def mean_intervals(evaluated: EvaluatedSet, metric: str) -> dict[str, Interval]:
    """Return every system's mean of a metric; queries about one person are resampled together."""
    query_ids = list(evaluated.dataset.queries)
    rows = [metric_values(evaluated, name, metric, query_ids) for name in evaluated.results]
    drawn = resampled_means(np.array(rows), groups=query_groups(evaluated, query_ids))
    return {
        name: Interval(sum(row) / len(row), *percentile_interval(drawn[:, at]))
        for at, (name, row) in enumerate(zip(evaluated.results, rows, strict=True))
    }


def compare_pairs(
    evaluated: EvaluatedSet,
    pairs: Sequence[tuple[str, str]],
    *,
    metric: str = HEADLINE_METRIC,
    query_ids: Sequence[str] | None = None,
    planned: Pair | None = None,
) -> list[Comparison]:
    """Compare pairs of systems, whole persons resampled together, and correct for their number.

    A ``planned`` pair, chosen before any figure was seen, is a test of its own.
    """
    if not pairs:
        return []
    queries = list(evaluated.dataset.queries if query_ids is None else query_ids)
    groups = query_groups(evaluated, queries)
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    rows = [metric_values(evaluated, name, metric, queries) for name in names]
    means = [sum(row) / len(row) for row in rows]
    matrix = np.array(rows, dtype=np.float64)  # (n_names, n_queries)
    positions = [(names.index(first), names.index(second)) for first, second in pairs]
    drawn = resampled_means(matrix, groups=groups)
    p_values = pair_p_values(matrix, positions, groups=groups)
    compared = []
    for (first, second), p_value in zip(positions, p_values, strict=True):
        differences = matrix[first] - matrix[second]
        low, high = percentile_interval(drawn[:, first] - drawn[:, second])
        wins, ties, losses = win_counts(differences)
        compared.append(
            Comparison(
                first=names[first],
                second=names[second],
                first_mean=means[first],
                second_mean=means[second],
                low=low,
                high=high,
                p_value=p_value,
                adjusted_p_value=p_value,
                effect_size=paired_effect_size(differences),
                wins=wins,
                ties=ties,
                losses=losses,
            )
        )
    return correct(compared, planned=planned)


def correct(comparisons: Sequence[Comparison], *, planned: Pair | None = None) -> list[Comparison]:
    """Correct the p-values of a family of comparisons for their number, by Holm's procedure."""
    family = [one for one in comparisons if (one.first, one.second) != planned]
    adjusted = iter(holm([one.p_value for one in family]))
    return [
        one if (one.first, one.second) == planned else replace(one, adjusted_p_value=next(adjusted))
        for one in comparisons
    ]


def ranking(evaluated: EvaluatedSet) -> list[tuple[str, float]]:
    """Return the systems and their mean nDCG@10, best first; equals keep their order."""
    queries = list(evaluated.dataset.queries)
    if not evaluated.results or not queries:
        raise InputError(
            f"the query set {evaluated.name!r} has {len(queries)} queries and "
            f"{len(evaluated.results)} systems; expected one of each at least"
        )
    means = {name: mean_value(evaluated, name) for name in evaluated.results}
    # Rounded, so that what prints alike is alike.
    return sorted(means.items(), key=lambda item: -round(item[1], 6))
