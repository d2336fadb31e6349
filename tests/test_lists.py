from pathlib import Path

import pytest

from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.core.record import Journal, Record, Shortlists
from cvseeker.core.records import Passage, Resume


@pytest.fixture
def record(tmp_path: Path) -> Record:
    record = Record(tmp_path / "record.sqlite")
    with record.transaction():
        for name in ("ana", "bo"):
            record.put(Resume(name, f"{name} bakes"), [Passage(f"{name}:0", name, f"{name} bakes")])
    return record


def test_candidates_are_put_on_lists_with_notes_and_tags(record: Record) -> None:
    lists = Shortlists(record)
    lists.put("bakers", 2, note="call", tags=("soon", " ", "soon", "two\nlines"), added=1.0)
    lists.put("bakers", 1, added=2.0)
    lists.put("bakers", 2, note="called")
    assert lists.names() == {"bakers": 2}
    first, second = lists.entries("bakers")
    assert (first.number, first.resume_id, first.note) == (2, "bo", "called")
    assert first.tags == ("soon", "two lines")
    assert (second.note, second.tags) == ("", ())
    assert lists.take_off("bakers", 2) == first
    assert lists.take_off("bakers", 2) is None
    lists.put("bakers", 2, note=first.note, tags=first.tags, added=first.added)
    assert lists.entries("bakers")[0] == first
    lists.delete("bakers")
    assert lists.names() == {}


@pytest.mark.parametrize(
    ("name", "number", "note", "reason"),
    [
        (" ", 1, "", "the list's name has 1 to 100 printable characters"),
        ("a\x1b[2J", 1, "", "printable"),
        ("bakers", 9, "", "no candidate 9"),
        ("bakers", 1, "x" * 10_001, "the note has 10,001 characters"),
    ],
)
def test_what_no_list_takes(record: Record, name: str, number: int, note: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Shortlists(record).put(name, number, note=note)
    assert Shortlists(record).names() == {}


def test_a_list_that_is_not_there_names_those_that_are(record: Record) -> None:
    Shortlists(record).put("bakers", 1)
    with pytest.raises(InputError, match="no shortlist 'cooks'; there are: bakers"):
        Shortlists(record).entries("cooks")


def test_whoever_is_removed_is_on_no_list(record: Record) -> None:
    Shortlists(record).put("bakers", 1)
    with record.transaction():
        record.remove([1])
    assert Shortlists(record).entries("bakers") == []


def test_searches_are_kept_and_forgotten(record: Record) -> None:
    lists = Shortlists(record)
    lists.keep_search("bread", "q=baker")
    lists.keep_search("bread", "q=bakers")
    assert lists.searches() == {"bread": "q=bakers"}
    lists.keep_search("bread", "")
    assert lists.searches() == {}


def test_the_log_is_only_added_to(record: Record) -> None:
    journal = Journal(record)
    for number in range(3):
        journal.write("me", "viewed", {"number": number})
    assert [one.about["number"] for one in journal.entries(limit=2)] == [2, 1]
    assert [one.entry for one in journal.entries(before=2)] == [1]
    assert journal.verify() == 3
    journal.blank([2])
    assert journal.verify() == 3
    assert journal.entries()[1].about == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET what = 'exported' WHERE entry = 2",
        "UPDATE journal SET about = '{}' WHERE entry = 2",
        "UPDATE journal SET at = at + 1 WHERE entry = 2",
        "DELETE FROM journal WHERE entry = 2",
    ],
)
def test_a_log_that_was_changed_is_found_out(record: Record, statement: str) -> None:
    journal = Journal(record)
    for number in range(3):
        journal.write("me", "viewed", {"number": number})
    record.write(statement)
    with pytest.raises(WorkspaceError, match="of the log is not as it was written"):
        journal.verify()
