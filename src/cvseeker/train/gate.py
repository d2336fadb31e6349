"""The gate: of base and tuned model, which is kept.

Two questions are asked. Is the tuned model's search better on the validation split? And can it
still do what the base could, on the guard set of general queries? Queries that CVSeeker wrote about
their passages cannot be of others, and of two models one is used in any case: the better mean
decides. Labels of other origin may be wrong (ids mixed up, whole files poisoned), and so may be
those that validate: a gain beyond chance is asked of them. Validation has chosen the best step
before, out of a handful, and flatters the tuned model a little.

Where the answer is no, tuned and base weights are merged and asked again: what training gains on
the target and what it forgets elsewhere do not grow alike, and half-way between the two models most
of the gain is there and little is forgotten.

References
----------
Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT),
https://arxiv.org/abs/2109.01903.
Xiao et al. 2023, "LM-Cocktail: Resilient Tuning of Language Models via Model Merging",
https://arxiv.org/abs/2311.13534: the same for embedding models.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError, ModelError
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import mean_metrics
from cvseeker.retrieval.significance import bootstrap_interval, randomization_p_value
from cvseeker.retrieval.validation import (
    METRIC,
    QueryMetrics,
    Validation,
    query_groups,
    validate_search,
    validate_vectors,
)
from cvseeker.train.guard import guard_dataset

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

Weights = Mapping[str, "Tensor"]

# Shares of the tuned weights, each tried where the one before fails; each costs one encoding of the
# validation corpus.
ALPHAS = (1.0, 0.75, 0.5)
# Evidence is asked one question, whether the gain is above 0, and is one-sided: the lower
# end of a two-sided 80 % interval is the 10th percentile, a one-sided bound of 90 %. With a
# hundred queries a true gain of .1 passes in 19 of 20 cases; a bound of 95 % refused one of three
# good models of 50 queries, and what it keeps out besides, models as good as their base, harms
# nobody.
LEVEL = 0.80
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
class Difference:
    """What tuning changed in nDCG@10 on a set of queries.

    ``low`` and ``high`` are the 80 % bootstrap interval of ``delta`` over groups, which are
    persons; ``p_value`` is one-sided, of the paired randomization test.
    """

    base: float
    tuned: float
    delta: float
    low: float
    high: float
    p_value: float
    queries: int
    groups: int

    def __str__(self) -> str:
        """Return the change in words: means, difference and interval."""
        return (
            f"{self.base:.3f} → {self.tuned:.3f} "
            f"({self.delta:+.3f}, 80 % interval {self.low:+.3f} to {self.high:+.3f})"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which model is kept, and why.

    ``forced``: the tuned model is kept against the evidence. ``alpha`` is the share of the tuned
    weights in the model that was judged; ``alphas``: each that was tried, as text → mean nDCG@10 on
    validation. ``base_scores`` and ``tuned_scores``: metric → mean there.
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


def decide(
    encoder: LocalEncoder,
    base: Weights,
    tuned: Weights,
    val: Sequence[RetrievalDataset],
    *,
    base_found: Validation | None = None,
    tuned_found: Validation | None = None,
    evidence: bool = True,
    force: bool = False,
    progress: Progress = silent,
) -> Verdict:
    """Choose between base and tuned model; the encoder is left with its weights and shares.

    Weights are as :func:`park_weights` gives them; what is known of ``val`` is not found again.
    Without ``evidence`` the better mean suffices. A tuned model that gains nothing is tried once
    more with a quarter of the base's weights, one that forgets too much also with half of them.
    """
    guard = guard_dataset()
    groups, guard_groups = query_groups(*val), query_groups(guard)

    def ask(alpha: float, known: Validation | None) -> tuple[Validation, QueryMetrics]:
        """Return what validation and the guard set say of a mixture."""
        progress("weigh tuned against base", 0, 0, f"{alpha:.0%} tuned")
        mix_weights(encoder.model, base, tuned, alpha=alpha)
        return known or validate_search(encoder, val), validate_vectors(encoder, guard)

    before, guard_before = ask(0.0, base_found)
    found = {0.0: before}
    tried: list[tuple[float, Difference, Difference, str]] = []
    for alpha in ALPHAS:
        found[alpha], guard_after = ask(alpha, tuned_found if alpha == 1 else None)
        gain = compare(before.metrics, found[alpha].metrics, groups)
        forgotten = compare(guard_before, guard_after, guard_groups)
        doubted = doubt(gain, evidence=evidence)
        against = doubted or loss_elsewhere(forgotten)
        tried.append((alpha, gain, forgotten, against))
        # Half of a training gains no more than three quarters of it.
        if not against or force or (doubted and alpha < 1):
            break
    alpha, gain, forgotten, against = tried[0] if against else tried[-1]
    kept = alpha if force or not against else 0.0
    mix_weights(encoder.model, base, tuned, alpha=kept)
    encoder.hybrid = found[kept].shares
    return Verdict(
        kept="tuned" if kept else "base",
        forced=bool(kept and against),
        reason=_reason(alpha, gain, against, forced=bool(kept and against)),
        alpha=alpha,
        alphas={f"{key:g}": validation.mean for key, validation in found.items() if key},
        validation=gain,
        guard=forgotten,
        base_scores=mean_metrics(before.metrics),
        tuned_scores=mean_metrics(found[alpha].metrics),
    )


def doubt(validation: Difference, *, evidence: bool = True) -> str:
    """Say why validation does not speak for the tuned model; empty if it does.

    The randomization test is asked besides because of a handful of persons a bootstrap draws too
    few tails.
    """
    if validation.queries < FEWEST_QUERIES or validation.groups < FEWEST_GROUPS:
        return (
            f"too little to judge by: {validation.queries} validation queries about "
            f"{validation.groups} person groups; expected at least {FEWEST_QUERIES} "
            f"about {FEWEST_GROUPS}"
        )
    if validation.delta <= 0:
        return f"search did not get better: validation nDCG@10 {validation}"
    if evidence and within_noise(validation):
        return f"no evidence that search got better: validation nDCG@10 {validation}"
    return ""


def within_noise(validation: Difference) -> bool:
    """Tell whether a gain may be chance."""
    return validation.low <= 0 or validation.p_value > SIGNIFICANCE


def loss_elsewhere(guard: Difference) -> str:
    """Say what was forgotten; empty if the guard set fell by no more than ``TOLERANCE``."""
    if guard.delta >= -TOLERANCE:
        return ""
    return (
        f"too much was forgotten: nDCG@10 of the general guard queries {guard}; "
        f"a loss of {TOLERANCE} is tolerated"
    )


def _reason(alpha: float, gain: Difference, against: str, *, forced: bool) -> str:
    """Say why a model is kept."""
    if against:
        return f"kept by force; {against}" if forced else against
    merged = "" if alpha == 1 else f", merged with the base at α {alpha:g}"
    noise = ", within noise" if within_noise(gain) else ""
    return f"search got better: validation nDCG@10 {gain}{noise}{merged}"


def compare(base: QueryMetrics, tuned: QueryMetrics, groups: Sequence[str]) -> Difference:
    """Compare two models on the same queries; the queries of a group are resampled together."""
    if base.keys() != tuned.keys():
        raise InputError(
            f"{len(base)} queries of the base against {len(tuned)} others of the tuned model; "
            "expected both scored on the same ones"
        )
    before = [values[METRIC] for values in base.values()]
    after = [tuned[query_id][METRIC] for query_id in base]
    gains = [new - old for new, old in zip(after, before, strict=True)]
    low, high = bootstrap_interval(gains, groups=groups, level=LEVEL)
    delta = sum(gains) / len(gains)
    # Under the test's hypothesis gains and losses are alike: half of its tails lie on each side.
    half = randomization_p_value(after, before, groups=groups) / 2
    return Difference(
        base=sum(before) / len(before),
        tuned=sum(after) / len(after),
        delta=delta,
        low=low,
        high=high,
        p_value=half if delta > 0 else 1 - half,
        queries=len(gains),
        groups=len(set(groups)),
    )


def park_weights(model: "SentenceTransformer", path: Path) -> Weights:
    """Write a model's floating-point weights to a file and map it, so that it takes no memory.

    Base and tuned are both needed while weights are mixed in the model itself. Mapped files are
    read from the disk a tensor at a time, and the system drops them when memory is short. Of
    tensors that share memory the first stands; adapters must have been merged.
    """
    from safetensors.torch import load_file, save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    save_file({name: weights.contiguous() for name, weights in _floating(model)}, temporary)
    temporary.replace(path)
    return load_file(path)


def mix_weights(
    model: "SentenceTransformer", base: Weights, tuned: Weights, *, alpha: float
) -> None:
    """Set a model's weights to base + α (tuned − base), in place; exact at both ends."""
    import torch

    if not 0 <= alpha <= 1:
        raise InputError(f"alpha is {alpha}; expected 0 (the base) to 1 (the tuned model)")
    live = dict(_floating(model))
    shapes = [{key: tuple(t.shape) for key, t in side.items()} for side in (live, base, tuned)]
    if shapes[0] != shapes[1] or shapes[0] != shapes[2]:
        differing = {key for side in shapes for key, _ in side.items() ^ shapes[0].items()}
        raise ModelError(
            f"{len(differing)} weights of base and tuned model differ in name or shape "
            f"({', '.join(sorted(differing)[:2])}); expected the same architecture, with adapters "
            "merged into the weights"
        )
    with torch.no_grad():
        for name, weights in live.items():
            first, second = (side[name].to(weights.device, torch.float32) for side in (base, tuned))
            weights.copy_(torch.lerp(first, second, alpha))


def _floating(model: "SentenceTransformer") -> Iterator[tuple[str, "Tensor"]]:
    """Yield the floating-point tensors of the state dict, those that share memory once."""
    seen: set[int] = set()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            yield name, tensor
