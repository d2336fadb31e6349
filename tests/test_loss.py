import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.train.loss import MaskedInfoNCELoss, masked_info_nce


def unit(rows: int, seed: int) -> torch.Tensor:
    vectors = torch.randn(rows, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=-1)


def looped(
    anchors: torch.Tensor, positives: torch.Tensor, groups: list[int], temperature: float
) -> float:
    total = 0.0
    for row, anchor in enumerate(anchors):
        terms = [
            math.exp(float(anchor @ positives[other]) / temperature)
            for other in range(len(groups))
            if other == row or groups[other] != groups[row]
        ]
        own = math.exp(float(anchor @ positives[row]) / temperature)
        total += -math.log(own / sum(terms))
    return total / len(groups)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=8),
    st.integers(0, 1000),
    st.sampled_from([0.05, 0.5, 1.0]),
)
def test_the_loss_is_a_loop(groups: list[int], seed: int, temperature: float) -> None:
    anchors, positives = unit(len(groups), seed), unit(len(groups), seed + 1)
    loss = masked_info_nce(anchors, positives, torch.tensor(groups), temperature=temperature)
    assert loss.item() == pytest.approx(looped(anchors, positives, groups, temperature), abs=1e-4)


def test_nobody_is_pushed_away_from_a_passage_of_their_own() -> None:
    anchors, positives = unit(4, 1).requires_grad_(), unit(4, 2).requires_grad_()
    groups = torch.tensor([0, 0, 1, 2])
    scores = anchors @ positives.T
    scores.retain_grad()
    row_loss = masked_info_nce(anchors, positives, groups, temperature=0.05)
    own = torch.autograd.grad(row_loss, positives, retain_graph=True)[0]
    assert torch.all(own != 0)
    # Only the first anchor counts: its neighbour of the same person feels nothing.
    first = torch.zeros(4, 1)
    first[0] = 1
    logits = (anchors * first) @ positives.T / 0.05
    masked = logits.masked_fill(
        (groups[:, None] == groups[None, :]) & ~torch.eye(4, dtype=torch.bool), float("-inf")
    )
    loss = torch.nn.functional.cross_entropy(masked[:1], torch.tensor([0]))
    felt = torch.autograd.grad(loss, positives)[0]
    assert torch.all(felt[1] == 0)
    assert torch.all(felt[2] != 0)


def test_the_same_persons_passage_changes_no_anchors_gradient() -> None:
    anchors, positives = unit(3, 3).requires_grad_(), unit(3, 4)
    other = positives.clone()
    other[1] = unit(1, 9)[0]
    groups = torch.tensor([0, 0, 1])

    def gradient_of_first(passages: torch.Tensor) -> torch.Tensor:
        loss = masked_info_nce(anchors, passages, groups, temperature=0.05)
        return torch.autograd.grad(loss, anchors)[0][0]

    assert torch.equal(gradient_of_first(positives), gradient_of_first(other))
    apart = torch.tensor([0, 2, 1])
    groups = apart
    assert not torch.equal(gradient_of_first(positives), gradient_of_first(other))


def test_a_batch_of_one_person_teaches_nothing() -> None:
    anchors = unit(3, 5).requires_grad_()
    loss = masked_info_nce(anchors, unit(3, 6), torch.zeros(3, dtype=torch.long), temperature=0.05)
    assert loss.item() == 0
    assert torch.all(torch.autograd.grad(loss, anchors)[0] == 0)


def test_the_models_vectors_are_normalised(tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_model), device="cpu", local_files_only=True).eval()
    scaled = SentenceTransformer(modules=list(model)[:2], device="cpu").eval()
    labels = torch.tensor([0, 1])

    def loss_of(model: SentenceTransformer) -> float:
        features = [model.preprocess(["chef", "nurse"]), model.preprocess(["sugar", "triage"])]
        loss = MaskedInfoNCELoss(model, temperature=0.05)
        assert loss.get_config_dict() == {"temperature": 0.05}
        return float(loss(features, labels).detach())

    assert loss_of(model) == pytest.approx(loss_of(scaled), abs=1e-5)
