import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cvseeker.core.errors import SettingsError
from cvseeker.core.settings import FinetuneSettings, HybridWeights, Settings


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "cvseeker.toml"
    path.write_text(text, encoding="utf-8")
    return Settings.from_toml(path)


def test_a_file_replaces_what_it_names(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "[finetune]\nepochs = 1\n[finetune.windows]\nwindow_tokens = 96\n"
        "[evaluate.hybrid]\nbm25 = 0.3\n",
    )
    assert settings.finetune.epochs == 1.0
    assert settings.finetune.windows.window_tokens == 96
    assert settings.finetune.windows.overlap_tokens == 16
    assert settings.finetune.batch_size == FinetuneSettings().batch_size
    assert settings.evaluate.hybrid == HybridWeights(bm25=0.3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[finetune]\nepoch = 1\n", "'finetune.epoch' is 1"),
        ("[finetune]\nbatch_size = 1\n", "'finetune.batch_size' is 1"),
        ("[finetune]\nepochs = 'two'\n", "'finetune.epochs' is 'two'"),
        ("[finetun]\nepochs = 1\n", "'finetun'"),
        ("[finetune\n", "not TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert told in str(caught.value)
    assert "cvseeker.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_undecodable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        Settings.from_toml(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not TOML"):
        Settings.from_toml(tmp_path / "a.toml")
    with pytest.raises(SettingsError, match="directory"):
        Settings.from_toml(tmp_path)


def test_flags_override_but_those_not_given() -> None:
    before = Settings()
    after = before.override("finetune", {"epochs": 3, "batch_size": None})
    assert after.finetune.epochs == 3.0
    assert after.finetune.batch_size == before.finetune.batch_size
    assert after.ingest == before.ingest
    assert before.finetune.epochs == 2.0


def test_a_flag_out_of_range_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'epochs' is -1: .*greater than 0"):
        Settings().override("finetune", {"epochs": -1})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().finetune.epochs = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("stage", ["ingest", "generate", "finetune", "evaluate"])
def test_every_setting_says_what_it_is(stage: str) -> None:
    fields = type(getattr(Settings(), stage)).model_fields
    silent = [name for name, field in fields.items() if not field.description]
    assert silent in ([], ["windows"])


@pytest.mark.parametrize(
    "changes",
    [
        {"track": ("mlflow",)},
        {"push_to_hub": "ana/cooks"},
        {"gradient_checkpointing": True},
        {"mini_batch_size": 4},
    ],
)
def test_where_a_model_goes_and_how_memory_is_saved_is_no_part_of_its_recipe(
    changes: dict[str, Any],
) -> None:
    assert FinetuneSettings(**changes).recipe == FinetuneSettings().recipe


@pytest.mark.parametrize(
    "changes",
    [
        {"lora_rank": 8},
        {"precision": "bf16"},
        {"matryoshka": (64, 32)},
        {"frozen_layers": 1},
        {"max_steps": 9},
        {"force": True},
        {"seed": 1},
    ],
)
def test_what_changes_a_model_is_part_of_its_recipe(changes: dict[str, Any]) -> None:
    recipe = FinetuneSettings(**changes).recipe
    assert recipe != FinetuneSettings().recipe
    assert json.loads(json.dumps(recipe)) == recipe


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lora_rank", 0),
        ("precision", "fp8"),
        ("mini_batch_size", 0),
        ("matryoshka", [64, 0]),
        ("matryoshka", ["64", "x"]),
        ("frozen_layers", -1),
        ("max_steps", 0),
    ],
)
def test_a_training_setting_out_of_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"setting '{name}"):
        Settings().override("finetune", {name: value})
