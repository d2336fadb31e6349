"""What tuning changed in nDCG@10, query by query, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.retrieval.holdout import complete_person_groups
from cvseeker.retrieval.significance import bootstrap_interval, randomization_p_value
from cvseeker.train.merge import METRIC, QueryMetrics

# A gate asks one question, whether the gain is above 0, so its evidence is one-sided: the lower
# end of a two-sided 80 % interval is the 10th percentile, a one-sided bound of 90 %. With a
# hundred queries a true gain of .1 passes in 19 of 20 cases; a bound of 95 % refused one of three
# good models of 50 queries, and what it keeps out besides, models as good as their base, harms
# nobody.
LEVEL = 0.80


@dataclass(frozen=True, slots=True)
class Difference:
    """What tuning changed in nDCG@10 on a set of queries.

    Attributes
    ----------
    base, tuned
        Means over the queries.
    delta
        ``tuned`` − ``base``.
    low, high
        Its 80 % bootstrap interval over groups; ``low`` is a one-sided 90 % bound.
    p_value
        One-sided, of the paired randomization test: that chance alone gains as much.
    queries, groups
        How many queries, about how many persons.
    """

    base: float
    tuned: float
    delta: float
    low: float
    high: float
    p_value: float
    queries: int
    groups: int

    def __str__(self) -> str:
        """Return the change in words: means, difference and interval."""
        return (
            f"{self.base:.3f} → {self.tuned:.3f} "
            f"({self.delta:+.3f}, 80 % interval {self.low:+.3f} to {self.high:+.3f})"
        )


def compare(base: QueryMetrics, tuned: QueryMetrics, groups: Sequence[str]) -> Difference:
    """Compare two models' nDCG@10 on the same queries.

    Parameters
    ----------
    base, tuned
        Query id → metric → value, of the same queries.
    groups
        Shape (n_queries,): the group of each query of ``base``, resampled together.

    Returns
    -------
    Difference

    Raises
    ------
    InputError
        If the queries differ or there are none.
    """
    if base.keys() != tuned.keys():
        raise InputError(
            f"{len(base)} queries of the base against {len(tuned)} others of the tuned model; "
            "expected both scored on the same ones"
        )
    before = [values[METRIC] for values in base.values()]
    after = [tuned[query_id][METRIC] for query_id in base]
    gains = [new - old for new, old in zip(after, before, strict=True)]
    low, high = bootstrap_interval(gains, groups=groups, level=LEVEL)
    delta = sum(gains) / len(gains)
    # Under the test's hypothesis gains and losses are alike: half of its tails lie on each side.
    half = randomization_p_value(after, before, groups=groups) / 2
    return Difference(
        base=sum(before) / len(before),
        tuned=sum(after) / len(after),
        delta=delta,
        low=low,
        high=high,
        p_value=half if delta > 0 else 1 - half,
        queries=len(gains),
        groups=len(set(groups)),
    )


def query_groups(dataset: RetrievalDataset) -> list[str]:
    """Return the person whom each query is about: what is resampled together.

    Parameters
    ----------
    dataset
        Queries and qrels; if the group of a relevant passage is not known, groups are found by
        overlap.

    Returns
    -------
    list of str
        Shape (n_queries,); a query about several persons is a group of its own.
    """
    relevant = {
        query_id: {key for key, grade in dataset.qrels[query_id].items() if grade > 0}
        for query_id in dataset.queries
    }
    # Distractors, which nobody asks about, may well have none.
    known = set().union(*relevant.values()) <= dataset.person_groups.keys()
    persons = dataset.person_groups if known else complete_person_groups(dataset)
    groups = []
    for query_id, answers in relevant.items():
        about = {persons[passage_id] for passage_id in answers}
        groups.append(f"person {about.pop()}" if len(about) == 1 else f"query {query_id}")
    return groups
