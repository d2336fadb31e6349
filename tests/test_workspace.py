import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core import manifest
from cvseeker.core import workspace as workspace_module
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.hashes import file_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.core.workspace import COMMAND_OF_STAGE, Workspace, exclusive, is_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def writes(text: str) -> Callable[[Path], dict[str, Any]]:
    def work(folder: Path) -> dict[str, Any]:
        (folder / "deep").mkdir()
        (folder / "deep" / "out.txt").write_text(text, encoding="utf-8")
        (folder / "own.txt").write_text(text, encoding="utf-8")
        return {"letters": len(text)}

    return work


def never(folder: Path) -> dict[str, Any]:
    raise AssertionError("this stage was to be skipped")


def content(workspace: Workspace, stage: str = "index") -> str:
    return (workspace.require(stage) / "deep" / "out.txt").read_text(encoding="utf-8")


def test_an_unchanged_stage_is_skipped(workspace: Workspace) -> None:
    first = workspace.run_stage("index", {"a": 1}, {"x": "h"}, writes("one"))
    again = workspace.run_stage("index", {"a": 1}, {"x": "h"}, never)
    assert (first.skipped, again.skipped) == (False, True)
    assert again.counts == first.counts == {"letters": 3}
    assert again.seconds == first.seconds


@pytest.mark.parametrize(
    ("settings", "inputs"),
    [
        ({"a": 2}, {"x": "h"}),
        ({"a": "1"}, {"x": "h"}),
        ({"a": 1, "b": None}, {"x": "h"}),
        ({"a": 1}, {"x": "i"}),
        ({"a": 1}, {"y": "h"}),
        ({"a": 1}, {}),
    ],
)
def test_other_settings_or_inputs_redo_a_stage(
    workspace: Workspace, settings: dict[str, Any], inputs: dict[str, str]
) -> None:
    workspace.run_stage("index", {"a": 1}, {"x": "h"}, writes("one"))
    assert not workspace.run_stage("index", settings, inputs, writes("two")).skipped
    assert content(workspace) == "two"


def test_a_new_format_redoes_every_stage(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.run_stage("index", {}, {}, writes("one"))
    monkeypatch.setattr(manifest, "FORMAT_VERSION", manifest.FORMAT_VERSION + 1)
    assert not workspace.run_stage("index", {}, {}, writes("two")).skipped


def test_the_order_of_settings_does_not_matter(workspace: Workspace) -> None:
    workspace.run_stage("index", {"a": 1, "b": 2}, {}, writes("one"))
    assert workspace.run_stage("index", {"b": 2, "a": 1}, {}, never).skipped


def test_outputs_are_the_next_stages_inputs(workspace: Workspace) -> None:
    workspace.run_stage("ingest", {}, {}, writes("one"))
    before = workspace.output_hashes("ingest")
    assert set(before) == {"ingest/deep/out.txt", "ingest/own.txt"}
    workspace.run_stage("ingest", {"a": 1}, {}, writes("one"))
    assert workspace.output_hashes("ingest") == before
    workspace.run_stage("ingest", {"a": 2}, {}, writes("two"))
    assert workspace.output_hashes("ingest") != before


@pytest.mark.parametrize("stage", COMMAND_OF_STAGE)
def test_a_missing_stage_names_its_command(tmp_path: Path, stage: str) -> None:
    workspace = Workspace(tmp_path / "my work")
    with pytest.raises(WorkspaceError, match=r"run: cvseeker [a-z]+ .*-w '.*my work'"):
        workspace.require(stage)


def test_a_failing_stage_keeps_the_old_one(workspace: Workspace) -> None:
    workspace.run_stage("index", {"a": 1}, {}, writes("one"))

    def fails(folder: Path) -> dict[str, Any]:
        (folder / "half.txt").touch()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        workspace.run_stage("index", {"a": 2}, {}, fails)
    assert content(workspace) == "one"
    assert workspace.run_stage("index", {"a": 1}, {}, never).skipped
    assert not workspace.run_stage("index", {"a": 2}, {}, writes("two")).skipped
    assert not (workspace.require("index") / "half.txt").exists()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, WorkspaceError])
