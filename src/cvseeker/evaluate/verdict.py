"""The verdict: which search to use, in two sentences, and whether to believe it, in three signs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cvseeker.evaluate.analysis import Analysis
from cvseeker.evaluate.compare import (
    Comparison,
    compares_tuning,
    headline_pair,
    metric_values,
    query_groups,
    ranking,
)
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.ties import Standings
from cvseeker.evaluate.wording import BM25, change_in_words, spoken

# With five persons even a clean sweep has a two-sided p-value of 2/2^5 = 0.06.
FEWEST_GROUPS = 6
# Percentile intervals of fewer draw too few tails.
ENOUGH_GROUPS = 20
# A difference in nDCG@10 that few readers of a ranking would notice.
NEGLIGIBLE = 0.02
# More of the answers, people or queries than this were there to be learnt by heart.
LEAKY = 0.1
_LEARNT = {
    "near_duplicate_passages": "answers repeat training passages",
    "persons_in_training": "people were trained on",
    "training_queries_repeated": "queries were trained on",
}
_NOTHING = "Nothing to do."
_MORE = "Train on more queries, such as an LLM’s: cvseeker generate --llm MODEL."
_SHORT = {"the tuned search": "tuned", "the untuned search": "untuned"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which system to use, that in a sentence, and why in another one or two."""

    use: str
    lead: str
    why: str

    def __str__(self) -> str:
        """Return all of it on one line."""
        return f"{self.lead} {self.why}"


@dataclass(frozen=True, slots=True)
class Badge:
    """What is asked, the answer, how good that is, and what to do about it."""

    question: str
    level: Literal["good", "fair", "poor"]
    answer: str
    remedy: str


def deciding_set(sets: Sequence[EvaluatedSet]) -> EvaluatedSet:
    """Return the set that the verdict is about.

    That is the one that people wrote, else the one whose queries copy few words, else the first,
    unless it has too few queries to tell anything.
    """
    by_name = {one.name: one for one in sets}
    ordered = [by_name[name] for name in ("handwritten", "sections") if name in by_name]
    telling = (one for one in ordered if count_groups(one) >= FEWEST_GROUPS)
    return next(telling, sets[0])


def count_groups(evaluated: EvaluatedSet) -> int:
    """Count the people that queries are about, and the queries that are about several."""
    return len(set(query_groups(evaluated, list(evaluated.dataset.queries))))


def search_in_use(stages: Sequence[Mapping[str, Any]]) -> str:
    """Return the search that fine-tuning has left in a workspace, empty outside of one."""
    kept = (one["counts"]["verdict"]["kept"] for one in stages if one["stage"] == "model")
    return next((f"hybrid({name})" for name in kept), "")


def find_verdict(evaluated: EvaluatedSet, standings: Standings, *, in_use: str = "") -> Verdict:
    """Say which search to use.

    Where these queries cannot tell, that is the one ``in_use``, which validation has chosen; where
    nothing has, the untuned one.
    """
    pair, keys = headline_pair(evaluated), evaluated.results
    if pair is None:
        use = ranking(evaluated)[0][0]
        return Verdict(use, f"There is only {spoken(use, keys)}.", f"{_found(evaluated, use, [])}.")
    gain = standings.between(*pair)
    use, other = pair
    chosen = gain.outcome != "worse" and in_use == use
    if compares_tuning(evaluated) and gain.outcome != "better" and not chosen:
        use, other = other, use
    if BM25 in keys and use != BM25 and standings.between(use, BM25).outcome == "worse":
        found = _found(evaluated, BM25, pair)
        less = _change(standings.between(use, BM25))
        return Verdict(
            BM25, "Use keyword search alone.", f"{found}; a model makes it worse: {less}."
        )
    found = _found(evaluated, use, [other, BM25])
    lead, ending = _advice(evaluated, gain, use, other)
    return Verdict(use, lead, f"{found}{ending}{_besides(evaluated, standings, use)}")


def _advice(evaluated: EvaluatedSet, gain: Comparison, use: str, other: str) -> tuple[str, str]:
    """Return the advice, with its reason where that is a lack of evidence, and an ending."""
    keys = evaluated.results
    name, against = spoken(use, keys), spoken(other, keys)
    if gain.outcome == "better":
        return f"Use {name}.", f"; better than {against} by {_size(gain)}."
    if not compares_tuning(evaluated) or use == gain.first:
        noise = f"it cannot be told from {against} ({_doubted(gain)})"
        preferred = ", and validation preferred it" if compares_tuning(evaluated) else ""
        return f"Use {name}: {noise}{preferred}.", "."
    if count_groups(evaluated) < FEWEST_GROUPS:
        few = f"{len(evaluated.dataset.queries)} queries are too few to tell whether fine-tuning"
        return f"Use {name}: {few} improved it.", "."
    if gain.outcome == "worse":
        return f"Use {name}: fine-tuning made it worse ({_change(gain)}).", "."
    return f"Use {name}: fine-tuning did not improve it ({_doubted(gain)}).", "."


def _doubted(gain: Comparison) -> str:
    """Say a difference that is no evidence: alone, or beside the others that were tested."""
    alone = gain.low <= 0 <= gain.high
    reason = "within noise" if alone else "which as many comparisons leave in doubt"
    return f"{_change(gain)}, {reason}"


