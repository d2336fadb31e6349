"""What an evaluation ranks: passages, or the résumés that they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is ranked: the passages themselves, or the résumés that they belong to.

    ``ids`` are the passages' or résumés' ids; ``owners``, shape (n_passages,), ascending, gives the
    position in ``ids`` that each passage counts for.
    """

    ids: list[str]
    owners: IntArray

    @classmethod
    def from_corpus(
        cls, passage_ids: Sequence[str], resume_of: Mapping[str, str] | None
    ) -> "Candidates":
        """Rank passages, or résumés where ``resume_of`` (passage id → résumé id) is given.

        The passages of a résumé must follow one another.
        """
        owner_ids = [resume_of[key] if resume_of else key for key in passage_ids]
        ids = list(dict.fromkeys(owner_ids))
        position = {key: at for at, key in enumerate(ids)}
        return cls(ids, np.array([position[key] for key in owner_ids], dtype=np.int64))

    def reduce(self, scores: FloatArray) -> FloatArray:
        """Turn scores of passages into scores of candidates: the best passage counts."""
        if len(self.ids) == len(self.owners):
            return scores
        return max_over_windows(scores, self.owners)
