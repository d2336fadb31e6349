"""The verdict: which system is best, and whether tuning or the model itself is worth anything.

It answers what a reader asks first, corrected for how many questions there are.
"""

from collections.abc import Mapping

from cvseeker.evaluate.compare import (
    HEADLINE_METRIC,
    Comparison,
    compare_pairs,
    query_groups,
    ranking,
    roles_of,
)
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import BM25, hybrid_of, p_in_words, signed

Pair = tuple[str, str]

# With five persons even a clean sweep has a two-sided p-value of 2/2^5 = 0.06.
FEWEST_GROUPS = 6
# Percentile intervals of fewer draw too few tails.
ENOUGH_GROUPS = 20
# A difference in nDCG@10 that few readers of a ranking would notice.
NEGLIGIBLE = 0.02
_ALONE = "keyword search alone"


def verdict_sentence(evaluated: EvaluatedSet) -> str:
    """Say in one sentence which system is best, what tuning brought, and whether BM25 does it."""
    best, score = ranking(evaluated)[0]
    rival = best_but_bm25(evaluated)
    alone = " alone, with no model," if best == BM25 and rival else ""
    clauses = [f"{_queries_in_words(evaluated)} {_named(evaluated, best)}{alone} ranks best"]
    clauses[0] += f" (nDCG@10 {score:.3f})"
    roles, found = roles_of(evaluated), answers(evaluated)
    if roles.reference is not None and roles.candidate is not None:
        clauses.append(_gain_clause(evaluated, found[roles.candidate, roles.reference]))
    if BM25 in evaluated.results and rival is not None:
        clauses.append(_bm25_clause(evaluated, found, best, rival))
    return f"{'; '.join(clauses)}."


def _named(evaluated: EvaluatedSet, system: str) -> str:
    """Return a system's name as it stands in a sentence, where commas would part it."""
    return "keyword search (BM25)" if system == BM25 else f"“{evaluated.names[system]}”"


def _queries_in_words(evaluated: EvaluatedSet) -> str:
    queries = list(evaluated.dataset.queries)
    groups = len(set(query_groups(evaluated, queries)))
    noun = "query" if len(queries) == 1 else "queries"
    kind = "hand-written " if evaluated.name == "handwritten" else ""
    few = " too few to tell much," if groups < FEWEST_GROUPS else ""
    return f"On {len(queries):,} {kind}{noun},{few}"


def _gain_clause(evaluated: EvaluatedSet, gain: Comparison) -> str:
    """Say what the candidate gained over the reference."""
    evidence = (
        f"({signed(gain.difference)}, 95 % interval {signed(gain.low)} to {signed(gain.high)}, "
        f"{p_in_words(gain.adjusted_p_value)})"
    )
    tuning = roles_of(evaluated).tuning
    first, second = _named(evaluated, gain.first), _named(evaluated, gain.second)
    values = f"from {gain.second_mean:.3f} to {gain.first_mean:.3f}"
    if gain.outcome == "within noise":
        what = "by fine-tuning" if tuning else f"from {second} to {first}"
        means = f"{second} {gain.second_mean:.3f}, {first} {gain.first_mean:.3f}"
        return f"there is no evidence of improvement {what}: {means} {evidence}"
    if tuning:
        verb = "raised" if gain.outcome == "better" else "lowered"
        return f"fine-tuning {verb} the model’s vectors alone {values} {evidence}"
    return f"{first} is {gain.outcome} than {second}: {values} {evidence}"


def _bm25_clause(
    evaluated: EvaluatedSet, found: Mapping[Pair, Comparison], best: str, rival: str
) -> str:
    """Say what is left of the models' merit when keyword search stands beside them."""
    gain, candidate = found[rival, BM25], roles_of(evaluated).candidate
    if best == BM25:
        verb = "beats" if gain.outcome == "worse" else "is as good as"
        return f"{_ALONE} {verb} everything else here, {_named(evaluated, rival)} included"
    if gain.outcome != "better":
        return _standing(evaluated, gain)
    if candidate not in {None, rival} and found[candidate, BM25].outcome != "better":
        standing = _standing(evaluated, found[candidate, BM25])
        return f"{standing}, and {_named(evaluated, rival)} beats it"
    return f"{_ALONE} is behind ({gain.second_mean:.3f})"


def _standing(evaluated: EvaluatedSet, gain: Comparison) -> str:
    """Say how keyword search stands beside what was not shown to be better than it."""
    rival, score = _named(evaluated, gain.first), f"{_ALONE} ({gain.second_mean:.3f})"
    if gain.outcome == "worse":
        return f"{score} is better than {rival}"
    # What chance may explain need not be equal: a large difference calls for more queries.
    if gain.difference > NEGLIGIBLE:
        return f"{score} is behind {rival}, but by no more than chance explains"
    return f"{score} is as good as {rival}"


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
    """Say so where the gain of the model's vectors does not show in search."""
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
        f"In search the gain is not shown: {_named(evaluated, before)} {fused.second_mean:.3f}, "
        f"{_named(evaluated, after)} {fused.first_mean:.3f} "
        f"({p_in_words(fused.adjusted_p_value)})."
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
        if roles.tuning:
            alone, fused = "Did fine-tuning help, vectors alone?", "Did fine-tuning help search?"
        else:
            alone = f"Is {candidate} better than {reference}, vectors alone?"
            fused = f"Is search better with {candidate} than with {reference}?"
        asked[candidate, reference] = alone
        asked[hybrid_of(candidate), hybrid_of(reference)] = fused
    if candidate is not None:
        asked[candidate, BM25] = "Do the model’s vectors alone beat keyword search?"
        asked[hybrid_of(candidate), BM25] = "Does search beat keyword search?"
        asked[hybrid_of(candidate), candidate] = "Does search beat the vectors alone?"
    rival = best_but_bm25(evaluated)
    if rival is not None:
        asked.setdefault((rival, BM25), "Does the best of the other rows beat keyword search?")
    return {pair: text for pair, text in asked.items() if set(pair) <= set(evaluated.results)}


def best_but_bm25(evaluated: EvaluatedSet) -> str | None:
    """Return the best system that is not BM25, ``None`` where there is none."""
    return next((name for name, _ in ranking(evaluated) if name != BM25), None)


def answers(evaluated: EvaluatedSet, *, metric: str = HEADLINE_METRIC) -> dict[Pair, Comparison]:
    """Compare the pairs of :func:`questions`, one family under Holm's correction."""
    asked = list(questions(evaluated))
    compared = compare_pairs(evaluated, asked, metric=metric)
    return dict(zip(asked, compared, strict=True))
