"""InfoNCE in which nobody is pushed away from a passage that answers them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cvseeker.train.distributed import rank
from cvseeker.train.embedding import (
    cut,
    embed,
    embed_in_pieces,
    from_all_processes,
    replay_gradients,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What is added up to the loss.

    Attributes
    ----------
    temperature
        Divides the cosines.
    matryoshka
        Dimensions to which the pooled vectors are cut as well, each with the same weight (Kusupati
        et al. 2022, https://arxiv.org/abs/2205.13147).
    mini_batch_size
        Texts that are embedded at once; ``None``: the whole batch. The loss is the same.
    """

    temperature: float
    matryoshka: tuple[int, ...] = ()
    mini_batch_size: int | None = None


def answered_mask(labels: Tensor, documents: Tensor) -> Tensor:
    """Find the documents of a batch that answer an anchor.

    Parameters
    ----------
    labels
        Shape (batch, 1 + n): the person group of each pair's positive, then the person groups of
        all the passages that answer the anchor, filled up with -1.
    documents
        Shape (n_documents,): the person group of each document.

    Returns
    -------
    Tensor
        Shape (batch, n_documents), bool. Passages of one person answer one another's queries too
        often to serve as negatives.
    """
    return (labels[:, :, None] == documents[None, None, :]).any(dim=1)


def masked_info_nce(scores: Tensor, answered: Tensor, targets: Tensor) -> Tensor:
    """Compute InfoNCE with in-batch negatives, those that answer the anchor left out.

    Parameters
    ----------
    scores
        Shape (batch, n_documents): divided by the temperature.
    answered
        Shape (batch, n_documents), bool.
    targets
        Shape (batch,): the column of each anchor's own positive.

    Returns
    -------
    Tensor
        A scalar, the mean over the batch.

    References
    ----------
    van den Oord, Li & Vinyals 2018, https://arxiv.org/abs/1807.03748.
    """
    own = nn.functional.one_hot(targets, scores.shape[1]).bool()
    return nn.functional.cross_entropy(scores.masked_fill(answered & ~own, float("-inf")), targets)


class RetrievalLoss(nn.Module):
    """The loss as sentence-transformers' trainer calls one.

    Parameters
    ----------
    model
        The encoder; its vectors are normalised here whether or not it does so itself.
    settings
        What is added up.
    """

    def __init__(self, model: "SentenceTransformer", *, settings: LossSettings) -> None:
        super().__init__()
        self.model = model
        self.settings = settings

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        sentence_features
            Features of the anchors and of their positives, row for row.
        labels
            As in :func:`answered_mask`.
        """
        features = list(sentence_features)
        size = self.settings.mini_batch_size
        if size is None or size >= len(labels) or not torch.is_grad_enabled():
            return self.score([embed(self.model, each) for each in features], labels)
        columns = [embed_in_pieces(self.model, each, size) for each in features]
        loss = self.score([column.joined for column in columns], labels)
        return replay_gradients(self.model, loss, columns)

    def score(self, embedded: Sequence[Tensor], labels: Tensor) -> Tensor:
        """Return the loss of a batch whose anchors and positives are embedded, row for row."""
        anchors, own = embedded
        documents, groups = from_all_processes(own, labels[:, 0])
        answered = answered_mask(labels, groups)
        targets = torch.arange(len(labels), device=labels.device) + rank() * len(labels)
        dims = dict.fromkeys((own.shape[1], *self.settings.matryoshka))
        losses = [
            self._info_nce(cut(anchors, dim) @ cut(documents, dim).T, answered, targets)
            for dim in dims
        ]
        return torch.stack(losses).mean()

    def _info_nce(self, cosines: Tensor, answered: Tensor, targets: Tensor) -> Tensor:
        return masked_info_nce(cosines / self.settings.temperature, answered, targets)

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the trainer notes of the loss."""
        return {"temperature": self.settings.temperature}
