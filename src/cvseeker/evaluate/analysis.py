"""What is found beyond the means: who can be told apart, on which queries, and what leaks."""

from collections.abc import Mapping
from dataclasses import dataclass

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.leakage import Finding, find_leakage
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.slices import SliceTable, slice_tables
from cvseeker.evaluate.ties import Standings, compare_all


@dataclass(frozen=True, slots=True)
class Analysis:
    """All systems against all, on all queries and on parts of them, and leaks, by their keys."""

    significance: Standings
    slices: Mapping[str, SliceTable]
    leakage: Mapping[str, Finding]


def analyse(
    evaluated: EvaluatedSet,
    *,
    training: RetrievalDataset | None = None,
    names: Mapping[str, str] | None = None,
) -> Analysis:
    """Compare systems, slice queries, look for leaks; arguments as of :func:`find_leakage`."""
    leakage = find_leakage(evaluated, training=training, names=names)
    return Analysis(compare_all(evaluated), slice_tables(evaluated), leakage)
