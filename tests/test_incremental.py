"""A file that changed costs one file, and the others stay what they are."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import InputError
from cvseeker.core.files import read_jsonl
from cvseeker.core.record import Candidate, Record
from cvseeker.core.records import Resume
from cvseeker.core.settings import IngestSettings, Settings
from cvseeker.core.workspace import Workspace
from cvseeker.resumes import ingest_stage, sandbox

SETTINGS = Settings(ingest=IngestSettings(workers=1, passage_tokens=200, val_share=0.2))
COUNT = 40


def resume(number: int, *, extra: str = "") -> str:
    lines = [
        f"- word{number}x{line} of verb{number * 7 + line} with noun{number * 3 + line} in "
        f"town{number}y{line} for firm{number}z{line} and team{line}q{number}"
        for line in range(8)
    ]
    return "\n".join(
        [f"Person{number} Name{number}", f"p{number}@example.com", "", "EXPERIENCE", *lines, extra]
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ingest forty résumés, once."""
    place = tmp_path_factory.mktemp("first")
    (place / "cvs").mkdir()
    for number in range(COUNT):
        (place / "cvs" / f"{number:02d}.txt").write_text(resume(number), encoding="utf-8")
    ingest_stage(Workspace(place / "w"), [place / "cvs"], SETTINGS)
    return place


class Place:
    """A copy of the folder and the workspace, to change and to ingest again."""

    def __init__(self, place: Path) -> None:
        self.cvs, self.workspace = place / "cvs", Workspace(place / "w")

    def ingest(self, settings: Settings = SETTINGS) -> dict[str, Any]:
        return ingest_stage(self.workspace, [self.cvs], settings).counts

    def candidates(self) -> dict[str, Candidate]:
        with Record.open(self.workspace.path) as record:
            # The folder was copied to another place.
            found = [
                replace(one, resume=replace(one.resume, source="")) for one in record.candidates()
            ]
        return {one.resume.resume_id: one for one in found}

    def exported(self) -> dict[str, bytes]:
        folder = self.workspace.require("ingest")
        return {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}


