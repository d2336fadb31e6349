from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import AutoConfig, AutoModel

from cvseeker.train.batches import tokenise_columns
from cvseeker.train.packed import (
    ARCHITECTURES,
    IMPLEMENTATION,
    first_position,
    packed_attention,
    switch_to_packed,
    use_packed_attention,
)

TEXTS = [
    "Pastry chef",
    "Backend engineer. Go, PostgreSQL and Kafka for a payment service.",
    "Nurse, night shifts, ventilation",
]


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    without_dropout(model)
    return model


def without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def packed_features(model: SentenceTransformer, texts: list[str]) -> dict[str, Any]:
    dataset, collator = tokenise_columns(model, {"anchor": texts}, prompts={}, packed=True)
    batch = collator(list(dataset))
    return {name[7:]: value for name, value in batch.items() if name.startswith("anchor_")}


def padded_features(model: SentenceTransformer, texts: list[str]) -> dict[str, Any]:
    dataset, collator = tokenise_columns(model, {"anchor": texts}, prompts={})
    batch = collator(list(dataset))
    return {name[7:]: value for name, value in batch.items() if name.startswith("anchor_")}


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_packed_vectors_equal_padded_ones(model: SentenceTransformer, architecture: str) -> None:
    config = AutoConfig.for_model(
        architecture,
        vocab_size=len(model.tokenizer),
        hidden_size=32,
        embedding_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=140,
        pad_token_id=model.tokenizer.pad_token_id,
    )
    torch.manual_seed(7)
    model[0].model = AutoModel.from_config(config)
    model.eval()
    padded = model(padded_features(model, TEXTS))["sentence_embedding"]
    switch_to_packed(model)
    packed = model(packed_features(model, TEXTS))["sentence_embedding"]
    assert packed.shape == (3, 32)
    torch.testing.assert_close(packed, padded, atol=1e-5, rtol=0)
    assert not torch.allclose(packed[0], packed[1], atol=1e-3)


def test_packed_gradients_equal_padded_ones(model: SentenceTransformer) -> None:
    def gradients(features: dict[str, Any]) -> torch.Tensor:
        model.zero_grad()
        weights = torch.linspace(-1, 1, 96).reshape(3, 32)
        (model(features)["sentence_embedding"] * weights).sum().backward()
        found = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        return torch.cat(found)

    model.train()
    padded = gradients(padded_features(model, TEXTS))
    switch_to_packed(model)
    packed = gradients(packed_features(model, TEXTS))
    assert padded.abs().max() > 1e-2
    torch.testing.assert_close(packed, padded, atol=1e-5, rtol=1e-4)


def test_texts_do_not_see_one_another(model: SentenceTransformer) -> None:
    switch_to_packed(model)
    model.eval()
    first = model(packed_features(model, TEXTS))["sentence_embedding"][0]
    other = model(packed_features(model, [TEXTS[0], "Fay Okoro speaks Igbo"]))
    torch.testing.assert_close(first, other["sentence_embedding"][0], atol=1e-6, rtol=0)


def test_a_model_switched_over_still_encodes_padded_batches(model: SentenceTransformer) -> None:
    before = model.encode(TEXTS, convert_to_tensor=True)
    switch_to_packed(model)
    torch.testing.assert_close(model.encode(TEXTS, convert_to_tensor=True), before)


def test_what_is_saved_names_no_attention_of_ours(
    model: SentenceTransformer, tmp_path: Path
) -> None:
    switch_to_packed(model)
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    written = list((tmp_path / "saved").rglob("*.json"))
    assert written
    assert all(IMPLEMENTATION not in path.read_text(encoding="utf-8") for path in written)
    SentenceTransformer(str(tmp_path / "saved"), device="cpu")


def test_positions_of_roberta_begin_behind_the_padding_token(model: SentenceTransformer) -> None:
    assert first_position(model) == 0
    model[0].model = AutoModel.from_config(
        AutoConfig.for_model(
            "roberta",
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            pad_token_id=1,
        )
    )
    assert first_position(model) == 2


def test_a_processor_packs_in_any_precision(model: SentenceTransformer) -> None:
    choice = use_packed_attention(model, half=False)
    assert choice.packed
    assert choice.reason == "packed attention: no padding"
    assert model[0].config._attn_implementation == IMPLEMENTATION


def test_a_processor_attends_in_full_whatever_autocast_says(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel takes several times as long in bfloat16, backward."""
    attend = torch.nn.functional.scaled_dot_product_attention
    seen: set[torch.dtype] = set()

    def noted(*sides: torch.Tensor, **options: Any) -> torch.Tensor:
        mixed: torch.Tensor = attend(*sides, **options)
        seen.add(mixed.dtype)
        return mixed

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", noted)
    states = torch.randn(1, 2, 5, 8, dtype=torch.bfloat16)
    bounds = torch.tensor([0, 2, 5], dtype=torch.int32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed, _ = packed_attention(
            model[0], states, states, states, None, cu_seq_lens_q=bounds, max_length_q=3
        )
    assert seen == {torch.float32}
    assert mixed.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("device", "half", "dropout", "reason"),
    [
        ("mps", True, 0.0, "the model is on mps, which has no kernel for it"),
        ("cuda", False, 0.0, "the arithmetic is float32, and a GPU's kernel needs bfloat16 or"),
        ("cuda", True, 0.1, "a GPU's kernel has no dropout, which this training asks for"),
    ],
)
def test_where_no_kernel_fits_the_model_stays_as_it_is(
    model: SentenceTransformer,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    half: bool,
    dropout: float,
    reason: str,
) -> None:
    next(module for module in model.modules() if isinstance(module, nn.Dropout)).p = dropout
    monkeypatch.setattr(SentenceTransformer, "device", torch.device(device))
    choice = use_packed_attention(model, half=half)
    assert not choice.packed
    assert choice.reason.startswith(f"padded attention: {reason}")
    assert model[0].config._attn_implementation != IMPLEMENTATION


def test_dropout_reaches_packed_attention() -> None:
    torch.manual_seed(1)
    states = torch.randn(3, 1, 2, 12, 8)
    bounds = torch.tensor([0, 5, 12], dtype=torch.int32)
    plain, _ = packed_attention(None, *states, None, cu_seq_lens_q=bounds, max_length_q=7)
    dropped, _ = packed_attention(
        None, *states, None, dropout=0.5, cu_seq_lens_q=bounds, max_length_q=7
    )
    assert plain.shape == dropped.shape == (1, 12, 2, 8)
    assert not torch.allclose(plain, dropped)


def test_an_unknown_architecture_is_named(model: SentenceTransformer) -> None:
    model[0].model = AutoModel.from_config(
        AutoConfig.for_model(
            "mpnet",
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
        )
    )
    assert "mpnet is none of bert, " in use_packed_attention(model, half=True).reason


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_kernel_of_a_gpu_does_the_same() -> None:
    bounds = torch.tensor([0, 5, 12, 40], dtype=torch.int32, device="cuda")
    states = torch.randn(3, 1, 2, 40, 32, device="cuda", dtype=torch.bfloat16)
    fast, _ = packed_attention(None, *states, None, cu_seq_lens_q=bounds, max_length_q=28)
    slow, _ = packed_attention(None, *states.float(), None, cu_seq_lens_q=bounds, max_length_q=28)
    torch.testing.assert_close(fast.float(), slow, atol=2e-2, rtol=2e-2)
