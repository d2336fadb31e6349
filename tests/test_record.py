"""The record: numbers that stay, changes in their order, and a file that says what is wrong."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvseeker.core.errors import WorkspaceError
from cvseeker.core.insights import Insight
from cvseeker.core.record import Change, Record
from cvseeker.core.records import Passage, Resume, Section


def resume(resume_id: str, text: str) -> Resume:
    insight = Insight("title", text[:4].title(), text[:4], 0, 4, 0.5)
    section = Section("summary", "", text)
    return Resume(resume_id, text, (section,), f"/cvs/{resume_id}", (insight,), {"desk": "4"})


def passages(of: Resume) -> list[Passage]:
    return [Passage(f"{of.resume_id}:0", of.resume_id, of.text, ("summary",), of.resume_id, "val")]


def put(record: Record, resume_id: str, text: str, number: int | None = None) -> int:
    one = resume(resume_id, text)
    with record.transaction():
        kind = "added" if number is None else "changed"
        return record.put(one, passages(one), number=number, kind=kind)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record(tmp_path / "record.sqlite") as opened:
        yield opened


def found(record: Record, words: str) -> list[int]:
    query = "SELECT rowid FROM full_text WHERE full_text MATCH ?"
    return [number for (number,) in record.rows(query, (words,))]


def test_what_is_put_comes_back(record: Record) -> None:
    number = put(record, "anna.txt", "Krankenschwester in Zürich")
    (candidate,) = record.candidates()
    assert candidate.number == number
    assert candidate.resume == resume("anna.txt", "Krankenschwester in Zürich")
    assert (candidate.person_group, candidate.split) == ("anna.txt", "val")
    assert [passage for _, passage in record.passages()] == passages(candidate.resume)
    assert record.numbers() == {"anna.txt": number}
    assert list(record.candidates([number + 1])) == []


def test_every_change_gets_the_next_number(record: Record) -> None:
    anna = put(record, "anna.txt", "welder")
    berta = put(record, "berta.txt", "nurse")
    put(record, "anna.txt", "welder and diver", anna)
    with record.transaction():
        record.remove([berta])
    assert record.changes() == [Change(3, anna, "changed"), Change(4, berta, "removed")]
    assert record.changes(after=3) == [Change(4, berta, "removed")]
    assert (record.sequence, record.count) == (4, 1)


def test_a_number_is_never_given_to_another(record: Record) -> None:
    first = put(record, "anna.txt", "welder")
    with record.transaction():
        record.remove([first])
    assert put(record, "anna.txt", "welder") > first


def test_the_full_text_follows_every_change(record: Record) -> None:
    anna = put(record, "anna.txt", "welder in Zürich")
    assert found(record, "zurich") == [anna]
    put(record, "anna.txt", "diver", anna)
    assert found(record, "welder") == []
    assert found(record, "diver") == [anna]
    with record.transaction():
        record.remove([anna])
    assert found(record, "diver") == []
    assert list(record.passages()) == []
    assert list(record.rows("SELECT * FROM insights")) == []


def test_a_transaction_that_fails_leaves_nothing(record: Record) -> None:
    anna = put(record, "anna.txt", "welder")
    one = resume("berta.txt", "nurse")

    def put_twice() -> None:
        with record.transaction():
            record.put(one, passages(one))
            record.put(one, passages(one))

    with pytest.raises(WorkspaceError, match="UNIQUE"):
        put_twice()
    assert (record.count, record.sequence, found(record, "welder")) == (1, 1, [anna])


def test_the_file_is_its_owners_alone_and_survives_power_cuts(record: Record) -> None:
    put(record, "anna.txt", "welder")
    for path in record.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert next(record.rows("PRAGMA synchronous")) == (2,)
    assert next(record.rows("PRAGMA journal_mode")) == ("wal",)


def test_a_power_cut_costs_nothing_that_was_acknowledged(record: Record, tmp_path: Path) -> None:
    """What was written after the last fsync, which a commit waits for, is lost from any byte on."""
    put(record, "anna.txt", "welder")
    log = record.path.with_name("record.sqlite-wal")
    acknowledged, base = log.stat().st_size, record.path.read_bytes()
    put(record, "berta.txt", "nurse")
    written = log.read_bytes()
    assert record.path.read_bytes() == base
    last = len(written)
    for cut in {acknowledged, *range(acknowledged + 1, last, 1013), last - 1, last}:
        for lost in {b"", bytes(last - cut)}:
            place = tmp_path / f"{cut}-{len(lost)}"
            place.mkdir()
            (place / "record.sqlite").write_bytes(base)
            (place / "record.sqlite-wal").write_bytes(written[:cut] + lost)
            with Record.open(place) as found:
                assert list(found.numbers()) == ["anna.txt", "berta.txt"][: 1 + (cut == last)]
                assert found.sequence == found.count
                assert list(found.rows("PRAGMA integrity_check")) == [("ok",)]


def test_a_missing_record_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"no record of candidates; run: cvseeker ingest"):
        Record.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no database at all" * 400, b"SQLite format 3\0 torn"])
def test_a_damaged_record_names_the_command(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.sqlite"
    path.write_bytes(content)
    with pytest.raises(
        WorkspaceError, match=r"not usable as the record .*cvseeker ingest"
    ) as error:
        Record.open(tmp_path)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == content


def test_a_later_versions_record_is_left_alone(record: Record) -> None:
    put(record, "anna.txt", "welder")
    record.close()
    with sqlite3.connect(record.path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(WorkspaceError, match=r"a record of version 99.*Update it"):
        Record.open(record.path.parent)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "record.sqlite") as database:
        database.execute("CREATE TABLE candidates (id)")
        database.execute("PRAGMA user_version = 1")
    database.close()
    with pytest.raises(WorkspaceError, match="another program's"):
        Record.open(tmp_path)
