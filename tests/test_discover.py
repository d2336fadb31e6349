import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
from cvseeker.core.workspace import Workspace
from cvseeker.resumes.discover import display_name, find_files, refusal


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")


def test_files_of_folders_are_found_recursively_and_sorted(tmp_path: Path) -> None:
    _touch(tmp_path / "b.pdf", tmp_path / "a.txt", tmp_path / "sales" / "c.docx")
    found = find_files([tmp_path])
    assert [file.relative for file in found] == ["a.txt", "b.pdf", "sales/c.docx"]
    assert [file.path for file in found] == [
        tmp_path / "a.txt",
        tmp_path / "b.pdf",
        tmp_path / "sales" / "c.docx",
    ]


def test_a_file_can_be_a_source(tmp_path: Path) -> None:
    _touch(tmp_path / "jane.pdf")
    assert [file.relative for file in find_files([tmp_path / "jane.pdf"])] == ["jane.pdf"]


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such file or folder; expected a folder"):
        find_files([tmp_path / "nowhere"])


def test_overlapping_sources_give_each_file_once(tmp_path: Path) -> None:
    _touch(tmp_path / "sales" / "c.docx", tmp_path / "a.txt")
    found = find_files([tmp_path, tmp_path / "sales", tmp_path / "sales" / ".." / "a.txt"])
    assert [file.relative for file in found] == ["a.txt", "sales/c.docx"]


def test_clashing_sources_get_their_folders_name(tmp_path: Path) -> None:
    _touch(tmp_path / "north" / "a.pdf", tmp_path / "south" / "a.pdf", tmp_path / "south" / "b.pdf")
    found = find_files([tmp_path / "north", tmp_path / "south"])
    assert [file.relative for file in found] == ["north/a.pdf", "south/a.pdf", "south/b.pdf"]


def test_clashes_of_equally_named_folders_get_a_number(tmp_path: Path) -> None:
    _touch(tmp_path / "1" / "cv" / "a.pdf", tmp_path / "2" / "cv" / "a.pdf")
    found = find_files([tmp_path / "1" / "cv", tmp_path / "2" / "cv"])
    assert [file.relative for file in found] == ["cv/a.pdf", "cv/a.pdf (2)"]


def test_links_that_form_a_loop_end(tmp_path: Path) -> None:
    _touch(tmp_path / "sub" / "a.txt")
    (tmp_path / "sub" / "back").symlink_to(tmp_path)
    assert [file.relative for file in find_files([tmp_path])] == ["sub/a.txt"]


def test_what_links_lead_to_is_read_once_if_it_lies_inside(tmp_path: Path) -> None:
    cvs = tmp_path / "cvs"
    _touch(cvs / "a.txt", cvs / ".data" / "b.txt", cvs / "z" / "c.txt", tmp_path / "out" / "d.txt")
    (cvs / "again.txt").symlink_to(cvs / "a.txt")
    (cvs / "current").symlink_to(cvs / ".data")
    (cvs / "alias").symlink_to("z")
    (cvs / "secret.txt").symlink_to("/proc/self/environ")
    (cvs / "outside").symlink_to(tmp_path / "out")
    (cvs / "up.txt").symlink_to("../out/d.txt")
    (cvs / "hard.txt").hardlink_to(cvs / "a.txt")
    found = {file.relative: file.refused for file in find_files([cvs])}
    read = [name for name, refused in found.items() if not refused]
    assert read == ["a.txt", "again.txt", "hard.txt", "z/c.txt", "current/b.txt"]
    out = "a link that leads out of the source folder: not opened"
    assert [found[name] for name in ("secret.txt", "outside", "up.txt")] == [out] * 3
    assert not any(file.refused for file in find_files([cvs, tmp_path]) if "out" in file.relative)


def test_a_source_may_be_a_link(tmp_path: Path) -> None:
    _touch(tmp_path / "cvs" / "a.txt")
    (tmp_path / "link").symlink_to("cvs")
    (tmp_path / "link.txt").symlink_to("cvs/a.txt")
    found = find_files([tmp_path / "link", tmp_path / "link.txt", tmp_path / "cvs"])
    assert [(file.relative, file.refused) for file in found] == [("a.txt", ""), ("link.txt", "")]


def test_a_folder_that_cannot_be_read_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path / "a.txt", tmp_path / "closed" / "b.txt", tmp_path / "open" / "c.txt")
    scandir = os.scandir

    def deny(folder: Path) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", deny)
    found = {file.relative: file.refused for file in find_files([tmp_path])}
    reason = "a folder that cannot be read: Permission denied"
    assert found == {"a.txt": "", "closed": reason, "open/c.txt": ""}


