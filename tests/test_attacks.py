"""What a machine, its user or a neighbour may do to the files: clocks, names, links, kills.

Each has one of two outcomes, the right result or one line, and nothing outside changes. What
documents, servers, damaged models and wrong settings may do stands in the other tests.
"""

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core import lock, manifest
from cvseeker.core import workspace as workspace_module
from cvseeker.core.errors import CVSeekerError
from cvseeker.core.files import read_json, read_jsonl, write_json, write_text
from cvseeker.core.hashes import file_hash
from cvseeker.core.lock import locked
from cvseeker.core.settings import IngestSettings, Settings
from cvseeker.core.workspace import Workspace
from cvseeker.llm.ledger import Ledger, LedgerRow
from cvseeker.resumes import ingest_stage
from cvseeker.resumes.discover import find_files, refusal
from cvseeker.resumes.originals import find_originals, input_hashes
from cvseeker.retrieval.store import KEPT_MODELS, VectorStore

pytestmark = pytest.mark.skipif(os.name == "nt", reason="names, links and pipes of POSIX")


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def index(workspace: Workspace, text: str = "one", **options: Any) -> bool:
    """Run a stage that writes two files, and tell whether it was skipped."""

    def work(folder: Path) -> dict[str, Any]:
        (folder / "own.txt").write_text(text)
        (folder / "deep").mkdir(exist_ok=True)
        (folder / "deep" / "out.txt").write_text(text)
        return {}

    return workspace.run_stage("index", {"text": text}, {}, work, **options).skipped


def content(workspace: Workspace) -> str:
    return (workspace.require("index") / "own.txt").read_text()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def bind(path: Path) -> None:
    """Make a socket; its address is short, so it has to be named from its own folder."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


SPECIAL: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a socket": bind,
    "a folder": Path.mkdir,
    "a link to zeros without end": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}


# Clocks


@pytest.mark.parametrize(
    "stamp",
    [
        lambda ns: 0,
        lambda ns: -(10**18),
        lambda ns: 2**32 * 10**9,
        lambda ns: 2**63 - 1,
        lambda ns: ns // 10**9 * 10**9,
        lambda ns: ns // (2 * 10**9) * 2 * 10**9,
        lambda ns: ns - 3_600 * 10**9,
    ],
    ids=["1970", "1938", "2106", "2262", "whole seconds", "a FAT disk's", "another hour"],
)
def test_whatever_time_the_files_bear_a_stage_stays_valid(
    workspace: Workspace, stamp: Callable[[int], int]
) -> None:
    index(workspace)
    for path in workspace.path.rglob("*"):
        with suppress(OSError, OverflowError):  # not every file system holds every time
            os.utime(path, ns=(0, stamp(path.stat().st_mtime_ns)))
    assert content(workspace) == "one"
    assert not [one for one in workspace.states(verify=True) if one.problems]
    assert index(workspace)


@pytest.mark.parametrize("step", [-(10**9), 10**9], ids=["back", "on"])
def test_a_clock_that_is_put_back_or_on_changes_no_stage(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    now = [2e9]

    def clock() -> float:
        now[0] += step
        return now[0]

    monkeypatch.setattr(time, "time", clock)
    assert not index(workspace)
    assert (workspace.manifest("index") or {})["seconds"] >= 0
    assert index(workspace)


@pytest.mark.parametrize("step", [-(10**9), 10**9], ids=["back", "on"])
def test_whoever_waits_for_a_lock_does_so_by_no_calendar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    code = """
        import sys, time
        from pathlib import Path
        from cvseeker.core.lock import locked

        with locked(Path(sys.argv[1]), "index"):
            print("held", flush=True)
            time.sleep(0.4)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setattr(time, "time", lambda: 2e9 + step)
        with locked(tmp_path / "lock", "ingest"):
            assert holder.wait(10) == 0


@pytest.mark.parametrize("at", [0.0, -1e9, 4e12], ids=["1970", "1938", "the year 128722"])
def test_whenever_a_reply_came_it_is_not_asked_for_again(tmp_path: Path, at: float) -> None:
    row = LedgerRow("k", "t", "i", "m", "u", "w", "ok", "", "{}", "", 1, 1, None, 1, 0.1, at)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(row)
        assert ledger.is_final("k")
        ledger.record(replace(row, at=at - 1e6))
        assert (ledger.get("k") or row).at == at - 1e6


