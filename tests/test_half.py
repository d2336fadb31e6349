"""Copies in half the bits: of which models, how near to them, and what is done where none fits."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch import nn

from cvseeker.retrieval import half
from cvseeker.retrieval.half import PackedLinear, attend, half_copy

TEXTS = ["chef", "an intensive care nurse with nine years of night shifts", "drives " * 30]
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "pad_token_id": 0,
}
KINDS: dict[str, dict[str, Any]] = {
    "bert": {},
    "roberta": {},
    "xlm-roberta": {},
    "electra": {},
    "albert": {},
    "mpnet": {},  # adds numbers in full to scores in half
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 8},
    "qwen3": {"num_key_value_heads": 1, "head_dim": 16},  # each token sees those before it
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
}


def vectors(model: SentenceTransformer) -> torch.Tensor:
    with torch.inference_mode():
        return model(model.preprocess(TEXTS))["sentence_embedding"]


def is_packed(model: SentenceTransformer) -> bool:
    return any(isinstance(module, PackedLinear) for module in model.modules())


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_model), device="cpu", local_files_only=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_sort_of_transformer_says_nearly_the_same(
    kind: str, model: SentenceTransformer, tmp_path: Path
) -> None:
    size = {"vocab_size": len(model.tokenizer), "max_position_embeddings": 256}
    config = transformers.AutoConfig.for_model(kind, **size, **SMALL, **KINDS[kind])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(13)
        transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    whole = SentenceTransformer(modules=[Transformer(str(tmp_path)), Pooling(32, "mean")])
    twin = half_copy(whole)
    assert is_packed(twin)
    found, expected = vectors(twin), vectors(whole)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    assert torch.cosine_similarity(found, expected).min() > 0.9995


def test_a_copy_shares_what_it_does_not_calculate_with(model: SentenceTransformer) -> None:
    before = copy.deepcopy(model.state_dict())
    twin = half_copy(model)
    shared = {weight.data_ptr() for weight in model.parameters()}
    assert {weight.data_ptr() for weight in twin.parameters()} < shared
    assert not is_packed(model)
    assert model[0].model.config._attn_implementation == "sdpa"
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert "_in_full" not in str(model[0]._forward_hooks)


def test_an_activation_is_not_taken_along_where_the_layer_is_not_a_plain_one(
    model: SentenceTransformer,
) -> None:
    class Doubled(nn.Linear):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(states)

    for layer in model[0].model.encoder.layer:
        dense = Doubled(32, 64)
        dense.load_state_dict(layer.intermediate.dense.state_dict())
        layer.intermediate.dense = dense
    twin = half_copy(model)
    assert is_packed(twin)
    assert torch.cosine_similarity(vectors(twin), vectors(model)).min() > 0.9995


@pytest.mark.parametrize("problem", ["no such product", "other vectors"])
def test_where_a_packed_copy_does_not_work_all_is_in_half(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    def forward(self: PackedLinear, states: torch.Tensor) -> torch.Tensor:
        if problem == "no such product":
            raise RuntimeError(problem)
        return torch.randn(*states.shape[:-1], len(self.bias), dtype=torch.bfloat16)

    monkeypatch.setattr(PackedLinear, "forward", forward)
    twin = half_copy(model)
    assert not is_packed(twin)
    assert {weight.dtype for weight in twin.parameters()} == {torch.bfloat16}
    assert vectors(twin).dtype == torch.float32
    assert torch.cosine_similarity(vectors(twin), vectors(model)).min() > 0.999


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("most", [512, 4])
def test_attention_is_that_of_pytorch(
    monkeypatch: pytest.MonkeyPatch, causal: bool, masked: bool, most: int
) -> None:
    monkeypatch.setattr(half, "SHORT", most)
    generator = torch.Generator().manual_seed(13)
    query, key, value = torch.randn(3, 2, 4, 9, 8, generator=generator)
    mask = torch.ones(2, 1, 9, 9, dtype=torch.bool)
    mask[1, :, :, 6:] = False
    module = nn.Module()
    module.is_causal = causal
    mixed, _ = attend(module, query, key, value, mask if masked else None, scaling=0.3)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask if masked else None,
        is_causal=causal and not masked,
        scale=0.3,
    )
    assert torch.allclose(mixed, expected.transpose(1, 2), atol=1e-5)
