"""Attention over texts packed end to end, so that no token of a batch is padding.

A padded batch is as wide as its longest text; packed, its texts stand behind one another in a
single row, and attention is told where each begins. sentence-transformers pools such a row by
itself; what it lacks is an attention for it that comes with PyTorch rather than with flash-attn.
On a GPU that is one kernel for all texts. On a processor it is one call for each, which is cheap
beside the rest of a layer: with every second place padding, a step takes half the time.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor
    from transformers import PretrainedConfig

# The name that transformers knows this attention by.
IMPLEMENTATION = "cvseeker_packed"

# Architectures whose packed vectors are tested to equal their padded ones, each with whether its
# positions count from the padding token's number on, as RoBERTa's do, or from zero.
ARCHITECTURES = {
    "bert": False,
    "camembert": True,
    "electra": False,
    "roberta": True,
    "xlm-roberta": True,
}

# What a packed row carries beside its tokens, in sentence-transformers' own words.
PACKED_KEYS = {"cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "seq_idx"}

# Flash attention needs tensor cores for bfloat16: Ampere or later.
OLDEST_CAPABILITY = (8, 0)


@dataclass(frozen=True, slots=True)
class AttentionChoice:
    """Which attention a model was given: ``packed`` or not, and in ``reason`` why."""

    packed: bool
    reason: str


def use_packed_attention(model: "SentenceTransformer", *, half: bool) -> AttentionChoice:
    """Switch a model over to packed attention where that is possible, else leave it as it is.

    Padded batches still work afterwards: they go through PyTorch's own attention as before. What
    is saved of the model does not change.

    Parameters
    ----------
    model
        A model that is about to be trained, its dropout set.
    half
        Whether its arithmetic will be bfloat16 or float16, by autocast or by its weights; a GPU's
        kernel takes no other.

    Returns
    -------
    AttentionChoice
        Packed batches may be given to the model only if it says ``packed``.
    """
    obstacle = _obstacle_of_model(model) or _obstacle_of_device(model, half=half)
    if obstacle:
        return AttentionChoice(packed=False, reason=f"padded attention: {obstacle}")
    switch_to_packed(model)
    return AttentionChoice(packed=True, reason="packed attention: no padding")


def switch_to_packed(model: "SentenceTransformer") -> None:
    """Switch a model over to packed attention without asking whether it pays."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(IMPLEMENTATION, packed_attention)
    AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)
    transformer = cast(Any, model[0])
    transformer.model.set_attn_implementation(IMPLEMENTATION)
    if transformer.model_forward_params is not None:
        transformer.model_forward_params |= PACKED_KEYS


def first_position(model: "SentenceTransformer") -> int:
    """Return the number of a text's first position: 0, or behind the padding token's."""
    config = _config(model)
    behind = ARCHITECTURES.get(config.model_type, False)
    return int(cast(Any, config).pad_token_id) + 1 if behind else 0


def packed_attention(
    module: Any,
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    attention_mask: "Tensor | None",
    dropout: float = 0.0,
    scaling: float | None = None,
    cu_seq_lens_q: "Tensor | None" = None,
    max_length_q: int = 0,
    **kwargs: Any,
) -> "tuple[Tensor, Tensor | None]":
    """Attend within each text of a packed row, in both directions.

    Parameters
    ----------
    module
        The layer that calls.
    query, key, value
        Shape (1, heads, tokens, head_dim).
    attention_mask
        Of a padded batch; unused where the row is packed.
    dropout
        Probability; a GPU's kernel has none.
    scaling
        Factor of the scores; ``None``: one over the root of ``head_dim``.
    cu_seq_lens_q
        Shape (texts + 1,), int32: where each text begins, and the row's end. ``None``: the batch is
        padded, and PyTorch's attention does it.
    max_length_q
        Tokens of the longest text.
    kwargs
        Passed on for a padded batch.

    Returns
    -------
    tuple
        The mixed values, shape (1, tokens, heads, head_dim), and ``None`` for the weights.
    """
    import torch

    if cu_seq_lens_q is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
    if not query.is_cuda or query.dtype not in {torch.bfloat16, torch.float16}:
        return _text_by_text(
            query, key, value, cu_seq_lens_q, dropout=dropout, scaling=scaling
        ), None
    from torch.nn.attention.varlen import varlen_attn

    queries, keys, values = (
        states[0].transpose(0, 1)  # (tokens, heads, head_dim)
        for states in (query, key, value)
    )
    mixed = varlen_attn(
        queries,
        keys,
        values,
        cu_seq_lens_q,
        cu_seq_lens_q,
        max_length_q,
        max_length_q,
        scale=scaling,
    )
    return cast("Tensor", mixed)[None], None  # (1, tokens, heads, head_dim)


def _text_by_text(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    bounds: "Tensor",
    *,
    dropout: float,
    scaling: float | None,
) -> "Tensor":
    """Do the same one text after the other, on any device and in any precision."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    lengths = bounds.diff().tolist()
    # Backward, a processor's kernel takes five times as long in bfloat16 as in float32.
    sides = (query, key, value) if query.is_cuda else (query.float(), key.float(), value.float())
    texts = zip(*(states.split(lengths, dim=2) for states in sides), strict=True)
    # Autocast would turn them back.
    with torch.autocast(query.device.type, enabled=False):
        mixed = [
            scaled_dot_product_attention(queries, keys, values, dropout_p=dropout, scale=scaling)
            for queries, keys, values in texts
        ]
    joined = torch.cat(mixed, dim=2).to(query.dtype)
    return joined.transpose(1, 2)  # (1, tokens, heads, head_dim)


def _obstacle_of_model(model: "SentenceTransformer") -> str:
    """Say what about a model rules packed attention out; empty if nothing does."""
    from sentence_transformers.base.modules import Transformer
    from torch import nn

    if not isinstance(model[0], Transformer) or not hasattr(model[0], "model_forward_params"):
        return f"{type(model[0]).__name__} is no transformer"
    architecture = _config(model).model_type
    if architecture not in ARCHITECTURES:
        return f"{architecture} is none of {', '.join(sorted(ARCHITECTURES))}"
    if cast(Any, _config(model)).is_decoder:
        return f"this {architecture} is a decoder"
    # Only attention's dropout is missing, but which layers are attention's is each model's own.
    dropout = any(module.p > 0 for module in model.modules() if isinstance(module, nn.Dropout))
    if dropout and model.device.type != "cpu":
        return "a GPU's kernel has no dropout, which this training asks for"
    return ""


def _obstacle_of_device(model: "SentenceTransformer", *, half: bool) -> str:
    """Say what about a model's device rules packed attention out; empty if nothing does."""
    import torch

    if model.device.type == "cpu":
        return ""
    if model.device.type != "cuda":
        return f"the model is on {model.device.type}, which has no kernel for it"
    if not half:
        return "the arithmetic is float32, and a GPU's kernel needs bfloat16 or float16"
    if find_spec("torch.nn.attention.varlen") is None:
        return f"torch {torch.__version__} has no varlen_attn"
    if torch.cuda.get_device_capability(model.device) < OLDEST_CAPABILITY:
        return f"{torch.cuda.get_device_name(model.device)} is older than Ampere"
    return ""


def _config(model: "SentenceTransformer") -> "PretrainedConfig":
    config: PretrainedConfig = cast(Any, model[0]).config
    return config
