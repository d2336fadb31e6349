import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
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
    assert found.relative == r"caf\xe9␤.txt"


@given(st.binary(min_size=1).map(os.fsdecode))
def test_display_names_are_one_line_of_utf8(name: str) -> None:
    shown = display_name(name)
    assert shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert display_name(shown) == shown


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_ordinary_names_are_shown_unchanged(name: str) -> None:
    assert display_name(name) == name
