"""InfoNCE in which nobody is pushed away from a passage that answers them."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.base.losses.gradcache import (
    CachedLossMixin,
    RandContext,
    _create_minibatch,
)
from sentence_transformers.util import all_gather, all_gather_with_grad
from torch import Tensor, nn

from cvseeker.train.distributed import rank, world_size

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Features = dict[str, Any]

# How tokenizers write the space before a word.
SPACE_MARKS = "Ġ▁"


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

    It is InfoNCE of what a search is made of, in one pass: the pooled vectors' cosines and the
    token vectors' late interaction.

    References
    ----------
    Mini-batches (GradCache): Gao et al. 2021, https://arxiv.org/abs/2101.06983. Dimensions to which
    vectors are cut as well, each with the same weight (Matryoshka): Kusupati et al. 2022,
    https://arxiv.org/abs/2205.13147. One model for pooled and token vectors, trained on both: Chen
    et al. 2024 (BGE-M3), https://arxiv.org/abs/2402.03216.
    """

    def __init__(
        self,
        model: "SentenceTransformer",
        *,
        temperature: float,
        late_temperature: float,
        late_weight: float,
        words: Tensor,
        matryoshka: tuple[int, ...] = (),
        mini_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.late_temperature = late_temperature
        self.late_weight = late_weight
        self.words = words  # (vocabulary,), bool: which tokens take part in late interaction
        self.matryoshka = matryoshka
        self.mini_batch_size = mini_batch_size or sys.maxsize

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> Tensor:
        """Return the loss of anchors and positives, row for row; labels as in the mask."""
        columns = list(sentence_features)
        if self.mini_batch_size < len(labels):
            loss: Tensor = self.forward_cached(columns, labels)
            return loss
        return self.calculate_loss([[self.embed(features)] for features in columns], labels)

    def embed(self, features: Features) -> Tensor:
        """Return the texts' vectors, shape (batch, 1 + tokens, dim), the pooled one first.

        Tokens that take no part in late interaction are zeros, as is what fills up a short text.
        """
        kept = self.words.to(features["input_ids"].device)[features["input_ids"]].float()
        prompt = int(features.get("prompt_length") or 0)
        packed = "cu_seq_lens_q" in features
        if not packed:
            # Some tokenizers fill up on the left.
            mask = features["attention_mask"]
            kept = kept * mask * (mask.cumsum(dim=1) > prompt)
        out = self.model(dict(features))
        pooled, tokens = out["sentence_embedding"], out["token_embeddings"]
        if packed:
            lengths = features["cu_seq_lens_q"].diff().tolist()
            tokens, kept = (
                nn.utils.rnn.pad_sequence(rows[0].split(lengths), batch_first=True)
                for rows in (tokens, kept)
            )
            kept[:, :prompt] = 0
        dim = max(pooled.shape[1], tokens.shape[2])
        rows = torch.cat([wider(pooled[:, None], dim), wider(tokens, dim)], dim=1).float()
        marks = nn.functional.pad(kept, (1, 0), value=1.0)
        return nn.functional.normalize(rows, dim=-1) * marks[..., None]

    def embed_minibatch(
        self,
        sentence_feature: Features,
        begin: int,
        end: int,
        with_grad: bool,
        copy_random_state: bool,
        random_state: RandContext | None = None,
    ) -> tuple[Tensor, RandContext | None]:
        """Embed some texts of a batch, with the dropout of the first time the second time."""
        features = _create_minibatch(sentence_feature, begin, end)
        with random_state or nullcontext(), torch.set_grad_enabled(with_grad):
            state = RandContext(*features.values()) if copy_random_state else None
            return self.embed(features), state

    def calculate_loss(  # type: ignore[override]
        self, reps: list[list[Tensor]], labels: Tensor, *, with_backward: bool = False
    ) -> Tensor:
        """Return the loss of embedded columns, each in pieces as :meth:`embed` gives them."""
        anchors, own = (join_pieces(pieces) for pieces in reps)  # (batch, 1 + tokens, dim)
        documents, groups = from_all_processes(own, labels[:, 0])
        answered = answered_mask(labels, groups)
        targets = torch.arange(len(labels), device=labels.device) + rank() * len(labels)
        full = self.model.get_embedding_dimension()
        losses = []
        for dim in dict.fromkeys((full, *self.matryoshka)):
            cosines = cut(anchors[:, 0], dim) @ cut(documents[:, 0], dim).T
            losses.append(masked_info_nce(cosines / self.temperature, answered, targets))
        loss = torch.stack(losses).mean()
        if self.late_weight:
            scores = late_scores(anchors[:, 1:], documents[:, 1:]) / self.late_temperature
            loss = loss + self.late_weight * masked_info_nce(scores, answered, targets)
        if with_backward:
            loss.backward()
            return loss.detach()
        return loss

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the trainer notes of the loss."""
        return {"temperature": self.temperature}


def late_scores(anchors: Tensor, documents: Tensor) -> Tensor:
    """Return late interaction's scores, shape (batch, n_documents).

    Of each of an anchor's tokens, shape (batch, tokens, dim), the best cosine among a document's,
    (n_documents, tokens, dim), averaged; zeros are no tokens.
    """
    cosines = torch.einsum("aqd,ntd->anqt", anchors, documents)
    cosines = cosines.masked_fill(~documents.any(dim=-1)[None, :, None], -1.0)
    asked = anchors.any(dim=-1)[:, None].float()  # (batch, 1, tokens)
    return (cosines.amax(dim=-1) * asked).sum(dim=-1) / asked.sum(dim=-1).clamp(min=1)


def word_tokens(model: "SentenceTransformer") -> Tensor:
    """Tell which tokens of a model's vocabulary are of words, shape (vocabulary,), bool."""
    tokenizer: Any = model.tokenizer
    special = set(tokenizer.all_special_ids)
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    words = [
        number not in special and any(map(str.isalnum, (token or "").lstrip(SPACE_MARKS)))
        for number, token in enumerate(tokens)
    ]
    return torch.tensor(words)


def join_pieces(pieces: Sequence[Tensor]) -> Tensor:
    """Join mini-batches' rows, shape (n, rows, dim), filled up with zeros to the longest."""
    longest = max(piece.shape[1] for piece in pieces)
    return torch.cat(
        [nn.functional.pad(piece, (0, 0, 0, longest - piece.shape[1])) for piece in pieces]
    )


def wider(vectors: Tensor, dim: int) -> Tensor:
    """Fill vectors up with zeros, which change no cosine."""
    return nn.functional.pad(vectors, (0, dim - vectors.shape[-1]))


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
