import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.train.loss import (
    RetrievalLoss,
    answered_mask,
    cut,
    late_scores,
    masked_info_nce,
    word_tokens,
)


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


def batch(model: Any) -> tuple[list[dict[str, Any]], torch.Tensor]:
    """Five pairs; the first two anchors are about one person, the third's answer to two."""
    columns = (TEXTS, [f"{text}, ten years" for text in TEXTS])
    labels = torch.tensor([[0, 0, -1], [0, 0, -1], [1, 1, 3], [2, 2, -1], [3, 3, -1]])
    return [model.preprocess(texts) for texts in columns], labels


def make_loss(model: Any, **options: Any) -> RetrievalLoss:
    defaults = {"temperature": 0.05, "late_temperature": 0.02, "late_weight": 0.5}
    return RetrievalLoss(model, words=word_tokens(model), **{**defaults, **options})


def softmax_loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean over anchors of -log of the own document's share among those that do not answer."""
    losses = []
    for row, label in enumerate(labels.tolist()):
        kept = [other for other in range(5) if other == row or int(labels[other, 0]) not in label]
        terms = torch.exp(scores[row, kept])
        losses.append(-torch.log(terms[kept.index(row)] / terms.sum()))
    return torch.stack(losses).mean()


def word_vectors(model: Any, column: dict[str, Any]) -> list[torch.Tensor]:
    """The unit vectors of each text's tokens but the special ones and commas."""
    states = model(dict(column))["token_embeddings"]
    comma = model.tokenizer.convert_tokens_to_ids(",")
    dropped = torch.tensor([*model.tokenizer.all_special_ids, comma])
    return [
        torch.nn.functional.normalize(row[~torch.isin(ids, dropped)], dim=-1)
        for row, ids in zip(states, column["input_ids"], strict=True)
    ]


def plain_loss(model: Any, temperature: float, dims: tuple[int, ...]) -> torch.Tensor:
    """The loss written out: of cosines, and of the mean over words of the best cosine."""
    features, labels = batch(model)
    whole = [model(dict(column))["sentence_embedding"] for column in features]
    pooled = []
    for dim in dims:
        anchors, documents = (torch.nn.functional.normalize(each[:, :dim]) for each in whole)
        pooled.append(softmax_loss(anchors @ documents.T / temperature, labels))
    asked, there = (word_vectors(model, column) for column in features)
    late = torch.stack(
        [torch.stack([(a @ d.T).max(dim=1).values.mean() for d in there]) for a in asked]
    )
    return torch.stack(pooled).mean() + 0.5 * softmax_loss(late / 0.02, labels)


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.grad is not None
    }


@pytest.mark.parametrize("mini_batch_size", [None, 1, 2, 4, 5, 99])
@pytest.mark.parametrize("matryoshka", [(), (8,)])
def test_loss_and_gradients_are_those_of_the_loss_written_out(
    model: Any, mini_batch_size: int | None, matryoshka: tuple[int, ...]
) -> None:
    expected = plain_loss(model, 0.05, (32, *matryoshka))
    loss = make_loss(model, matryoshka=matryoshka, mini_batch_size=mini_batch_size)(*batch(model))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    wanted, found = gradients(model, expected), gradients(model, loss)
    assert found.keys() == wanted.keys()
    assert any(bool(gradient.abs().max() > 1e-3) for gradient in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)


def test_without_gradients_there_is_a_loss_all_the_same(model: Any) -> None:
    with torch.no_grad():
        loss = make_loss(model, mini_batch_size=2)(*batch(model))
    assert loss.item() == pytest.approx(plain_loss(model, 0.05, (32,)).item(), rel=1e-5)


def test_mini_batches_drop_out_the_same_twice(model: Any) -> None:
    """The second pass, which has the gradients, draws the first one's random numbers."""
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    seen: dict[bool, list[torch.Tensor]] = {False: [], True: []}
    forward = type(model).forward

    def noted(features: dict[str, Any]) -> Any:
        output = forward(model, features)
        seen[torch.is_grad_enabled()].append(output["sentence_embedding"].detach())
        return output

    model.forward = noted
    make_loss(model, mini_batch_size=2)(*batch(model)).backward()
    assert len(seen[True]) == 6
    for first, second in zip(seen[False], seen[True], strict=True):
        assert torch.equal(first, second)


def test_a_cut_vector_has_unit_length() -> None:
    vectors = unit(3, 8, seed=1)
    torch.testing.assert_close(cut(vectors), vectors)
    assert cut(vectors, 4).norm(dim=-1).tolist() == pytest.approx([1.0] * 3)


def test_a_prompt_takes_no_part_in_late_interaction_wherever_a_batch_is_filled_up(
    model: Any,
) -> None:
    loss = make_loss(model)
    plain = model.preprocess(["night shifts", "sales"])
    prompted = model.preprocess(["night shifts", "sales"], prompt="who keeps bees ")
    words = [rows.any(dim=-1).sum(dim=1).tolist() for rows in map(loss.embed, (plain, prompted))]
    assert words[0] == words[1]
    left = {
        key: value.flip(1) if key != "prompt_length" else value
        for key, value in prompted.items()
        if isinstance(value, torch.Tensor | int)
    }
    assert loss.embed(left).any(dim=-1).sum() < prompted["attention_mask"].sum()


def test_a_document_without_words_is_the_worst() -> None:
    anchors = torch.nn.functional.normalize(torch.randn(2, 3, 4), dim=-1)
    nothing = torch.zeros(1, 5, 4)
    assert late_scores(anchors, nothing).tolist() == [[-1.0], [-1.0]]
    assert late_scores(nothing, anchors).tolist() == [[0.0, 0.0]]
