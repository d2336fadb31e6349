"""What `make dist` makes holds all that is needed, and works where the repository is not."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from cvseeker import __version__, demo_resumes

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=200)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked where nothing of the repository is."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder


def cvseeker(installed: Path, *arguments: str) -> str:
    """Run the command from the wheel, and return what it said to stdout."""
    command = [sys.executable, "-m", "cvseeker", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        command,
        cwd=installed,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@slow
def test_the_wheel_holds_every_file_of_the_package(installed: Path) -> None:
    """It is made of the sdist, which is thereby held against the tree as well."""
    held = {
        path.relative_to(installed).as_posix()
        for path in (installed / "cvseeker").rglob("*")
        if path.is_file()
    }
    there = {
        path.relative_to(SOURCES).as_posix()
        for path in (SOURCES / "cvseeker").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == there
    kinds = {PurePosixPath(name).suffix for name in held}
    assert {".txt", ".html", ".js", ".sql", ".crfsuite", ".pdf", ".typed"} <= kinds


@slow
def test_the_sdist_holds_the_repository_and_nothing_that_lies_in_it(dist: Path) -> None:
    committed = git_files()
    if not committed:
        pytest.skip("there is no history here")
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        files = [member.name for member in sdist.getmembers() if member.isfile()]
    held = {name.partition("/")[2] for name in files}
    assert {name for name in committed if not name.startswith(".")} <= held
    assert held - {"PKG-INFO"} <= git_files("--cached", "--others", "--exclude-standard")


def git_files(*options: str) -> set[str]:
    command = ["git", "ls-files", "-z", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return set(filter(None, done.stdout.split("\0")))


def test_pages_name_this_version() -> None:
    assert f"\n## [{__version__}] - " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for page in ("README.md", "docs/install.md"):
        named = re.findall(r"cvseeker-([\d.]+)-py3", (ROOT / page).read_text(encoding="utf-8"))
        assert set(named) == {__version__}, page


@slow
def test_the_version_is_told_once(dist: Path, installed: Path) -> None:
    assert {path.name for path in dist.iterdir()} == {
        f"cvseeker-{__version__}-py3-none-any.whl",
        f"cvseeker-{__version__}.tar.gz",
    }
    assert cvseeker(installed, "--version").split()[-1] == __version__


@slow
def test_the_wheel_reads_indexes_and_searches(installed: Path, tmp_path: Path) -> None:
    """Word lists, the tagger, migrations and the packaged model are where they are looked for."""
    workspace = str(tmp_path / "w")
    cvseeker(installed, "run", str(demo_resumes()), "-w", workspace, "--no-tune")
    hits = cvseeker(installed, "search", "-w", workspace, "pastry chef, chocolate", "--csv")
    assert len(hits.splitlines()) == 11
