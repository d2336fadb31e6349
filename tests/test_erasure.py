"""Removing people from all of a workspace, and what was interrupted is completed."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cvseeker import pipeline
from cvseeker.cli import main
from cvseeker.cli.erasure import day_of
from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.core.files import read_json, read_jsonl
from cvseeker.core.record import Journal, Record, Shortlists
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import ERASING, Workspace
from cvseeker.evaluate import evaluate_stage
from cvseeker.llm import Ledger
from cvseeker.pipeline import forgetting, outdated_people, readmit, remove_people
from cvseeker.queries import generate_stage, judge_stage, ledger_of
from cvseeker.resumes import ingest_stage
from cvseeker.search import CandidateSearch, index_stage
from cvseeker.train import TrainingData, finetune_stage
from fake_llm.process import FakeServer
from llm_runs import KEY, MODEL

COUNT = 12
# Of whom there are a second version and a copy, and who has a row in a table.
TWICE, IN_TABLE = 3, 7


def letters(number: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[number]


def words(number: int) -> list[str]:
    """Return what nobody else's résumé says."""
    own = letters(number)
    return [f"{word}{own}q" for word in "glaze forge tiller quarry lathe kiln mortar".split()] + [
        f"person{own}q",
        f"towner{own}q",
        f"works{own}q.example",
    ]


def resume(number: int, extra: str = "") -> str:
    own, (glaze, forge, tiller, quarry, lathe, kiln, mortar, *_) = letters(number), words(number)
    return f"""Person{own}q Towner{own}q
Engineer of {glaze}
desk@works{own}q.example

Experience
Engineer, {forge.title()} Ltd, 2015 - 2023
- Responsible for {glaze} and {tiller} with {quarry} in a team of {number + 3} people at the site.
- Introduced {lathe} for {kiln}, which halved the complaints about {mortar} within two months.
- Planned {quarry} shifts and trained {number + 2} apprentices in {tiller} and {lathe}. {extra}

Skills
{glaze}, {tiller}, {kiln}, {mortar}
"""


def settings_of(model: Path, url: str) -> Settings:
    return Settings.validated(
        {
            "ingest": {"workers": 1, "val_share": 0.2, "test_share": 0.2},
            "generate": {"llm": MODEL, "per_passage": 2, "round_trip": "off"},
            "llm": {"url": url},
            "judge": {"depth": 2},
            "finetune": {
                "base": str(model),
                "max_steps": 2,
                "batch_size": 4,
                "epochs": 1,
                "evaluations_per_epoch": 1,
            },
        }
    )


@pytest.fixture(scope="module")
def full(
    tiny_model: Path, llm_process: FakeServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Settings]:
    """A workspace in which everything was done, and its sources beside it."""
    place = tmp_path_factory.mktemp("full")
    (place / "cvs").mkdir()
    rows = []
    for number in range(COUNT):
        if number == IN_TABLE or number == IN_TABLE + 1:
            rows.append(json.dumps({"id": f"row{number}", "resume": resume(number)}))
            continue
        (place / "cvs" / f"{number:02d}-{words(number)[7]}.txt").write_text(resume(number))
    (place / "cvs" / "more.jsonl").write_text("\n".join(rows) + "\n")
    twice = words(TWICE)[7]
    (place / "cvs" / f"copy-{twice}.txt").write_text(resume(TWICE))
    (place / "cvs" / f"newer-{twice}.txt").write_text(resume(TWICE, "Now freelance."))
    workspace = Workspace(place / "w")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        llm_process.reset()
        settings = settings_of(tiny_model, llm_process.url)
        ingest_stage(workspace, [place / "cvs"], settings)
        generate_stage(workspace, settings)
        judge_stage(workspace, settings)
        finetune_stage(TrainingData.from_workspace(workspace), settings)
        index_stage(workspace, settings)
        evaluate_stage(workspace, settings)
    with Record.open(workspace.path) as record:
        numbers = record.numbers()
        for name, number in numbers.items():
            Shortlists(record).put("good", number, note=f"call {name}", tags=(name,))
            Journal(record).write("me", "viewed", {"number": number, "name": name})
        named = f"Person{letters(TWICE)}q Towner{letters(TWICE)}q"
        Shortlists(record).keep_search("them", named)
        Journal(record).write("me", "searched", {"query": named.lower()})
        Journal(record).write("me", "searched", {"query": "a welder"})
    return place, settings


