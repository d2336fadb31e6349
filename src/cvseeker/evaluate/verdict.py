"""The verdict: which system is best, and whether tuning or the model itself is worth anything.

It answers what a reader asks first, corrected for how many questions there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cvseeker.evaluate.compare import (
    BM25,
    HEADLINE_METRIC,
    Comparison,
    Roles,
    compare_pairs,
    display_name,
    hybrid_of,
    p_in_words,
    query_groups,
    ranking,
    roles_of,
    signed,
)
from cvseeker.evaluate.results import EvaluatedSet

Pair = tuple[str, str]

# With five persons even a clean sweep has a two-sided p-value of 2/2^5 = 0.06.
FEWEST_GROUPS = 6
# Percentile intervals of fewer draw too few tails.
ENOUGH_GROUPS = 20
# A difference in nDCG@10 that few readers of a ranking would notice.
NEGLIGIBLE = 0.02


def verdict_sentence(evaluated: EvaluatedSet) -> str:
    """Say in one sentence which system is best, what tuning brought, and whether BM25 does it."""
    ranked = ranking(evaluated)
    best, score = ranked[0]
    clauses = [
        f"{_queries_in_words(evaluated)} {display_name(best)}"
        f"{' alone, with no model,' if best == BM25 and len(ranked) > 1 else ''} ranks best "
        f"(nDCG@10 {score:.3f})"
    ]
    roles, found = roles_of(evaluated), answers(evaluated)
    if roles.reference is not None and roles.candidate is not None:
        clauses.append(_gain_clause(roles, found[roles.candidate, roles.reference]))
    if BM25 in evaluated.results and len(ranked) > 1:
        clauses.append(_bm25_clause(ranked, roles, found))
    return f"{'; '.join(clauses)}."


def _queries_in_words(evaluated: EvaluatedSet) -> str:
    queries = list(evaluated.dataset.queries)
    groups = len(set(query_groups(evaluated, queries)))
    noun = "query" if len(queries) == 1 else "queries"
    kind = "hand-written " if evaluated.name == "handwritten" else ""
    few = " too few to tell much," if groups < FEWEST_GROUPS else ""
    return f"On {len(queries):,} {kind}{noun},{few}"


def _gain_clause(roles: Roles, gain: Comparison) -> str:
    """Say what the candidate gained over the reference."""
    evidence = (
        f"({signed(gain.difference)}, 95 % interval {signed(gain.low)} to {signed(gain.high)}, "
        f"{p_in_words(gain.adjusted_p_value)})"
    )
    first, second = display_name(gain.first), display_name(gain.second)
    values = f"from {gain.second_mean:.3f} to {gain.first_mean:.3f}"
    if gain.outcome == "within noise":
        what = "by fine-tuning" if roles.tuning else f"from {second} to {first}"
        means = f"{second} {gain.second_mean:.3f}, {first} {gain.first_mean:.3f}"
        return f"there is no evidence of improvement {what}: {means} {evidence}"
    if roles.tuning:
        verb = "raised" if gain.outcome == "better" else "lowered"
        return f"fine-tuning {verb} the model alone {values} {evidence}"
    return f"{first} alone is {gain.outcome} than {second}: {values} {evidence}"


def _bm25_clause(
    ranked: Sequence[tuple[str, float]], roles: Roles, found: Mapping[Pair, Comparison]
) -> str:
    """Say what is left of the models' merit when BM25 stands beside them."""
    score = dict(ranked)[BM25]
    rival = next(name for name, _ in ranked if name != BM25)
    against_rival = answer(found, BM25, rival)
    if ranked[0][0] == BM25:
        verb = "beats" if against_rival.outcome == "better" else "is as good as"
        return f"BM25 alone {verb} everything else here, {display_name(rival)} included"
    if against_rival.outcome != "worse":
        return _standing(against_rival, display_name(rival))
    if roles.candidate is None or roles.candidate == rival:
        return f"BM25 alone is behind ({score:.3f})"
    against_candidate = answer(found, BM25, roles.candidate)
    if against_candidate.outcome == "worse":
        return f"BM25 alone is behind ({score:.3f})"
    standing = _standing(against_candidate, f"{display_name(roles.candidate)} alone")
    return f"{standing}, and {display_name(rival)} beats it"


def _standing(comparison: Comparison, rival: str) -> str:
    """Say how BM25 stands beside a rival that was not shown to be better."""
    score = f"({comparison.first_mean:.3f})"
    if comparison.outcome == "better":
        return f"BM25 alone {score} is better than {rival}"
    # What chance may explain need not be equal: a large difference calls for more queries.
    if comparison.difference < -NEGLIGIBLE:
        return f"BM25 alone {score} is behind {rival}, but by no more than chance explains"
    return f"BM25 alone {score} is as good as {rival}"


def caveats(evaluated: EvaluatedSet) -> list[str]:
    """Return what a reader must know before believing the verdict, one sentence or two each."""
    notes = []
    groups = len(set(query_groups(evaluated, list(evaluated.dataset.queries))))
    if groups < FEWEST_GROUPS:
        noun = "independent query or person" if groups == 1 else "independent queries or people"
        notes.append(
            f"Only {groups} {noun}: with fewer than {FEWEST_GROUPS} no difference can be told "
            "from chance."
        )
    elif groups < ENOUGH_GROUPS:
        notes.append(
            f"Only {groups} independent queries or people: with fewer than {ENOUGH_GROUPS} the "
            "intervals are too narrow; trust p rather than them."
        )
    notes += _fusion_caveat(evaluated)
    if trained_on := evaluated.facts.get("resumes_trained_on"):
        notes.append(
            f"{trained_on:,} of the {evaluated.facts.get('resumes', 0):,} résumés ranked here were "
            "trained on, with other queries."
        )
    return notes


def _fusion_caveat(evaluated: EvaluatedSet) -> list[str]:
    """Say so where the gain of the model alone does not show beside BM25."""
    roles = roles_of(evaluated)
    if roles.reference is None or roles.candidate is None:
        return []
    before, after = hybrid_of(roles.reference), hybrid_of(roles.candidate)
    if not {before, after} <= set(evaluated.results):
        return []
    found = answers(evaluated)
    alone, fused = found[roles.candidate, roles.reference], found[after, before]
    if alone.outcome != "better" or fused.outcome == "better":
        return []
    return [
        f"Beside BM25 the gain is not shown: {display_name(before)} {fused.second_mean:.3f}, "
        f"{display_name(after)} {fused.first_mean:.3f} ({p_in_words(fused.adjusted_p_value)})."
    ]


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
    """Compare the pairs of :func:`questions`, one family under Holm's correction."""
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
