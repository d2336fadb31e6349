"""InfoNCE in which nobody is pushed away from a passage of their own."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def masked_info_nce(
    anchors: Tensor, positives: Tensor, groups: Tensor, *, temperature: float
) -> Tensor:
    """Compute InfoNCE with in-batch negatives, those of the same person group left out.

    Parameters
    ----------
    anchors, positives
        Shape (batch, dim), unit length; row i of one answers row i of the other.
    groups
        Shape (batch,): the person group of each pair. Passages of one person answer one another's
        queries too often to serve as negatives.
    temperature
        Divides the cosines.

    Returns
    -------
    Tensor
        A scalar, the mean over the batch.

    References
    ----------
    van den Oord, Li & Vinyals 2018, https://arxiv.org/abs/1807.03748.
    """
    scores = anchors @ positives.T / temperature  # (batch, batch)
    same = groups[:, None] == groups[None, :]  # (batch, batch)
    own = torch.eye(len(groups), dtype=torch.bool, device=groups.device)
    scores = scores.masked_fill(same & ~own, float("-inf"))
    return nn.functional.cross_entropy(scores, torch.arange(len(groups), device=groups.device))


class MaskedInfoNCELoss(nn.Module):
    """:func:`masked_info_nce` as sentence-transformers' trainer calls a loss.

    Parameters
    ----------
    model
        The encoder; its vectors are normalised here whether or not it does so itself.
    temperature
        Divides the cosines.
    """

    def __init__(self, model: "SentenceTransformer", *, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the loss of a batch of (anchor, positive) with the person groups as labels."""
        anchors, positives = (
            nn.functional.normalize(self.model(features)["sentence_embedding"], dim=-1)
            for features in sentence_features
        )
        return masked_info_nce(anchors, positives, labels, temperature=self.temperature)

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the trainer notes of the loss."""
        return {"temperature": self.temperature}
