import json
from pathlib import Path
from typing import Any

import pytest

from cvseeker.cli import main
from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.errors import ModelError
from cvseeker.core.training_settings import FinetuneSettings, WindowSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.train import Estimate, estimate_finetune
from cvseeker.train.memory import available_memory, peak_memory, reset_peak_memory

SMALL = WindowSettings(window_tokens=32, overlap_tokens=8)


def settings_for(model: Path, **changes: Any) -> FinetuneSettings:
    return FinetuneSettings(**{"base": str(model), "windows": SMALL, "batch_size": 4, **changes})


@pytest.fixture
def guess(tiny_model: Path, tiny_dataset: RetrievalDataset) -> Estimate:
    settings = settings_for(tiny_model, epochs=2)
    return estimate_finetune(tiny_dataset, settings=settings, val=tiny_dataset)


def test_pairs_steps_and_weights_are_counted(guess: Estimate, tiny_model: Path) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    weights = sum(weight.numel() for weight in encoder.model.parameters())
    assert (guess.base, guess.device, guess.precision) == (str(tiny_model), "cpu", "fp32")
    assert (guess.pairs, guess.batch_size, guess.mini_batch_size, guess.steps) == (6, 3, 3, 4)
    assert guess.parameters == guess.trained_parameters == weights
    assert guess.memory_bytes is None or guess.memory_bytes > 4 * weights
    assert 20 < guess.window_tokens <= 32
    assert guess.query_tokens > 5
    assert min(guess.seconds.train, guess.seconds.validate) > 0
    parts = guess.to_dict()
    assert parts["total_seconds"] == pytest.approx(sum(parts["seconds"].values()))
    assert json.dumps(parts)


def test_time_grows_with_the_steps_and_not_with_the_trial(
    tiny_model: Path, tiny_dataset: RetrievalDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvseeker.train.trainer.StepClock.pairs_per_second", lambda clock: 3.0)
    settings = settings_for(tiny_model, max_steps=1000)
    found = estimate_finetune(tiny_dataset, settings=settings, val=tiny_dataset)
    assert found.steps == 1000
    assert found.seconds.train == pytest.approx(1000)


def test_what_saves_memory_is_seen(tiny_model: Path, tiny_dataset: RetrievalDataset) -> None:
    settings = settings_for(tiny_model, frozen_layers=1, max_steps=2, mini_batch_size=1)
    found = estimate_finetune(tiny_dataset, settings=settings, val=tiny_dataset)
    assert found.mini_batch_size == 1
    assert found.trained_parameters < found.parameters
    assert found.steps == 2


def test_where_memory_runs_out_smaller_mini_batches_are_tried(
    tiny_model: Path, tiny_dataset: RetrievalDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cvseeker.train import trainer

    build = trainer.build_trainer

    def limited(*args: Any, **kwargs: Any) -> Any:
        if (args[3].mini_batch_size or 99) > 1:
            raise MemoryError
        return build(*args, **kwargs)

    monkeypatch.setattr(trainer, "build_trainer", limited)
    settings = settings_for(tiny_model)
    assert estimate_finetune(tiny_dataset, settings=settings, val=tiny_dataset).mini_batch_size == 1


def test_persons_are_held_out_as_in_training(
    tiny_model: Path, tiny_dataset: RetrievalDataset
) -> None:
    settings = settings_for(tiny_model, val_share=0.4)
    assert estimate_finetune(tiny_dataset, settings=settings).pairs < len(tiny_dataset.queries)


def test_an_unknown_model_is_refused(tiny_dataset: RetrievalDataset) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        estimate_finetune(tiny_dataset, settings=FinetuneSettings(base="./absent"))


def test_free_memory_is_told_where_it_can_be() -> None:
    free = available_memory("cpu")
    assert free is None or free > 1e6


def test_the_peak_of_memory_is_that_since_the_reset() -> None:
    reset_peak_memory("cpu")
    before = peak_memory("cpu")
    if before is None:
        pytest.skip("this system tells no peak")
    held = bytearray(1 << 27)
    held[:: 1 << 12] = b"x" * (1 << 15)
    peak = peak_memory("cpu")
    assert peak is not None
    assert peak > before + (1 << 26)


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
