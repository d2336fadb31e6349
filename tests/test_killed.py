"""A kill at any moment of a command: the same command gives what it would have given."""

import json
import shutil
from pathlib import Path

import pytest

from conftest import TINY_CORPUS
from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.queries import generate_stage, judge_stage
from cvseeker.resumes import ingest_stage
from killing import Killed, Killer

# What is killed closes none of its files.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


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


def contents(folder: Path) -> dict[str, str]:
    """Return a folder's files, without what differs from run to run."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = path.read_text(encoding="utf-8")
        if path.name == "manifest.json":
            told = json.loads(text)
            hashes = {name: facts["sha256"] for name, facts in told["outputs"].items()}
            text = json.dumps({**told, "seconds": 0, "outputs": hashes})
        found[path.relative_to(folder).as_posix()] = text
    return found


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("seed", [None, 14], ids=["new", "another before it"])
@pytest.mark.parametrize("out", ["out.json", "out"])
@pytest.mark.parametrize("stage", [generate_stage, judge_stage])
def test_queries_of_files(
    stage: object,
    out: str,
    seed: int | None,
    tmp_path: Path,
    tiny_dataset: RetrievalDataset,
    tiny_model: Path,
    killer: Killer,
) -> None:
    given, made = tmp_path / "in.json", tmp_path / "made"
    write_dataset(tiny_dataset, given)
    settings = Settings().override("finetune", {"base": str(tiny_model)})

    def run(settings: Settings = settings) -> dict[str, str]:
        stage(given, settings, out=made / out)
        return contents(made)

    def begin() -> None:
        shutil.rmtree(made, ignore_errors=True)
        if seed is not None:
            run(settings.override("generate", {"seed": seed}).override("judge", {"depth": 1}))

    assert killer.refuse_any_other_outcome(made, begin, run) > 5


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_judgements_of_a_workspace_that_replace_others(
    tmp_path: Path, tiny_model: Path, killer: Killer
) -> None:
    source, generated, folder = (tmp_path / name for name in ("cvs", "generated", "workspace"))
    source.mkdir()
    for key, text in TINY_CORPUS.items():
        (source / f"{key}.txt").write_text(f"{text}\n" * 2, encoding="utf-8")
    settings = Settings().override("finetune", {"base": str(tiny_model)})
    ingest_stage(Workspace(generated), [source], settings)
    generate_stage(Workspace(generated), settings)
    judge_stage(Workspace(generated), settings.override("judge", {"depth": 1}))

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(generated, folder)

    def run() -> dict[str, str]:
        judge_stage(Workspace(folder), settings)
        return contents(folder)

    assert killer.refuse_any_other_outcome(folder, begin, run) > 10
