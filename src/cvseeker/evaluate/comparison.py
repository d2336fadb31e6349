"""Two systems compared query by query, and which systems there are to compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cvseeker.errors import InputError
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.rank.significance import bootstrap_interval, randomization_p_value

# What the verdict is about. It sees grades and ranks alike.
HEADLINE_METRIC = "ndcg@10"
SIGNIFICANT = 0.05

BM25 = "bm25"

Outcome = Literal["better", "worse", "within noise"]


@dataclass(frozen=True, slots=True)
class Roles:
    """Which systems the verdict compares.

    ``candidate`` is the last model (``tuned`` where there is one), ``reference`` the first
    (``base``); ``None`` where there is no such model.
    """

    reference: str | None
    candidate: str | None

    @property
    def tuning(self) -> bool:
        """Whether the two are one encoder before and after fine-tuning."""
        return self.reference == "base" and self.candidate == "tuned"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on one metric: the difference is ``first`` less ``second``.

    ``low`` and ``high`` are the ends of its 95 % interval; ``p_value`` is two-sided.
    """

    first: str
    second: str
    first_mean: float
    second_mean: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        """Return the difference of the means."""
        return self.first_mean - self.second_mean

    @property
    def outcome(self) -> Outcome:
        """Say what the first system is in comparison with the second."""
        if self.p_value >= SIGNIFICANT:
            return "within noise"
        return "better" if self.difference > 0 else "worse"


def models_of(evaluated: EvaluatedSet) -> list[str]:
    """Return the names of the models, without BM25 and what is made of them."""
    names = list(evaluated.results)
    derived = {made for name in names for made in (hybrid_of(name), f"late({name})")}
    return [name for name in names if name != BM25 and name not in derived]


def hybrid_of(model: str) -> str:
    """Return the name of a model's fusion with BM25 and late interaction.

    Examples
    --------
    >>> hybrid_of("tuned")
    'hybrid(tuned)'
    """
    return f"hybrid({model})"


def roles_of(evaluated: EvaluatedSet) -> Roles:
    """Say which model is the reference and which is the candidate."""
    models = models_of(evaluated)
    if {"base", "tuned"} <= set(models):
        return Roles("base", "tuned")
    return Roles(
        reference=models[0] if len(models) > 1 else None,
        candidate=models[-1] if models else None,
    )


def display_name(system: str) -> str:
    """Return a system's name in words.

    Examples
    --------
    >>> display_name("bm25"), display_name("hybrid(tuned)"), display_name("models/mine")
    ('BM25', 'tuned, hybrid', 'models/mine')
    """
    if system == BM25:
        return "BM25"
    for kind, words in (("hybrid(", "hybrid"), ("late(", "late interaction")):
        if system.startswith(kind) and system.endswith(")"):
            return f"{system[len(kind) : -1]}, {words}"
    return system


def query_groups(evaluated: EvaluatedSet, query_ids: Sequence[str]) -> list[str]:
    """Return the person whom each query is about: what is resampled together.

    Parameters
    ----------
    evaluated
        The query set.
    query_ids
        Some of its queries.

    Returns
    -------
    list of str
        Shape (n_queries,): the person group of the query's relevant passage or résumé, where that
        is not known the résumé or the passage itself; a query about several is a group of its own.
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


def compare_pair(
    evaluated: EvaluatedSet,
    first: str,
    second: str,
    *,
    metric: str = HEADLINE_METRIC,
    query_ids: Sequence[str] | None = None,
) -> Comparison:
    """Compare two systems query by query, with whole persons resampled.

    Parameters
    ----------
    evaluated
        The query set.
    first, second
        Names of two of its systems.
    metric
        What is compared.
    query_ids
        The queries compared; ``None``: all.

    Returns
    -------
    Comparison
        Its interval is a percentile bootstrap, its p-value a paired randomization test.
    """
    queries = list(evaluated.dataset.queries) if query_ids is None else list(query_ids)
    groups = query_groups(evaluated, queries)
    ours = metric_values(evaluated, first, metric, queries)
    theirs = metric_values(evaluated, second, metric, queries)
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    p_value = randomization_p_value(ours, theirs, groups=groups)
    low, high = bootstrap_interval(differences, groups=groups)
    return Comparison(
        first, second, sum(ours) / len(ours), sum(theirs) / len(theirs), low, high, p_value
    )


def ranking(evaluated: EvaluatedSet) -> list[tuple[str, float]]:
    """Return the systems and their means of the headline metric, best first.

    Of equals the one that stands first comes first, and BM25 stands before every model.

    Raises
    ------
    InputError
        If the set has no systems or no queries.
    """
    queries = list(evaluated.dataset.queries)
    if not evaluated.results or not queries:
        raise InputError(
            f"the query set {evaluated.name!r} has {len(queries)} queries and "
            f"{len(evaluated.results)} systems; expected one of each at least"
        )
    means = {
        name: sum(metric_values(evaluated, name, HEADLINE_METRIC, queries)) / len(queries)
        for name in evaluated.results
    }
    # Rounded, so that what prints alike is alike.
    return sorted(means.items(), key=lambda item: -round(item[1], 6))


def p_in_words(p_value: float) -> str:
    """Return a p-value as it is printed.

    Examples
    --------
    >>> p_in_words(0.0312), p_in_words(0.0001), p_in_words(1.0)
    ('p = 0.031', 'p < 0.001', 'p = 1.000')
    """
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}"


def signed(value: float) -> str:
    """Return a difference with its sign, the minus in its typographic form.

    Examples
    --------
    >>> signed(0.1), signed(-0.25), signed(-0.0001)
    ('+0.100', '−0.250', '0.000')
    """
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")