@pytest.fixture
def place(full: tuple[Path, Settings], tmp_path: Path) -> Path:
    """A copy of it; files of the index are linked in neither."""
    return Path(shutil.copytree(full[0], tmp_path / "copy"))


@pytest.fixture
def settings(full: tuple[Path, Settings], monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return full[1]


def found_in(workspace: Path, sought: list[str]) -> dict[str, list[str]]:
    """Return word → the files that have it, in whatever case, in their names or in any byte."""
    found: dict[str, list[str]] = {}
    for path in sorted(workspace.rglob("*")):
        name = path.relative_to(workspace).as_posix()
        content = path.read_bytes().lower() if path.is_file() else b""
        for word in sought:
            if word.encode() in content or word in name:
                found.setdefault(word, []).append(name)
    return found


def split_of(number: int, workspace: Workspace) -> str:
    rows = read_jsonl(workspace.stage_folder("ingest") / "passages.jsonl")
    own = words(number)[7]
    return next((one["split"] for one in rows if own in one["resume_id"]), "")


def name_of(number: int, workspace: Path) -> str:
    with Record.open(workspace) as record:
        return next(key for key in record.numbers() if words(number)[7] in key)


def test_nothing_is_found_of_a_person_in_any_byte(place: Path, settings: Settings) -> None:
    workspace = Workspace(place / "w")
    tested = next(
        number
        for number in range(COUNT)
        if number not in {1, 5, TWICE, IN_TABLE, IN_TABLE + 1}
        and split_of(number, workspace) == "test"
    )
    sought = [*words(TWICE), *words(tested)]
    before = found_in(workspace.path, sought)
    assert before.keys() == set(sought)
    where = {name for names in before.values() for name in names}
    for part in ("ingest/", "queries/", "judged/", "evaluation/", "index/", "record.sqlite"):
        assert any(name.startswith(part) for name in where), part
    assert any("ledger.sqlite" in name for name in where)
    with Ledger(ledger_of(workspace)) as ledger:
        bill = (ledger.spent(), sum(row.attempts for row in ledger.rows()))
    others = {number: found_in(workspace.path, words(number)) for number in (1, 5)}

    names = [name_of(number, workspace.path) for number in (TWICE, tested)]
    (receipt,) = remove_people(workspace, names)

    assert found_in(workspace.path, sought) == {}
    assert len(receipt.numbers) == 3
    assert len(receipt.resume_ids) == 4
    assert receipt.named == ()
    for part in ("index", "ingest", "queries", "ledger", "cache", "reports", "record"):
        assert receipt.removed[part] > 0, part
    assert sorted(receipt.commands) == ["evaluation", "model"]
    assert len(receipt.outside) == 4
    assert all(Path(name).is_file() for name in receipt.outside)
    with Ledger(ledger_of(workspace)) as ledger:
        assert (ledger.spent(), sum(row.attempts for row in ledger.rows())) == bill
    for number, own in others.items():
        after = found_in(workspace.path, words(number))
        assert after.keys() == own.keys()
    with Record.open(workspace.path) as record:
        assert Journal(record).verify() == COUNT + 4
        first, second, *_ = Journal(record).entries()
        assert first.what == "removed"
        assert first.about == {"numbers": list(receipt.numbers), "receipt": receipt.digest}
        assert second.about == {"query": "a welder"}
        assert Shortlists(record).searches() == {}
        assert len(Shortlists(record).entries("good")) == COUNT - 2
        terms = "CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, full_text, row)"
        record.write(terms)
        known = {term for (term,) in record.rows("SELECT term FROM temp.terms")}
    assert known.isdisjoint(sought)
    assert words(1)[0] in known


def test_the_others_stay_as_they_are_and_the_next_run_completes(
    full: tuple[Path, Settings], place: Path, settings: Settings
) -> None:
    workspace = Workspace(place / "w")
    gone = name_of(TWICE, workspace.path)

    def splits() -> dict[str, Any]:
        passages = read_jsonl(workspace.stage_folder("ingest") / "passages.jsonl")
        return {
            one["passage_id"]: (one["split"], one["person_group"], one["text"])
            for one in passages
            if words(TWICE)[7] not in one["resume_id"]
        }

    before = splits()
    remove_people(workspace, [gone])
    assert splits() == before
    states = {one.stage: one.state for one in workspace.states(verify=True)}
    assert states.pop("audit") == states.pop("evaluation") == "not done"
    assert states.pop("model") == "outdated"
    assert set(states.values()) == {"done"}
    hits = CandidateSearch.open(workspace.path)
    assert len(hits.search(hits.read(words(TWICE)[0]), top_k=50).hits) == COUNT - 1

    stages: dict[str, bool] = {}
    pipeline.run(
        [full[0] / "cvs"],
        workspace,
        settings,
        stage_done=lambda stage, result: stages.setdefault(stage, result.skipped),
    )
    assert splits() == before
    # What was filtered is what would have been made.
    assert stages == {
        "ingest": False,
        "index": True,
        "queries": True,
        "model": False,
        "evaluation": False,
    }
    assert all(one.state == "done" for one in workspace.states() if one.stage != "audit")
    assert found_in(workspace.path, words(TWICE)) == {}


def test_a_row_of_a_table_goes_and_the_file_with_the_others_stays(
    place: Path, settings: Settings
) -> None:
    workspace = Workspace(place / "w")
    (receipt,) = remove_people(workspace, [f"more.jsonl#row{IN_TABLE}"])
    assert [Path(name).name for name in receipt.outside] == ["more.jsonl"]
    assert found_in(workspace.path, words(IN_TABLE)) == {}
    assert words(IN_TABLE + 1)[0] in found_in(workspace.path, words(IN_TABLE + 1))
    counts = ingest_stage(workspace, [place / "cvs"], settings).counts
    assert found_in(workspace.path, words(IN_TABLE)) == {}
    assert counts["resumes"] == COUNT
    # Read anew, as somebody has changed another row.
    table = place / "cvs" / "more.jsonl"
    planned = f"{words(IN_TABLE + 1)[3]} shifts"
    table.write_text(table.read_text().replace(planned, "nights"))
    ingest_stage(workspace, [place / "cvs"], settings)
    assert found_in(workspace.path, words(IN_TABLE)) == {}


def test_files_are_left_out_by_their_words_until_they_are_readmitted(
    place: Path, settings: Settings
) -> None:
    workspace = Workspace(place / "w")
    remove_people(workspace, [name_of(2, workspace.path)])
    (old,) = (place / "cvs").glob("02-*")
    shutil.copy(old, place / "cvs" / "again.md")
    with (place / "cvs" / "again.md").open("a") as file:
        file.write("\n\n")
    counts = ingest_stage(workspace, [place / "cvs"], settings).counts
    assert counts["resumes"] == COUNT
    (row,) = [
        row
        for row in read_jsonl(workspace.stage_folder("ingest") / "files.jsonl")
        if row["file"] == "again.md"
    ]
    assert "--readmit" in row["reason"]
    assert readmit(workspace, old, settings.ingest)
    assert not readmit(workspace, old, settings.ingest)
    counts = ingest_stage(workspace, [place / "cvs"], settings).counts
    assert counts["resumes"] == COUNT + 1
    with Record.open(workspace.path) as record:
        assert old.name in record.numbers()


STEPS = [name for name in vars(forgetting) if name.startswith("forget_")]


@pytest.mark.parametrize("step", [*STEPS, "still_named"])
def test_what_is_interrupted_must_be_completed_first(
    step: str,
    full: tuple[Path, Settings],
    place: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, name = Workspace(place / "w"), name_of(TWICE, place / "w")
    real = getattr(forgetting, step)

    def killed(*arguments: Any) -> None:
        real(*arguments)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(f"cvseeker.pipeline.erasure.{step}", killed)
        with pytest.raises(SystemExit):
            remove_people(workspace, [name])
    note = (workspace.path / ERASING).read_text()
    assert [word for word in words(TWICE) if word in note.lower()] == []
    for refused in (
        lambda: ingest_stage(workspace, [place / "cvs"], settings),
        lambda: index_stage(workspace, settings),
        lambda: CandidateSearch.open(workspace.path),
    ):
        with pytest.raises(WorkspaceError, match="cvseeker remove -w"):
            refused()
    (receipt,) = remove_people(workspace, [name])
    assert len(receipt.numbers) == 2
    assert found_in(workspace.path, words(TWICE)) == {}
    ingest_stage(workspace, [full[0] / "cvs"], settings)
    assert found_in(workspace.path, words(TWICE)) == {}
    assert index_stage(workspace, settings).skipped


def test_as_it_is_typed(
    place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "w"
    name = name_of(2, folder)
    assert main(["remove", name, "-w", str(folder), "--dry-run", "--json"]) == 0
    (would,) = json.loads(capsys.readouterr().out)
    assert (would["resume_ids"], would["removed"]) == ([name], {})
    number = str(would["numbers"][0])
    assert main(["remove", number, "-w", str(folder)]) == 0
    printed = capsys.readouterr()
    assert "1 candidate removed" in printed.out
    assert "finetune" in printed.out
    assert main(["remove", number, "-w", str(folder)]) == 2
    assert "no candidate" in capsys.readouterr().err
    assert main(["remove", "-w", str(folder)]) == 2
    assert "nobody is named" in capsys.readouterr().err
    assert main(["status", "-w", str(folder), "--json"]) == 0
    states = {one["stage"]: one for one in json.loads(capsys.readouterr().out)}
    assert states["record"]["command"].startswith("cvseeker ingest")
    (folder / ERASING).write_text('{"numbers": [1], "names": [], "follows": {}}')
    assert main(["status", "-w", str(folder)]) == 0
    assert "remove -w" in capsys.readouterr().out
    assert main(["search", "-w", str(folder), "engineer"]) == 2
    assert main(["remove", "-w", str(folder)]) == 0
    assert not (folder / ERASING).exists()


def test_old_files_are_removed_with_all_versions_or_none(
    place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(place / "w")
    with closing(sqlite3.connect(workspace.path / "record.sqlite")) as database, database:
        database.execute("UPDATE candidates SET modified = 1e9")
        database.execute("UPDATE candidates SET modified = 2e9 WHERE resume_id LIKE 'newer%'")
        told = "json_set(metadata, '$.written', '2026-01-01')"
        database.execute(f"UPDATE candidates SET metadata = {told} WHERE resume_id LIKE '05%'")
    old = outdated_people(workspace, date(2025, 1, 1))
    assert len(old) == COUNT + 1 - 2 - 1
    assert not [name for name in old if words(TWICE)[7] in name or name.startswith("05")]
    typed = ["retain", "--older-than", "1y", "-w", str(workspace.path)]
    assert main([*typed, "--dry-run", "--json"]) == 0
    (would,) = json.loads(capsys.readouterr().out)
    assert sorted(would["resume_ids"]) == sorted(old)
    assert main(typed) == 0
    with Record.open(workspace.path) as record:
        assert record.count == 3
    assert main(typed) == 0
    assert "nobody's files" in capsys.readouterr().err


@pytest.mark.parametrize("age", ["", "24", "m", "2 y", "-3m", "99999d", "1h"])
def test_ages_that_are_none_are_refused(age: str) -> None:
    with pytest.raises(InputError, match="expected days, weeks, months or years"):
        day_of(age, date(2026, 11, 29))


def test_uploads_are_deleted_and_nobody_elses_file(place: Path, settings: Settings) -> None:
    workspace = Workspace(place / "w")
    (workspace.path / "uploads").mkdir()
    (old,) = (place / "cvs").glob("02-*")
    upload = workspace.path / "uploads" / old.name
    shutil.move(old, upload)
    with closing(sqlite3.connect(workspace.path / "record.sqlite")) as database, database:
        change = "UPDATE candidates SET source = ? WHERE resume_id = ?"
        database.execute(change, (str(upload), old.name))
        change = "UPDATE originals SET path = ? WHERE file = ?"
        database.execute(change, (str(upload).encode(), old.name))
    (receipt,) = remove_people(workspace, [old.name])
    assert receipt.outside == ()
    assert receipt.removed["uploads"] == 1
    assert not upload.exists()
    assert found_in(workspace.path, words(2)) == {}
    assert re.fullmatch(r"[0-9a-f]{16}", receipt.digest)
    assert read_json(workspace.stage_folder("ingest") / "manifest.json")["complete"]
