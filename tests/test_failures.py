"""Whatever ends a command, and whatever the shell made of its streams: one line, no traceback."""

import errno
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker import pipeline
from cvseeker.cli import main
from cvseeker.cli.failures import LONGEST_LINE, explain
from cvseeker.core import conditions
from cvseeker.core.conditions import check_reachable, check_room
from cvseeker.core.errors import InputError, LlmError, ModelError
from cvseeker.core.screen import printable
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.examples import demo_resumes


def raised(work: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 (each kind in turn)
        work()
    return caught.value


def raise_it(error: BaseException) -> None:
    raise error


def system_error(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


def bytes_of(array: object) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


CUT = bytes_of(np.arange(99.0))[:200]
KINDS: list[tuple[Callable[[], object], int, str]] = [
    (lambda: raise_it(InputError("first\n  second")), 2, "first second"),
    (lambda: raise_it(ModelError("m")), 2, "m"),
    (lambda: raise_it(KeyboardInterrupt()), 130, "the same command continues"),
    (lambda: raise_it(MemoryError()), 2, "no memory is left"),
    (lambda: raise_it(RecursionError("maximum")), 2, "nested too deeply"),
    (b"\xff".decode, 2, "no UTF-8"),
    ("\ud800".encode, 2, "no UTF-8"),
    (lambda: json.loads("{"), 2, "damaged"),
    (lambda: tomllib.loads("["), 2, "damaged"),
    (lambda: sqlite3.connect(":memory:").execute("nonsense"), 2, "damaged"),
    (lambda: zipfile.ZipFile(io.BytesIO(b"PK")), 2, "damaged"),
    (lambda: np.load(io.BytesIO(b"")), 2, "damaged"),
    (lambda: np.load(io.BytesIO(CUT)), 2, "damaged"),
    (lambda: np.load(io.BytesIO(bytes_of(np.array([{}]))[:-9])), 2, "damaged"),
    (lambda: Path("a\0b").stat(), 1, "our fault: ValueError"),
    (lambda: {}["absent"], 1, "our fault: KeyError"),
]


@pytest.mark.parametrize(("work", "status", "told"), KINDS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_kind_of_exception_is_a_line(
    work: Callable[[], object],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failure = explain(raised(work), "cvseeker")
    assert (failure.status, "\n" in failure.line) == (status, False)
    assert told in failure.line
    kept = list(tmp_path.iterdir())
    assert len(kept) == (status == 1)
    for path in kept:
        assert str(path) in failure.line
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text(encoding="utf-8").startswith("Traceback")


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "no room is left"),
        (errno.EDQUOT, "your share of the disk"),
        (errno.EROFS, "read-only file system"),
        (errno.EACCES, "no right to read or write"),
        (errno.EPERM, "not permitted"),
        (errno.ENAMETOOLONG, "expected a shorter one"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EISDIR, "expected a file"),
        (errno.ENOTDIR, "expected a folder"),
        (errno.ENOENT, "no such file"),
        (errno.ELOOP, "circle"),
        (errno.EIO, "the disk"),
        (errno.ENXIO, "expected a file or a server that can be used"),
    ],
)
def test_what_the_system_refuses_names_the_place_and_the_way_out(number: int, told: str) -> None:
    failure = explain(system_error(number, "some/place"), "cvseeker")
    assert failure.status == 2
    assert failure.line.startswith("some/place: ")
    assert told in failure.line


@pytest.mark.parametrize(
    "error",
    [
        OSError("36704 requested and 18400 written"),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("PytorchStreamWriter failed writing file data/0"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_told_whoever_wrote(error: Exception) -> None:
    assert explain(error, "cvseeker").line.startswith("no room is left on the disk")


def test_a_long_complaint_is_cut_in_its_middle() -> None:
    line = explain(InputError(f"begin {'x' * 10_000} end"), "cvseeker").line
    assert len(line) < LONGEST_LINE + 10
    assert line.startswith("begin")
    assert line.endswith("end")


@given(st.text())
def test_what_is_printable_has_no_controls_and_stays_the_same_json(text: str) -> None:
    shown = printable(json.dumps(text, ensure_ascii=False), lines=True)
    assert json.loads(shown) == text
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in shown)
    assert len(printable(text, mark="?")) == len(text)


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    python = f"{sys.executable} -m cvseeker"
    return subprocess.run(
        ["bash", "-c", line.replace("cvseeker", python)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "status", "lines"),
    [
        ("cvseeker --help > /dev/full", 2, 1),
        ("cvseeker doctor --json > /dev/full", 2, 1),
        ("cvseeker doctor > /dev/full", 2, 1),
        ("set -o pipefail; cvseeker --help | true", 0, 0),
        ("set -o pipefail; cvseeker doctor | head -1 > /dev/null", 0, 0),
        ("cvseeker doctor >&-", 0, 0),
        ("cvseeker --help >&- 2>&- <&-", 0, 0),
        ("cvseeker nonsense 2> /dev/full", 2, 0),
        ("cvseeker nonsense 2>&-", 2, 0),
        ("mkdir w && cd w && rmdir ../w && cvseeker ingest . -w x", 2, 1),
        ("cvseeker search -w x $'caf\\xe9'", 2, 1),
        ("ulimit -f 0; cvseeker ingest a.txt -w w", 2, 1),
    ],
)
def test_streams_may_be_full_closed_or_gone(
    line: str, status: int, lines: int, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Ana\nPastry chef, 2010 - 2020\n")
    ended = shell(line, tmp_path)
    told = [said for said in ended.stderr.splitlines() if not said.startswith("  ")]
    assert (ended.returncode, len(told)) == (status, lines), ended.stderr
    assert all(said.startswith("cvseeker: ") for said in told)


INTERRUPT = """
import importlib.abc, os, signal, sys
import cvseeker.__main__ as program

# Whoever starts the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupts(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == wanted:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
wanted = sys.argv.pop(1)
sys.exit(program.main())
"""


@pytest.mark.parametrize("module", ["cvseeker.cli", "typer", "pydantic", "numpy", "rich.table"])
def test_an_interruption_while_modules_load_is_one_line(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPT, module, "doctor"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 130
    assert ended.stderr.startswith("cvseeker: interrupted")
    assert ended.stderr.count("\n") == 1


def test_the_package_loads_nothing_before_it_is_asked() -> None:
    code = (
        "import sys; before = set(sys.modules); import cvseeker; print(*set(sys.modules) - before)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ended.stdout.split()) <= {"cvseeker", "__future__"}


def test_a_run_looks_for_room_servers_and_judgements_first(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings().override("finetune", {"base": str(tiny_model)})
    workspace = Workspace(tmp_path / "w")

    def run(settings: Settings, judgements: Path | None = None) -> None:
        pipeline.run([demo_resumes()], workspace, settings, judgements=judgements)

    with pytest.raises(InputError, match="none"):
        run(settings, tmp_path / "none")
    asks = settings.override("generate", {"llm": "m"})
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with pytest.raises(LlmError, match=r"nobody answers there .*--llm-url"):
        run(asks.override("llm", {"url": "http://127.0.0.1:9/v1"}))
    monkeypatch.setattr(
        conditions.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0)
    )
    with pytest.raises(InputError, match=r"0 MB are free on the disk; expected 10\d MB"):
        run(settings)
    assert not workspace.path.exists()


def test_a_server_behind_a_proxy_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    check_reachable("http://llm.example/v1")
    check_reachable(None)


def test_room_is_looked_for_where_the_folder_will_be(tmp_path: Path) -> None:
    check_room(tmp_path / "a" / "b", 1)
    with pytest.raises(InputError, match="free some, or name another place"):
        check_room(tmp_path / "a" / "b", 1e30)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "garbage": lambda path: path.write_bytes(bytes(range(255, -1, -1)) * 8),
    "missing": lambda path: path.unlink(),
    "folder": lambda path: (path.unlink(), path.mkdir(), (path / "x").touch()),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("damages")
    for path in sorted(demo_resumes().iterdir())[::5]:
        (folder / "cvs").mkdir(exist_ok=True)
        shutil.copy(path, folder / "cvs")
    settings = Settings().override("finetune", {"base": str(tiny_model), "epochs": 1.0})
    pipeline.run([folder / "cvs"], Workspace(folder / "w"), settings)
    return folder / "w"


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", ["search nurse", "index", "status --verify", "evaluate"])
def test_a_damaged_workspace_is_mended_or_told_in_one_line(
    command: str,
    damage: str,
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = sorted(path.relative_to(finished) for path in finished.rglob("*") if path.is_file())
    assert len(files) > 40
    for file in files:
        workspace = tmp_path / "w"
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.copytree(finished, workspace)
        DAMAGES[damage](workspace / file)
        status = main([*command.split(), "-w", str(workspace)])
        said = capsys.readouterr().err
        told = [line for line in said.splitlines() if line.startswith("cvseeker: ")]
        assert (status, len(told)) in {(0, 0), (2, 1)}, f"{file}: {said}"
        assert "Traceback" not in said