@pytest.mark.parametrize("stamp", [0, 4_000_000_000], ids=["1970", "2096"])
def test_vectors_are_kept_beside_others_of_any_time(
    hash_encoder: Any, tmp_path: Path, stamp: int
) -> None:
    for number in range(KEPT_MODELS + 2):
        other = tmp_path / f"{number:016x}"
        other.mkdir()
        os.utime(other, (stamp, stamp))
    store = VectorStore(tmp_path)
    found = store.encode_corpus(hash_encoder, ["night nurse"])
    again = VectorStore(tmp_path).encode_corpus(hash_encoder, ["night nurse"])
    assert (found.embeddings.vectors == again.embeddings.vectors).all()


@pytest.mark.parametrize("stamp", [-1, 0, 4_000_000_000], ids=["1969", "1970", "2096"])
def test_sources_are_known_by_what_is_in_them_not_by_their_time(tmp_path: Path, stamp: int) -> None:
    (tmp_path / "a.txt").write_text("a nurse")
    before = input_hashes(find_originals([tmp_path]))
    os.utime(tmp_path / "a.txt", (stamp, stamp))
    assert input_hashes(find_originals([tmp_path])) == before


# Names

NAMES = [
    *("-rf.txt", "--help.txt", "~.txt", "$HOME.txt", "a;b.txt", "a|b&.txt", "'q'.txt", '"q".txt'),
    *("`id`.txt", "$(id).txt", "%00.txt", "%2e%2e%2f.txt", "a\nb.txt", "a\rb.txt", "a\tb.txt"),
    *("CON.txt", "a.txt ", "a.txt.", " .txt", "*.txt", "[a-z].txt", "\\..\\a.txt", "<b>.txt"),
    *("\u202etxt.exe", "\u0130.txt", "\ufb01.txt", "\U0001f600.txt", "x" * 251 + ".txt"),
]


# In pairs that differ in case, in how an accent is made, or in a blank.
ALIKE = ["CV.txt", "cv.txt", "caf\u00e9.txt", "cafe\u0301.txt", "stra\u00dfe.txt", "STRASSE.txt"]
ALIKE += ["\ufb01.txt", "fi.txt", "\u212a.txt", "k.txt", "a.txt", "a.txt "]


@pytest.mark.parametrize("name", NAMES, ids=map(repr, NAMES))
def test_a_file_of_any_name_is_read_and_shown_on_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a nurse")
    [file] = find_files([tmp_path])
    assert (file.path.name, file.refused) == (name, "")
    assert refusal(file.path, max_file_mb=1) == ""
    assert file.relative.isprintable()
    assert Path(file.relative).name == file.relative