@contextmanager
def nested_folders(root: Path, name: str) -> Iterator[None]:
    """Make 1,200 folders in one another; paths to the deepest may be too long for the system."""
    home = Path.cwd()
    os.chdir(root)
    for _ in range(1200):
        Path(name).mkdir()
        os.chdir(name)
    Path("deep.txt").write_text("x", encoding="utf-8")
    os.chdir(home)
    try:
        yield
    finally:
        os.chdir(root)
        for _ in range(1200):
            os.chdir(name)
        Path("deep.txt").unlink()
        for _ in range(1200):
            os.chdir("..")
            Path(name).rmdir()
        os.chdir(home)


def test_folders_may_nest_deep(tmp_path: Path) -> None:
    with nested_folders(tmp_path, "n"):
        found = find_files([tmp_path])
    assert [(file.relative, file.refused) for file in found] == [("n/" * 1200 + "deep.txt", "")]


@pytest.mark.skipif(sys.platform != "linux", reason="systems differ in how long a path may be")
def test_a_path_that_is_too_long_is_listed(tmp_path: Path) -> None:
    with nested_folders(tmp_path, "a-long-name"):
        [found] = find_files([tmp_path])
    assert found.refused == "a folder that cannot be read: File name too long"


def test_what_cvseeker_wrote_is_skipped(tmp_path: Path) -> None:
    cvs = tmp_path / "cvs"
    _touch(cvs / "a.txt", cvs / "old" / "manifest.json", cvs / "old" / "b.txt")
    for workspace in (cvs / "old" / "ws", cvs):
        Workspace(workspace).run_stage("ingest", {}, {}, lambda folder: {})
        (workspace / "cache").mkdir()
    for name, content in (("broken", "{"), ("deep", "[" * 100_000), ("other", '{"name": "x"}')):
        _touch(tmp_path / name / "c.txt")
        (tmp_path / name / "manifest.json").write_text(content, encoding="utf-8")
    found = {file.relative: file.refused for file in find_files([tmp_path])}
    ours = "written by CVSeeker, no résumé: skipped"
    assert {name for name in found if found[name]} == {"cvs"}
    assert found["cvs"] == ours
    assert {"broken/c.txt", "deep/c.txt", "other/c.txt"} <= found.keys()
    found = {file.relative: file.refused for file in find_files([cvs])}
    assert {name for name in found if found[name] == ours} == {"ingest", "cache", "old/ws"}
    assert {"a.txt", "old/b.txt", "old/manifest.json"} <= {
        name for name in found if not found[name]
    }


def test_names_that_differ_in_case_alone_are_two_files(tmp_path: Path) -> None:
    _touch(tmp_path / "CV.txt", tmp_path / "cv.txt")
    if len(list(tmp_path.iterdir())) == 2:
        assert [file.relative for file in find_files([tmp_path])] == ["CV.txt", "cv.txt"]


def test_hidden_files_are_listed_and_hidden_folders_not_entered(tmp_path: Path) -> None:
    _touch(tmp_path / ".DS_Store", tmp_path / "~$cv.docx", tmp_path / ".git" / "x", tmp_path / "a")
    found = find_files([tmp_path])
    assert [file.relative for file in found] == [".DS_Store", ".git", "a", "~$cv.docx"]
    reasons = [refusal(file.path, max_file_mb=1) for file in found]
    hidden = "hidden or temporary file: skipped"
    assert reasons == [hidden, hidden, "", hidden]


def test_special_files_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert refusal(tmp_path / "socket", max_file_mb=1) == "a socket, not a file: not opened"
    assert refusal(tmp_path / "pipe", max_file_mb=1) == "a pipe, not a file: not opened"
    assert refusal(Path("/dev/zero"), max_file_mb=1) == "a device, not a file: not opened"
    Path("dangling").symlink_to("nowhere")
    assert refusal(tmp_path / "dangling", max_file_mb=1) == "a link to nothing"
    assert refusal(tmp_path / "gone", max_file_mb=1) == "the file has vanished"


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    big = tmp_path / "big.pdf"
    with big.open("wb") as file:
        file.truncate(3_000_000)
    assert refusal(big, max_file_mb=2) == "3 MB: larger than the limit of 2 MB (max_file_mb)"
    assert not refusal(big, max_file_mb=3)


def test_names_that_are_no_utf8_are_found_and_shown(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9\n.txt")).write_bytes(b"x")
    [found] = find_files([tmp_path])
    assert found.path.read_bytes() == b"x"
    assert found.relative == r"caf\xe9\n.txt"


def test_names_move_no_cursor_and_turn_no_letters(tmp_path: Path) -> None:
    (tmp_path / "cv\x1b[2J\u202efdp.exe").write_text("x", encoding="utf-8")
    [found] = find_files([tmp_path])
    assert found.relative == r"cv\u001b[2J\u202efdp.exe"


@given(st.binary(min_size=1).map(os.fsdecode))
def test_display_names_are_one_line_of_utf8(name: str) -> None:
    shown = display_name(name)
    assert shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert display_name(shown) == shown


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_ordinary_names_are_shown_unchanged(name: str) -> None:
    assert display_name(name) == name
