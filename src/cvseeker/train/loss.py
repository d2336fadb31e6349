"""InfoNCE in which nobody is pushed away from a passage that answers them."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from sentence_transformers.util import all_gather, all_gather_with_grad
from torch import Tensor, nn

from cvseeker.train.distributed import rank, world_size

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Features = dict[str, Any]


def answered_mask(labels: Tensor, documents: Tensor) -> Tensor:
    """Find the documents of a batch that answer an anchor, shape (batch, n_documents), bool.

    Passages of one person answer one another's queries too often to serve as negatives. Labels,
    shape (batch, 1 + n): the person group of each pair's positive, then the person groups of all
    the passages that answer the anchor, filled up with -1. Documents, shape (n_documents,): the
    person group of each.
    """
    return (labels[:, :, None] == documents[None, None, :]).any(dim=1)


def masked_info_nce(scores: Tensor, answered: Tensor, targets: Tensor) -> Tensor:
    """Return InfoNCE with in-batch negatives, those that answer the anchor left out; a scalar.

    Scores, shape (batch, n_documents), are divided by the temperature already; ``answered`` has
    their shape; ``targets``, shape (batch,), is the column of each anchor's own positive.

    References
    ----------
    van den Oord, Li & Vinyals 2018, https://arxiv.org/abs/1807.03748.
    """
    own = nn.functional.one_hot(targets, scores.shape[1]).bool()
    return nn.functional.cross_entropy(scores.masked_fill(answered & ~own, float("-inf")), targets)


class RetrievalLoss(CachedLossMixin, nn.Module):
    """The loss as sentence-transformers' trainer calls one, whole or in mini-batches.

    References
    ----------
    Mini-batches (GradCache): Gao et al. 2021, https://arxiv.org/abs/2101.06983. Dimensions to which
    vectors are cut as well, each with the same weight (Matryoshka): Kusupati et al. 2022,
    https://arxiv.org/abs/2205.13147.
    """

    def __init__(
        self,
        model: "SentenceTransformer",
        *,
        temperature: float,
        matryoshka: tuple[int, ...] = (),
        mini_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.matryoshka = matryoshka
        self.mini_batch_size = mini_batch_size or sys.maxsize

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> Tensor:
        """Return the loss of anchors and positives, row for row; labels as in the mask."""
        columns = list(sentence_features)
        if self.mini_batch_size < len(labels):
            loss: Tensor = self.forward_cached(columns, labels)
            return loss
        embedded = [[self.model(dict(features))["sentence_embedding"]] for features in columns]
        return self.calculate_loss(embedded, labels)

    def calculate_loss(  # type: ignore[override]
        self, reps: list[list[Tensor]], labels: Tensor, *, with_backward: bool = False
    ) -> Tensor:
        """Return the loss of embedded columns, each in pieces of shape (n, dim)."""
        anchors, own = (cut(torch.cat(pieces).float()) for pieces in reps)  # (batch, dim)
        documents, groups = from_all_processes(own, labels[:, 0])
        answered = answered_mask(labels, groups)
        targets = torch.arange(len(labels), device=labels.device) + rank() * len(labels)
        losses = []
        for dim in dict.fromkeys((own.shape[1], *self.matryoshka)):
            cosines = cut(anchors, dim) @ cut(documents, dim).T  # (batch, n_documents)
            losses.append(masked_info_nce(cosines / self.temperature, answered, targets))
        loss = torch.stack(losses).mean()
        if with_backward:
            loss.backward()
            return loss.detach()
        return loss

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the trainer notes of the loss."""
        return {"temperature": self.temperature}


def cut(vectors: Tensor, dim: int | None = None) -> Tensor:
    """Return vectors' first dimensions, be it all, at unit length."""
    return nn.functional.normalize(vectors[:, :dim], dim=-1)


def from_all_processes(documents: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Join the documents of all processes and their person groups, in the order of the ranks.

    So each is a negative for all the others; every process must have as many, shape (n, dim).
    """
    if world_size() == 1:
        return documents, groups
    return all_gather_with_grad(documents), all_gather(groups.contiguous())