def test_names_that_some_systems_take_for_one_are_each_a_person(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in ALIKE:
        word = name.encode().hex()
        (source / name).write_text("\n".join(f"{word}{n} worked as {word}" for n in range(40)))
    settings = Settings(ingest=IngestSettings(workers=1, val_share=0))
    ingest_stage(Workspace(tmp_path / "out"), [source], settings)
    rows = list(read_jsonl(tmp_path / "out" / "ingest" / "resumes.jsonl"))
    assert len({row["resume_id"] for row in rows}) == len(names(source))


# Links, pipes and sockets where files should be


def test_a_backup_of_hard_links_stays_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    index(workspace)
    shutil.copytree(workspace.path, tmp_path / "backup", copy_function=os.link)
    index(workspace, "two")
    assert content(workspace) == "two"
    assert content(Workspace(tmp_path / "backup")) == "one"


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "symbolic"])
@pytest.mark.parametrize("name", ["w/.cvseeker.lock", "out/.a.json.{pid}.part", "out/a.json"])
def test_a_name_of_ours_that_is_a_link_costs_no_other_file(
    workspace: Workspace, tmp_path: Path, link: Callable[[Path, Path], None], name: str
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    place = tmp_path / name.format(pid=os.getpid())
    place.parent.mkdir()
    link(tmp_path / "notes.txt", place)
    with suppress(CVSeekerError):
        index(workspace)
    with suppress(CVSeekerError):
        write_json(tmp_path / "out" / "a.json", {"ours": 1})
        assert read_json(tmp_path / "out" / "a.json") == {"ours": 1}
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_lies_where_a_file_is_prepared_is_no_obstacle_or_a_line(
    tmp_path: Path, kind: str
) -> None:
    SPECIAL[kind](tmp_path / f".a.txt.{os.getpid()}.part")
    if kind == "a folder":
        with pytest.raises(CVSeekerError, match=r"a\.txt: cannot be written"):
            write_text(tmp_path / "a.txt", "ours")
        return
    write_text(tmp_path / "a.txt", "ours")
    assert (tmp_path / "a.txt").read_text() == "ours"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("name", ["manifest.json", "own.txt", "deep/out.txt"])
def test_what_stands_in_for_a_stages_file_is_told_and_never_waited_for(
    workspace: Workspace, kind: str, name: str
) -> None:
    workspace.run_stage("ingest", {}, {}, lambda folder: {})
    index(workspace)
    place = workspace.stage_folder("index") / name
    place.unlink()
    SPECIAL[kind](place)
    with pytest.raises(CVSeekerError, match="index") as caught:
        workspace.require("index")
    assert "\n" not in str(caught.value)
    assert any(one.state != "done" for one in workspace.states() if one.stage == "index")
    with suppress(CVSeekerError):
        index(workspace)
        assert content(workspace) == "one"


def test_the_manifest_of_another_stage_is_not_taken_for_this_ones(workspace: Workspace) -> None:
    index(workspace)
    workspace.run_stage("ingest", {}, {}, lambda folder: {})
    own = workspace.stage_folder("index") / "manifest.json"
    own.unlink()
    own.symlink_to(workspace.stage_folder("ingest") / "manifest.json")
    with pytest.raises(CVSeekerError, match="index: no finished index stage"):
        workspace.require("index")
    with pytest.raises(CVSeekerError, match="index: holds another stage, 'ingest'"):
        index(workspace)


@pytest.mark.parametrize("name", ["../../victim", "{folder}/victim", "deep/../../../victim"])
def test_a_manifest_that_names_a_file_elsewhere_does_not_touch_it(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    index(workspace)
    (tmp_path / "victim").write_text("mine")
    before = (tmp_path / "victim").stat()
    path = workspace.stage_folder("index") / "manifest.json"
    written = read_json(path)
    facts = {"size": 4, "mtime_ns": 1, "sha256": file_hash(tmp_path / "victim")}
    written["outputs"][name.format(folder=tmp_path)] = facts
    write_json(path, written)
    with pytest.raises(CVSeekerError, match="victim: outside of the stage's folder; run: "):
        workspace.require("index")
    assert not index(workspace)
    assert (tmp_path / "victim").stat() == before


@pytest.mark.parametrize("target", ["real", "nothing", "w", "/dev/null", "file"])
def test_a_workspace_that_is_a_link_works_or_is_a_line(workspace: Workspace, target: str) -> None:
    (workspace.path.parent / "real").mkdir()
    (workspace.path.parent / "file").touch()
    workspace.path.symlink_to(target)
    if target == "real":
        index(workspace)
        assert content(workspace) == "one"
        return
    with pytest.raises(CVSeekerError) as caught:
        index(workspace)
    assert str(workspace.path) in str(caught.value)
    assert "\n" not in str(caught.value)


# Meanwhile


@pytest.mark.parametrize(
    "meddle",
    [
        lambda workspace, scratch: shutil.rmtree(workspace.path),
        lambda workspace, scratch: workspace.path.rename(workspace.path.with_name("moved")),
        lambda workspace, scratch: shutil.rmtree(scratch),
        lambda workspace, scratch: (shutil.rmtree(scratch), scratch.write_text("x")),
        lambda workspace, scratch: (workspace.path / ".cvseeker.lock").unlink(),
        lambda workspace, scratch: workspace.stage_folder("index").touch(),
        lambda workspace, scratch: os.mkfifo(scratch / "pipe"),
        lambda workspace, scratch: bind(scratch / "socket"),
        lambda workspace, scratch: (scratch / "up").symlink_to(".."),
    ],
    ids=[
        "the workspace deleted",
        "the workspace moved",
        "the work deleted",
        "the work a file",
        "the lock deleted",
        "a file in the stage's place",
        "a pipe among the work",
        "a socket among the work",
        "a link up among the work",
    ],
)
def test_whatever_happens_while_a_stage_works_it_is_whole_or_absent(
    workspace: Workspace, meddle: Callable[[Workspace, Path], object]
) -> None:
    def work(folder: Path) -> dict[str, Any]:
        (folder / "own.txt").write_text("one")
        meddle(workspace, folder)
        return {}

    with suppress(CVSeekerError, OSError):  # the command line makes a line of both
        workspace.run_stage("index", {"n": 1}, {}, work)
    if workspace.stage_folder("index").is_file():
        workspace.stage_folder("index").unlink()
    for name in ("pipe", "socket", "up"):
        if (found := workspace.stage_folder("index") / name).is_symlink() or found.exists():
            with pytest.raises(CVSeekerError, match=f"{name}: not written by CVSeeker"):
                index(workspace, "two")
            found.unlink()
    index(workspace, "two")
    assert content(workspace) == "two"


# Kills during clean-up


@contextmanager
def deleting_halfway(patch: pytest.MonkeyPatch, keep: str) -> Iterator[None]:
    """Kill whoever deletes a folder, with all gone but these files."""

    def half(folder: Path, **_: Any) -> None:
        for path in sorted(Path(folder).rglob("*"), reverse=True):
            if path.name not in keep.split():
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        raise Killed

    with patch.context() as inner:
        inner.setattr(shutil, "rmtree", half)
        with pytest.raises(Killed):
            yield


@pytest.mark.parametrize("keep", ["manifest.json", "own.txt", ""])
def test_killed_while_it_deletes_what_a_dead_run_left(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    index(workspace)
    shutil.copytree(workspace.stage_folder("index"), workspace.path / ".index.old")
    with deleting_halfway(monkeypatch, keep):
        index(workspace, "two")
    assert content(workspace) == "one"
    index(workspace, "two")
    assert content(workspace) == "two"
    assert names(workspace.path) == ["index"]


@pytest.mark.parametrize("keep", [".fingerprint", ".fingerprint state", "own.txt", ""])
def test_what_is_half_deleted_is_never_continued(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    seen: list[list[str]] = []

    def work(folder: Path) -> dict[str, Any]:
        seen.append(sorted(path.name for path in folder.iterdir()))
        (folder / "own.txt").write_text("x")
        (folder / "state").write_text("x")
        if len(seen) == 1:
            raise Killed
        return {}

    def run(text: str) -> None:
        workspace.run_stage("model", {"text": text}, {}, work, resumable=True)

    with pytest.raises(Killed):
        run("one")
    with deleting_halfway(monkeypatch, keep):
        run("two")
    run("one")
    assert seen[1:] == [[".fingerprint"]]


@pytest.mark.parametrize("step", ["_release", "_sign"])
def test_killed_while_it_takes_or_lets_go_of_the_lock(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    code = f"""
        import os, signal, sys
        from pathlib import Path
        from cvseeker.core import lock
        from cvseeker.core.workspace import Workspace

        lock.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        Workspace(Path(sys.argv[1])).run_stage("index", {{}}, {{}}, lambda folder: {{}})
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(workspace.path)]
    assert subprocess.run(command, check=False).returncode == -9
    monkeypatch.setattr(lock, "WAIT_SECONDS", 2)
    index(workspace, "two")
    assert content(workspace) == "two"
    assert names(workspace.path) == ["index"]


def test_killed_while_it_forgets_models_used_long_ago(
    hash_encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(KEPT_MODELS + 2):
        (tmp_path / f"{number:016x}").mkdir()
        (tmp_path / f"{number:016x}" / "a.npz").touch()
    with deleting_halfway(monkeypatch, "a.npz"):
        VectorStore(tmp_path).encode_corpus(hash_encoder, ["nurse"])
    found = VectorStore(tmp_path).encode_corpus(hash_encoder, ["nurse"])
    assert found.embeddings.vectors.any()


@pytest.mark.parametrize("name", ["write_manifest", "record_outputs", "sync"])
def test_a_disk_that_fails_as_a_stage_ends_leaves_the_one_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    index(workspace)

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(workspace_module if name != "sync" else manifest, name, fail)
        with pytest.raises(OSError, match="Input/output"):
            index(workspace, "two")
    assert content(workspace) == "one"
    index(workspace, "two")
    assert content(workspace) == "two"
