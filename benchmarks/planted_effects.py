"""Plant differences between systems and count how often evaluation tells the truth about them.

Usage: python benchmarks/planted_effects.py [--simulations 200] [--queries 800] [--effect 0.02]

Queries come two to six a person. A query's nDCG@10 is that of the rank of its one answer, and how
often each rank occurs is that of a tuned model on generated queries about a few hundred résumés:
64 % at rank 1, 15 % at rank 2, 6 % not among the first ten. Ranks come from a normal variable that
two systems share in part (queries are hard for both or for neither); the less they share, the more
two systems of the same quality differ query by query. That spread decides what can be told, so
several are tried. A tenth of what is not shared goes with the person, which gives differences an
intraclass correlation of some 0.05, as was measured on the same queries.

The better system's variable is shifted so that its expected nDCG@10 is higher by the effect; copies
are not shifted. Verdicts are those of ``cvseeker evaluate``.
"""

import argparse
import sys
from itertools import combinations
from math import log2, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.compare import SIGNIFICANT, compare_pairs
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.retrieval.significance import randomization_p_value

# How often the answer stands at rank 1, 2, …, 10; else it is not found.
RANKS = (0.64, 0.15, 0.05, 0.03, 0.02, 0.015, 0.01, 0.01, 0.01, 0.005)
GAINS = np.array([1 / log2(rank + 1) for rank in range(1, 11)] + [0.0])
CUTS = [NormalDist().inv_cdf(1 - share) for share in np.cumsum(RANKS)]
PERSON_SHARE = 0.1
# What two systems share → pairs whose spread, measured on those queries, is about as wide.
SHARED = {
    0.97: "closer than any pair measured",
    0.95: "hybrids of one model before and after tuning (0.14)",
    0.92: "a hybrid and BM25 (0.15 to 0.17)",
    0.66: "a tuned model and the base model’s hybrid (0.28)",
    0.30: "one model before and after tuning (0.37)",
}
FAMILY = 7


def main() -> None:
    """Simulate and print two tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--queries", type=int, default=800)
    parser.add_argument("--effect", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=13)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    shift = shift_for(options.effect)
    print(
        f"{options.simulations} simulations, {options.queries} queries each; better by "
        f"{options.effect} nDCG@10; nominal error rate {SIGNIFICANT:.0%}\n\n"
        "| paired standard deviation | as wide as | called better | called worse "
        "| copies told apart "
        "(95 % interval) | the same, persons ignored | queries for a power of 80 % |\n"
        "|---|---|---|---|---|---|---|"
    )
    for shared, like in SHARED.items():
        print(_row(generator, shared, like, shift, options))
        sys.stdout.flush()
    raw, corrected = family_errors(generator, options.simulations, options.queries)
    print(
        f"\n{FAMILY} copies of one system, {FAMILY * (FAMILY - 1) // 2} pairs: any two told apart "
        f"in {_rate(corrected, options.simulations)} after Holm's correction, "
        f"in {_rate(raw, options.simulations)} without."
    )


def _row(
    generator: np.random.Generator,
    shared: float,
    like: str,
    shift: float,
    options: argparse.Namespace,
) -> str:
    """Simulate one spread and return its line of the table."""
    outcomes, false_alarms, ungrouped, spreads = [], 0, 0, []
    for _ in range(options.simulations):
        better = simulated_set(generator, options.queries, shared, [shift, 0.0])
        outcomes.append(compare_pairs(better, [("s0", "s1")])[0].outcome)
        copies = simulated_set(generator, options.queries, shared, [0.0, 0.0])
        false_alarms += compare_pairs(copies, [("s0", "s1")])[0].outcome != "within noise"
        first, second = (
            [row["ndcg@10"] for row in copies.results[name].per_query.values()]
            for name in ("s0", "s1")
        )
        spreads.append(float(np.std(np.subtract(first, second))))
        ungrouped += randomization_p_value(first, second) < SIGNIFICANT
    count, spread = options.simulations, float(np.mean(spreads))
    # Two-sided at 5 %, with 80 % on the right side: (1.96 + 0.84)² variances.
    needed = (1.96 + 0.84) ** 2 * spread**2 / options.effect**2
    return (
        f"| {spread:.3f} | {like} | {outcomes.count('better') / count:.1%} | "
        f"{outcomes.count('worse') / count:.1%} | {_rate(false_alarms, count)} | "
        f"{ungrouped / count:.1%} | {round(needed, -1):,.0f} |"
    )


def family_errors(
    generator: np.random.Generator, simulations: int, queries: int
) -> tuple[int, int]:
    """Count the simulations in which any two copies are told apart, without and with Holm."""
    raw = corrected = 0
    for _ in range(simulations):
        copies = simulated_set(generator, queries, 0.75, [0.0] * FAMILY)
        pairs = compare_pairs(copies, list(combinations(copies.results, 2)))
        raw += any(one.p_value < SIGNIFICANT for one in pairs)
        corrected += any(one.outcome != "within noise" for one in pairs)
    return raw, corrected


def simulated_set(
    generator: np.random.Generator, queries: int, shared: float, shifts: list[float]
) -> EvaluatedSet:
    """Draw every system's nDCG@10 for queries about persons, two to six each."""
    sizes = generator.integers(2, 7, queries)
    person = np.repeat(np.arange(queries), sizes)[:queries]
    common = generator.normal(size=queries)
    per_query: dict[str, NDArray[np.float64]] = {}
    for at, shift in enumerate(shifts):
        personal = generator.normal(size=queries)[person]
        own = sqrt(PERSON_SHARE) * personal
        own += sqrt(1 - PERSON_SHARE) * generator.normal(size=queries)
        latent = sqrt(shared) * common + sqrt(1 - shared) * own + shift
        # The easier, the nearer to rank 1: the number of cuts that lie above it.
        ranks = (latent[:, None] < np.array(CUTS)).sum(axis=1)
        per_query[f"s{at}"] = GAINS[ranks]
    qrels = {f"q{at}": {f"p{at}": 1} for at in range(queries)}
    dataset = RetrievalDataset(
        corpus={f"p{at}": "text" for at in range(queries)},
        queries=dict.fromkeys(qrels, "query"),
        qrels=qrels,
        person_groups={f"p{at}": f"person-{number}" for at, number in enumerate(person)},
    )
    results = {
        name: SystemResult(
            name,
            per_query={
                query_id: {"ndcg@10": float(value)}
                for query_id, value in zip(qrels, values, strict=True)
            },
        )
        for name, values in per_query.items()
    }
    return EvaluatedSet("simulated", dataset, results)


def shift_for(effect: float) -> float:
    """Return the shift that raises the expected nDCG@10 by the effect, by bisection."""
    low, high = 0.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        if _expected(middle) - _expected(0.0) < effect:
            low = middle
        else:
            high = middle
    return low


def _expected(shift: float) -> float:
    """Return the mean gain where the variable is normal around the shift."""
    above = [0.0, *(1 - NormalDist(shift).cdf(cut) for cut in CUTS), 1.0]
    return float(np.diff(above) @ GAINS)


def _rate(count: int, total: int) -> str:
    """Print a share with its 95 % interval (Wilson 1927, doi.org/10.2307/2276774)."""
    z, share = 1.96, count / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    reach = z / (1 + z**2 / total) * sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return f"{share:.1%} ({max(middle - reach, 0):.1%} to {middle + reach:.1%})"


if __name__ == "__main__":
    main()