def test_a_failed_stage_leaves_nothing_behind(
    workspace: Workspace, error: type[BaseException]
) -> None:
    def fails(folder: Path) -> dict[str, Any]:
        (folder / "half.txt").touch()
        raise error

    with pytest.raises(error):
        workspace.run_stage("ingest", {}, {}, fails)
    assert not workspace.path.exists()
    workspace.run_stage("index", {}, {}, writes("one"))
    with pytest.raises(error):
        workspace.run_stage("ingest", {}, {}, fails)
    assert [path.name for path in workspace.path.iterdir()] == ["index"]


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    workspace = Workspace(tmp_path / "file" / "below")
    with pytest.raises(WorkspaceError, match=r"below: cannot write there \(.+\); name another"):
        workspace.run_stage("index", {}, {}, never)


def resumes(seen: list[list[str]]) -> Callable[[Path], dict[str, Any]]:
    """Stop the first time, having written a checkpoint."""

    def work(folder: Path) -> dict[str, Any]:
        seen.append(sorted(path.name for path in folder.iterdir() if path.name != ".fingerprint"))
        (folder / "checkpoint").touch()
        if len(seen) == 1:
            raise KeyboardInterrupt
        return {}

    return work


def test_a_resumable_stage_finds_what_it_left(workspace: Workspace) -> None:
    seen: list[list[str]] = []
    with pytest.raises(KeyboardInterrupt):
        workspace.run_stage("model", {"a": 1}, {}, resumes(seen), resumable=True)
    workspace.run_stage("model", {"a": 1}, {}, resumes(seen), resumable=True)
    assert seen == [[], ["checkpoint"]]
    assert not workspace.scratch_folder("model").exists()
    assert set(workspace.output_hashes("model")) == {"model/checkpoint"}


@pytest.mark.parametrize(("settings", "resumable"), [({"a": 2}, True), ({"a": 1}, False)])
def test_what_another_run_left_is_thrown_away(
    workspace: Workspace, settings: dict[str, int], resumable: bool
) -> None:
    seen: list[list[str]] = []
    with pytest.raises(KeyboardInterrupt):
        workspace.run_stage("model", {"a": 1}, {}, resumes(seen), resumable=True)
    workspace.run_stage("model", settings, {}, resumes(seen), resumable=resumable)
    assert seen == [[], []]


def test_a_foreign_folder_is_refused_untouched(workspace: Workspace) -> None:
    folder = workspace.stage_folder("index")
    folder.mkdir(parents=True)
    (folder / "thesis.txt").touch()
    with pytest.raises(WorkspaceError, match="not written by CVSeeker"):
        workspace.run_stage("index", {}, {}, never)
    assert (folder / "thesis.txt").exists()


@pytest.mark.parametrize("manifest", ['{"name": "a web page"}', "[]", '{"stage": "x"}'])
def test_another_programs_manifest_is_foreign(workspace: Workspace, manifest: str) -> None:
    folder = workspace.stage_folder("index")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    assert workspace.manifest("index") is None
    with pytest.raises(WorkspaceError, match="not written by CVSeeker"):
        workspace.run_stage("index", {}, {}, never)


def test_a_file_in_the_way_is_refused(workspace: Workspace) -> None:
    workspace.path.mkdir()
    workspace.stage_folder("index").touch()
    with pytest.raises(WorkspaceError, match="index: a file; expected a folder"):
        workspace.run_stage("index", {}, {}, never)
    with pytest.raises(WorkspaceError, match="expected a folder"):
        Workspace(workspace.stage_folder("index")).run_stage("index", {}, {}, never)


def test_an_empty_folder_is_no_obstacle(workspace: Workspace) -> None:
    workspace.stage_folder("index").mkdir(parents=True)
    workspace.run_stage("index", {}, {}, writes("one"))
    assert content(workspace) == "one"


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def test_killed_while_the_old_stage_is_being_deleted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a stage must not be taken for the old stage, nor for somebody else's folder."""
    workspace.run_stage("index", {"a": 1}, {}, writes("one"))
    rmtree = shutil.rmtree

    for first_gone in ("own.txt", "manifest.json"):

        def half(folder: Path, first_gone: str = first_gone, **options: Any) -> None:
            if (folder / first_gone).exists():
                (folder / first_gone).unlink()
                raise Killed
            rmtree(folder, **options)

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", half)
            with pytest.raises(Killed):
                workspace.run_stage("index", {"a": first_gone}, {}, writes("two"))
        workspace.run_stage("index", {"a": first_gone}, {}, writes("two"))
        assert (workspace.require("index") / "own.txt").exists()
        assert content(workspace) == "two"


