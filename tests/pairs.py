"""Runs pairs of commands at once in copies of a workspace; ``test_pairs.py`` runs it as a script.

``python pairs.py PLACE MODEL`` prints how many pairs there were, and what went wrong in which.
"""

import itertools
import os
import shutil
import sys
from pathlib import Path

import sentence_transformers  # noqa: F401  (once, for all the processes that are forked)

import cvseeker.search  # noqa: F401
from cvseeker.cli import main
from cvseeker.core.workspace import COMMAND_OF_STAGE, Workspace

SOURCES, MODEL = Path(sys.argv[1]) / "cvs", sys.argv[2]
WRITERS = {
    "ingest": ["ingest", str(SOURCES), "--val-share", "0"],
    "ingest anew": ["ingest", str(SOURCES), "--val-share", "0", "--passage-tokens", "64"],
    "generate": ["generate", "--seed", "2"],
    "index": ["index", "--base", MODEL],
}
READERS = {"search": ["search", "chef"], "status": ["status"]}
# What two commands at once may come to that one after the other cannot.
ALLOWED = "older than the present ingest"


def started(command: list[str], workspace: Path, log: Path) -> int:
    """Start a command in a process of its own, and return its number."""
    child = os.fork()
    if child:
        return child
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    status = main([*command, "-w", str(workspace)])
    sys.stdout.flush()
    os._exit(status)


def problems(place: Path, names: tuple[str, str]) -> list[str]:
    """Run two commands at once, and return what they should not have come to."""
    workspace, found = place / "w", []
    shutil.copytree(place.parent / "start", workspace, copy_function=shutil.copy2)
    commands = [(WRITERS | READERS)[name] for name in names]
    logs = [place / f"{number}.log" for number in range(2)]
    children = [started(one, workspace, log) for one, log in zip(commands, logs, strict=True)]
    for name, child, log in zip(names, children, logs, strict=True):
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = log.read_text(encoding="utf-8")
        refused = name == "search" and status == 2 and ALLOWED in said
        if (status and not refused) or "Traceback" in said:
            found.append(f"{name}: status {status}: {said[-500:]}")
    states = Workspace(workspace).states(verify=True)
    found += [problem for one in states if one.state == "damaged" for problem in one.problems]
    left = {path.name for path in workspace.iterdir()} - {*COMMAND_OF_STAGE, "cache"}
    # The record, and its log while somebody reads.
    left = {name for name in left if not name.startswith("record.sqlite")}
    return [*found, *(f"left: {name}" for name in left)]


if __name__ == "__main__":
    root = Path(sys.argv[1])
    for command in ("ingest", "generate", "index"):
        os.waitpid(started(WRITERS[command], root / "start", root / f"{command}.log"), 0)
    pairs = list(itertools.combinations_with_replacement([*WRITERS, *READERS], 2))
    for number, names in enumerate(pairs):
        (root / str(number)).mkdir()
        for problem in problems(root / str(number), names):
            print(f"{names}: {problem}", flush=True)
    print(f"{len(pairs)} pairs")
