import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core import manifest
from cvseeker.core import workspace as workspace_module
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.workspace import COMMAND_OF_STAGE, Workspace


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


STEPS = [
    (shutil, "rmtree"),
    (Path, "mkdir"),
    (Path, "write_text"),
    (Path, "replace"),
    (Path, "unlink"),
    (workspace_module, "write_manifest"),
    (workspace_module, "record_outputs"),
]


class Countdown:
    """Kills before or after the n-th file operation."""

    def __init__(self, stop_at: int, *, after: bool) -> None:
        self.left = stop_at
        self._after = after

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            here = self.left == 0
            if here and not self._after:
                raise Killed
            value = original(*arguments, **options)
            if here:
                raise Killed
            return value

        return step


def killed(workspace: Workspace, countdown: Countdown, patch: pytest.MonkeyPatch) -> bool:
    """Run a stage and return whether it was killed."""
    for owner, name in STEPS:
        patch.setattr(owner, name, countdown.wrap(getattr(owner, name)))
    try:
        workspace.run_stage("index", {"a": 2}, {}, writes("two"))
    except Killed:
        return True
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fresh", [False, True], ids=["replacing", "fresh"])
def test_killed_around_any_step_the_same_call_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool, fresh: bool
) -> None:
    """Kill at the first, the second, … file operation, until a run gets through."""
    for stop_at in range(1, 60):
        workspace = Workspace(tmp_path / str(stop_at))
        if not fresh:
            workspace.run_stage("index", {"a": 1}, {}, writes("one"))
        with monkeypatch.context() as patch:
            was_killed = killed(workspace, Countdown(stop_at, after=after), patch)
        if (manifest := workspace.manifest("index")) is not None:
            assert content(workspace) == {1: "one", 2: "two"}[manifest["settings"]["a"]]
        workspace.run_stage("index", {"a": 2}, {}, writes("two"))
        assert content(workspace) == "two"
        left = {path.name for path in workspace.path.iterdir()}
        assert "index" in left
        assert left <= {"index", ".index.old"}
        if not was_killed:
            break
    assert not was_killed
    assert stop_at > 8


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
        place.mkdir(exist_ok=True)
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


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fresh", [False, True], ids=["replacing", "fresh"])
def test_killed_around_any_step_nothing_kept_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool, fresh: bool
) -> None:
    """Kill at the first, the second, … file operation, until a run gets through."""
    steps = [*STEPS, (Path, "touch"), (Path, "rmdir"), (workspace_module, "_move_into")]
    for stop_at in range(1, 60):
        workspace = Workspace(tmp_path / str(stop_at))
        if not fresh:
            workspace.run_stage("queries", {"n": 1}, {}, keeps_book("a"), keeps="book")
        was_killed = False
        countdown = Countdown(stop_at, after=after)
        with monkeypatch.context() as patch:
            for owner, name in steps:
                patch.setattr(owner, name, countdown.wrap(getattr(owner, name)))
            try:
                workspace.run_stage("queries", {"n": 2}, {}, keeps_book("b"), keeps="book")
            except Killed:
                was_killed = True
        if (manifest := workspace.manifest("queries")) is not None:
            expected = {1: "a", 2: "b"}[manifest["settings"]["n"]]
            assert content(workspace, "queries") == expected
        written = workspace.stage_folder("queries") / "book"
        before = written.read_text(encoding="utf-8") if written.exists() else ""
        assert fresh or before.startswith("a")
        workspace.run_stage("queries", {"n": 2}, {}, keeps_book("c"), keeps="book")
        # What was killed after its work is published without doing it again.
        redone = content(workspace, "queries") == "c"
        assert book_of(workspace) == before + ("c" if redone else "")
        assert redone or content(workspace, "queries") == "b"
        if not was_killed:
            break
    assert not was_killed
    assert stop_at > 8
