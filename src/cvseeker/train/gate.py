"""The gate: a tuned model is kept only where there is evidence that it is better than its base.

Two questions are asked. Is it better on the validation split, beyond chance? And can it still do
what the base could, on the guard set of general queries? Validation has chosen the best step and α
before, out of a handful each, so that its gain flatters the tuned model a little; a gain that
barely passes deserves more queries.

The order of calls, around a training that the caller does::

    base = park_weights(encoder.model, scratch / "base.safetensors")      # before training
    base_scores = validate_queries(encoder, val)
    ...                                                                   # train; merge adapters
    tuned = park_weights(encoder.model, scratch / "tuned.safetensors")
    verdict = decide(encoder, base, tuned, val, base_scores=base_scores)  # holds the kept weights
    encoder.save(folder)
    if verdict.kept == "base":                                            # to look at all the same
        mix_weights(encoder.model, base, tuned, alpha=verdict.alpha)
        encoder.save(folder / "refused")
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import mean_metrics
from cvseeker.train.gain import Difference, compare, query_groups
from cvseeker.train.guard import guard_dataset
from cvseeker.train.merge import (
    ALPHAS,
    AlphaChoice,
    QueryMetrics,
    Weights,
    choose_alpha,
    mean_ndcg,
    mix_weights,
)
from cvseeker.train.validation import validate_queries

SIGNIFICANCE = 0.10  # one-sided, as the bound
# Of fewer queries each weighs more than an eighth, and any mean is an anecdote.
FEWEST_QUERIES = 8
# Of four persons only a clean sweep, with a one-sided p-value of 1/2^4 = 0.06, would pass.
FEWEST_GROUPS = 5
# The guard set's queries are of other domains, and a specialist may lose a little there: 0.03 is
# four of its 120 queries whose right passage falls out of the first ten, or ten that fall from
# rank 1 to rank 2. Its own noise is about a third of that, so a smaller tolerance would refuse by
# chance; what is larger people notice.
TOLERANCE = 0.03


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which model is kept, and why.

    Attributes
    ----------
    kept
        The tuned model, merged with its base at ``alpha``, or the base as it was.
    forced
        Whether the tuned model is kept against the evidence.
    reason
        One sentence.
    alpha
        The share of the tuned weights in the model that was judged; 1: not merged.
    alphas
        Candidate α, as text → mean nDCG@10 on validation.
    validation, guard
        What tuning changed on the validation split and on the guard set.
    base_scores, tuned_scores
        Metric → mean on the validation split, of the base and of the model that was judged.
    """

    kept: Literal["tuned", "base"]
    forced: bool
    reason: str
    alpha: float
    alphas: Mapping[str, float]
    validation: Difference
    guard: Difference
    base_scores: Mapping[str, float]
    tuned_scores: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return plain dictionaries, ready for JSON."""
        return asdict(self)


def doubt(validation: Difference) -> str:
    """Say why a gain on validation is no evidence; empty if it is.

    Parameters
    ----------
    validation
        What tuning changed on the validation split.

    Returns
    -------
    str
        A gain counts if validation has queries enough, its one-sided 90 % bound is above 0, and
        chance makes as much in at most one of ten cases. The last is asked besides because of a
        handful of persons a bootstrap draws too few tails.
    """
    if validation.queries < FEWEST_QUERIES or validation.groups < FEWEST_GROUPS:
        return (
            f"too little to judge by: {validation.queries} validation queries about "
            f"{validation.groups} person groups; expected at least {FEWEST_QUERIES} "
            f"about {FEWEST_GROUPS}"
        )
    if validation.low <= 0 or validation.p_value > SIGNIFICANCE:
        return f"no evidence of improvement: validation nDCG@10 {validation}"
    return ""


def loss_elsewhere(guard: Difference) -> str:
    """Say what was forgotten; empty if the guard set fell by no more than ``TOLERANCE``.

    Parameters
    ----------
    guard
        What tuning changed on the guard set.
    """
    if guard.delta >= -TOLERANCE:
        return ""
    return (
        f"too much was forgotten: nDCG@10 of the general guard queries {guard}; "
        f"a loss of {TOLERANCE} is tolerated"
    )


def decide(
    encoder: LocalEncoder,
    base: Weights,
    tuned: Weights,
    val: RetrievalDataset,
    *,
    base_scores: QueryMetrics | None = None,
    tuned_scores: QueryMetrics | None = None,
    alphas: Sequence[float] = ALPHAS,
    force: bool = False,
    progress: Progress = silent,
) -> Verdict:
    """Choose α on validation, compare with the base, and leave the kept weights in the encoder.

    Where the guard set alone speaks against the α that validation prefers, smaller ones are tried:
    they forget less.

    Parameters
    ----------
    encoder
        Its model has the architecture of both; which weights it holds does not matter.
    base, tuned
        As :func:`cvseeker.train.merge.park_weights` gives them.
    val
        The validation split.
    base_scores, tuned_scores
        Query id → metric → value on ``val`` where known already; ``None``: evaluated here.
    alphas
        The candidate shares of the tuned weights, above 0.
    force
        Keep the tuned model, at the α that validation prefers, whatever the evidence.
    progress
        Called at each evaluation.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        If an alpha is not above 0 and at most 1.
    ModelError
        If base and tuned weights do not fit each other.
    """
    if not all(0 < alpha <= 1 for alpha in alphas):
        raise InputError(f"alphas are {list(alphas)}; expected shares above 0 and at most 1")

    def at(alpha: float, dataset: RetrievalDataset) -> QueryMetrics:
        """Score the mixture of a share of tuned weights."""
        progress("weigh tuned against base", 0, 0, f"{alpha:.0%} tuned")
        mix_weights(encoder.model, base, tuned, alpha=alpha)
        return validate_queries(encoder, dataset)

    known = {} if tuned_scores is None else {1.0: tuned_scores}
    choice = choose_alpha(lambda alpha: at(alpha, val), alphas=alphas, known=known)
    before = base_scores if base_scores is not None else at(0.0, val)
    guard = guard_dataset()
    guard_before = at(0.0, guard)
    groups, guard_groups = query_groups(val), query_groups(guard)
    verdicts: list[Verdict] = []
    for alpha in (alpha for alpha in choice.scores if alpha <= choice.alpha):
        gain = compare(before, choice.scores[alpha], groups)
        verdicts.append(
            _verdict(
                choice, alpha, before, gain, compare(guard_before, at(alpha, guard), guard_groups)
            )
        )
        if verdicts[-1].kept == "tuned":
            return verdicts[-1]
        # A smaller share may forget less, but it brings no evidence that is not there.
        if force or doubt(gain):
            break
    refused = verdicts[0]
    mix_weights(encoder.model, base, tuned, alpha=refused.alpha if force else 0.0)
    return _forced(refused) if force else refused


def _verdict(
    choice: AlphaChoice, alpha: float, before: QueryMetrics, gain: Difference, guard: Difference
) -> Verdict:
    """Judge the mixture at an α by what it gained and what it forgot."""
    against = doubt(gain) or loss_elsewhere(guard)
    merged = "" if alpha == 1 else f", merged with the base at α {alpha:g}"
    return Verdict(
        kept="base" if against else "tuned",
        forced=False,
        reason=against or f"validation nDCG@10 rose: {gain}{merged}",
        alpha=alpha,
        alphas={f"{key:g}": mean_ndcg(found) for key, found in choice.scores.items()},
        validation=gain,
        guard=guard,
        base_scores=mean_metrics(before),
        tuned_scores=mean_metrics(choice.scores[alpha]),
    )


def _forced(verdict: Verdict) -> Verdict:
    """Turn a refusal over."""
    return replace(verdict, kept="tuned", forced=True, reason=f"kept by force; {verdict.reason}")
