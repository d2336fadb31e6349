"""A batch's vectors with gradients: all at once, or in pieces whose memory does not add up."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.base.losses.gradcache import RandContext, _create_minibatch
from sentence_transformers.util import (
    all_gather,
    all_gather_with_grad,
    repad_flattened_features,
)
from torch import Tensor, nn
from torch.nn.functional import pad

from cvseeker.train.distributed import world_size

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Features = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Embedded:
    """What the encoder made of a column of a batch.

    Attributes
    ----------
    pooled
        Shape (n, dim), unit length.
    tokens
        Shape (n, n_tokens, dim), unit length; (n, 0, dim) where only pooled vectors are wanted.
    ids, mask
        Shape (n, n_tokens): token ids, and 1 where there is a token.
    """

    pooled: Tensor
    tokens: Tensor
    ids: Tensor
    mask: Tensor

    @property
    def width(self) -> int:
        """Number of places for tokens."""
        return self.ids.shape[1]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A column embedded piece by piece, without the graph that made it.

    ``joined`` has leaves that collect gradients; the rest is what embeds the pieces again.
    """

    joined: Embedded
    features: list[Features]
    states: list[RandContext]


def embed(model: "SentenceTransformer", features: Features, with_tokens: bool) -> Embedded:
    """Embed a column of a batch.

    Parameters
    ----------
    model
        The encoder.
    features
        What the collator made: token ids, masks.
    with_tokens
        Whether the tokens' vectors are wanted beside the pooled ones.
    """
    output = model(dict(features))
    pooled = nn.functional.normalize(output["sentence_embedding"].float(), dim=-1)
    if not with_tokens:
        none = pooled.new_zeros(len(pooled), 0, dtype=torch.long)
        return Embedded(pooled, pooled.new_zeros(len(pooled), 0, pooled.shape[1]), none, none)
    if "cu_seq_lens_q" in output:
        output = repad_flattened_features(output)
    tokens = nn.functional.normalize(output["token_embeddings"].float(), dim=-1)
    return Embedded(pooled, tokens, output["input_ids"], output["attention_mask"])


def embed_in_pieces(
    model: "SentenceTransformer", features: Features, with_tokens: bool, size: int
) -> Pieces:
    """Embed a column, ``size`` texts at a time, and forget how.

    The first pass of GradCache (Gao et al. 2021, https://arxiv.org/abs/2101.06983): the loss of the
    whole batch is computed on these vectors, and :func:`replay_gradients` hands its gradients on.
    """
    parts = list(split_features(features, size))
    states, embedded = [], []
    with torch.no_grad():
        for part in parts:
            states.append(RandContext(*part.values()))
            embedded.append(embed(model, part, with_tokens))
    widest = max(each.width for each in embedded)
    joined = Embedded(
        torch.cat([each.pooled for each in embedded]).requires_grad_(),
        torch.cat(
            [pad(each.tokens, (0, 0, 0, widest - each.width)) for each in embedded]
        ).requires_grad_(),
        torch.cat([pad(each.ids, (0, widest - each.width)) for each in embedded]),
        torch.cat([pad(each.mask, (0, widest - each.width)) for each in embedded]),
    )
    return Pieces(joined, parts, states)


def replay_gradients(
    model: "SentenceTransformer", loss: Tensor, columns: list[Pieces], with_tokens: bool
) -> Tensor:
    """Return the loss such that its backward pass embeds the pieces again, one at a time.

    Parameters
    ----------
    model
        The encoder.
    loss
        Computed on the pieces' joined vectors.
    columns
        What :func:`embed_in_pieces` made of each column.
    with_tokens
        As the columns were embedded.
    """
    wanted = [tensor for each in columns for tensor in (each.joined.pooled, each.joined.tokens)]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
    result = loss.detach().requires_grad_()

    def hand_on(scale: Tensor) -> None:
        """Backpropagate the cached gradients through each piece."""
        for column, (pooled, tokens) in zip(
            columns, zip(gradients[::2], gradients[1::2], strict=True), strict=True
        ):
            begin = 0
            for features, state in zip(column.features, column.states, strict=True):
                # Hooks run with gradients off.
                with state, torch.enable_grad():
                    piece = embed(model, features, with_tokens)
                    rows = slice(begin, begin + len(piece.pooled))
                    begin = rows.stop
                    surrogate = (piece.pooled * pooled[rows]).sum()
                    if with_tokens:
                        surrogate = surrogate + (piece.tokens * tokens[rows, : piece.width]).sum()
                    (surrogate * scale).backward()

    result.register_hook(hand_on)
    return result


def split_features(features: Features, size: int) -> Iterator[Features]:
    """Yield a column's features, ``size`` texts at a time, padded or packed."""
    if "cu_seq_lens_q" in features:
        for begin in range(0, len(features["cu_seq_lens_q"]) - 1, size):
            yield _create_minibatch(features, begin, begin + size)
        return
    rows = len(features["attention_mask"])
    for begin in range(0, rows, size):
        yield {
            name: value[begin : begin + size]
            if isinstance(value, Tensor) and value.dim() and len(value) == rows
            else value
            for name, value in features.items()
        }


def cut(vectors: Tensor, dim: int) -> Tensor:
    """Return the vectors' first dimensions, unit length again."""
    if dim >= vectors.shape[1]:
        return vectors
    return nn.functional.normalize(vectors[:, :dim], dim=-1)


def from_all_processes(documents: Embedded, groups: Tensor) -> tuple[Embedded, Tensor]:
    """Join the documents of all processes, so that each is a negative for all the others.

    Parameters
    ----------
    documents
        This process's documents; every process has as many.
    groups
        Shape (n,): their person groups.

    Returns
    -------
    tuple
        The documents of all processes, in the order of their ranks, and their person groups.
    """
    if world_size() == 1:
        return documents, groups
    longest = torch.tensor(documents.width, device=groups.device)
    torch.distributed.all_reduce(longest, torch.distributed.ReduceOp.MAX)
    missing = int(longest) - documents.width
    joined = Embedded(
        all_gather_with_grad(documents.pooled),
        all_gather_with_grad(pad(documents.tokens, (0, 0, 0, missing)).contiguous()),
        all_gather(pad(documents.ids, (0, missing)).contiguous()),
        all_gather(pad(documents.mask, (0, missing)).contiguous()),
    )
    return joined, all_gather(groups.contiguous())
