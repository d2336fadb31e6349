"""What is found beyond the means: who can be told apart, on which queries, and what leaks."""

from collections.abc import Mapping
from dataclasses import dataclass

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.evidence import copied_words
from cvseeker.evaluate.leakage import Finding, find_leakage, find_persons
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.slices import SliceTable, slice_tables
from cvseeker.evaluate.ties import Standings, compare_all


@dataclass(frozen=True, slots=True)
class Analysis:
    """All systems against all, on all queries and on parts of them, and leaks, by their keys.

    ``copied`` are shares of queries by how many of their words stand in the answer, of these
    queries and of those trained on.
    """

    significance: Standings
    slices: Mapping[str, SliceTable]
    leakage: Mapping[str, Finding]
    copied: Mapping[str, Mapping[str, float]]


def analyse(
    evaluated: EvaluatedSet,
    *,
    training: RetrievalDataset | None = None,
    names: Mapping[str, str] | None = None,
) -> Analysis:
    """Compare systems, slice queries, look for leaks; arguments as of :func:`find_leakage`."""
    persons = None if training is None else find_persons(evaluated, training)
    copied = {"these queries": copied_words(evaluated.dataset, resume_of=evaluated.resume_of)}
    if training is not None and training.queries:
        copied["training queries"] = copied_words(training)
    return Analysis(
        compare_all(evaluated),
        slice_tables(evaluated, trained_on=persons.passages if persons else ()),
        find_leakage(evaluated, training=training, persons=persons, names=names),
        copied,
    )