PROGRAM = """
    import os, signal, sys
    from pathlib import Path
    from cvseeker.core.workspace import Workspace

    def work(folder):
        notes = folder / "notes.txt"
        with notes.open("a") as file:
            file.write("x")
        if len(notes.read_text()) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"runs": len(notes.read_text())}

    result = Workspace(Path(sys.argv[1])).run_stage("model", {"a": 1}, {}, work, resumable=True)
    print(result.counts["runs"], result.skipped)
"""


def test_a_killed_process_is_taken_up_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path / "w")]
    runs = [
        subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        for _ in range(3)
    ]
    assert runs[0].returncode == -signal.SIGKILL
    assert [run.stdout for run in runs] == ["", "2 False\n", "2 True\n"], runs[1].stderr


def keeps_book(text: str) -> Callable[[Path], dict[str, Any]]:
    """Write a stage's files, and a line into the book that stays in its folder."""

    def work(folder: Path) -> dict[str, Any]:
        place = folder.parent / "queries"
        place.mkdir(mode=0o700, exist_ok=True)
        for name in ("book", "book-wal", "book.lock"):
            with (place / name).open("a", encoding="utf-8") as book:
                book.write(text)
        return writes(text)(folder)

    return work


def book_of(workspace: Workspace) -> str:
    return (workspace.stage_folder("queries") / "book").read_text(encoding="utf-8")


def test_what_a_stage_keeps_outlives_its_runs(workspace: Workspace) -> None:
    for number, text in enumerate("abc"):
        workspace.run_stage("queries", {"n": number}, {}, keeps_book(text), keeps="book")
        assert content(workspace, "queries") == text
    assert book_of(workspace) == "abc"
    kept = {path.name for path in workspace.stage_folder("queries").iterdir()}
    assert kept == {"book", "book-wal", "book.lock", "deep", "own.txt", "manifest.json"}
    assert set(workspace.output_hashes("queries")) == {"queries/deep/out.txt", "queries/own.txt"}
    assert {path.name for path in workspace.path.iterdir()} == {"queries"}


def test_what_is_kept_does_not_change_the_outputs(workspace: Workspace) -> None:
    workspace.run_stage("queries", {}, {}, keeps_book("a"), keeps="book")
    before = workspace.output_hashes("queries")
    (workspace.stage_folder("queries") / "book").write_text("another run wrote on")
    assert workspace.output_hashes("queries") == before
    assert workspace.run_stage("queries", {}, {}, never, keeps="book").skipped


