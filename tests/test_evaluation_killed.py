"""A kill at any moment of an evaluation: the same command gives what it would have given."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.core.settings import Settings
from cvseeker.evaluate import Systems, evaluate_files

CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}


class Killed(BaseException):
    """Nothing runs after it, as after ``kill -9``."""


class Killer:
    """Counts the operations that change files within a folder, and kills before one of them."""

    def __init__(self) -> None:
        self.within = ""
        self.left: int | None = None
        self.seen = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at what the interpreter is about to do."""
        if not self.within or not (event in CHANGING or event == "open"):
            return
        if event == "open" and not _writes(arguments):
            return
        # Deleting a folder names its files within it, beside the folder's descriptor.
        inside = str(arguments[0]).startswith(self.within)
        if not inside and (event == "open" or arguments[-1] == -1):
            return
        self.seen += 1
        if self.left is not None and self.seen > self.left:
            raise Killed

    @contextmanager
    def watching(self, folder: Path, *, left: int | None = None) -> Iterator[None]:
        """Count within a folder; after ``left`` operations every further one is the end."""
        self.within, self.left, self.seen = str(folder), left, 0
        try:
            yield
        finally:
            self.within = ""


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    return bool(flags & 3) if mode is None else bool(set("wax+") & set(mode))


@pytest.fixture(scope="module")
def killer() -> Killer:
    made = Killer()
    sys.addaudithook(made)
    return made


def evaluate(folder: Path, model: Path, *formats: str) -> Path:
    """Evaluate BM25, a model, a run and vectors on three passages."""
    words = "Kafka Rust SQL".split()
    relevant = {f"q{at}": [f"p{at}"] for at in range(3)}
    content = {
        "corpus": {f"p{at}": f"{word} and six years of it" for at, word in enumerate(words)},
        "queries": {f"q{at}": f"who knows {word}" for at, word in enumerate(words)},
        "relevant_docs": relevant,
    }
    folder.mkdir(exist_ok=True)
    data, run, vectors = folder / "data.json", folder / "run.trec", folder / "vectors"
    if not data.exists():
        data.write_text(json.dumps(content), encoding="utf-8")
        run.write_text("".join(f"q{at} Q0 p{at} 1 1.0 r\n" for at in range(3)), encoding="utf-8")
        vectors.mkdir()
        for name in ("corpus", "queries"):
            np.save(vectors / f"{name}.npy", np.eye(3, dtype=np.float32))
    systems = Systems({"m": str(model)}, runs={"theirs": run}, vectors={"made": vectors})
    out = folder / "made" / "out"
    settings = Settings().override("evaluate", {"formats": formats or ("html", "md", "json")})
    evaluate_files(data, out, settings, systems=systems)
    return out


def result(out: Path) -> dict[str, str]:
    """Return an evaluation's files, without what differs from run to run."""
    found = {}
    for path in sorted(out.parent.rglob("*")):
        name = path.relative_to(out.parent).as_posix()
        if path.is_file() and (not name.startswith("out.cache/") or "/." in name):
            found[name] = path.read_text(encoding="utf-8") if path.suffix == ".trec" else ""
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    for row in metrics["systems"].values():
        del row["seconds"]
    return {**found, "metrics": json.dumps(metrics)}


def test_an_operation_is_seen_and_stopped(tmp_path: Path, killer: Killer) -> None:
    with killer.watching(tmp_path):
        (tmp_path / "a").write_text("a", encoding="utf-8")
        (tmp_path / "a").replace(tmp_path / "b")
        (tmp_path / "b").read_text(encoding="utf-8")
    assert killer.seen == 2
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    with killer.watching(tmp_path, left=0), pytest.raises(Killed):
        shutil.rmtree(tmp_path / "folder")
    assert (tmp_path / "folder" / "file").exists()


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("replaced", [False, True], ids=["new", "another before it"])
def test_killed_before_any_operation_it_gives_the_reference(
    tmp_path: Path, tiny_model: Path, killer: Killer, *, replaced: bool
) -> None:
    before = tmp_path / "before"
    evaluate(before, tiny_model, "html")
    folder = tmp_path / "folder"

    def made_again(*, left: int | None = None) -> dict[str, str] | None:
        with killer.watching(folder / "made", left=left), suppress(Killed):
            return result(evaluate(folder, tiny_model))
        return None

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        if replaced:
            shutil.copytree(before, folder)

    begin()
    reference, operations = made_again(), killer.seen
    assert operations > 40
    for left in range(operations):
        begin()
        assert made_again(left=left) is None
        assert made_again() == reference, left
