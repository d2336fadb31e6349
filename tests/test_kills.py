"""Every stage survives a kill before any of its file operations, and another command beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TRADES = ("pastry chef", "backend engineer", "intensive care nurse", "payroll accountant")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def write_resumes(folder: Path) -> None:
    """Write résumés of a few fictional people."""
    folder.mkdir()
    for number, trade in enumerate(TRADES):
        words = " ".join(f"Shift {number}.{week} was calm." for week in range(20))
        (folder / f"{number}.txt").write_text(f"Ana Prunk, {trade}\n\nExperience\n{words}\n")


def script(name: str, *arguments: str, **variables: str) -> str:
    """Return what a program beside this file prints."""
    command = [sys.executable, Path(__file__).with_name(name), *arguments]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
        env={**os.environ, **variables},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def killed(stage: str, root: Path, *arguments: str, **variables: str) -> str:
    """Return what is said of a stage that was killed at each of its operations."""
    write_resumes(root / "cvs")
    return script("kills.py", stage, str(root), *arguments, **variables)


@pytest.mark.parametrize("stage", ["fake", "kept"])
def test_killed_before_any_operation_a_stage_is_completed_by_its_command(
    tmp_path: Path, stage: str
) -> None:
    said = killed(stage, tmp_path)
    number = int(said.split()[1])
    assert said == f"killed {number} times, then 0\n"
    assert number > 30


@pytest.mark.parametrize("stage", ["fake", "kept"])
def test_a_disk_that_is_full_from_any_operation_on_costs_nothing(
    tmp_path: Path, stage: str
) -> None:
    said = killed(stage, tmp_path, FULL_DISK="1")
    number = int(said.split()[1])
    assert said == f"killed {number} times, then 0\n"
    assert number > 30


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "fewest"), [("ingest", 40), ("generate", 80)])
def test_so_are_the_stages_that_need_no_model(tmp_path: Path, stage: str, fewest: int) -> None:
    said = killed(stage, tmp_path)
    number = int(said.split()[1])
    assert said == f"killed {number} times, then 0\n"
    assert number > fewest


@pytest.mark.slow
def test_so_is_the_index(tmp_path: Path, tiny_model: Path) -> None:
    said = killed("index", tmp_path, str(tiny_model))
    number = int(said.split()[1])
    assert said == f"killed {number} times, then 0\n"
    assert number > 40


@pytest.mark.slow
def test_two_commands_at_once_come_to_one_result_each(tmp_path: Path, tiny_model: Path) -> None:
    write_resumes(tmp_path / "cvs")
    assert script("pairs.py", str(tmp_path), str(tiny_model)) == "21 pairs\n"