def test_a_first_run_that_fails_leaves_what_it_keeps(workspace: Workspace) -> None:
    def fails(folder: Path) -> dict[str, Any]:
        keeps_book("a")(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workspace.run_stage("queries", {}, {}, fails, keeps="book")
    assert workspace.manifest("queries") is None
    workspace.run_stage("queries", {}, {}, keeps_book("b"), keeps="book")
    assert book_of(workspace) == "ab"


def test_a_failing_run_leaves_the_finished_one_and_what_it_keeps(workspace: Workspace) -> None:
    workspace.run_stage("queries", {"n": 1}, {}, keeps_book("a"), keeps="book")

    def fails(folder: Path) -> dict[str, Any]:
        keeps_book("b")(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        workspace.run_stage("queries", {"n": 2}, {}, fails, keeps="book")
    assert content(workspace, "queries") == "a"
    assert workspace.run_stage("queries", {"n": 1}, {}, never, keeps="book").skipped
    assert book_of(workspace) == "ab"


@pytest.mark.parametrize("keeps", ["book", ""])
def test_somebody_elses_file_beside_what_is_kept_is_refused(
    workspace: Workspace, keeps: str
) -> None:
    folder = workspace.stage_folder("queries")
    folder.mkdir(parents=True)
    (folder / "book").touch()
    if keeps:
        (folder / "thesis.txt").touch()
    with pytest.raises(WorkspaceError, match="not written by CVSeeker"):
        workspace.run_stage("queries", {}, {}, never, keeps=keeps)
    assert (folder / "book").exists()


def test_an_unchanged_run_is_skipped_only_if_it_is_finished(workspace: Workspace) -> None:
    def leaves(left: int) -> Callable[[Path], dict[str, Any]]:
        return lambda folder: {"left": left}

    def run(work: Callable[[Path], dict[str, Any]]) -> bool:
        finished = lambda counts: not counts["left"]  # noqa: E731
        return workspace.run_stage("queries", {}, {}, work, finished=finished).skipped

    assert [run(leaves(2)), run(leaves(1)), run(leaves(0)), run(never)] == [
        False,
        False,
        False,
        True,
    ]


def edit_in_place(path: Path) -> None:
    """Change a byte and neither size nor name."""
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda file: file.unlink(), "missing"),
    "emptied": (lambda file: file.write_bytes(b""), "0 bytes; the stage wrote 3"),
    "cut": (lambda file: file.write_bytes(b"tw"), "2 bytes; the stage wrote 3"),
    "longer": (lambda file: file.write_bytes(b"twoo"), "4 bytes; the stage wrote 3"),
    "edited": (edit_in_place, "changed since the stage wrote it"),
    "a folder": (lambda file: (file.unlink(), file.mkdir()), "bytes; the stage wrote 3"),
    "a dead link": (lambda file: (file.unlink(), file.symlink_to("none")), "missing"),
    "a link to other text": (
        lambda file: ((file.parent / "o").write_text("owt"), file.unlink(), file.symlink_to("o")),
        "changed since the stage wrote it",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_stage_is_one_line_and_its_command_redoes_it(
    workspace: Workspace, damage: str
) -> None:
    workspace.run_stage("index", {}, {}, writes("two"))
    harm, told = DAMAGES[damage]
    harm(workspace.stage_folder("index") / "own.txt")
    with pytest.raises(WorkspaceError, match=rf"own\.txt: .*{told}; run: cvseeker index -w "):
        workspace.require("index")
    with pytest.raises(WorkspaceError):
        workspace.output_hashes("index")
    (state,) = (one for one in workspace.states() if one.stage == "index")
    assert (state.state, len(state.problems)) == ("damaged", 1)
    (workspace.stage_folder("index") / "o").unlink(missing_ok=True)
    assert not workspace.run_stage("index", {}, {}, writes("two")).skipped
    assert (workspace.require("index") / "own.txt").read_text() == "two"


def test_a_change_that_keeps_size_and_time_is_found_when_everything_is_hashed(
    workspace: Workspace,
) -> None:
    workspace.run_stage("index", {}, {}, writes("two"))
    file = workspace.stage_folder("index") / "own.txt"
    status = file.stat()
    edit_in_place(file)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    workspace.require("index")
    assert [one.state for one in workspace.states() if one.problems] == []
    assert [one.state for one in workspace.states(verify=True) if one.problems] == ["damaged"]


def test_a_copy_is_hashed_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.run_stage("index", {}, {}, writes("one"))
    for file in workspace.stage_folder("index").rglob("*.txt"):
        os.utime(file, (2_000_000_000, 2_000_000_000))  # in the future, too
    hashed: list[Path] = []
    monkeypatch.setattr(
        manifest, "file_hash", lambda path: (hashed.append(path), file_hash(path))[1]
    )
    for _ in range(3):
        workspace.require("index")
    assert len(hashed) == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "\x00",
        "9" * 6_000,
        '{"stage": "index", "fingerprint": "x", "format": 2}',
        '{"stage": "index", "fingerprint": "x", "format": 2, "outputs": 1}',
    ],
)
def test_a_damaged_manifest_is_one_line(workspace: Workspace, content: str) -> None:
    workspace.run_stage("index", {}, {}, writes("one"))
    (workspace.stage_folder("index") / "manifest.json").write_text(content, encoding="utf-8")
    for call in (
        lambda: workspace.require("index"),
        lambda: workspace.run_stage("index", {}, {}, never),
    ):
        with pytest.raises(WorkspaceError) as caught:
            call()
        assert "index" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (workspace.stage_folder("index") / "own.txt").exists()


