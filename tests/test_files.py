import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
from cvseeker.core.files import (
    read_json,
    read_jsonl,
    write_json,
    write_jsonl,
    write_lines,
    write_text,
)
from cvseeker.core.hashes import file_hash, text_hash

AWKWARD = "one\u2028two\rthree\x85four\x1cfive\nsix"


def test_a_row_with_every_kind_of_line_end_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert write_jsonl(path, [{"text": AWKWARD}, {"text": "é"}]) == 2
    assert [row["text"] for row in read_jsonl(path)] == [AWKWARD, "é"]
    assert path.read_bytes().count(b"\n") == 2


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\r\n\r\n  \n{"a": 2}')
    assert [row["a"] for row in read_jsonl(path)] == [1, 2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"a": 1}\n{"a": \n', "line 2: not JSON"),
        (b'{"a": 1}\n{"a": "\xff\xfe"}\n', "line 2: not JSON"),
        (b"[1, 2]\n", "line 1: expected a JSON object, got '[1, 2]'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_jsonl(path))
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read_jsonl(tmp_path / "none.jsonl"))
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{}", b"", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not readable as JSON|not UTF-8"):
        read_json(path)


def test_a_folder_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder; expected a JSON file"):
        read_json(tmp_path)


def test_json_keeps_accents_and_key_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "value.json"
    write_json(path, {"z": "résumé", "a": 1})
    text = path.read_text(encoding="utf-8")
    assert text.index("résumé") < text.index('"a"')
    assert read_json(path) == {"z": "résumé", "a": 1}


def test_nan_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    with pytest.raises(ValueError, match="nan"):
        write_json(path, {"x": float("nan")})
    assert not path.exists()


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def torn(self: Path, text: str, **options: str) -> int:
        with self.open("w", **options) as file:
            file.write(text[:1])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(InputError, match=r"a\.txt: cannot be written \(disk full\)"):
        write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old"


def test_a_place_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"below\.json: cannot be written \(.+\); name another"):
        write_json(tmp_path / "file" / "below.json", {})


def test_lines_that_fail_are_no_error_of_writing(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "one\n"
        raise KeyError("a fault of ours")

    with pytest.raises(KeyError):
        write_lines(tmp_path / "a.txt", lines())
    assert not (tmp_path / "a.txt").exists()


def test_hashes_tell_texts_apart() -> None:
    assert text_hash("ab", "c") != text_hash("a", "bc")
    assert text_hash("a", "b") != text_hash("b", "a")
    assert len(text_hash("a")) == 16
    assert text_hash("\ud800") != text_hash("\ud801")


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert file_hash(path).startswith("ba7816bf8f01cfea")


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4)))
def test_rows_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    rows = json.loads(json.dumps(rows))
    write_jsonl(path, rows)
    assert list(read_jsonl(path)) == rows
