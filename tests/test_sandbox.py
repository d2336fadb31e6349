import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cvseeker.core.settings import IngestSettings
from cvseeker.resumes import sandbox
from cvseeker.resumes.discover import SourceFile, find_files
from cvseeker.resumes.readers import ReadError
from cvseeker.resumes.sandbox import ReadOutcome, read_files
from hostile import SOUND_TEXT, make_hostile_folder, pdf_of


def _read(paths: list[Path], **settings: float) -> list[ReadOutcome]:
    files = [SourceFile(path, path.name) for path in paths]
    return list(read_files(files, settings=IngestSettings(**settings)))


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Watch how many bytes all child processes hold together; the list's item is the peak."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            held = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    held += child.memory_info().rss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


@pytest.mark.slow
def test_no_hostile_file_harms_another(tmp_path: Path) -> None:
    make_hostile_folder(tmp_path / "cvs", count=220)
    files = find_files([tmp_path / "cvs"])
    with _peak_memory() as peak:
        outcomes = _read([file.path for file in files], timeout_seconds=30)
    assert len(files) >= 200
    assert [outcome.path for outcome in outcomes] == [file.path for file in files]
    for file, outcome in zip(files, outcomes, strict=True):
        assert bool(outcome.documents) != bool(outcome.reason), file.relative
        assert "\n" not in outcome.reason
        for document in outcome.documents:
            assert document.text.encode("utf-8")
        if file.relative.startswith("good-"):
            text = outcome.documents[0].text
            assert "chocolate tempering" in text.replace("\n", " "), (file.relative, outcome.reason)
    assert peak[0] < 4 * 2**30
    reasons = {file.relative: outcome.reason for file, outcome in zip(files, outcomes, strict=True)}
    assert reasons["encrypted.pdf"] == "encrypted PDF: needs a password"
    assert reasons["scanned.pdf"].startswith("no text layer: a scanned PDF; run OCR on it first")
    assert reasons["legacy.doc"] == "legacy Word .doc: save it as .docx or PDF"
    assert reasons["bomb.docx"].startswith("zip bomb: ")
    assert reasons["empty.pdf"] == "empty file"
    assert reasons["truncated-50.pdf"].startswith("truncated PDF")
    assert reasons["ten-thousand-pages.pdf"].startswith("10,000 pages")


def test_outcomes_come_in_order(tmp_path: Path) -> None:
    paths = []
    for number in range(40):
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_text(f"Résumé number {number}" if number % 3 else "", encoding="utf-8")
    paths.append(tmp_path / "missing.txt")
    outcomes = _read(paths)
    assert [outcome.path for outcome in outcomes] == paths
    assert outcomes[1].documents[0].text == "Résumé number 1"
    assert outcomes[0].reason == "empty file"
    assert outcomes[-1].reason == "the file has vanished"


def test_nothing_to_read_starts_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_open_pool", None)
    assert _read([]) == []
    assert _read([Path("gone.pdf")])[0].reason == "the file has vanished"


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    slow, sound = tmp_path / "slow.html", tmp_path / "sound.txt"
    slow.write_bytes(b"<div>" * 400_000)
    sound.write_text(SOUND_TEXT, encoding="utf-8")
    outcomes = _read([slow, sound], timeout_seconds=3)
    assert outcomes[0].reason == "took longer than 3 s"
    assert outcomes[1].documents[0].text.strip() == SOUND_TEXT.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_file_that_needs_too_much_memory_is_given_up(tmp_path: Path) -> None:
    greedy, sound = tmp_path / "greedy.json", tmp_path / "sound.pdf"
    greedy.write_bytes(b"[" + b"{}," * 5_000_000 + b"{}]")
    sound.write_bytes(pdf_of(SOUND_TEXT))
    outcomes = _read([greedy, sound], memory_mb=256)
    assert outcomes[0].reason == "needed more than 256 MB of memory"
    assert "Hotel Lipa" in outcomes[1].documents[0].text


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process table of Linux")
def test_a_crash_costs_only_the_file_being_read(tmp_path: Path) -> None:
    slow = tmp_path / "slow.html"
    slow.write_bytes(b"<div>" * 400_000)
    sound = [tmp_path / f"{number}.txt" for number in range(5)]
    for path in sound:
        path.write_text(SOUND_TEXT, encoding="utf-8")
    killer = threading.Thread(target=_kill_the_busiest_worker)
    killer.start()
    outcomes = _read([slow, *sound], workers=1, timeout_seconds=60)
    killer.join()
    assert outcomes[0].reason == "the reader crashed on it"
    assert all(outcome.documents for outcome in outcomes[1:])


def _kill_the_busiest_worker() -> None:
    """Wait for a new child that has computed for a second, and end it as a fault would."""
    # What earlier tests have started, such as a server that answers them, is let live.
    others = {child.pid for child in psutil.Process().children(recursive=True)}
    limit = time.monotonic() + 50
    while time.monotonic() < limit:
        for child in psutil.Process().children(recursive=True):
            if child.pid in others:
                continue
            try:
                times = child.cpu_times()
                if times.user > 0.8 and not child.children():
                    os.kill(child.pid, signal.SIGSEGV)
                    return
            except (psutil.Error, ProcessLookupError):
                continue
        time.sleep(0.2)


def test_a_broken_pool_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(SOUND_TEXT, encoding="utf-8")
    workers = sandbox._Workers(1, IngestSettings())
    try:
        first = workers.submit(sandbox._read, path)
        workers.stop()
        documents, reason = workers.collect(first)
    finally:
        workers.stop()
    assert (documents[0].text.strip(), reason) == (SOUND_TEXT.strip(), "")


def test_an_unreadable_file_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.txt"
    path.write_text(SOUND_TEXT, encoding="utf-8")

    def deny(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    assert sandbox._safely(sandbox._read, path, 256) == (None, "no permission to read the file")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ReadError("empty file"), "empty file"),
        (MemoryError(), "needed more than 256 MB of memory"),
        (RecursionError(), "nested too deeply to be a résumé"),
        (KeyError("x"), "the reader failed on it (KeyError)"),
    ],
)
def test_every_failure_becomes_a_reason(error: Exception, reason: str) -> None:
    def fail(_: object) -> object:
        raise error

    assert sandbox._safely(fail, Path("x"), 256) == (None, reason)


def test_whatever_is_done_in_workers_fails_alone() -> None:
    assert list(sandbox.in_workers(int, ["1", "x", "3"], IngestSettings(workers=1))) == [
        (1, ""),
        (None, "the reader failed on it (ValueError)"),
        (3, ""),
    ]


def test_a_script_without_guard_is_told(tmp_path: Path) -> None:
    (tmp_path / "cv.txt").write_text(SOUND_TEXT, encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from cvseeker.core.settings import IngestSettings\n"
        "from cvseeker.resumes.discover import find_files\n"
        "from cvseeker.resumes.sandbox import read_files\n"
        f"files = find_files([Path({str(tmp_path / 'cv.txt')!r})])\n"
        "list(read_files(files, settings=IngestSettings()))\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode != 0
    assert "no worker process could be started" in run.stderr.splitlines()[-1]


def test_workers_stay_light() -> None:
    code = (
        "import sys, json, cvseeker.resumes.sandbox, cvseeker.resumes.candidates\n"
        "heavy = ['torch', 'transformers', 'pandas', 'pyarrow', 'pydantic', 'pypdf', 'lxml']\n"
        "print(json.dumps([name for name in heavy if name in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
