from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cvseeker.core.errors import MissingExtraError, SettingsError
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.train.adapters import (
    add_lora,
    encoder_layers,
    freeze_layers,
    merge_lora,
    prepare_model,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEXTS = ["pastry chef", "backend engineer, Kafka"]


@pytest.fixture
def model(tiny_model: Path) -> "SentenceTransformer":
    return load(tiny_model)


def load(folder: Path) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def loss(model: "SentenceTransformer") -> torch.Tensor:
    vectors = model(model.tokenizer(TEXTS, padding=True, return_tensors="pt"))
    return (vectors["sentence_embedding"][0] @ vectors["sentence_embedding"][1]).square()


def train(model: "SentenceTransformer", steps: int = 3) -> None:
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1.0)
    for _ in range(steps):
        loss(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()


def weights(model: "SentenceTransformer") -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_frozen_layers_and_embeddings_stay_as_they_are(model: "SentenceTransformer") -> None:
    before = weights(model)
    freeze_layers(model, 1)
    train(model)
    moved = changed(before, weights(model))
    assert moved
    assert all(".encoder.layer.1." in name for name in moved)


def test_layers_are_found_in_other_families() -> None:
    from sentence_transformers import SentenceTransformer
    from torch import nn

    class Family(nn.Module):
        """Embeddings, a short list of something else, layers, a norm: as ModernBERT has them."""

        def __init__(self) -> None:
            super().__init__()
            self.embeddings = nn.ModuleList([nn.Embedding(9, 4)])
            self.layers = nn.ModuleList([nn.Linear(4, 9) for _ in range(3)])
            self.norm = nn.LayerNorm(4)

    family = Family()
    model = SentenceTransformer(modules=[family], device="cpu")
    assert encoder_layers(model) is family.layers
    freeze_layers(SentenceTransformer(modules=[family], device="cpu"), 2)


@pytest.mark.parametrize("count", [2, 9])
def test_one_layer_is_left_to_train(model: "SentenceTransformer", count: int) -> None:
    with pytest.raises(SettingsError, match=rf"is {count}, .* has 2 layers; .*--frozen-layers 1"):
        freeze_layers(model, count)


def test_adapters_begin_as_nothing_and_are_merged_into_plain_weights(
    model: "SentenceTransformer", tiny_model: Path, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    base = model.encode(TEXTS)
    add_lora(model, 4)
    assert np.allclose(model.encode(TEXTS), base, atol=1e-6)
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    assert not [name for name in trained if "pooler" in name]
    train(model)
    tuned = model.encode(TEXTS)
    assert not np.allclose(tuned, base, atol=1e-3)
    merge_lora(model)
    assert np.allclose(model.encode(TEXTS), tuned, atol=1e-5)
    model.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    assert not list((tmp_path / "model").rglob("adapter*"))
    before = load_file(tiny_model / "model.safetensors")
    after = load_file(tmp_path / "model" / "model.safetensors")
    assert {name: value.shape for name, value in before.items()} == {
        name: value.shape for name, value in after.items()
    }
    assert np.allclose(load(tmp_path / "model").encode(TEXTS), tuned, atol=1e-5)


def test_the_first_weights_of_adapters_hang_on_the_seed_alone(tiny_model: Path) -> None:
    pytest.importorskip("peft")
    models = [load(tiny_model) for _ in range(3)]
    for number, (model, seed) in enumerate(zip(models, (1, 1, 2), strict=True)):
        torch.manual_seed(number)
        add_lora(model, 4, seed=seed)
        assert torch.initial_seed() == number
    one, same, other = map(weights, models)
    assert not changed(one, same)
    assert changed(one, other)


def test_frozen_layers_get_no_adapters(model: "SentenceTransformer") -> None:
    pytest.importorskip("peft")
    prepare_model(model, FinetuneSettings(lora_rank=2, frozen_layers=1))
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert trained
    assert all(".encoder.layer.1." in name and "lora_" in name for name in trained)


def test_a_model_without_adapters_is_left_alone(model: "SentenceTransformer") -> None:
    before = weights(model)
    merge_lora(model)
    assert not changed(before, weights(model))


def test_recomputed_activations_give_the_same_gradients(tiny_model: Path) -> None:
    def gradients(settings: FinetuneSettings) -> tuple[dict[str, torch.Tensor], int]:
        model = load(tiny_model)
        prepare_model(model, settings)
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        kept: list[int] = []

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            kept.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            result = loss(model)
        result.backward()  # type: ignore[no-untyped-call]
        parameters = model.named_parameters()
        found = {name: each.grad for name, each in parameters if each.grad is not None}
        return found, sum(kept)

    plain, much = gradients(FinetuneSettings())
    recomputed, little = gradients(FinetuneSettings(gradient_checkpointing=True))
    assert plain
    assert not changed(plain, recomputed)
    assert little < much / 2


def test_half_precision_weights_are_trained_in_full(model: "SentenceTransformer") -> None:
    model.half()
    prepare_model(model, FinetuneSettings())
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_without_peft_adapters_are_refused(
    model: "SentenceTransformer", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvseeker.train.adapters.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cvseeker\[lora\]'"):
        add_lora(model, 4)
