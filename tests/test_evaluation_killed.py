"""A kill at any moment of an evaluation: the same command gives what it would have given."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cvseeker.core.settings import Settings
from cvseeker.evaluate import Systems, evaluate_files
from killing import Killer


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


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("replaced", [False, True], ids=["new", "another before it"])
def test_killed_before_any_operation_it_gives_the_reference(
    tmp_path: Path, tiny_model: Path, killer: Killer, *, replaced: bool
) -> None:
    before = tmp_path / "before"
    evaluate(before, tiny_model, "html")
    folder = tmp_path / "folder"

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        if replaced:
            shutil.copytree(before, folder)

    operations = killer.refuse_any_other_outcome(
        folder / "made", begin, lambda: result(evaluate(folder, tiny_model))
    )
    assert operations > 40
