import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cvseeker.core.errors import SettingsError
from cvseeker.core.settings import Settings
from cvseeker.core.stage_settings import settings_of
from cvseeker.core.training_settings import FinetuneSettings, HybridWeights


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
        ("[finetune]\nepoch = 1\n", "no setting 'finetune.epoch'; did you mean 'finetune.epochs'?"),
        ("[finetun]\nepochs = 1\n", "no table 'finetun'; did you mean 'finetune'?"),
        ("epochs = 1\n", "no table 'epochs'; did you mean 'finetune.epochs'?"),
        ("[finetune]\nwindow_tokens = 96\n", "did you mean 'finetune.windows.window_tokens'?"),
        ("[finetune.windows]\ntokens = 96\n", "did you mean 'finetune.windows.window_tokens'?"),
        ("[search]\nzzz = 96\n", "no setting 'search.zzz'; known: top_k"),
        (
            "[finetune]\nbatch_size = 1\n",
            "batch_size is 1; expected a whole number from 2 to 1,000,000",
        ),
        ("[finetune]\nepochs = 'two'\n", "finetune.epochs is 'two'; expected a number above 0"),
        ("[finetune]\nepochs = nan\n", "finetune.epochs is nan; expected a number above 0"),
        ("[finetune]\nepochs = inf\n", "finetune.epochs is inf; expected a number above 0"),
        ("[ingest]\nval_share = 1\n", "expected a number at least 0 and below 1"),
        ("[llm]\nmax_concurrency = 513\n", "expected a whole number from 1 to 512"),
        (
            "[evaluate.hybrid]\nlate = -1\n",
            "hybrid.late is -1; expected a number from 0 to 1,000",
        ),
        ("[finetune]\nprecision = 'fp8'\n", "is 'fp8'; expected auto, fp32, bf16 or fp16"),
        ("[generate]\nmask = 'perhaps'\n", "is 'perhaps'; expected true or false"),
        ("[generate]\nprompt = 3\n", "generate.prompt is 3; expected a path"),
        ("[evaluate]\nquantise = 'int8,int4'\n", "is 'int4'; expected int8 or binary; several"),
        ("[finetune]\nwindows = 3\n", "finetune.windows is 3; expected a table"),
        ("[finetune\n", "not TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'cvseeker.toml'}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("written", ["[256, 128]", "'256,128'", "' 256, 128,'", "['256', '128']"])
def test_lists_are_lists_or_words_with_commas(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, f"[finetune]\nmatryoshka = {written}\n").finetune.matryoshka == (256, 128)


def test_a_missing_or_undecodable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        Settings.from_toml(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        Settings.from_toml(tmp_path / "a.toml")
    with pytest.raises(SettingsError, match="a folder"):
        Settings.from_toml(tmp_path)


def test_a_file_changes_what_it_starts_from(tmp_path: Path) -> None:
    path = tmp_path / "cvseeker.toml"
    path.write_text("[search]\ntop_k = 5\n", encoding="utf-8")
    start = Settings().override("generate", {"per_passage": 4})
    settings = Settings.from_toml(path, start)
    assert (settings.generate.per_passage, settings.search.top_k) == (4, 5)
    path.write_text("[search.top_k]\nx = 5\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"search\.top_k"):
        Settings.from_toml(path, start)


def test_flags_override_but_those_not_given() -> None:
    before = Settings()
    after = before.override("finetune", {"epochs": 3, "batch_size": None})
    assert after.finetune.epochs == 3.0
    assert after.finetune.batch_size == before.finetune.batch_size
    assert after.ingest == before.ingest
    assert before.finetune.epochs == 2.0


def test_a_flag_out_of_range_is_refused() -> None:
    with pytest.raises(
        SettingsError,
        match=r"^finetune\.epochs is -1; expected a number above 0 and at most 1,000$",
    ):
        Settings().override("finetune", {"epochs": -1})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().finetune.epochs = 3.0  # type: ignore[misc]


def test_changes_in_a_table_that_was_not_there_leave_the_rest_to_the_defaults() -> None:
    changed = Settings().override("evaluate", {"hybrid": {"bm25": 0.3, "late": None}})
    assert changed.evaluate.hybrid == HybridWeights(bm25=0.3)
    assert changed.evaluate.windows is None


@pytest.mark.parametrize("stage", Settings.model_fields)
def test_every_setting_says_what_it_is_in_a_sentence(stage: str) -> None:
    for one in settings_of(type(getattr(Settings(), stage))):
        assert one.help.endswith("."), one.path
        assert one.help[0] == one.help[0].upper(), one.path
        assert one.expected, one.path


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
        ("mini_batch_size", 0),
        ("matryoshka", [64, 0]),
        ("matryoshka", ["64", "x"]),
        ("frozen_layers", -1),
        ("max_steps", 0),
    ],
)
def test_a_training_setting_out_of_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"finetune.{name} is"):
        Settings().override("finetune", {name: value})


@pytest.mark.parametrize("stage", Settings.model_fields)
def test_every_number_has_two_bounds(stage: str) -> None:
    """Beyond them lies an overflow, an endless run or an exhausted memory."""
    for one in settings_of(type(getattr(Settings(), stage))):
        if "number" in one.expected:
            assert re.search(r"from \S+ to \d|and (at most|below) \d", one.expected), one.path


@pytest.mark.parametrize(
    "text",
    [
        "[search]\ntop_k = " + "9" * 5000,
        "[search]\ntop_k = 0x" + "f" * 5000,
        "[search]\ntop_k = '" + "9" * 5000 + "'",
        "[search]\ntop_k = 1000000000000000000",
        "[finetune]\nbatch_size = 1000000000000",
        "[finetune]\nseed = 99999999999999999999",
        "[finetune]\nseed = -1",
        "[finetune]\nlora_rank = 999999",
        "[finetune]\nmatryoshka = [99999]",
        "[finetune]\nepochs = 1e308",
        "[finetune]\nlearning_rate = 1e30",
        "[llm]\ntimeout_seconds = 1e300",
        "a = " + "[" * 100_000,
        "a" * 5000 + " = 1",
        "[search]\n" + "a." * 5000 + "b = 1",
        '[search]\n"\\u001b[2J" = 1',
    ],
)
def test_absurd_settings_are_refused_in_one_short_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert len(str(caught.value)) < len(str(tmp_path)) + 250
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_a_settings_file_that_never_ends_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    with pytest.raises(SettingsError, match="a pipe, a socket or a device; expected a TOML file"):
        Settings.from_toml(path)
