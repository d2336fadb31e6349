"""Between base and tuned: a weighted mean of their weights, in the share that validation prefers.

What fine-tuning gains on the target and what it forgets elsewhere do not grow alike: half-way
between the two models most of the gain is there and little is forgotten.

References
----------
Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT),
https://arxiv.org/abs/2109.01903.
Xiao et al. 2023, "LM-Cocktail: Resilient Tuning of Language Models via Model Merging",
https://arxiv.org/abs/2311.13534: the same for embedding models.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cvseeker.core.errors import InputError, ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

Weights = Mapping[str, "Tensor"]
QueryMetrics = Mapping[str, Mapping[str, float]]

# Each costs one encoding of the validation corpus; below a half the target's gain goes quickly.
ALPHAS = (1.0, 0.75, 0.5)
# Means this close are a tie. With a few hundred queries it is about the standard error of such a
# difference, and one query that moves from rank 2 to rank 1 among 80 makes as much.
TIE = 0.005
METRIC = "ndcg@10"


@dataclass(frozen=True, slots=True)
class AlphaChoice:
    """The α that validation prefers, and what was found at each.

    ``scores`` is α → query id → metric → value, the largest α first.
    """

    alpha: float
    scores: dict[float, QueryMetrics]


def park_weights(model: "SentenceTransformer", path: Path) -> Weights:
    """Write a model's floating-point weights to a file and map it, so that it takes no memory.

    Base and tuned are both needed while weights are mixed in the model itself. Mapped files are
    read from the disk a tensor at a time, and the system drops them when memory is short.

    Parameters
    ----------
    model
        Adapters must have been merged into its weights.
    path
        A safetensors file, replaced if it is there; it must stay as long as the weights are used.

    Returns
    -------
    Weights
        Name in the state dict → tensor on the CPU. Of tensors that share memory the first stands.
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
    """Set a model's weights to base + α (tuned − base), in place, a tensor at a time.

    Parameters
    ----------
    model
        Of the same architecture; what its floating-point weights are now does not matter.
    base, tuned
        As :func:`park_weights` gives them.
    alpha
        0: exactly the base; 1: exactly the tuned model.

    Raises
    ------
    InputError
        If alpha is not in [0, 1].
    ModelError
        If the three do not have the same weights.

    References
    ----------
    Wortsman et al. 2022, https://arxiv.org/abs/2109.01903, § 3.
    """
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


def choose_alpha(
    evaluate: Callable[[float], QueryMetrics],
    *,
    alphas: Sequence[float] = ALPHAS,
    known: Mapping[float, QueryMetrics] | None = None,
) -> AlphaChoice:
    """Find the α with the best mean nDCG@10 on validation, the largest of those that tie.

    Parameters
    ----------
    evaluate
        Given an α, returns query id → metric → value.
    alphas
        The candidates.
    known
        What need not be evaluated again: α → query id → metric → value.

    Returns
    -------
    AlphaChoice
        Means within ``TIE`` of the best one tie with it.

    Raises
    ------
    InputError
        If there are no candidates.

    Examples
    --------
    >>> found = {1.0: 0.80, 0.75: 0.803, 0.5: 0.7}
    >>> choose_alpha(lambda alpha: {"q": {"ndcg@10": found[alpha]}}).alpha
    1.0
    """
    if not alphas:
        raise InputError("no alphas to choose from; expected one at least, such as 1.0")
    known = known or {}
    descending = sorted(set(alphas), reverse=True)
    scores = {alpha: known[alpha] if alpha in known else evaluate(alpha) for alpha in descending}
    means = {alpha: mean_ndcg(found) for alpha, found in scores.items()}
    best = max(means.values())
    # Sums of floats differ in their last digits.
    tied = [alpha for alpha in descending if means[alpha] >= best - TIE - 1e-9]
    return AlphaChoice(tied[0], scores)


def mean_ndcg(scores: QueryMetrics) -> float:
    """Return the mean nDCG@10 over the queries."""
    return sum(values[METRIC] for values in scores.values()) / len(scores)


def _floating(model: "SentenceTransformer") -> Iterator[tuple[str, "Tensor"]]:
    """Yield the floating-point tensors of the state dict, those that share memory once."""
    seen: set[int] = set()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            yield name, tensor
