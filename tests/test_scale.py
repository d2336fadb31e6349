"""The stages come to the same wherever their work is done, on a Ray cluster too."""

import pickle
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest

from cvseeker import pipeline
from cvseeker.cli import main
from cvseeker.core.mapping import map_here
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.examples.demonstration import demo_resumes
from cvseeker.queries import generate_stage

with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")


@pytest.fixture(scope="module")
def resumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fifteenth bundled résumé, one of them twice."""
    folder = tmp_path_factory.mktemp("resumes")
    for path in sorted(demo_resumes().iterdir())[::15]:
        shutil.copy(path, folder)
    shutil.copy(path, folder / f"again{path.suffix}")
    return folder


def elsewhere(
    function: Callable[[Iterable[Any]], Iterable[Any]], items: Iterable[Any], **_: Any
) -> Iterator[Any]:
    """Map items by threes, as another machine would: nothing but bytes goes to and fro."""
    left = iter(items)
    while batch := list(islice(left, 3)):
        received, sent = copied((function, batch))
        yield from copied(list(received(sent)))


def copied(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  (this test's own)


def outcome(workspace: Path) -> dict[str, bytes]:
    """Return all that stages wrote, but for how long it took."""
    files = (
        path for stage in ("ingest", "index", "queries") for path in (workspace / stage).rglob("*")
    )
    return {
        str(path.relative_to(workspace)): path.read_bytes()
        for path in files
        if path.is_file() and path.name != "manifest.json"
    }


def test_stages_come_to_the_same_wherever_their_work_is_done(
    resumes: Path, tiny_model: Path, tmp_path: Path
) -> None:
    settings = Settings().override("finetune", {"base": str(tiny_model)})
    for name, mapper in {"here": map_here, "elsewhere": elsewhere}.items():
        workspace = Workspace(tmp_path / name)
        pipeline.run([resumes], workspace, settings, tune=False, mapper=mapper)
        generate_stage(workspace, settings, mapper=mapper)
    here = outcome(tmp_path / "here")
    assert here == outcome(tmp_path / "elsewhere")
    assert {"ingest/passages.jsonl", "queries/train.json"} < here.keys()
    assert any(name.endswith(".segment") for name in here)


def test_ray_that_is_not_installed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["run", str(tmp_path), "-w", str(tmp_path / "w"), "--ray", "auto"]) == 2
    assert "pip install 'cvseeker[ray]'" in capsys.readouterr().err


def started(resumes: Path, workspace: Path, model: Path, *more: str) -> "subprocess.Popen[str]":
    """Start a run up to the index, with its messages in a file beside the workspace."""
    run = [sys.executable, "-m", "cvseeker", "run", resumes, "-w", workspace, "--no-tune"]
    # On a busy machine a sound file may take as long as a hostile one does elsewhere.
    config = workspace.with_suffix(".toml")
    config.write_text("[ingest]\ntimeout_seconds = 3000\n", encoding="utf-8")
    with workspace.with_suffix(".log").open("w", encoding="utf-8") as log:
        command = [*run, "--base", model, "--config", config, *more]
        return subprocess.Popen(command, stderr=log, text=True)


def below(run: "subprocess.Popen[str]", name: str = "") -> list[psutil.Process]:
    """Return the processes of a run, of its workers those that map."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(run.pid).children(recursive=True)
        return [one for one in children if one.is_running() and name in " ".join(one.cmdline())]
    return []


def wait_for(run: "subprocess.Popen[str]", what: Callable[[], Any]) -> Any:
    """Return what there is at last, while a run goes on."""
    while run.poll() is None:
        with suppress(psutil.Error, sqlite3.Error):
            if found := what():
                return found
        time.sleep(0.1)
    return pytest.fail("the run has ended")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up résumés, of more passages than a block that is encoded."""
    folder, rng = tmp_path_factory.mktemp("many"), random.Random(3)
    read = (path.read_text(encoding="utf-8") for path in sorted(demo_resumes().glob("*.txt")))
    words = sorted({word for text in read for word in re.findall("[A-Za-z]{3,}", text)})
    for number in range(300):
        lines = [f"Nobody Nr{number}", "EXPERIENCE"]
        lines += [" ".join(rng.choices(words, k=12)) for _ in range(8)]
        (folder / f"{number}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def made_here(many: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("here") / "workspace"
    assert started(many, workspace, tiny_model).wait() == 0
    return workspace


@with_ray
@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_ray_comes_to_the_same_and_is_nobody_elses(
    many: Path, made_here: Path, tiny_model: Path, tmp_path: Path
) -> None:
    run = started(many, tmp_path / "w", tiny_model, "--ray", "local")
    (worker,) = wait_for(run, lambda: below(run, "ray::MapBatches"))[:1]
    (folder,) = Path("/tmp").glob(f"cvseeker-ray-{run.pid}-*")
    assert folder.stat().st_mode & 0o077 == 0
    addresses = {
        connection.laddr.ip
        for process in below(run)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    worker.kill()
    assert run.wait() == 0
    assert outcome(tmp_path / "w") == outcome(made_here)
    assert not folder.exists()
    log = (tmp_path / "w.log").read_text(encoding="utf-8")
    assert "search works" in log or "index: done" in log
    assert not re.search("warning|traceback|ray", log, re.IGNORECASE), log
    assert all(
        path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "w").rglob("*") if path.is_file()
    )


@with_ray
@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_killed_with_ray_a_run_is_completed_by_its_command(
    many: Path, made_here: Path, tiny_model: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"

    def has_read() -> bool:
        with closing(sqlite3.connect(workspace / "record.sqlite")) as record:
            return bool(record.execute("SELECT count(*) FROM readings").fetchone()[0])

    def has_encoded() -> list[Path]:
        return list(workspace.glob("cache/*/passages-*.npz"))

    for reached in (has_read, has_encoded):
        run = started(many, workspace, tiny_model, "--ray", "local")
        wait_for(run, reached)
        others = below(run)
        assert others
        run.send_signal(signal.SIGKILL)
        run.wait()
        _, alive = psutil.wait_procs(others, timeout=60)
        assert not alive
        assert not (workspace / "index").exists()
    run = started(many, workspace, tiny_model, "--ray", "local")
    assert run.wait() == 0
    assert outcome(workspace) == outcome(made_here)
    assert not list(Path("/tmp").glob(f"cvseeker-ray-{run.pid}-*"))