def test_an_earlier_format_is_done_again_and_a_later_one_left(workspace: Workspace) -> None:
    workspace.run_stage("index", {}, {}, writes("one"))
    path = workspace.stage_folder("index") / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    earlier = {**content, "outputs": dict.fromkeys(content["outputs"], "hash")}
    del earlier["format"]
    path.write_text(json.dumps({**content, "format": 99, "version": "7.0"}), encoding="utf-8")
    for call in (lambda: workspace.require("index"), lambda: workspace.manifest("index")):
        with pytest.raises(WorkspaceError, match=r"made by a later version of CVSeeker, 7\.0"):
            call()
    with pytest.raises(WorkspaceError, match="a later version"):
        workspace.run_stage("index", {}, {}, never)
    path.write_text(json.dumps(earlier), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="run: cvseeker index"):
        workspace.require("index")
    assert not workspace.run_stage("index", {}, {}, writes("one")).skipped


FOREIGN = ["notes.txt", "deep/notes.txt", "new/notes.txt", ".git/config", "deep/link", ".hidden"]


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("keeps", ["", "book"])
def test_somebody_elses_file_in_a_stage_is_never_deleted(
    workspace: Workspace, name: str, keeps: str
) -> None:
    workspace.run_stage("queries", {"n": 1}, {}, writes("a"), keeps=keeps)
    file = workspace.stage_folder("queries") / name
    file.parent.mkdir(exist_ok=True)
    file.symlink_to("nowhere") if name.endswith("link") else file.write_text("mine")
    with pytest.raises(WorkspaceError, match=f"{re.escape(name)}: not written by CVSeeker"):
        workspace.run_stage("queries", {"n": 2}, {}, never, keeps=keeps)
    assert file.is_symlink() or file.read_text() == "mine"
    assert workspace.run_stage("queries", {"n": 1}, {}, never, keeps=keeps).skipped


def test_what_is_put_there_meanwhile_stays_and_the_work_is_not_lost(workspace: Workspace) -> None:
    workspace.run_stage("index", {"n": 1}, {}, writes("one"))
    notes = workspace.stage_folder("index") / "notes.txt"

    def work(folder: Path) -> dict[str, Any]:
        notes.write_text("mine")
        return writes("two")(folder)

    with pytest.raises(WorkspaceError, match=r"notes\.txt: not written by CVSeeker"):
        workspace.run_stage("index", {"n": 2}, {}, work)
    notes.rename(workspace.path / "notes.txt")
    workspace.run_stage("index", {"n": 2}, {}, never)
    assert content(workspace) == "two"


@pytest.mark.parametrize("name", [".DS_Store", "deep/Thumbs.db", ".own.txt.77.part"])
def test_what_systems_and_killed_runs_leave_is_no_obstacle(workspace: Workspace, name: str) -> None:
    workspace.run_stage("index", {"n": 1}, {}, writes("one"))
    (workspace.stage_folder("index") / name).touch()
    workspace.run_stage("index", {"n": 2}, {}, writes("two"))
    assert content(workspace) == "two"


def test_only_the_same_kind_of_stage_replaces_a_folder(tmp_path: Path) -> None:
    def run(kind: str) -> None:
        place = Workspace.around(tmp_path / "m", {})
        place.run_stage(place.only, {}, {"kind": kind}, writes(kind), kind=kind)

    run("model")
    with pytest.raises(WorkspaceError, match="'model of files', not 'evaluation of files'"):
        run("evaluation")
    run("model")
    assert (tmp_path / "m" / "own.txt").read_text() == "model"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_an_output_is_no_stage_of_a_workspace(workspace: Workspace) -> None:
    workspace.run_stage("evaluation", {}, {}, writes("one"))
    out = Workspace.around(workspace.stage_folder("evaluation"), {})
    with pytest.raises(WorkspaceError, match="'evaluation', not 'evaluation of files'"):
        out.run_stage(out.only, {}, {}, never, kind="evaluation")
    assert content(workspace, "evaluation") == "one"


