from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import CVSeekerError, MissingExtraError, SettingsError
from cvseeker.core.training_settings import FinetuneSettings, WindowSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.train import check_finetune
from cvseeker.train.trainer import (
    check_trackers,
    default_learning_rate,
    plan_steps,
    training_arguments,
    training_precision,
)

# Where trackers write and under which name is the user's own environment, if it says so.
VARIABLES = ("TENSORBOARD_LOGGING_DIR", "WANDB_PROJECT", "TRACKIO_PROJECT")


@pytest.fixture
def encoder(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> LocalEncoder:
    for name in VARIABLES:
        monkeypatch.setenv(name, "as-the-user-set-it")
    return LocalEncoder.from_name(str(tiny_model), windows=WindowSettings(window_tokens=32))


@given(
    pairs=st.integers(2, 10_000),
    batch_size=st.integers(2, 512),
    epochs=st.floats(0.01, 9),
    processes=st.integers(1, 8),
)
def test_steps_pass_over_the_pairs_as_often_as_asked(
    pairs: int, batch_size: int, epochs: float, processes: int
) -> None:
    settings = FinetuneSettings(batch_size=batch_size, epochs=epochs)
    plan = plan_steps(pairs, settings, processes=processes)
    assert plan.batch_size == plan.device_batch_size * processes
    assert plan.batch_size <= max(batch_size, processes)
    assert 1 <= plan.evaluation_steps <= plan.steps
    assert plan.steps == max(1, round(-(-pairs // plan.batch_size) * epochs))


def test_a_number_of_steps_overrides_the_epochs() -> None:
    plan = plan_steps(1000, FinetuneSettings(epochs=9, max_steps=3, batch_size=10))
    assert (plan.steps, plan.evaluation_steps) == (3, 3)
    plan = plan_steps(100, FinetuneSettings(max_steps=1000, batch_size=10))
    assert (plan.steps, plan.evaluation_steps) == (1000, 10)


def test_processes_share_the_batch() -> None:
    one = plan_steps(1000, FinetuneSettings(batch_size=64))
    four = plan_steps(1000, FinetuneSettings(batch_size=64), processes=4)
    assert four == replace(one, device_batch_size=16)


@pytest.mark.parametrize(
    ("wanted", "device", "has_bf16", "chosen"),
    [
        ("auto", "cpu", False, "fp32"),
        ("auto", "cuda", False, "fp32"),
        ("auto", "cuda", True, "bf16"),
        ("auto", "mps", False, "fp32"),
        ("fp32", "cuda", True, "fp32"),
        ("fp16", "cuda", True, "fp16"),
        ("fp16", "mps", False, "fp16"),
        ("bf16", "cpu", False, "bf16"),
        ("bf16", "cuda", True, "bf16"),
    ],
)
def test_precision(
    wanted: str, device: str, has_bf16: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: has_bf16)
    assert training_precision(wanted, device) == chosen


@pytest.mark.parametrize(("device", "chosen"), [("cpu", "bf16"), ("mps", "fp32")])
def test_a_processor_that_encodes_in_bf16_trains_in_it(
    device: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVSEEKER_PRECISION", "bf16")
    assert training_precision("auto", device) == chosen
    assert training_precision("fp32", device) == "fp32"


@pytest.mark.parametrize(
    ("wanted", "device", "told"),
    [("fp16", "cpu", "--precision fp32"), ("bf16", "cuda", "--precision fp16 or fp32")],
)
def test_a_precision_that_the_device_lacks_is_refused(
    wanted: str, device: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: False)
    with pytest.raises(SettingsError, match=told):
        training_precision(wanted, device)


def test_trackers_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.integrations import integration_utils

    monkeypatch.setattr(
        integration_utils, "get_available_reporting_integrations", lambda: ["mlflow"]
    )
    assert check_trackers(()) == []
    assert check_trackers(["mlflow"]) == ["mlflow"]
    with pytest.raises(SettingsError, match=r"'wandb': it is not installed; run: pip install wand"):
        check_trackers(["mlflow", "wandb"])
    for name in ("weights and biases", "all", "none"):
        with pytest.raises(SettingsError, match=f"'{name}': no such tracker; expected .*wandb"):
            check_trackers([name])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"precision": "fp16"}, SettingsError),
        ({"track": ("nobody",)}, SettingsError),
        ({"lora_rank": 4}, MissingExtraError),
    ],
)
def test_what_this_machine_cannot_do_is_refused_at_once(
    changes: dict[str, Any], error: type[CVSeekerError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvseeker.train.stage.device", lambda: "cpu")
    monkeypatch.setattr("cvseeker.train.adapters.find_spec", lambda name: None)
    check_finetune(FinetuneSettings())
    with pytest.raises(error):
        check_finetune(FinetuneSettings(**changes))


def test_the_trainer_is_told_what_was_set(encoder: LocalEncoder, tmp_path: Path) -> None:
    settings = FinetuneSettings(
        batch_size=8, epochs=2, evaluations_per_epoch=2, warmup_share=0.25, seed=5, precision="bf16"
    )
    arguments = training_arguments(encoder, 32, settings, tmp_path)
    assert arguments.max_steps == 8
    assert arguments.eval_steps == arguments.save_steps == 2
    assert arguments.warmup_steps == 2
    assert arguments.per_device_train_batch_size == 8
    assert (arguments.bf16, arguments.fp16) == (True, False)
    assert (arguments.seed, arguments.data_seed) == (5, 5)
    assert arguments.learning_rate == 1.5e-4


def test_nothing_is_reported_unless_asked(
    encoder: LocalEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    from transformers.integrations import integration_utils

    monkeypatch.setattr(
        integration_utils, "get_available_reporting_integrations", lambda: ["wandb", "mlflow"]
    )
    monkeypatch.delenv("WANDB_PROJECT")
    assert training_arguments(encoder, 9, FinetuneSettings(), tmp_path).report_to == []
    settings = FinetuneSettings(track=("mlflow",))
    assert training_arguments(encoder, 9, settings, tmp_path).report_to == ["mlflow"]
    assert os.environ["WANDB_PROJECT"] == "cvseeker"
    assert os.environ["TENSORBOARD_LOGGING_DIR"] == "as-the-user-set-it"


def test_adapters_learn_ten_times_as_fast(encoder: LocalEncoder) -> None:
    full = default_learning_rate(encoder, FinetuneSettings())
    assert default_learning_rate(encoder, FinetuneSettings(lora_rank=8)) == 10 * full
