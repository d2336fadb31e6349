import json
from pathlib import Path
from typing import Any

import pytest
import torch

from cvseeker.cli import main
from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.errors import ModelError
from cvseeker.core.settings import FinetuneSettings, WindowSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.train.estimate import Estimate, estimate
from cvseeker.train.footprint import Shape, activation_bytes, available_memory, optimizer_bytes

SMALL = WindowSettings(window_tokens=32, overlap_tokens=8)


def settings_for(model: Path, **changes: Any) -> FinetuneSettings:
    return FinetuneSettings(**{"base": str(model), "windows": SMALL, "batch_size": 4, **changes})


@pytest.fixture
def guess(tiny_model: Path, tiny_dataset: RetrievalDataset) -> Estimate:
    settings = settings_for(tiny_model, epochs=2)
    return estimate(tiny_dataset, settings=settings, val=tiny_dataset)


def test_pairs_steps_and_weights_are_counted(guess: Estimate, tiny_model: Path) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    weights = sum(weight.numel() for weight in encoder.model.parameters())
    assert (guess.base, guess.device, guess.precision) == (str(tiny_model), "cpu", "fp32")
    assert (guess.pairs, guess.batch_size, guess.mini_batch_size, guess.steps) == (6, 3, 3, 4)
    assert guess.parameters == guess.trained_parameters == weights
    assert guess.memory.weights == 4 * weights
    assert guess.memory.optimizer == 12 * weights
    assert 20 < guess.window_tokens <= 32
    assert guess.query_tokens > 5
    assert min(guess.seconds.train, guess.seconds.validate) > 0
    parts = guess.to_dict()
    assert parts["memory_bytes"] == sum(
        parts["memory"][name] for name in ("weights", "optimizer", "activations")
    )
    assert parts["total_seconds"] == pytest.approx(sum(parts["seconds"].values()))
    assert json.dumps(parts)


def test_what_saves_memory_is_seen(
    guess: Estimate, tiny_model: Path, tiny_dataset: RetrievalDataset
) -> None:
    def other(**changes: Any) -> Estimate:
        settings = settings_for(tiny_model, epochs=2, **changes)
        return estimate(tiny_dataset, settings=settings, val=tiny_dataset)

    pieces = other(mini_batch_size=1)
    assert pieces.mini_batch_size == 1
    assert pieces.memory.activations < guess.memory.activations / 3
    frozen = other(frozen_layers=1, max_steps=2)
    assert frozen.memory.activations == guess.memory.activations / 2
    assert frozen.trained_parameters < guess.trained_parameters
    assert frozen.memory.optimizer == optimizer_bytes(frozen.trained_parameters)
    assert frozen.steps == 2


def test_persons_are_held_out_as_in_training(
    tiny_model: Path, tiny_dataset: RetrievalDataset
) -> None:
    settings = settings_for(tiny_model, val_share=0.4)
    assert estimate(tiny_dataset, settings=settings).pairs < len(tiny_dataset.queries)


def test_an_unknown_model_is_refused(tiny_dataset: RetrievalDataset) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        estimate(tiny_dataset, settings=FinetuneSettings(base="./absent"))


@pytest.mark.parametrize("tokens", [16, 64])
def test_the_formula_counts_what_is_kept_for_the_backward_pass(
    packaged_model: Path, tokens: int
) -> None:
    """Every tensor that PyTorch saves is added up, each memory once, weights left out."""
    model = LocalEncoder.from_name(str(packaged_model)).model
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.eval()
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    saved: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        memory = tensor.untyped_storage()
        if memory.data_ptr() not in weights and tensor.is_floating_point():
            saved[memory.data_ptr()] = memory.nbytes()
        return tensor

    ids = torch.randint(1000, 2000, (4, tokens))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    assert output["sentence_embedding"].requires_grad
    formula = activation_bytes(Shape(6, 384, 1536), tokens=ids.numel(), bytes_a_number=4)
    assert formula == pytest.approx(sum(saved.values()), rel=0.15)


def test_recomputed_activations_take_the_layers_inputs() -> None:
    shape = Shape(24, 1024, 4096)
    kept = activation_bytes(shape, tokens=1000, bytes_a_number=2)
    recomputed = activation_bytes(shape, tokens=1000, bytes_a_number=2, checkpointing=True)
    assert recomputed < kept / 8


def test_free_memory_is_told_where_it_can_be() -> None:
    free = available_memory("cpu")
    assert free is None or free > 1e6


def test_a_dry_run_writes_nothing(
    tiny_model: Path,
    tiny_dataset: RetrievalDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_dataset(tiny_dataset, tmp_path / "train.json")
    command = ["finetune", "--train", str(tmp_path / "train.json")]
    command += ["--val", str(tmp_path / "train.json"), "--out", str(tmp_path / "model")]
    command += ["--base", str(tiny_model), "--dry-run"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"] == 6
    assert found["memory_bytes"] > 0
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "dry run: nothing was written" in printed
    assert "steps at most" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]