def test_scratch_goes_only_once_all_else_is_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(folder: Path) -> dict[str, Any]:
        shutil.rmtree(folder / "deep", ignore_errors=True)
        (folder / ".training").mkdir(exist_ok=True)
        (folder / ".training" / "checkpoint").touch()
        return writes("one")(folder)

    def dies(*arguments: Any, **options: Any) -> None:
        raise Killed

    for name in ("record_outputs", "write_manifest"):
        with monkeypatch.context() as patch:
            patch.setattr(workspace_module, name, dies)
            with pytest.raises(Killed):
                workspace.run_stage("model", {}, {}, trains, resumable=True)
        assert (workspace.scratch_folder("model") / ".training" / "checkpoint").exists()
    workspace.run_stage("model", {}, {}, trains, resumable=True)
    assert {path.name for path in workspace.require("model").iterdir()} == {
        "deep",
        "own.txt",
        "manifest.json",
    }


def test_what_a_resumable_run_left_half_written_is_not_published(workspace: Workspace) -> None:
    def dies(folder: Path) -> dict[str, Any]:
        (folder / "deep").mkdir()
        (folder / "deep" / ".own.txt.17.part").touch()
        raise Killed

    with pytest.raises(Killed):
        workspace.run_stage("model", {}, {}, dies, resumable=True)
    workspace.run_stage("model", {}, {}, lambda folder: {}, resumable=True)
    assert not list(workspace.require("model").rglob("*.part"))


def test_what_dead_runs_left_goes_with_the_next_command_whatever_it_is(
    workspace: Workspace,
) -> None:
    def dies(folder: Path) -> dict[str, Any]:
        raise Killed

    with pytest.raises(Killed):
        workspace.run_stage("model", {}, {}, dies, resumable=True)
    with pytest.raises(Killed):
        workspace.run_stage("judged", {}, {}, dies)
    shutil.copytree(workspace.scratch_folder("judged"), workspace.path / ".ingest.old")
    (workspace.path / ".mine.part").mkdir()
    workspace.run_stage("index", {}, {}, writes("one"))
    # A training goes on where it was; the user's own stays.
    assert {path.name for path in workspace.path.iterdir()} == {
        "index",
        ".model.part",
        ".mine.part",
    }
    states = {one.stage: one.state for one in workspace.states()}
    assert states["model"] == "interrupted, goes on where it was"
    assert (states["index"], states["ingest"]) == ("done", "not done")


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_a_workspace_is_its_owners_alone(workspace: Workspace, umask: int) -> None:
    workspace.path.parent.chmod(0o755)
    before = os.umask(umask)
    try:
        workspace.run_stage("index", {}, {}, writes("one"))
        workspace.run_stage("queries", {}, {}, keeps_book("a"), keeps="book")
    finally:
        os.umask(before)
    rights = {path: path.stat().st_mode & 0o777 for path in workspace.path.rglob("*")}
    ours = {path: mode for path, mode in rights.items() if not path.name.startswith("book")}
    assert {mode for path, mode in ours.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in ours.items() if path.is_dir()} == {0o700}
    assert workspace.path.parent.stat().st_mode & 0o777 == 0o755


def chain(workspace: Workspace, *, text: str = "one", tuned: bool = True) -> None:
    """Run fake stages that read each other as the real ones do."""
    workspace.run_stage("ingest", {}, {"text": text}, writes(text))
    ingested = workspace.output_hashes("ingest")
    workspace.run_stage("queries", {}, ingested, writes(f"about {text}"))
    inputs = workspace.output_hashes("queries")
    if tuned:
        workspace.run_stage("model", {}, inputs, writes(f"from {text}"))
        inputs = {**ingested, **workspace.output_hashes("model")}
    workspace.run_stage("index", {}, ingested if not tuned else inputs, writes(f"of {text}"))


