"""Every command survives a kill before any of its file operations, and a command beside it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kills import write_resumes

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

Ask = Callable[..., dict[str, Any]]
WORKSPACE = ["ingest", "generate", "judge", "untuned", "finetune", "index", "evaluate", "audit"]
FILES = ["generate_json", "generate_folder", "judge_json", "judge_folder", "evaluate_data"]
# Most runs take less than a second, hundreds of them do not.
HOUR = pytest.mark.timeout(3_600)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask one process, which loads torch once, what came of a command's kills or full disks."""
    root = tmp_path_factory.mktemp("kills")
    script = [sys.executable, Path(__file__).with_name("kills.py"), root]
    with (
        (root / "log").open("wb") as log,
        subprocess.Popen(
            script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdin
        assert process.stdout

        def answer(*line: str, model: Path | None = None) -> dict[str, Any]:
            if model and not (root / "model").exists():
                shutil.copytree(model, root / "model")
            print(*line, file=process.stdin, flush=True)
            said = process.stdout.readline()
            assert said, (root / "log").read_text(encoding="utf-8")[-2000:]
            found: dict[str, Any] = json.loads(said)
            return found

        yield answer
        process.stdin.close()


@pytest.mark.parametrize("how", ["killed", "killed replacing", "full", "full replacing"])
@pytest.mark.parametrize("command", ["plain", "kept"])
def test_killed_or_without_room_at_any_operation_a_stage_is_completed_by_its_command(
    ask: Ask, command: str, how: str
) -> None:
    came = ask(command, how)
    assert came["wrong"] == {}
    assert came["points"] > 12


def test_what_a_kill_breaks_is_seen(ask: Ask) -> None:
    assert "other: ['w/result']" in ask("careless", "killed")["wrong"]["1"]


@pytest.mark.slow
@HOUR
@pytest.mark.parametrize("command", [*WORKSPACE, "remove", *FILES])
def test_killed_before_any_operation_a_command_gives_the_reference(
    ask: Ask, command: str, tiny_model: Path
) -> None:
    came = ask(command, "killed", model=tiny_model)
    assert came["wrong"] == {}
    assert came["points"] > 10


@pytest.mark.slow
@HOUR
@pytest.mark.parametrize("command", ["ingest", "judge", "evaluate", *FILES])
def test_so_does_one_that_replaces_another_result(ask: Ask, command: str, tiny_model: Path) -> None:
    came = ask(command, "killed replacing", model=tiny_model)
    assert came["wrong"] == {}
    assert came["points"] > 10


@pytest.mark.slow
@HOUR
@pytest.mark.parametrize("command", [*WORKSPACE, *FILES])
def test_a_disk_that_is_full_from_any_operation_on_costs_nothing(
    ask: Ask, command: str, tiny_model: Path
) -> None:
    came = ask(command, "full", model=tiny_model)
    assert came["wrong"] == {}
    assert came["points"] > 5


@pytest.mark.slow
@HOUR
def test_two_commands_at_once_come_to_one_result_each(tmp_path: Path, tiny_model: Path) -> None:
    write_resumes(tmp_path / "cvs")
    script = [sys.executable, Path(__file__).with_name("pairs.py"), tmp_path, tiny_model]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "21 pairs\n"), ended.stderr
