"""Kills a stage before each of its file operations in turn; ``test_kills.py`` runs it as a script.

``python kills.py STAGE PLACE [MODEL]`` prints how many kills there were, and every outcome that
differs from that of a run which nobody disturbed. With FULL_DISK set, the disk is full from each
operation on instead.
"""

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace

# What Python announces before it happens.
OPERATIONS = {
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "shutil.rmtree",
}
# What a full disk does not allow.
GROWING = {"open", "os.mkdir", "os.link", "os.symlink"}
FULL_DISK = "FULL_DISK" in os.environ
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Run = Callable[[Path], object]


def fake(place: Path) -> None:
    def work(folder: Path) -> dict[str, Any]:
        for name in ("a.txt", "deep/b.txt", ".training/checkpoint"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)
        return {"files": 2}

    Workspace(place / "w").run_stage("model", {}, {"x": "1"}, work, resumable=True)


def kept(place: Path) -> None:
    def work(folder: Path) -> dict[str, Any]:
        (folder.parent / "queries").mkdir(mode=0o700, exist_ok=True)
        (folder.parent / "queries" / "book").touch()
        (folder / "deep").mkdir()
        (folder / "deep" / "b.txt").write_text("b")
        return {"files": 1}

    Workspace(place / "w").run_stage("queries", {}, {"x": "1"}, work, keeps="book")


def ingest(place: Path) -> None:
    from cvseeker.resumes import ingest_stage

    ingest_stage(Workspace(place / "w"), [place.parent / "cvs"], settings())


def generate(place: Path) -> None:
    from cvseeker.queries import generate_stage

    generate_stage(Workspace(place / "w"), settings())


def index(place: Path) -> None:
    import torch

    from cvseeker.search import index_stage

    torch.set_num_threads(1)

    index_stage(Workspace(place / "w"), settings())


def settings() -> Settings:
    base = {"base": sys.argv[3]} if len(sys.argv) > 3 else {}
    return Settings.validated({"ingest": {"workers": 1, "val_share": 0.0}, "finetune": base})


# Stage → what is run before it, undisturbed.
STAGES: dict[str, tuple[Run, list[Run]]] = {
    "fake": (fake, []),
    "kept": (kept, []),
    "ingest": (ingest, []),
    "generate": (generate, [ingest]),
    "index": (index, [ingest]),
}


def arm(place: Path, stop_at: int) -> None:
    """Die before the n-th operation in a place, or let no further one grow the disk."""
    process, left = os.getpid(), stop_at

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        target = arguments[0] if arguments else 0
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        if event not in {*OPERATIONS, "open"} or os.getpid() != process or isinstance(target, int):
            return
        path = os.fsdecode(target)
        # Within a folder that is being deleted, paths are relative to it.
        if path.startswith(str(place)) or not Path(path).is_absolute():
            left -= 1
            if left == 0 and not FULL_DISK:
                os._exit(9)
            if left <= 0 and event in GROWING:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    sys.addaudithook(hook)


def in_child(run: Run, place: Path, *, stop_at: int = 0) -> int:
    """Run in a process of its own, and return its status."""
    child = os.fork()
    if child == 0:
        try:
            if stop_at:
                arm(place, stop_at)
            run(place)
        except Exception as error:  # noqa: BLE001
            if FULL_DISK and stop_at:
                os._exit(9)
            print(f"{stop_at}: {error!r}", flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def content(place: Path) -> dict[str, Any]:
    """Return what lies in a place, without times; vectors are kept or made again."""
    found: dict[str, Any] = {}
    for path in sorted((place / "w").rglob("*")):
        name = path.relative_to(place / "w").as_posix()
        if name.startswith("cache") or path.is_dir():
            continue
        found[name] = path.read_bytes()
        if path.name == "manifest.json":
            manifest = json.loads(found[name])
            del manifest["seconds"]
            for facts in manifest["outputs"].values():
                del facts["mtime_ns"]
            found[name] = manifest
    return found


def main() -> None:
    if len(sys.argv) > 3:
        # Once, for all the processes that are forked.
        import sentence_transformers  # noqa: F401

        import cvseeker.search  # noqa: F401
    (run, before), root = STAGES[sys.argv[1]], Path(sys.argv[2])
    start, reference = root / "start", root / "reference"
    start.mkdir(parents=True)
    undisturbed = [in_child(earlier, start) for earlier in before]
    shutil.copytree(start, reference, copy_function=shutil.copy2)
    assert {*undisturbed, in_child(run, reference)} == {0}
    expected, stop_at, status = content(reference), 0, 9
    while status == 9:
        stop_at += 1
        place = root / "killed"
        shutil.copytree(start, place, copy_function=shutil.copy2)
        status = in_child(run, place, stop_at=stop_at)
        again = in_child(run, place)
        if again or content(place) != expected:
            differing = {
                name
                for name in expected.keys() | content(place).keys()
                if expected.get(name) != content(place).get(name)
            }
            print(f"{stop_at}: status {again}, other: {sorted(differing)}", flush=True)
        shutil.rmtree(place)
    print(f"killed {stop_at - 1} times, then {status}")


if __name__ == "__main__":
    main()