def outdated(workspace: Workspace) -> dict[str, str]:
    stages = {stage: workspace.newer_than(stage) for stage in COMMAND_OF_STAGE}
    return {stage: newer for stage, newer in stages.items() if newer}


def test_a_stage_is_outdated_once_what_it_read_has_changed(workspace: Workspace) -> None:
    chain(workspace)
    assert outdated(workspace) == {}
    workspace.run_stage("model", {"epochs": 3}, {}, writes("another"))
    assert outdated(workspace) == {"index": "model"}
    chain(workspace, tuned=False)
    workspace.run_stage("ingest", {}, {"text": "two"}, writes("two"))
    assert outdated(workspace) == {"queries": "ingest", "index": "ingest"}
    chain(workspace, text="two")
    assert outdated(workspace) == {}
    # The same files by other means are the same.
    workspace.run_stage("ingest", {"workers": 2}, {"text": "two"}, writes("two"))
    assert outdated(workspace) == {}


def test_a_first_model_and_first_labels_are_newer(workspace: Workspace) -> None:
    chain(workspace, tuned=False)
    queries = workspace.output_hashes("queries")
    workspace.run_stage("model", {}, queries, writes("tuned"))
    assert outdated(workspace) == {"index": "model"}
    workspace.run_stage("judged", {}, queries, writes("graded"))
    assert outdated(workspace) == {"index": "model", "model": "judged"}
    states = {one.stage: one.state for one in workspace.states()}
    assert (states["index"], states["model"], states["queries"]) == ("outdated", "outdated", "done")


def test_what_is_loaded_is_of_one_run(workspace: Workspace) -> None:
    """A stage that is replaced while it is read is read again."""
    workspace.run_stage("index", {"n": 1}, {}, writes("one"))
    reads: list[str] = []

    def load(folder: Path) -> tuple[str, str]:
        first = (folder / "own.txt").read_text()
        if not reads:
            workspace.run_stage("index", {"n": 2}, {}, writes("two"))
        reads.append(first)
        return first, (folder / "deep" / "out.txt").read_text()

    assert workspace.read("index", load) == ("two", "two")
    assert reads == ["one", "two"]


def test_a_stage_that_is_away_for_a_moment_is_waited_for(workspace: Workspace) -> None:
    workspace.run_stage("index", {}, {}, writes("one"))
    away = workspace.path / "away"
    workspace.stage_folder("index").rename(away)
    back = threading.Timer(0.02, lambda: away.rename(workspace.stage_folder("index")))
    back.start()
    assert workspace.read("index", lambda folder: (folder / "own.txt").read_text()) == "one"
    back.join()
    with pytest.raises(WorkspaceError, match="run: cvseeker ingest"):
        workspace.read("ingest", lambda folder: folder)


def test_a_function_on_a_workspace_runs_alone(workspace: Workspace) -> None:
    @exclusive
    def stage(workspace: Workspace, progress: Progress = silent) -> bool:
        return bool(list(workspace.path.glob(".*lock")))

    assert stage(workspace)
    assert not workspace.path.exists()


def test_what_killed_runs_left_half_written_in_the_cache_goes(workspace: Workspace) -> None:
    vectors = workspace.cache / "0123456789abcdef"
    vectors.mkdir(parents=True)
    for name in (".passages-1.npz.17.part", ".queries-1.npz.17.part", "passages-1.npz", ".mine"):
        (vectors / name).touch()
        os.utime(vectors / name, (0, 0))
    # Somebody may write it at this moment.
    (vectors / ".queries-1.npz.17.part").touch()
    with workspace.alone("index"):
        left = {path.name for path in vectors.iterdir()}
    assert left == {".queries-1.npz.17.part", "passages-1.npz", ".mine"}


def test_a_workspace_whose_only_manifest_is_damaged_says_so(workspace: Workspace) -> None:
    workspace.run_stage("ingest", {}, {}, writes("one"))
    manifest = workspace.stage_folder("ingest") / "manifest.json"
    for damage in (b"", b"\0" * 400, manifest.read_bytes()[:300]):
        manifest.write_bytes(damage)
        states = {one.stage: one for one in workspace.states()}
        assert states["ingest"].state == "damaged"
        assert states["ingest"].problems[0].startswith(str(manifest))
        assert states["index"].state == "not done"


