"""A batch's vectors with gradients: all at once, or in pieces whose memory does not add up."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.base.losses.gradcache import RandContext, _create_minibatch
from sentence_transformers.util import all_gather, all_gather_with_grad
from torch import Tensor, nn

from cvseeker.train.distributed import world_size

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Features = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A column embedded piece by piece, without the graph that made it.

    ``joined``, shape (n, dim), is a leaf that collects gradients; the rest is what embeds the
    pieces again.
    """

    joined: Tensor
    features: list[Features]
    states: list[RandContext]


def embed(model: "SentenceTransformer", features: Features) -> Tensor:
    """Embed a column of a batch.

    Parameters
    ----------
    model
        The encoder.
    features
        What the collator made: token ids, masks.

    Returns
    -------
    Tensor
        Shape (n, dim), float32, unit length.
    """
    output = model(dict(features))
    return nn.functional.normalize(output["sentence_embedding"].float(), dim=-1)


def embed_in_pieces(model: "SentenceTransformer", features: Features, size: int) -> Pieces:
    """Embed a column, ``size`` texts at a time, and forget how.

    The first pass of GradCache (Gao et al. 2021, https://arxiv.org/abs/2101.06983): the loss of the
    whole batch is computed on these vectors, and :func:`replay_gradients` hands its gradients on.
    """
    parts = list(split_features(features, size))
    states, embedded = [], []
    with torch.no_grad():
        for part in parts:
            states.append(RandContext(*part.values()))
            embedded.append(embed(model, part))
    return Pieces(torch.cat(embedded).requires_grad_(), parts, states)


def replay_gradients(model: "SentenceTransformer", loss: Tensor, columns: list[Pieces]) -> Tensor:
    """Return the loss such that its backward pass embeds the pieces again, one at a time.

    Parameters
    ----------
    model
        The encoder.
    loss
        Computed on the pieces' joined vectors.
    columns
        What :func:`embed_in_pieces` made of each column.
    """
    gradients = torch.autograd.grad(loss, [each.joined for each in columns])
    result = loss.detach().requires_grad_()

    def hand_on(scale: Tensor) -> None:
        """Backpropagate the cached gradients through each piece."""
        for column, gradient in zip(columns, gradients, strict=True):
            begin = 0
            for features, state in zip(column.features, column.states, strict=True):
                # Hooks run with gradients off.
                with state, torch.enable_grad():
                    piece = embed(model, features)
                    rows = slice(begin, begin + len(piece))
                    begin = rows.stop
                    ((piece * gradient[rows]).sum() * scale).backward()

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


def from_all_processes(documents: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Join the documents of all processes, so that each is a negative for all the others.

    Parameters
    ----------
    documents
        Shape (n, dim): this process's documents; every process has as many.
    groups
        Shape (n,): their person groups.

    Returns
    -------
    tuple
        The documents of all processes, in the order of their ranks, and their person groups.
    """
    if world_size() == 1:
        return documents, groups
    return all_gather_with_grad(documents), all_gather(groups.contiguous())
