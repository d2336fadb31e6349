from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from cvseeker.core.errors import InputError, ModelError
from cvseeker.train.gate import mix_weights, park_weights


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_model), device="cpu", local_files_only=True)


def move(model: SentenceTransformer, scale: float = 0.1) -> None:
    """Add noise to every weight, as a training would."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))


def weights(model: SentenceTransformer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_both_ends_come_back_bit_for_bit(model: SentenceTransformer, tmp_path: Path) -> None:
    before = weights(model)
    base = park_weights(model, tmp_path / "base.safetensors")
    move(model)
    after = weights(model)
    tuned = park_weights(model, tmp_path / "tuned.safetensors")
    for alpha, expected in ((0.5, None), (0.0, before), (0.3, None), (1.0, after), (0.0, before)):
        mix_weights(model, base, tuned, alpha=alpha)
        if expected is not None:
            assert all(torch.equal(now, expected[name]) for name, now in weights(model).items())


def test_a_share_lies_between(model: SentenceTransformer, tmp_path: Path) -> None:
    before = weights(model)
    base = park_weights(model, tmp_path / "base.safetensors")
    move(model)
    after = weights(model)
    mix_weights(model, base, park_weights(model, tmp_path / "tuned.safetensors"), alpha=0.25)
    moved = 0
    for name, now in weights(model).items():
        if now.is_floating_point():
            torch.testing.assert_close(now, before[name] + 0.25 * (after[name] - before[name]))
            moved += not torch.equal(now, before[name])
        else:
            assert torch.equal(now, before[name])
    assert moved > 30
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "base.safetensors",
        "tuned.safetensors",
    ]


def test_weights_that_share_memory_are_mixed_once(
    model: SentenceTransformer, tmp_path: Path
) -> None:
    first, second = (model[0].auto_model.encoder.layer[at].attention.output for at in (0, 1))
    second.dense.weight = first.dense.weight
    start = first.dense.weight.detach().clone()
    base = park_weights(model, tmp_path / "base.safetensors")
    move(model)
    tuned = park_weights(model, tmp_path / "tuned.safetensors")
    assert len(base) == sum(t.is_floating_point() for t in model.state_dict().values()) - 1
    mix_weights(model, base, tuned, alpha=0.0)
    assert torch.equal(first.dense.weight, start)
    assert second.dense.weight is first.dense.weight


def test_half_precision_is_mixed_in_full(model: SentenceTransformer, tmp_path: Path) -> None:
    model.bfloat16()
    base = park_weights(model, tmp_path / "base.safetensors")
    move(model)
    tuned = park_weights(model, tmp_path / "tuned.safetensors")
    mix_weights(model, base, tuned, alpha=0.5)
    for name, now in model.state_dict().items():
        if name in base:
            assert now.dtype == torch.bfloat16
            mean = (base[name].float() + tuned[name].float()) / 2
            assert torch.equal(now, mean.bfloat16())


def test_models_that_do_not_fit_are_refused(model: SentenceTransformer, tmp_path: Path) -> None:
    base = park_weights(model, tmp_path / "base.safetensors")
    before = weights(model)
    name = next(iter(base))
    lacking = {key: tensor for key, tensor in base.items() if key != name}
    with pytest.raises(ModelError, match=r"1 weights .* differ"):
        mix_weights(model, base, lacking, alpha=0.5)
    with pytest.raises(ModelError, match=r"1 weights .* differ"):
        mix_weights(model, base, {**base, name: base[name][:1]}, alpha=0.5)
    with pytest.raises(InputError, match=r"alpha is 1\.5"):
        mix_weights(model, base, base, alpha=1.5)
    assert all(torch.equal(now, before[key]) for key, now in weights(model).items())