def test_a_workspace_is_known_by_its_stages(workspace: Workspace, tmp_path: Path) -> None:
    assert not is_workspace(tmp_path)
    with pytest.raises(WorkspaceError, match="no workspace; make one with: cvseeker run"):
        workspace.states()
    with workspace.alone("ingest"):
        assert is_workspace(workspace.path)
    workspace.run_stage("ingest", {}, {}, writes("one"))
    assert is_workspace(workspace.path)
    (workspace.stage_folder("ingest") / "manifest.json").write_text('{"name": "a page"}')
    assert not is_workspace(workspace.path)


@pytest.mark.parametrize(
    "outputs",
    [
        {"a\0b": {"size": 1, "mtime_ns": 1, "sha256": "x"}},
        {"x" * 5_000: {"size": 1, "mtime_ns": 1, "sha256": "x"}},
        {"../../victim": {"size": 1, "mtime_ns": 1, "sha256": "x"}},
        {"own.txt": {"size": 10**40, "mtime_ns": 1, "sha256": "x"}},
        {"own.txt": {"size": 3, "mtime_ns": 10**40, "sha256": "x"}},
        {"own.txt/deep": {"size": 3, "mtime_ns": 1, "sha256": "x"}},
    ],
)
def test_a_manifest_may_say_anything(workspace: Workspace, outputs: dict[str, Any]) -> None:
    victim = workspace.path.parent / "victim"
    victim.write_text("mine")
    workspace.run_stage("index", {}, {}, writes("one"))
    path = workspace.stage_folder("index") / "manifest.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    written["outputs"] |= outputs
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="run: cvseeker index"):
        workspace.require("index")
    assert not workspace.run_stage("index", {}, {}, writes("one")).skipped
    assert victim.read_text() == "mine"


def test_an_absurd_time_is_hashed(workspace: Workspace) -> None:
    workspace.run_stage("index", {}, {}, writes("one"))
    path = workspace.stage_folder("index") / "manifest.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    written["outputs"]["own.txt"]["mtime_ns"] = 10**40
    path.write_text(json.dumps(written), encoding="utf-8")
    workspace.require("index")
    for absurd in ("two", True, None, 2.5):
        path.write_text(json.dumps({**written, "format": absurd}), encoding="utf-8")
        with pytest.raises(WorkspaceError):
            workspace.require("index")


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")
@pytest.mark.parametrize("name", [".cvseeker.lock", ".index.old", ".index.part", "index"])
@pytest.mark.parametrize("kind", ["link", "folder", "file", "pipe"])
def test_what_stands_where_a_run_puts_things_costs_nothing_outside(
    workspace: Workspace, name: str, kind: str
) -> None:
    """A line, or done: what a link leads to stays as it is."""
    victim = workspace.path.parent / "victim"
    victim.mkdir()
    (victim / "notes.txt").write_text("mine")
    workspace.path.mkdir()
    place = workspace.path / name
    if kind == "link":
        place.symlink_to(victim if name != ".cvseeker.lock" else victim / "notes.txt")
    elif kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("x")
    else:
        os.mkfifo(place)
    told = ""
    try:
        workspace.run_stage("index", {}, {}, writes("one"))
    except WorkspaceError as error:
        told = str(error)
    assert "\n" not in told
    assert told or content(workspace) == "one"
    assert (victim / "notes.txt").read_text() == "mine"


def test_a_stage_that_lies_elsewhere_is_replaced_here_and_kept_there(workspace: Workspace) -> None:
    workspace.run_stage("index", {"n": 1}, {}, writes("one"))
    elsewhere = workspace.path.parent / "disk"
    workspace.stage_folder("index").rename(elsewhere)
    workspace.stage_folder("index").symlink_to(elsewhere)
    assert content(workspace) == "one"
    workspace.run_stage("index", {"n": 2}, {}, writes("two"))
    assert content(workspace) == "two"
    assert (elsewhere / "own.txt").read_text() == "one"
    assert [path.name for path in workspace.path.iterdir()] == ["index"]
