"""InfoNCE in which nobody is pushed away from a passage that answers them.

The encoder learns two scores at once: the cosine of the pooled vectors, and late interaction, where
each token of the query looks for its best token of the window.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cvseeker.train.distributed import rank
from cvseeker.train.embedding import (
    Embedded,
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
    late_weight
        Weight of late interaction's InfoNCE beside that of the pooled vectors; 0: none.
    matryoshka
        Dimensions to which the pooled vectors are cut as well, each with the same weight (Kusupati
        et al. 2022, https://arxiv.org/abs/2205.13147).
    mini_batch_size
        Texts that are embedded at once; ``None``: the whole batch. The loss is the same.
    """

    temperature: float
    late_weight: float = 0.0
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


def max_sim(anchors: Embedded, documents: Embedded, token_weights: Tensor) -> Tensor:
    """Score documents by late interaction.

    Parameters
    ----------
    anchors, documents
        With their tokens' vectors, unit length.
    token_weights
        Shape (vocabulary,): how much each token of an anchor counts; 0 for special tokens.

    Returns
    -------
    Tensor
        Shape (n_anchors, n_documents): the weighted mean, over an anchor's tokens, of the best
        cosine with a token of the document (Khattab & Zaharia 2020,
        https://arxiv.org/abs/2004.12832).
    """
    weights = token_weights[anchors.ids] * anchors.mask  # (n_anchors, n_tokens)
    visible = documents.mask.bool() & (token_weights[documents.ids] > 0)
    columns = []
    for vectors, seen in zip(documents.tokens, visible, strict=True):
        cosines = anchors.tokens @ vectors[seen].T  # (n_anchors, n_tokens, n_seen)
        best = cosines.amax(-1) if seen.any() else cosines.new_zeros(cosines.shape[:2])
        columns.append((best * weights).sum(-1))
    return torch.stack(columns, dim=1) / weights.sum(-1, keepdim=True).clamp(min=1e-6)


class RetrievalLoss(nn.Module):
    """The loss as sentence-transformers' trainer calls one.

    Parameters
    ----------
    model
        The encoder; its vectors are normalised here whether or not it does so itself.
    settings
        What is added up.
    token_weights
        Shape (vocabulary,): for late interaction, the weight of each token of a query.
    """

    def __init__(
        self,
        model: "SentenceTransformer",
        *,
        settings: LossSettings,
        token_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.token_weights: Tensor
        self.register_buffer("token_weights", token_weights, persistent=False)

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
        with_tokens = self.settings.late_weight > 0
        size = self.settings.mini_batch_size
        if size is None or size >= len(labels) or not torch.is_grad_enabled():
            return self.score([embed(self.model, each, with_tokens) for each in features], labels)
        columns = [embed_in_pieces(self.model, each, with_tokens, size) for each in features]
        loss = self.score([column.joined for column in columns], labels)
        return replay_gradients(self.model, loss, columns, with_tokens)

    def score(self, embedded: Sequence[Embedded], labels: Tensor) -> Tensor:
        """Return the loss of a batch whose anchors and positives are embedded, row for row."""
        anchors, own = embedded
        documents, groups = from_all_processes(own, labels[:, 0])
        answered = answered_mask(labels, groups)
        targets = torch.arange(len(labels), device=labels.device) + rank() * len(labels)
        dims = dict.fromkeys((own.pooled.shape[1], *self.settings.matryoshka))
        losses = [
            self._info_nce(
                cut(anchors.pooled, dim) @ cut(documents.pooled, dim).T, answered, targets
            )
            for dim in dims
        ]
        loss = torch.stack(losses).mean()
        if self.settings.late_weight > 0:
            late = max_sim(anchors, documents, self.token_weights)
            loss = loss + self.settings.late_weight * self._info_nce(late, answered, targets)
        return loss

    def _info_nce(self, cosines: Tensor, answered: Tensor, targets: Tensor) -> Tensor:
        return masked_info_nce(cosines / self.settings.temperature, answered, targets)

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the trainer notes of the loss."""
        return {"temperature": self.settings.temperature, "late_weight": self.settings.late_weight}
