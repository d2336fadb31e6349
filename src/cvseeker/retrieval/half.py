"""Copies of a model that calculate in half the bits.

On a processor only products do: what is added up, normalised and pooled stays in full, which is
nearer to the model and saves turning numbers to and fro. oneDNN lays the weights out once for all
calls and takes the activation along. On a GPU, and where a model does not agree with such a copy,
all of its transformer is in bfloat16.
"""

import copy
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.activations import GELUActivation
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# The name that transformers knows the attention by.
ATTENTION = "cvseeker_short"
# Tokens up to which all scores of a batch are held at once.
SHORT = 512
# What a copy is tried on, one of the two padded, and the cosine that half the bits keep.
TRIAL = ("nurse", "A nurse with nine years of night shifts in intensive care")
AGREES = 0.99


def half_copy(model: "SentenceTransformer") -> "SentenceTransformer":
    """Return a model whose transformer calculates in bfloat16, and whose other parts are shared.

    What it says of tokens is pooled, projected and normalised in full.
    """
    model.eval()
    # Some models mix what such a copy does not, and not every processor has its products.
    with suppress(AttributeError, RuntimeError, TypeError):
        if model.device.type == "cpu" and _agree(
            model, twin := _with_first(model, _packed(model[0]))
        ):
            return twin
    # All of it would copy the tokenizer's vocabulary and what the trainer has left with the model.
    first = copy.copy(model[0])
    first._modules = {
        name: copy.deepcopy(module).to(torch.bfloat16) if module is not None else None
        for name, module in model[0]._modules.items()
    }
    return _with_first(model, first)


class PackedLinear(nn.Module):
    """A linear layer, and the activation after it, in bfloat16 by oneDNN."""

    def __init__(self, linear: nn.Linear, activation: str = "none") -> None:
        super().__init__()
        weight = linear.weight.detach().bfloat16()
        bias = cast("Tensor | None", linear.bias)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        self.bias = None if bias is None else bias.detach().bfloat16()
        self.activation = activation

    def forward(self, states: Tensor) -> Tensor:
        """Return shape (..., out), bfloat16, for states of shape (..., in)."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            states.bfloat16(), self.weight, self.bias, self.activation, [], "none"
        )
        return product


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Mix values, (b, heads, tokens, head_dim), into (b, tokens, heads, head_dim), all in half.

    Over texts as short as windows, two plain products take half as long as PyTorch's own kernel.
    """
    special = getattr(module, "is_causal", True) or options.get("position_bias") is not None
    if special or query.shape != key.shape or query.shape[2] > SHORT:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
    query = query.contiguous() * (scaling or query.shape[3] ** -0.5)
    scores = query @ key.contiguous().transpose(2, 3)  # (b, heads, tokens, tokens)
    if attention_mask is not None:
        scores = scores.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min)
    return (scores.softmax(-1) @ value.contiguous()).transpose(1, 2).contiguous(), None


def _packed(first: Any) -> Any:
    """Return a transformer that shares all but its linear layers, which are packed."""
    AttentionInterface.register(ATTENTION, attend)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    twin = _swapped(first)
    config = copy.copy(first.model.config)
    if config._attn_implementation == "sdpa":
        config._attn_implementation = ATTENTION
    for module in twin.modules():
        if "config" in vars(module):
            module.config = config
    # Where two kinds of numbers meet in a product.
    twin.forward = torch.autocast("cpu", torch.bfloat16)(twin.forward)
    return twin


def _swapped(module: Any) -> Any:
    if type(module) is nn.Linear:
        return PackedLinear(module)
    twin = copy.copy(module)
    twin._modules = {name: part and _swapped(part) for name, part in module._modules.items()}
    activation = getattr(module, "intermediate_act_fn", None)
    if isinstance(activation, GELUActivation) and type(module.dense) is nn.Linear:
        twin._modules["dense"] = PackedLinear(module.dense, "gelu")
        twin._modules["intermediate_act_fn"] = nn.Identity()
    return twin


def _with_first(model: "SentenceTransformer", first: Any) -> "SentenceTransformer":
    """Return a model with another transformer, whose tokens' vectors are in full."""
    first._forward_hooks = type(first._forward_hooks)(first._forward_hooks)
    first.register_forward_hook(_in_full)
    half = copy.copy(model)
    half._modules = {**model._modules, next(iter(model._modules)): first}
    return half


def _in_full(_module: Any, _inputs: Any, features: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.float() if name == "token_embeddings" else value
        for name, value in features.items()
    }


def _agree(model: "SentenceTransformer", twin: "SentenceTransformer") -> bool:
    """Try a copy on two texts."""
    with torch.inference_mode():
        vectors = [
            each(each.preprocess(list(TRIAL)))["sentence_embedding"] for each in (model, twin)
        ]
    return bool((torch.cosine_similarity(*vectors) > AGREES).all())
