import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.train.embedding import cut
from cvseeker.train.loss import LossSettings, RetrievalLoss, answered_mask, masked_info_nce


def unit(*shape: int, seed: int) -> torch.Tensor:
    vectors = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=-1)


def looped(scores: torch.Tensor, answers: list[set[int]], groups: list[int]) -> float:
    """InfoNCE of a square batch, written out."""
    total = 0.0
    for row, answered in enumerate(answers):
        terms = [
            math.exp(float(scores[row, other]))
            for other in range(len(groups))
            if other == row or groups[other] not in answered
        ]
        total -= math.log(math.exp(float(scores[row, row])) / sum(terms))
    return total / len(groups)


@given(st.lists(st.sets(st.integers(0, 4), max_size=2), min_size=1, max_size=6), st.integers(0, 99))
def test_the_loss_is_a_loop(further: list[set[int]], seed: int) -> None:
    groups = [row % 4 for row in range(len(further))]
    answers = [{group} | also for group, also in zip(groups, further, strict=True)]
    rows = [[group, *sorted(also)] for group, also in zip(groups, answers, strict=True)]
    longest = max(map(len, rows))
    labels = torch.tensor([row + [-1] * (longest - len(row)) for row in rows])
    scores = unit(len(groups), 8, seed=seed) @ unit(len(groups), 8, seed=seed + 1).T / 0.5
    answered = answered_mask(labels, torch.tensor(groups))
    loss = masked_info_nce(scores, answered, torch.arange(len(groups)))
    assert loss.item() == pytest.approx(looped(scores, answers, groups), abs=1e-4)


def test_nobody_is_pushed_away_from_what_answers_them() -> None:
    scores = torch.zeros(3, 3, requires_grad=True)
    # The first anchor is answered by persons 0 and 2.
    labels = torch.tensor([[0, 0, 2], [1, 1, -1], [2, 2, -1]])
    answered = answered_mask(labels, torch.tensor([0, 1, 2]))
    loss = masked_info_nce(scores, answered, torch.arange(3))
    felt = torch.autograd.grad(loss, scores)[0]
    assert felt[0, 2] == 0
    assert felt[0, 1] > 0
    assert felt[2, 0] > 0


def test_a_batch_of_one_person_teaches_nothing() -> None:
    scores = unit(3, 3, seed=5).requires_grad_()
    answered = answered_mask(torch.zeros(3, 2, dtype=torch.long), torch.zeros(3, dtype=torch.long))
    loss = masked_info_nce(scores, answered, torch.arange(3))
    assert loss.item() == 0
    assert torch.all(torch.autograd.grad(loss, scores)[0] == 0)


@pytest.fixture
def model(tiny_model: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(tiny_model), device="cpu", local_files_only=True).eval()


TEXTS = ["who keeps bees", "violin teacher", "tax law and mergers", "night shifts", "sales"]


def gradients(model: Any, **changes: Any) -> dict[str, torch.Tensor]:
    """Gradients of a loss over five pairs."""
    model.zero_grad()
    features = [
        model.preprocess(texts) for texts in (TEXTS, [f"{text}, ten years" for text in TEXTS])
    ]
    labels = torch.tensor([[group, group] for group in (0, 0, 1, 2, 3)])
    settings = LossSettings(temperature=0.05, **changes)
    RetrievalLoss(model, settings=settings)(features, labels).backward()
    return {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.grad is not None
    }


def test_mini_batches_give_the_same_gradients(model: Any) -> None:
    whole = gradients(model)
    pieces = gradients(model, mini_batch_size=2)
    assert whole.keys() == pieces.keys()
    assert any(bool(gradient.abs().max() > 1e-3) for gradient in whole.values())
    for name, gradient in whole.items():
        torch.testing.assert_close(pieces[name], gradient, atol=1e-5, rtol=1e-4)


def test_matryoshka_dimensions_change_the_loss(model: Any) -> None:
    whole, nested = gradients(model), gradients(model, matryoshka=(8,))
    assert any(not torch.allclose(whole[name], nested[name]) for name in whole)


def test_a_cut_vector_has_unit_length() -> None:
    vectors = unit(3, 8, seed=1)
    assert torch.equal(cut(vectors, 8), vectors)
    assert cut(vectors, 4).norm(dim=-1).tolist() == pytest.approx([1.0] * 3)
