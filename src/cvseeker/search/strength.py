"""How well what was found fits, in words: by what this collection answers to what it lacks.

A score says which candidate fits better, never whether any does. Four numbers tell that: how near
the best candidates' passages come, in several places each; how near their words come; how many of
the query's rare words the best one has; and how much at home its words are among the others. What
they are worth is learnt for each index: from what its own résumés claim, which it has, and from
professions that hardly any collection has.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.search.index import CandidateIndex, Scored

Band = Literal["strong", "possible", "weak", "nothing fits well"]
Array = NDArray[np.float64]

# Candidates that are looked at; the second half of them tells what the query finds anyhow.
LOOKED_AT = 64
# The best of them, and the places in each one's passage, whose nearness counts.
_BEST, _PLACES = 3, 3
# Of the professions that are not there, the shares that come out as "nothing fits well", and below
# "possible"; of what résumés say themselves, the share that comes out as strong. Chosen on 144
# queries that somebody among the examples answers and 105 that nobody does.
_NOTHING, _WEAK, _STRONG = 0.9, 0.97, 0.5
_RIDGE = 3.0


@dataclass(frozen=True, slots=True)
class Strength:
    """What turns measures into bands: their weights, and the bands' limits."""

    weights: tuple[float, ...]
    nothing: float
    weak: float
    strong: float

    @classmethod
    def learn(cls, there: Array, elsewhere: Array) -> Self:
        """Learn from measures of queries that are answered and not, both (n, k)."""
        weights = _logistic(there, elsewhere)
        nothing, weak = np.quantile(elsewhere @ weights, (_NOTHING, _WEAK)).tolist()
        strong = float(np.quantile(there @ weights, 1 - _STRONG))
        return cls(tuple(weights.tolist()), nothing, weak, max(weak, strong))

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """Build it from what :meth:`to_dict` returned, whatever stands beside it."""
        return cls(tuple(row["weights"]), row["nothing"], row["weak"], row["strong"])

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)

    def band(self, measures: Sequence[float]) -> Band:
        """Return how well a candidate, or the best few, fit."""
        value = float(np.dot(self.weights, measures))
        if value < self.nothing:
            return "nothing fits well"
        if value < self.weak:
            return "weak"
        return "strong" if value >= self.strong else "possible"


def background(found: Sequence[Scored]) -> float:
    """Return how near those come who do not fit: the second half of the best 64."""
    return float(np.mean([_late(one) for one in found[LOOKED_AT // 2 : LOOKED_AT]] or [0.0]))


def measure(
    index: CandidateIndex, query: EncodedQueries, found: Sequence[Scored], background: float
) -> tuple[float, ...]:
    """Return what tells how well the best of those fit who were found, one at least."""
    best = found[:_BEST]
    cosines = [index.windows(one.position)[1] @ query.vectors[0] for one in best]
    near = np.mean([np.sort(one)[-_PLACES:].mean() for one in cosines])
    return float(near), background, float(np.mean([*map(_late, best)])), best[0].parts[0]


def _late(found: Scored) -> float:
    """Return the score by late interaction, or by windows where there is none."""
    return found.parts[2] or found.parts[1]


def _logistic(there: Array, elsewhere: Array) -> Array:
    """Return the weights of a ridge logistic regression, both classes counting the same."""
    values = np.concatenate([there, elsewhere])
    scale = values.std(axis=0) + 1e-9
    centred = np.column_stack([(values - values.mean(axis=0)) / scale, np.ones(len(values))])
    labels = np.repeat([1.0, 0.0], [len(there), len(elsewhere)])
    counts = np.repeat([0.5 / len(there), 0.5 / len(elsewhere)], [len(there), len(elsewhere)])
    counts *= len(values)
    ridge = np.diag([_RIDGE] * values.shape[1] + [1e-6])
    weights = np.zeros(centred.shape[1])
    for _ in range(50):
        chances = 1 / (1 + np.exp(-np.clip(centred @ weights, -30, 30)))
        gradient = centred.T @ (counts * (chances - labels)) + ridge @ weights
        spread = counts * chances * (1 - chances)
        weights -= np.linalg.solve((centred.T * spread) @ centred + ridge, gradient)
    learnt: Array = weights[:-1] / scale
    return learnt
