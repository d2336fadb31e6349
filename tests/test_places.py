import os
from pathlib import Path

import pytest

from cvseeker.core.errors import InputError
from cvseeker.core.files import write_text
from cvseeker.core.places import check_output, make_file, make_folder


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077])
def test_what_is_made_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    tmp_path.chmod(0o755)
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "a" / "b")
        make_file(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [rights(tmp_path / part) for part in ("a", "a/b", "a/b/c")] == [0o700, 0o700, 0o600]
    assert rights(tmp_path) == 0o755


def test_a_folder_or_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    tmp_path.chmod(0o755)
    make_folder(tmp_path)
    make_file(tmp_path / "a")
    assert ((tmp_path / "a").read_text(), rights(tmp_path)) == ("x", 0o755)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a file and a folder to read, and a home beside it."""
    for folder in ("home", "work/data/inner"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "work" / "x.json").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("out", "told"),
    [
        (".", "holds the folder you are in"),
        ("..", "holds the folder you are in"),
        ("/", "holds the folder you are in"),
        ("data/..", "holds the folder you are in"),
        ("../home", "holds your home folder"),
        ("x.json", "is what --dataset names, x.json"),
        ("data/../x.json", "is what --dataset names"),
        ("link.json", "is what --dataset names"),
        ("hard.json", "is what --dataset names"),
        ("data", "is what --corpus names, data"),
        ("data/new", "lies within what --corpus names"),
        ("data/inner/deep/new", "lies within what --corpus names"),
        ("folder-link/new", "lies within what --corpus names"),
        ("top", "holds what --model m names"),
    ],
)
def test_an_output_that_is_an_input_is_refused(out: str, told: str) -> None:
    Path("link.json").symlink_to("x.json")
    Path("hard.json").hardlink_to("x.json")
    Path("folder-link").symlink_to("data")
    Path("top/m").mkdir(parents=True)
    inputs = {"--dataset": Path("x.json"), "--corpus": Path("data"), "--model m": Path("top/m")}
    with pytest.raises(InputError, match=told):
        check_output(Path(out), inputs)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("out", ["new", "new.json", "deep/new", "data2", "../other", "x.json.d"])
def test_any_other_output_is_taken(out: str) -> None:
    check_output(Path(out), {"--dataset": Path("x.json"), "--corpus": Path("data"), "--val": None})


def test_a_name_that_the_file_system_takes_for_the_same_is_the_same(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Mac, where X.json and x.json are one file."""
    samefile = Path.samefile
    monkeypatch.setattr(Path, "samefile", lambda one, other: str(one).lower() == str(other).lower())
    with pytest.raises(InputError, match="is what --dataset names"):
        check_output(here / "X.json", {"--dataset": here / "x.json"})
    assert samefile(here, here)


@pytest.mark.usefixtures("here")
def test_a_hubs_name_is_no_input() -> None:
    check_output(Path("sentence-transformers"), {"--base": Path("sentence-transformers/mini")})


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("out", ["circle/new", "circle", "null\0byte", "x" * 5000])
def test_what_is_no_place_is_one_line(out: str) -> None:
    Path("circle").symlink_to("circle")
    with pytest.raises(InputError, match="name another place") as caught:
        make_new(Path(out))
    assert "\n" not in str(caught.value)


def make_new(path: Path) -> None:
    """Write as a stage does."""
    check_output(path, {})
    write_text(path / "a.txt", "a")