@pytest.fixture
def place(first: Path, tmp_path: Path) -> Place:
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    found = Place(tmp_path)
    found.ingest()  # its files have other numbers than those that were copied
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which files are read."""
    names: list[str] = []
    work = sandbox.in_workers

    def noting(function: Any, tasks: list[Any], settings: IngestSettings) -> Any:
        names.extend(task.name for task in tasks if isinstance(task, Path))
        return work(function, tasks, settings)

    monkeypatch.setattr(sandbox, "in_workers", noting)
    return names


def changes(counts: dict[str, Any]) -> dict[str, int]:
    return {kind: count for kind, count in counts["changes"].items() if count}


def test_a_changed_resume_costs_one(place: Place, opened: list[str]) -> None:
    before = place.candidates()
    (place.cvs / "07.txt").write_text(resume(7, extra="Speaks Danish."), encoding="utf-8")
    counts = place.ingest()
    assert opened == ["07.txt"]
    assert (counts["read"], changes(counts)) == (1, {"changed": 1})
    after = place.candidates()
    assert "Danish" in after["07.txt"].resume.text
    assert after["07.txt"].number == before["07.txt"].number
    assert {key for key in after if after[key] != before[key]} == {"07.txt"}
    decided = ingest_stage(place.workspace, [place.cvs], SETTINGS).decided
    assert decided[1] == "1 changed; the others are as they were"


def test_a_text_that_cannot_be_read_through_costs_itself(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = sandbox.in_workers

    def failing(function: Any, tasks: list[Any], settings: IngestSettings) -> Any:
        for task, outcome in zip(tasks, work(function, tasks, settings), strict=True):
            failed = getattr(task, "resume_id", "") == "07.txt"
            yield (None, "took longer than 60 s") if failed else outcome

    monkeypatch.setattr(sandbox, "in_workers", failing)
    for number in (7, 8):
        (place.cvs / f"{number:02}.txt").write_text(resume(number, extra="Danish."), "utf-8")
    assert changes(place.ingest()) == {"changed": 1, "removed": 1}
    rows = {
        row["file"]: row for row in read_jsonl(place.workspace.require("ingest") / "files.jsonl")
    }
    assert (rows["07.txt"]["status"], rows["07.txt"]["reason"]) == (
        "failed",
        "took longer than 60 s",
    )
    assert "Danish" in place.candidates()["08.txt"].resume.text


def test_a_file_that_was_only_touched_is_not_opened(place: Place, opened: list[str]) -> None:
    os.utime(place.cvs / "03.txt", (1, 1))
    place.ingest()
    assert opened == []


def test_a_renamed_file_is_the_same_candidate(place: Place, opened: list[str]) -> None:
    before = place.candidates()["05.txt"]
    (place.cvs / "05.txt").rename(place.cvs / "the-fifth.txt")
    assert changes(place.ingest()) == {"renamed": 1}
    after = place.candidates()
    assert "05.txt" not in after
    one = after["the-fifth.txt"]
    assert (one.number, one.person_group, one.split, one.resume.text) == (
        *(before.number, before.person_group, before.split, before.resume.text),
    )
    rows = read_jsonl(place.workspace.require("ingest") / "passages.jsonl")
    assert "the-fifth.txt:0" in {row["passage_id"] for row in rows}
    assert opened == []


def test_files_that_change_places_keep_their_candidates(place: Place) -> None:
    before = place.candidates()
    for old, new in (("01", "x"), ("02", "01"), ("x", "02")):
        (place.cvs / f"{old}.txt").rename(place.cvs / f"{new}.txt")
    assert changes(place.ingest()) == {"renamed": 2}
    after = place.candidates()
    assert (after["01.txt"].number, after["02.txt"].number) == (
        *(before["02.txt"].number, before["01.txt"].number),
    )


def test_whoever_vanished_is_found_no_more(place: Place) -> None:
    (place.cvs / "09.txt").unlink()
    assert changes(place.ingest()) == {"removed": 1}
    with Record.open(place.workspace.path) as record:
        query = "SELECT count(*) FROM full_text WHERE full_text MATCH 'Person9'"
        assert next(record.rows(query)) == (0,)
    assert b"Person9 " not in place.exported()["resumes.jsonl"]
    for path in place.workspace.path.glob("record.sqlite*"):
        assert b"word9x" not in path.read_bytes(), path


def test_a_new_file_moves_nobody_to_another_split(place: Place, opened: list[str]) -> None:
    before = place.candidates()
    for number in range(COUNT, COUNT + 3):
        (place.cvs / f"{number}.txt").write_text(resume(number), encoding="utf-8")
    counts = place.ingest()
    assert changes(counts) == {"added": 3}
    assert len(opened) == 3
    after = place.candidates()
    assert all(after[key] == one for key, one in before.items())
    assert counts["splits"]["test"]["resumes"] == round(0.2 * (COUNT + 3))


def test_a_new_version_joins_its_person(place: Place) -> None:
    before = place.candidates()
    (place.cvs / "new.txt").write_text(resume(4, extra="Speaks Danish."), encoding="utf-8")
    place.ingest()
    after = place.candidates()
    assert after["new.txt"].person_group == before["04.txt"].person_group
    assert after["new.txt"].split == before["04.txt"].split


def test_two_that_turn_out_to_be_one_person_are_not_tested_on_if_they_were_trained_on(
    place: Place,
) -> None:
    before = place.candidates()
    trained = next(one for one in before.values() if one.split == "train")
    tested = next(one for one in before.values() if one.split == "test")
    both = f"{trained.resume.text}\n\n{tested.resume.text}"
    (place.cvs / "both.txt").write_text(both, encoding="utf-8")
    place.ingest()
    after = place.candidates()
    three = [after[key] for key in ("both.txt", trained.resume.resume_id, tested.resume.resume_id)]
    assert {one.split for one in three} == {"train"}
    assert len({one.person_group for one in three}) == 1


def test_a_copy_that_outlives_its_original_is_the_same_candidate(place: Place) -> None:
    before = place.candidates()["06.txt"]
    shutil.copy(place.cvs / "06.txt", place.cvs / "copy.txt")
    assert place.ingest()["files"]["duplicate"] == 1
    (place.cvs / "06.txt").unlink()
    assert changes(place.ingest()) == {"renamed": 1}
    assert place.candidates()["copy.txt"].number == before.number


def test_step_by_step_comes_to_what_all_at_once_comes_to(place: Place, tmp_path: Path) -> None:
    (place.cvs / "08.txt").write_text(resume(80), encoding="utf-8")
    (place.cvs / "30.txt").unlink()
    place.ingest()
    other = SETTINGS.override("ingest", {"seed": 14})
    place.ingest(other)  # groups and splits are made anew
    fresh = Workspace(tmp_path / "fresh")
    ingest_stage(fresh, [place.cvs], other)
    assert place.exported() == {
        path.name: path.read_bytes() for path in fresh.require("ingest").glob("*.jsonl")
    }


def test_other_passages_are_cut_without_opening_a_file(place: Place, opened: list[str]) -> None:
    counts = place.ingest(SETTINGS.override("ingest", {"passage_tokens": 64}))
    assert opened == []
    assert counts["passages"] > COUNT


def test_other_code_reads_again(
    place: Place, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("originals", "candidates", "placing"):
        monkeypatch.setattr(f"cvseeker.resumes.{module}.code_hash", lambda: "another")
    (place.cvs / "30.txt").unlink()
    counts = place.ingest()
    assert len(opened) == COUNT - 1
    # What comes out the same is no change.
    assert changes(counts) == {"removed": 1}


def test_a_file_that_changes_between_hash_and_reading_is_read_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.cvs / "11.txt"
    path.write_text(resume(11, extra="The first change."), encoding="utf-8")
    work = sandbox.in_workers

    def meddling(function: Any, tasks: list[Any], settings: IngestSettings) -> Any:
        path.write_text(resume(11, extra="The second change."), encoding="utf-8")
        return work(function, tasks, settings)

    monkeypatch.setattr(sandbox, "in_workers", meddling)
    place.ingest()
    monkeypatch.setattr(sandbox, "in_workers", work)
    path.write_text(resume(11, extra="The first change."), encoding="utf-8")
    (place.cvs / "30.txt").unlink()
    place.ingest()
    assert "The first change." in place.candidates()["11.txt"].resume.text


def test_a_record_among_the_sources_is_not_read(place: Place, tmp_path: Path) -> None:
    ingest_stage(Workspace(place.cvs), [place.cvs], SETTINGS)
    (place.cvs / "07.txt").unlink()
    counts = ingest_stage(Workspace(place.cvs), [place.cvs], SETTINGS).counts
    rows = {row["file"]: row["reason"] for row in read_jsonl(place.cvs / "ingest" / "files.jsonl")}
    assert rows["record.sqlite"] == "written by CVSeeker, no résumé: skipped"
    assert counts["files"]["ok"] == COUNT - 1


def test_without_its_record_a_workspace_is_read_again(place: Place) -> None:
    other = SETTINGS.override("ingest", {"seed": 14})
    place.ingest(other)
    before = place.exported()
    for path in place.workspace.path.glob("record.sqlite*"):
        path.unlink()
    assert not ingest_stage(place.workspace, [place.cvs], other).skipped
    assert place.exported() == before
    assert ingest_stage(place.workspace, [place.cvs], other).skipped


@pytest.mark.parametrize("step", ["mend", "make", "place", "write", "remember", "check_leakage"])
def test_interrupted_at_any_step_the_same_command_completes(
    place: Place, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = place.exported()
    (place.cvs / "07.txt").write_text(resume(7, extra="Speaks Danish."), encoding="utf-8")
    (place.cvs / "09.txt").unlink()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"cvseeker.resumes.stage.{step}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            place.ingest()
    assert place.exported() == before
    counts = place.ingest()
    assert changes(counts) == {"changed": 1, "removed": 1}
    assert counts["read"] == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.resumes import ingest_stage, stage

step, workspace, source, settings = sys.argv[1:]
undisturbed = getattr(stage, step)

def killed(*arguments):
    undisturbed(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(stage, step, killed)
ingest_stage(Workspace(Path(workspace)), [Path(source)], Settings.model_validate_json(settings))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("step", ["write", "remember"])
def test_killed_within_its_transaction_an_ingest_never_was(place: Place, step: str) -> None:
    before = place.candidates()
    (place.cvs / "07.txt").write_text(resume(7, extra="Speaks Danish."), encoding="utf-8")
    (place.cvs / "09.txt").unlink()
    arguments = [step, str(place.workspace.path), str(place.cvs), SETTINGS.model_dump_json()]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert place.candidates() == before
    counts = place.ingest()
    assert (counts["read"], changes(counts)) == (1, {"changed": 1, "removed": 1})


def test_what_a_kill_before_publishing_leaves_is_counted_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.cvs / "07.txt").write_text(resume(7, extra="Speaks Danish."), encoding="utf-8")

    def interrupted(*_: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cvseeker.core.workspace.publish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            place.ingest()
    counts = place.ingest()
    assert (counts["read"], changes(counts)) == (1, {"changed": 1})


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    "damage",
    [lambda path: path.write_bytes(b"torn" * 4096), lambda path: os.truncate(path, 5000)],
)
def test_a_damaged_record_is_one_line_that_names_the_command(place: Place, damage: Damage) -> None:
    damage(place.workspace.path / "record.sqlite")
    (place.cvs / "07.txt").unlink()
    with pytest.raises(
        ValueError, match=r"record.sqlite: not usable.*run: cvseeker ingest"
    ) as error:
        place.ingest()
    assert "\n" not in str(error.value)


def test_a_moved_workspace_goes_on(place: Place, opened: list[str]) -> None:
    moved = Workspace(place.workspace.path.rename(place.cvs.parent / "moved"))
    assert ingest_stage(moved, [place.cvs], SETTINGS).skipped
    (place.cvs / "07.txt").write_text(resume(7, extra="Speaks Danish."), encoding="utf-8")
    ingest_stage(moved, [place.cvs], SETTINGS)
    assert opened == ["07.txt"]


def test_the_export_is_what_the_record_says(place: Place) -> None:
    with Record.open(place.workspace.path) as record:
        resumes = [one.resume for one in record.candidates()]
        lines = list(record.lines([one.number for one in record.candidates()]))
    assert [Resume.from_dict(json.loads(line)) for line in lines] == resumes
    exported = place.exported()["resumes.jsonl"].decode()
    assert sorted(exported.splitlines(keepends=True)) == sorted(lines)


def test_an_upload_is_added_wherever_the_sources_are_now(place: Place) -> None:
    before = place.candidates()
    away = place.cvs.rename(place.cvs.with_name("unplugged"))
    place.workspace.uploads.mkdir()
    (place.workspace.uploads / "zoe.txt").write_text(resume(90), encoding="utf-8")
    counts = ingest_stage(place.workspace, None, SETTINGS).counts
    assert (counts["changes"]["added"], counts["changes"]["removed"]) == (1, 0)
    assert counts["read"] == 1
    after = place.candidates()
    assert after.keys() == before.keys() | {"zoe.txt"}
    away.rename(place.cvs)
    assert ingest_stage(place.workspace, None, SETTINGS).skipped
    assert place.ingest()["resumes"] == COUNT + 1
    assert place.candidates() == after


def test_what_has_to_be_read_again_and_is_gone_stops_an_upload(place: Place) -> None:
    with Record.open(place.workspace.path) as record:
        record.write("UPDATE readings SET made_by = 'an earlier version'")
        record.write("UPDATE originals SET path = ?", (b"/unplugged/cv.txt",))
    place.workspace.uploads.mkdir()
    (place.workspace.uploads / "zoe.txt").write_text(resume(90), encoding="utf-8")
    with pytest.raises(InputError, match=r"gone, but to be read again; bring it back"):
        ingest_stage(place.workspace, None, SETTINGS)
    assert len(place.candidates()) == COUNT
