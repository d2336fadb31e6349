import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from cvseeker.cli import main
from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.progress import silent
from cvseeker.core.workspace import Workspace
from cvseeker.train.distributed import from_main, heard, is_main, rank, run_together, world_size

VARIABLES = ("MASTER_ADDR", "RANK", "WORLD_SIZE", "LOCAL_RANK")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def start(monkeypatch: pytest.MonkeyPatch, number: int, of: int) -> None:
    for name, value in zip(VARIABLES, ("127.0.0.1", number, of, number), strict=True):
        monkeypatch.setenv(name, str(value))


def torchrun(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_one_process_is_the_main_one() -> None:
    assert (rank(), world_size(), is_main()) == (0, 1, True)
    assert from_main(lambda: 7) == 7


def test_torchrun_numbers_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def progress(task: str, done: int, total: int, note: str = "") -> None:
        raise AssertionError

    start(monkeypatch, 1, of=2)
    assert (rank(), world_size(), is_main()) == (1, 2, False)
    assert heard(progress) is silent
    start(monkeypatch, 0, of=2)
    assert (rank(), world_size(), is_main()) == (0, 2, True)
    assert heard(progress) is progress


def test_a_queue_systems_variables_alone_start_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("RANK", "3")
    assert (rank(), world_size(), is_main()) == (0, 1, True)


def test_alone_a_stage_runs_as_ever(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    def work(folder: Path) -> dict[str, Any]:
        (folder / "a.txt").write_text("a", encoding="utf-8")
        return {"n": 1}

    result = run_together(lambda work: workspace.run_stage("model", {}, {}, work), work)
    assert (result.counts, result.skipped) == ({"n": 1}, False)
    assert (tmp_path / "model" / "a.txt").is_file()


def test_only_finetune_runs_in_several_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start(monkeypatch, 0, of=2)
    assert main(["doctor"]) == 2
    assert "doctor: started in 2 processes" in capsys.readouterr().err


TOGETHER = """
    import sys
    from pathlib import Path
    from cvseeker.train.distributed import from_main, rank, run_together
    from cvseeker.core.workspace import Workspace

    workspace = Workspace(Path("w"))

    def work(folder):
        assert folder.name == ".model.part" and folder.is_dir()
        Path(f"worked-{rank()}").touch()
        made = from_main(lambda: {"made by": rank()})
        (folder / f"{rank()}.txt").write_text("x", encoding="utf-8")
        from_main(lambda: None)
        return made

    def run(work):
        assert rank() == 0
        return workspace.run_stage("model", {"a": 1}, {}, work)

    for skipped in (False, True):
        result = run_together(run, work)
        assert result.counts == {"made by": 0}, result
        assert result.skipped is skipped, result
        for path in Path().glob("worked-*"):
            assert not skipped
        from_main(lambda: None)
        Path(f"worked-{rank()}").unlink(missing_ok=True)
        from_main(lambda: None)
    Path(f"done-{rank()}").touch()
"""


@pytest.mark.slow
def test_two_processes_share_a_stage(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(textwrap.dedent(TOGETHER), encoding="utf-8")
    result = torchrun(script, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert {path.name for path in tmp_path.glob("done-*")} == {"done-0", "done-1"}
    assert (tmp_path / "w" / "model" / "0.txt").is_file()
    assert (tmp_path / "w" / "model" / "manifest.json").is_file()
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["model"]


@pytest.mark.slow
def test_two_processes_train_one_model(
    tiny_model: Path, tiny_dataset: RetrievalDataset, tmp_path: Path
) -> None:
    write_dataset(tiny_dataset, tmp_path / "train.json")
    command = ["-m", "cvseeker", "finetune", "--train", "train.json", "--val", "train.json"]
    command += ["--out", "model", "--base", str(tiny_model), "--batch-size", "4", "--force"]
    result = torchrun(*command, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["model"]
    assert result.stderr.count("model: done in") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"train.json", "model"}
    from cvseeker.retrieval.encoder import LocalEncoder

    vectors = LocalEncoder.from_name(str(tmp_path / "model")).encode_queries(["pastry chef"])
    assert vectors.shape == (1, 32)
    again = torchrun(*command, folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "model: unchanged, kept" in again.stderr
