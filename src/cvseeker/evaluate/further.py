"""What the report tells beyond the metrics: what can be told apart, on which queries, and leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.leakage import Finding, find_leakage, leakage_dict
from cvseeker.evaluate.slices import SliceTable, slice_tables, slices_context
from cvseeker.evaluate.ties import Standings, compare_all, significance_context


@dataclass(frozen=True, slots=True)
class Further:
    """One query set's standings, slices and leaks."""

    standings: Standings
    slices: Sequence[SliceTable]
    leakage: Sequence[Finding]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "significance": self.standings.to_dict(),
            "slices": {table.key: table.to_dict() for table in self.slices},
            "leakage": leakage_dict(self.leakage),
        }

    def context(self) -> dict[str, Any]:
        """Return what the report's templates print, by the names of their sections."""
        return {
            "significance": significance_context(self.standings),
            "slices": slices_context(self.slices),
            "leakage": list(self.leakage),
        }


def look_further(
    evaluated: EvaluatedSet,
    *,
    training: RetrievalDataset | None = None,
    names: Mapping[str, str] | None = None,
) -> Further:
    """Compare all systems, slice the queries and look for leaks.

    Parameters
    ----------
    evaluated
        The query set.
    training
        What a model was trained on, where that is known.
    names
        Résumé id → candidate's name; ``None``: read off the passages.

    Returns
    -------
    Further

    Raises
    ------
    InputError
        If the set has no systems or no queries.
    """
    return Further(
        standings=compare_all(evaluated),
        slices=slice_tables(evaluated, occupations=evaluated.occupations),
        leakage=find_leakage(evaluated, training=training, names=names),
    )
