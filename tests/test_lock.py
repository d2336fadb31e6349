import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from cvseeker.core import lock
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.lock import locked

HOLD = """
    import sys, time
    from pathlib import Path
    from cvseeker.core.lock import locked

    with locked(Path(sys.argv[1]), "finetune"):
        print("held", flush=True)
        time.sleep(float(sys.argv[2]))
"""


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    """Start a process that holds the lock, and return once it does."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(path), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w" / ".lock"


def test_a_lock_leaves_nothing_behind(path: Path) -> None:
    with locked(path, "one"), locked(path, "again"):
        assert path.exists()
    assert not path.parent.exists()
    path.parent.mkdir()
    with locked(path, "one"):
        pass
    assert list(path.parent.iterdir()) == []


def test_whoever_waits_is_told_for_whom(path: Path) -> None:
    told: list[tuple[str, str]] = []
    with holder(path, 0.7) as process:
        began = time.monotonic()
        with locked(path, "ingest", lambda task, done, total, note: told.append((task, note))):
            assert time.monotonic() - began > 0.3
    assert told == [("waiting", f"{path.parent} is in use: finetune, process {process.pid}")]


def test_after_a_while_a_wait_ends_in_a_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.3)
    with holder(path, 60) as process:
        told = r"in use for .* by finetune, process \d+; wait"
        with pytest.raises(WorkspaceError, match=told), locked(path, "ingest"):
            pytest.fail("two have it")
        process.kill()


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_the_lock_of_a_process_that_was_killed_is_free(path: Path) -> None:
    with holder(path, 60) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert path.exists()
    began = time.monotonic()
    with locked(path, "ingest"):
        assert time.monotonic() - began < 1
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_worker_that_outlives_the_killed_holder_holds_nothing(path: Path) -> None:
    """Workers that read files are forked; a record lock is not handed down to them."""
    code = (
        textwrap.dedent(HOLD)
        .replace("time.sleep", "os.fork(); time.sleep")
        .replace("import sys", "import os, sys")
    )
    command = [sys.executable, "-c", code, str(path), "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        time.sleep(0.2)
        process.kill()
        began = time.monotonic()
        with locked(path, "ingest"):
            assert time.monotonic() - began < 2


def test_threads_take_turns(path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with locked(path, "one"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_where_nobody_may_write_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(WorkspaceError, match="cannot write there"),
        locked(tmp_path / "file" / ".lock", "one"),
    ):
        pytest.fail("no such folder can be")
