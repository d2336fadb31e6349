"""What a reader asks first of an evaluation, and the answers, corrected for how many they are."""

from collections.abc import Mapping
from dataclasses import replace

from cvseeker.evaluate.comparison import (
    BM25,
    HEADLINE_METRIC,
    Comparison,
    compare_pairs,
    hybrid_of,
    ranking,
    roles_of,
)
from cvseeker.evaluate.evaluation import EvaluatedSet

Pair = tuple[str, str]


def questions(evaluated: EvaluatedSet) -> dict[Pair, str]:
    """Return the pairs that a reader asks about, first the better hoped for, and the question.

    They are the same for every metric, so that what is asked does not depend on the answer, but
    for the last: whether the best of all rows other than BM25 beats BM25.
    """
    roles = roles_of(evaluated)
    reference, candidate = roles.reference, roles.candidate
    asked: dict[Pair, str] = {}
    if reference is not None and candidate is not None:
        gain = "Did fine-tuning help" if roles.tuning else f"Is {candidate} better"
        asked[candidate, reference] = f"{gain}, model alone?"
        asked[hybrid_of(candidate), hybrid_of(reference)] = f"{gain}, with BM25 beside it?"
    if candidate is not None:
        asked[candidate, BM25] = "Does the model alone beat BM25?"
        asked[hybrid_of(candidate), BM25] = "Do both together beat BM25?"
        asked[hybrid_of(candidate), candidate] = "Does BM25 add to the model?"
    rival = best_but_bm25(evaluated)
    if rival is not None:
        asked.setdefault((rival, BM25), "Does the best of the other rows beat BM25?")
    return {pair: text for pair, text in asked.items() if set(pair) <= set(evaluated.results)}


def best_but_bm25(evaluated: EvaluatedSet) -> str | None:
    """Return the best system that is not BM25, ``None`` where there is none."""
    return next((name for name, _ in ranking(evaluated) if name != BM25), None)


def answers(evaluated: EvaluatedSet, *, metric: str = HEADLINE_METRIC) -> dict[Pair, Comparison]:
    """Compare the pairs of :func:`questions`, one family under Holm's correction.

    Raises
    ------
    InputError
        If the set has no systems or no queries.
    """
    asked = list(questions(evaluated))
    compared = compare_pairs(evaluated, asked, metric=metric)
    return dict(zip(asked, compared, strict=True))


def answer(found: Mapping[Pair, Comparison], first: str, second: str) -> Comparison:
    """Return the comparison of two systems, either way round."""
    if (first, second) in found:
        return found[first, second]
    other = found[second, first]
    return replace(
        other,
        first=first,
        second=second,
        first_mean=other.second_mean,
        second_mean=other.first_mean,
        low=-other.high,
        high=-other.low,
        effect_size=None if other.effect_size is None else -other.effect_size,
        wins=other.losses,
        losses=other.wins,
    )
