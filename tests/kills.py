"""What a kill before any file operation of a command leaves, and a disk that is full from there on.

``test_kills.py`` runs it as a script: ``python kills.py PLACE`` answers each line of stdin,
``COMMAND killed`` or ``COMMAND full``, by a line of JSON; ``replacing`` another result, where that
stands behind it. The model lies in ``PLACE/model``. A kill leaves what lies on the disk at
that moment, and everything is on the disk that this process has handed to the system. So the
command is run once, what lies there is noted before each operation, and the command is run anew
from each of these states: it must come to what it comes to undisturbed. Every run is a process of
its own, and clocks stand still, so that results are compared byte for byte.
"""

import errno
import json
import os
import pickle
import resource
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from cvseeker.cli.failures import explain
from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.record import Record
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import ERASING, Workspace
from cvseeker.evaluate import Systems, evaluate_files, evaluate_stage
from cvseeker.evaluate.audit import audit_stage
from cvseeker.pipeline import remove_people
from cvseeker.queries import generate_stage, judge_stage
from cvseeker.resumes import ingest_stage
from cvseeker.search import index_stage
from cvseeker.train import TrainingData, finetune_stage

# What Python announces before it happens.
OPERATIONS = {
    "open",
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
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NO_ROOM = 2

PEOPLE = (
    ("Ana Prunk", "Pastry chef", "laminated dough", "chocolate tempering", "Hotel Slon"),
    ("Bo Lindahl", "Backend engineer", "Kafka streams", "PostgreSQL tuning", "Paydrift"),
    ("Cem Aksoy", "Intensive care nurse", "ventilation", "triage", "Sankt Georg Klinik"),
    ("Dina Farouk", "Payroll accountant", "month-end closing", "IFRS reporting", "Nilbank"),
    ("Eli Marsh", "Maintenance electrician", "Siemens drives", "fault finding", "Packwell"),
    ("Fay Okoro", "Django developer", "ticket sales", "mentoring juniors", "Stagepass"),
    ("Gus Ode", "Forklift driver", "night shifts", "cold storage", "Havn Logistics"),
    ("Hana Mori", "Tax lawyer", "cross-border mergers", "transfer pricing", "Mori Partners"),
    ("Ivo Brandt", "Violin teacher", "beginner lessons", "orchestra rehearsals", "Musikhof"),
    ("Jo Tamm", "Field geologist", "core drilling", "structural mapping", "Tartu Survey"),
)
RESUME = """{name}
{title}

Experience
{title}, {employer}, 2015 - 2023
- Responsible for {first} and {second} in a team of {size}.
- Introduced a checklist for {second}, which halved the complaints within {size} months.

Skills
{first}, {second}
"""

# What lies in a place: path → rights, time, content (of a folder, none).
State = dict[str, tuple[int, int, bytes | None]]
Command = Callable[[Path, Settings], object]


def settings(*, other: bool = False) -> Settings:
    """Return small settings, or others under which every command comes to something else."""
    return Settings.validated(
        {
            "ingest": {
                "workers": 1,
                "val_share": 0.2,
                "test_share": 0.3,
                "passage_tokens": 64 if other else 160,
            },
            "generate": {"per_passage": 2, "seed": 14 if other else 13},
            "judge": {"depth": 1 if other else 3},
            "finetune": {
                "base": str(Path(sys.argv[1]) / "model"),
                "max_steps": 2,
                "batch_size": 4,
                "epochs": 1,
                "evaluations_per_epoch": 2,
                "seed": 14 if other else 13,
            },
            "evaluate": {"formats": ["html"] if other else ["html", "md", "json"]},
            "audit": {"top_k": 1, "names_per_group": 2, "max_resumes": 3 if other else 2},
        }
    )


def plain(place: Path, settings: Settings) -> None:
    """Run a stage that writes files and scratch."""

    def work(folder: Path) -> dict[str, Any]:
        for name in ("a.txt", "deep/b.txt", ".training/checkpoint"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)
        return {"files": 2}

    inputs = {"seed": str(settings.generate.seed)}
    Workspace(place / "w").run_stage("model", {}, inputs, work, resumable=True)


def kept(place: Path, settings: Settings) -> None:
    """Run a stage in whose folder a ledger stays through all runs: nothing in it is paid twice."""

    def work(folder: Path) -> dict[str, Any]:
        ledger, bill = folder.parent / "queries" / "ledger", f"{settings.generate.seed}\n"
        ledger.parent.mkdir(mode=0o700, exist_ok=True)
        ledger.touch(mode=0o600)
        if bill not in ledger.read_text():
            with ledger.open("a") as file:
                file.write(bill)
        (folder / "deep").mkdir()
        (folder / "deep" / "b.txt").write_text("b")
        return {"files": 1}

    inputs = {"seed": str(settings.generate.seed)}
    Workspace(place / "w").run_stage("queries", {}, inputs, work, keeps="ledger")


def careless(place: Path, settings: Settings) -> None:
    """Write what no kill may come between: the harness must see it."""
    folder = place / "w"
    if not folder.exists():
        folder.mkdir()
        (folder / "result").write_text("done")


def ingest(place: Path, settings: Settings) -> None:
    ingest_stage(Workspace(place / "w"), [place.parent / "cvs"], settings)


def generate(place: Path, settings: Settings) -> None:
    generate_stage(Workspace(place / "w"), settings)


def judge(place: Path, settings: Settings) -> None:
    judge_stage(Workspace(place / "w"), settings)


def index(place: Path, settings: Settings) -> None:
    index_stage(Workspace(place / "w"), settings)


def untuned(place: Path, settings: Settings) -> None:
    index(place, settings)


def finetune(place: Path, settings: Settings) -> None:
    finetune_stage(TrainingData.from_workspace(Workspace(place / "w")), settings)


def evaluate(place: Path, settings: Settings) -> None:
    evaluate_stage(Workspace(place / "w"), settings)


def audit(place: Path, settings: Settings) -> None:
    audit_stage(Workspace(place / "w"), [], settings.audit)


def remove(place: Path, settings: Settings) -> None:
    workspace = Workspace(place / "w")
    with Record.open(workspace.path) as record:
        is_known = "3.txt" in record.numbers()
    if is_known or (workspace.path / ERASING).exists():
        remove_people(workspace, ["3.txt"])


def generate_json(place: Path, settings: Settings) -> None:
    generate_stage(place.parent / "data.json", settings, out=place / "out.json")


def generate_folder(place: Path, settings: Settings) -> None:
    generate_stage(place.parent / "data.json", settings, out=place / "out")


def judge_json(place: Path, settings: Settings) -> None:
    judge_stage(place.parent / "data.json", settings, out=place / "out.json")


def judge_folder(place: Path, settings: Settings) -> None:
    judge_stage(place.parent / "data.json", settings, out=place / "out")


def evaluate_data(place: Path, settings: Settings) -> None:
    root = place.parent
    systems = Systems(
        {"m": str(root / "model")},
        runs={"theirs": root / "run.trec"},
        vectors={"made": root / "vectors"},
    )
    evaluate_files(root / "data.json", place / "out", settings, systems=systems)


# Command → what is run before it, undisturbed, after what is run before that.
ON_FILES = (generate_json, generate_folder, judge_json, judge_folder, evaluate_data)
COMMANDS: dict[Command, Command | None] = {
    **dict.fromkeys((plain, kept, careless, ingest, *ON_FILES)),
    generate: ingest,
    judge: generate,
    untuned: generate,
    finetune: untuned,
    evaluate: finetune,
    audit: finetune,
    index: finetune,
    remove: evaluate,
}
NEED_NO_MODEL = {plain, kept, careless}


def write_resumes(folder: Path) -> list[str]:
    """Write résumés of fictional people into a new folder, and return them."""
    folder.mkdir()
    texts = [
        RESUME.format(
            name=name, title=title, first=first, second=second, employer=employer, size=number + 3
        )
        for number, (name, title, first, second, employer) in enumerate(PEOPLE)
    ]
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    return texts


def write_inputs(root: Path) -> None:
    """Write résumés of fictional people, and the same as a data set with a run and vectors."""
    import numpy as np

    texts = write_resumes(root / "cvs")
    corpus = {f"{number}#1": text for number, text in enumerate(texts)}
    queries = {f"q{number}": f"{one[1]} with {one[3]}" for number, one in enumerate(PEOPLE)}
    qrels = {f"q{number}": {f"{number}#1": 1} for number in range(len(PEOPLE))}
    write_dataset(RetrievalDataset(corpus, queries, qrels), root / "data.json")
    lines = (f"q{number} Q0 {number}#1 1 1.0 theirs\n" for number in range(len(PEOPLE)))
    (root / "run.trec").write_text("".join(lines), encoding="utf-8")
    (root / "vectors").mkdir()
    for name in ("corpus", "queries"):
        np.save(root / "vectors" / f"{name}.npy", np.eye(len(PEOPLE), dtype=np.float32))


def read_state(place: Path, known: dict[bytes, bytes]) -> State:
    """Return what lies in a place; contents that are ``known`` are held once."""
    state: State = {}
    for path in sorted(place.rglob("*")):
        status = path.stat()
        content = None if path.is_dir() else path.read_bytes()
        if content is not None:
            content = known.setdefault(content, content)
        changed = 0 if content is None else status.st_mtime_ns
        state[path.relative_to(place).as_posix()] = (status.st_mode, changed, content)
    return state


def restore(place: Path, state: State) -> None:
    """Put a place in a state."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, (mode, changed, content) in state.items():
        path = place / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
            os.utime(path, ns=(changed, changed))
        path.chmod(mode)


def result(place: Path) -> dict[str, Any]:
    """Return what lies in a place, but for the times of files."""
    found: dict[str, Any] = {}
    for name, (mode, _, content) in read_state(place, {}).items():
        if name.endswith(".cvseeker.lock"):  # free, where its process is gone
            continue
        value: Any = content
        if name.endswith("record.sqlite"):
            value = recorded(place / name)
        if content is not None and name.endswith("manifest.json"):
            value = json.loads(content)
            for facts in value["outputs"].values():
                del facts["mtime_ns"]
            # Not what the last run had left to do.
            value["counts"] = {
                key: count
                for key, count in value["counts"].items()
                if key not in {"encoded", "removed"}
            }
        found[name] = (mode, value)
    return found


def recorded(path: Path) -> dict[str, list[Any]]:
    """Return the rows of a record, but for the times of files."""
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'full_text*'"
        names = [name for (name,) in database.execute(query)]
        tables = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    tables["journal"] = [row[2:4] for row in tables["journal"]]
    tables["originals"] = [row[:2] for row in tables["originals"]]
    return {name: sorted(rows) for name, rows in tables.items()}


def damage(place: Path) -> str:
    """Return what is wrong with a stage that calls itself finished, where it may be read."""
    if (place / "w" / ERASING).exists():
        return ""
    try:
        states = Workspace(place / "w").states(verify=True)
    except WorkspaceError:  # none yet
        return ""
    return " ".join(problem for one in states if one.state == "damaged" for problem in one.problems)


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def watched(operation: Callable[[bool], None]) -> None:
    """Call something before each operation on files of this process: may it grow the disk?"""
    process = os.getpid()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in OPERATIONS or os.getpid() != process:
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        operation(event in GROWING)

    sys.addaudithook(hook)


def in_child(run: Callable[[], object]) -> int:
    """Run in a process of its own, and return its status: 2 where a line tells what ended it."""
    child = os.fork()
    if child == 0:
        status = 0
        try:
            run()
        except Exception as error:  # noqa: BLE001
            failure = explain(error, "cvseeker")
            status = failure.status
            print(f"{status}: {failure.line}", file=sys.stderr, flush=True)
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def a_day_later(run: Callable[[], object]) -> Callable[[], None]:
    """Return the same run, to which all files are a day older."""

    def running() -> None:
        now = time.time
        time.time = lambda: now() + 86_400
        run()

    return running


def noted(run: Callable[[], object], place: Path, notes: Path) -> Callable[[], None]:
    """Return the same run, which leaves every state that a kill can leave, and how many grow."""

    def noting() -> None:
        states: list[State] = []
        known: dict[bytes, bytes] = {}
        growing = 0

        def note(grows: bool) -> None:
            nonlocal growing
            growing += grows
            state = read_state(place, known)
            if [state] != states[-1:]:
                states.append(state)

        watched(note)
        run()
        found = (states, growing)
        with notes.open("wb") as file:
            pickle.dump(found, file)

    return noting


def limit_files(size: int) -> None:
    """Let no file be written beyond a size, whoever writes it; files that are open count, too."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def on_full_disk(run: Callable[[], object], begin: int) -> Callable[[], None]:
    """Return the same run with a disk that is full from an operation on that makes it grow."""

    def failing() -> None:
        left = begin

        def fill(grows: bool) -> None:
            nonlocal left
            left -= grows
            if left == 0:
                limit_files(0)
            if left <= 0 and grows:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        watched(fill)
        try:
            run()
        finally:
            limit_files(resource.RLIM_INFINITY)

    return failing


class Trial:
    """A command, from a start, and what it comes to."""

    def __init__(self, root: Path, command: Command, *, replaces: bool) -> None:
        self.place, self.notes = root / "place", root / "states"
        self.start = started(root, command, replaces=replaces)
        self.run = lambda: command(self.place, settings())
        restore(self.place, self.start)
        assert in_child(noted(self.run, self.place, self.notes)) == 0
        self.expected = result(self.place)
        with self.notes.open("rb") as file:
            self.states, self.growing = pickle.load(file)  # noqa: S301

    def again(self) -> str:
        """Run the command, and return in what it comes to something else."""
        status, found = in_child(a_day_later(self.run)), result(self.place)
        if status or found != self.expected:
            return f"status {status}, other: {differing(found, self.expected)}"
        return ""

    def killed(self) -> Iterator[str]:
        """Yield what came of each state that a kill leaves."""
        for state in self.states:
            restore(self.place, state)
            yield damage(self.place) or self.again()

    def full(self) -> Iterator[str]:
        """Yield what came of a disk that was full from each operation on, and then had room."""
        for begin in range(1, self.growing + 1):
            restore(self.place, self.start)
            status = in_child(on_full_disk(self.run, begin))
            # What is not needed may fail unseen.
            if status != NO_ROOM and not (status == 0 and result(self.place) == self.expected):
                yield f"status {status}"
            else:
                yield self.again()


@cache
def started(root: Path, command: Command, *, replaces: bool) -> State:
    """Return the state that a command begins with, with another result of its own or none."""
    before, place = COMMANDS[command], root / "place"
    restore(place, started(root, before, replaces=False) if before else {})
    if before:
        assert in_child(lambda: before(place, settings())) == 0
    if replaces:
        assert in_child(lambda: command(place, settings(other=True))) == 0
    return read_state(place, {})


def main() -> None:
    root = Path(sys.argv[1])
    write_inputs(root)
    time.perf_counter = lambda: 0.0  # type: ignore[method-assign]
    named = {command.__name__: command for command in COMMANDS}
    for line in sys.stdin:
        name, _, how = line.strip().partition(" ")
        command = named[name]
        if command not in NEED_NO_MODEL:
            # Once, for all the processes that are forked.
            import sentence_transformers  # noqa: F401
        trial = Trial(root, command, replaces="replacing" in how)
        outcomes = list(trial.full() if "full" in how else trial.killed())
        wrong = {number: said for number, said in enumerate(outcomes) if said}
        print(json.dumps({"points": len(outcomes), "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