def _found(evaluated: EvaluatedSet, use: str, others: Sequence[str]) -> str:
    """Say how often a right answer is among the first five, of this system and of others."""
    queries = list(evaluated.dataset.queries)
    whole = min(len(queries), 100)

    def hits(system: str) -> str:
        values = metric_values(evaluated, system, "accuracy@5", queries)
        return f"{whole * sum(values) / len(values):.0f}"

    named = {other: spoken(other, evaluated.results) for other in dict.fromkeys(others)}
    beside = ", ".join(
        f"{_SHORT.get(name, name)} {hits(other)}"
        for other, name in named.items()
        if other != use and other in evaluated.results
    )
    what = "résumé" if evaluated.level == "resume" else "passage"
    noun = "query" if whole == 1 else "queries"
    return (
        f"It puts a right {what} among the first five for {hits(use)} of {whole} {noun}"
        f"{f' ({beside})' if beside else ''}"
    )


def _besides(evaluated: EvaluatedSet, standings: Standings, use: str) -> str:
    """Say what else a reader must know: that keyword search does as well, that others do better."""
    said = []
    pair = headline_pair(evaluated) or ()
    if BM25 in evaluated.results and use != BM25 and BM25 not in pair:
        gain = standings.between(use, BM25)
        if gain.outcome == "within noise":
            close = "as good" if gain.difference <= NEGLIGIBLE else "not shown to be worse"
            said.append(f"Keyword search alone is {close} ({_change(gain.turned_round())}).")
    for one in standings.pairs:
        better = one if one.outcome == "better" else one.turned_round()
        if better.second == use and better.outcome == "better":
            name = spoken(better.first, evaluated.results)
            said.append(f"{name[0].upper()}{name[1:]} is better still ({_change(better)}).")
    return "".join(f" {sentence}" for sentence in said)


def _change(one: Comparison) -> str:
    return change_in_words(one.difference, one.low, one.high)


def _short(size: float) -> str:
    """Print a size between 0 and 1 in two places, a small one in three."""
    return f"{size:.{2 if size >= 0.0095 else 3}f}".removeprefix("0")


def _size(gain: Comparison) -> str:
    return _change(gain).removeprefix("+")


def find_badges(evaluated: EvaluatedSet, analysis: Analysis, verdict: Verdict) -> list[Badge]:
    """Say of a verdict whether it is good, whether it is honest, and whether data are enough."""
    return [
        _quality(evaluated, analysis.significance, verdict.use),
        _leakage(analysis),
        _data(evaluated, analysis.significance),
    ]


def _quality(evaluated: EvaluatedSet, standings: Standings, use: str) -> Badge:
    """Hold the search to what needs no model."""
    if BM25 not in evaluated.results:
        remedy = "Evaluate a data set with texts, so that it can run."
        return Badge("Quality", "fair", "no keyword search to compare with", remedy)
    if use == BM25:
        return Badge("Quality", "poor", "no model improves on keyword search", _MORE)
    gain = standings.between(use, BM25)
    if gain.outcome == "better":
        what = f"better than keyword search alone by {_size(gain)}"
        return Badge("Quality", "good", what, _NOTHING)
    what = f"not shown to be better than keyword search alone: {_change(gain)}"
    return Badge("Quality", "fair", what, _MORE)


def _leakage(analysis: Analysis) -> Badge:
    """Say what of the answers and queries was there to be learnt by heart."""
    found = {key: one for key, one in analysis.leakage.items() if key in _LEARNT and one.count}
    if "near_duplicate_passages" not in analysis.leakage:
        remedy = "Name what the models were trained on: --train FILE."
        return Badge("Leakage", "fair", "not known what was trained on", remedy)
    if not found:
        what = "no query, answer or person was trained on"
        return Badge("Leakage", "good", what, _NOTHING)
    if "persons_in_training" in found:
        # Whose passages are the same, of course.
        found.pop("near_duplicate_passages", None)
    what = "; ".join(f"{one.count:,} of {one.of:,} {_LEARNT[key]}" for key, one in found.items())
    if "people" in analysis.slices and "training_queries_repeated" not in found:
        return Badge("Leakage", "fair", what, "See the row of people who were not.")
    worst = max(one.count / one.of for one in found.values())
    remedy = "Evaluate with queries and people that training has not seen."
    return Badge("Leakage", "fair" if worst <= LEAKY else "poor", what, remedy)


def _data(evaluated: EvaluatedSet, standings: Standings) -> Badge:
    """Say how small a difference these queries can show."""
    groups, pair = count_groups(evaluated), headline_pair(evaluated)
    told = f"{len(evaluated.dataset.queries):,} queries, {groups:,} independent"
    if groups < ENOUGH_GROUPS or pair is None:
        level: Literal["fair", "poor"] = "poor" if groups < FEWEST_GROUPS else "fair"
        remedy = f"Write {ENOUGH_GROUPS} queries at least, about different people."
        return Badge("Enough data?", level, f"{told}: too few to trust an interval", remedy)
    gain = standings.between(*pair)
    reach = (gain.high - gain.low) / 2
    if gain.outcome != "within noise" or reach <= NEGLIGIBLE:
        what = f"{told}; a difference of {_short(reach)} would show"
        return Badge("Enough data?", "good", what, _NOTHING)
    # An interval narrows with the root of the number of queries.
    needed = len(evaluated.dataset.queries) * (reach / NEGLIGIBLE) ** 2
    return Badge(
        "Enough data?",
        "fair",
        f"{told}: a difference under {_short(reach)} stays unseen",
        f"To see one of {_short(NEGLIGIBLE)}, write some {-(-needed // 10) * 10:,.0f} queries.",
    )


def decide(
    sets: Sequence[EvaluatedSet], analyses: Mapping[str, Analysis], *, in_use: str = ""
) -> tuple[EvaluatedSet, Verdict]:
    """Return the set that decides, and its verdict."""
    evaluated = deciding_set(sets)
    standings = analyses[evaluated.name].significance
    return evaluated, find_verdict(evaluated, standings, in_use=in_use)
