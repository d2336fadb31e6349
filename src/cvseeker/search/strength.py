"""How well what was found fits, in words: by what this collection answers to what it lacks.

A score says which candidate fits better, never whether any does. Two numbers tell that: how near
the best candidates' passages come, in several places each, and how much at home the query's words
are among the others. What they are worth is learnt for each index: from what its own résumés say,
which it has, and from professions that hardly any collection has.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.wordlists import read_lines
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.windows import FloatArray
from cvseeker.search.index import CandidateIndex, Scored

Band = Literal["strong", "possible", "weak", "nothing fits well"]

# Candidates that are looked at; the second half of them tells what the query finds anyhow.
LOOKED_AT = 64
# The best of them, and the places in each one's passage, whose nearness counts.
_BEST, _PLACES = 3, 3
# Of the professions that are not there, the shares that come out as "nothing fits well", and below
# "possible"; of what résumés say themselves, the share that comes out as strong.
_NOTHING, _WEAK, _STRONG = 0.75, 0.95, 0.5
_RIDGE = 3.0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strength:
    """What turns scores into bands: weights of nearness and background, and the bands' limits."""

    nearness: float
    background: float
    nothing: float
    weak: float
    strong: float

    @classmethod
    def learn(cls, there: Array, elsewhere: Array) -> Self:
        """Learn from nearness and background of queries that are answered and not, both (n, 2)."""
        weights = _logistic(there, elsewhere)
        nothing, weak = np.quantile(elsewhere @ weights, (_NOTHING, _WEAK)).tolist()
        strong = float(np.quantile(there @ weights, 1 - _STRONG))
        nearness, background = weights.tolist()
        return cls(nearness, background, nothing, weak, max(weak, strong))

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """Build it from what :meth:`to_dict` returned, whatever stands beside it."""
        return cls(*(row[field.name] for field in fields(cls)))

    def to_dict(self) -> dict[str, float]:
        """Return a JSON-ready dictionary."""
        return asdict(self)

    def band(self, nearness: float, background: float) -> Band:
        """Return how well a candidate, or the best few, fit."""
        value = self.nearness * nearness + self.background * background
        if value < self.nothing:
            return "nothing fits well"
        if value < self.weak:
            return "weak"
        return "strong" if value >= self.strong else "possible"


def elsewhere() -> tuple[str, ...]:
    """Return queries for what hardly any collection has."""
    return read_lines("cvseeker.search", "elsewhere")


def measure(
    index: CandidateIndex, query: EncodedQueries, found: Sequence[Scored]
) -> tuple[list[float], float]:
    """Return each candidate's nearness, and the query's background, of the best 64 candidates."""
    late = np.array([one.parts[2] or one.parts[1] for one in found])
    background = float(late[len(late) // 2 :].mean()) if len(late) else 0.0
    return [_nearness(index, query, one) for one in found], background


def overall(nearness: Sequence[float]) -> float:
    """Return the nearness of the best few together."""
    return float(np.mean(nearness[:_BEST])) if len(nearness) else 0.0


def learn_strength(
    index: CandidateIndex,
    search: Callable[[EncodedQueries], Sequence[Scored]],
    encode: Callable[[Sequence[str]], EncodedQueries],
    claims: Sequence[str],
) -> Strength:
    """Learn what scores are worth in an index, from what its résumés claim."""

    def measured(texts: Sequence[str]) -> Array:
        encoded = encode(texts)
        rows = []
        for row in range(len(texts)):
            query = encoded[row : row + 1]
            found = search(query)
            nearness, background = measure(index, query, found)
            rows.append((overall(nearness), background))
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    return Strength.learn(measured(claims), measured(elsewhere()))


def _nearness(index: CandidateIndex, query: EncodedQueries, found: Scored) -> float:
    """Return the mean cosine of the three places of a passage that come nearest to a query."""
    _, vectors = index.windows(found.position)
    cosines: FloatArray = vectors @ query.vectors[0]
    return float(np.sort(cosines)[-_PLACES:].mean())


def _logistic(there: Array, elsewhere: Array) -> Array:
    """Return the weights of a ridge logistic regression, both classes counting the same."""
    values = np.concatenate([there, elsewhere])
    scale = values.std(axis=0) + 1e-9
    centred = np.column_stack([(values - values.mean(axis=0)) / scale, np.ones(len(values))])
    labels = np.repeat([1.0, 0.0], [len(there), len(elsewhere)])
    counts = np.repeat([0.5 / len(there), 0.5 / len(elsewhere)], [len(there), len(elsewhere)])
    counts *= len(values)
    ridge = np.diag([_RIDGE, _RIDGE, 1e-6])
    weights = np.zeros(3)
    for _ in range(50):
        chances = 1 / (1 + np.exp(-np.clip(centred @ weights, -30, 30)))
        gradient = centred.T @ (counts * (chances - labels)) + ridge @ weights
        spread = counts * chances * (1 - chances)
        weights -= np.linalg.solve((centred.T * spread) @ centred + ridge, gradient)
    learnt: Array = weights[:2] / scale
    return learnt
