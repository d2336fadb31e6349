"""An index whose files are damaged, or do not fit one another, is refused in one line."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker import Workspace as Project
from cvseeker.cli import main
from cvseeker.core.errors import CVSeekerError, WorkspaceError
from cvseeker.core.files import write_json, write_jsonl
from cvseeker.core.manifest import record_outputs
from cvseeker.core.records import Passage
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.retrieval.codec import CODEC_FILE, CODES_FILE, PLACES_FILE
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.search import index_stage, open_searcher
from cvseeker.search.index import Index

TEXTS = ["Pastry chef in Ljubljana. " * 9, "Night nurse", "...", "Engineer. Kafka, Go and SAP"]
PASSAGES = [Passage(f"p{at}", f"r{at}", text) for at, text in enumerate(TEXTS)]

Damage = Callable[[Path], Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("index")
    Index.build(PASSAGES, LocalEncoder.from_name(str(tiny_model)), model="").save(folder)
    return folder


def vectors(change: Callable[[Any], Any]) -> Damage:
    def work(folder: Path) -> None:
        np.save(folder / "vectors.npy", change(np.load(folder / "vectors.npy")))

    return work


def filled(value: float) -> Damage:
    return vectors(lambda array: np.full_like(array, value))


def one_nan(array: Any) -> Any:
    array[-1, -1] = np.nan
    return array


def lines(name: str, change: Callable[[list[str]], list[str]]) -> Damage:
    def work(folder: Path) -> None:
        path = folder / name
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    return work


def rows(name: str, **values: Any) -> Damage:
    """Set fields of every row."""

    def change(old: list[str]) -> list[str]:
        return [f"{json.dumps({**json.loads(line), **values})}\n" for line in old]

    return lines(name, change)


def cut(name: str, size: int) -> Damage:
    return lambda folder: os.truncate(folder / name, size)


def put(name: str, content: str) -> Damage:
    return lambda folder: (folder / name).write_text(content)


def places(**changes: Callable[[Any], Any]) -> Damage:
    def work(folder: Path) -> None:
        with np.load(folder / PLACES_FILE) as file:
            arrays = dict(file)
        np.savez(
            folder / PLACES_FILE,
            **{name: changes.get(name, lambda a: a)(array) for name, array in arrays.items()},
        )

    return work


def codes(change: Callable[[Any], Any]) -> Damage:
    def work(folder: Path) -> None:
        np.save(folder / CODES_FILE, change(np.array(np.load(folder / CODES_FILE))))

    return work


DAMAGES: dict[str, Damage] = {
    "zero vectors": filled(0),
    "NaN vectors": filled(np.nan),
    "one NaN": vectors(one_nan),
    "infinite vectors": filled(np.inf),
    "long vectors": vectors(lambda array: array * 2),
    "fewer vectors": vectors(lambda array: array[1:]),
    "flat vectors": vectors(np.ravel),
    "vectors in double precision": vectors(lambda array: array.astype(np.float64)),
    "vectors of objects": vectors(lambda array: array.astype(object)),
    "no bytes of vectors": cut("vectors.npy", 0),
    "half the vectors": cut("vectors.npy", 300),
    "a header of vectors": cut("vectors.npy", 128),
    "no vectors": lambda folder: (folder / "vectors.npy").unlink(),
    "passages reversed": lines("passages.jsonl", lambda old: old[::-1]),
    "a passage gone": lines("passages.jsonl", lambda old: old[:-1]),
    "a passage twice": lines("passages.jsonl", lambda old: [*old, old[0]]),
    "other passages": rows("passages.jsonl", text="Somebody else."),
    "texts that are numbers": rows("passages.jsonl", text=1),
    "rows that are lists": put("passages.jsonl", "[1]\n"),
    "no passages": cut("passages.jsonl", 0),
    "half a line": cut("passages.jsonl", 30),
    "windows reversed": lines("windows.jsonl", lambda old: old[::-1]),
    "a window gone": lines("windows.jsonl", lambda old: old[1:]),
    "windows of passage -1": rows("windows.jsonl", passage=-1),
    "windows of passage 99": rows("windows.jsonl", passage=99),
    "windows that begin nowhere": rows("windows.jsonl", start="x"),
    "windows of unknown fields": rows("windows.jsonl", more=1),
    "no windows": cut("windows.jsonl", 0),
    "half the codes": cut(CODES_FILE, 200),
    "no bytes of codes": cut(CODES_FILE, 0),
    "fewer codes": codes(lambda array: array[1:]),
    "narrower codes": codes(lambda array: array[:, 1:]),
    "no places": lambda folder: (folder / PLACES_FILE).unlink(),
    "half the places": cut(PLACES_FILE, 100),
    "bounds reversed": places(bounds=lambda array: array[::-1]),
    "bounds beyond": places(bounds=lambda array: array + 5),
    "no bounds": places(bounds=lambda array: array[:0]),
    "fewer bounds": places(bounds=lambda array: np.delete(array, 1)),
    "fewer starts": places(starts=lambda array: array[1:]),
    "half a codec": cut(CODEC_FILE, 100),
    "no codec": lambda folder: (folder / CODEC_FILE).unlink(),
    "nothing said": put("index.json", "{}"),
    "no model said": put("index.json", '{"codes": true, "model": null}'),
    "no JSON": put("index.json", "{"),
    "JSON too deep": put("index.json", "[" * 100_000),
    "a number too long": put("index.json", '{"codes": ' + "9" * 5000 + "}"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_damaged_or_does_not_fit_is_one_line(
    built: Path, tmp_path: Path, kind: str
) -> None:
    folder = Path(shutil.copytree(built, tmp_path / "w" / "index"))
    Index.load(folder)
    DAMAGES[kind](folder)
    with pytest.raises(WorkspaceError) as caught:
        Index.load(folder)
    told = str(caught.value)
    assert str(folder) in told
    assert told.endswith(f"cvseeker index -w {tmp_path / 'w'}")
    assert "\n" not in told
    assert len(told) < 700


@pytest.fixture
def workspace(tmp_path: Path, tiny_model: Path) -> Workspace:
    """Return a workspace with an index by a base model of one's own."""
    base = Path(shutil.copytree(tiny_model, tmp_path / "base"))
    workspace = Workspace(tmp_path / "w")

    def ingest(folder: Path) -> dict[str, Any]:
        write_jsonl(folder / "passages.jsonl", (passage.to_dict() for passage in PASSAGES))
        return {}

    workspace.run_stage("ingest", {}, {}, ingest)
    settings = Settings.model_validate({"finetune": {"base": str(base)}})
    index_stage(workspace, settings)
    return workspace


def ingest_anew(workspace: Workspace) -> None:
    """Ingest all but the first person, whose file has gone."""

    def ingest(folder: Path) -> dict[str, Any]:
        write_jsonl(folder / "passages.jsonl", (passage.to_dict() for passage in PASSAGES[1:]))
        return {}

    workspace.run_stage("ingest", {}, {"files": "other"}, ingest)


def tune(workspace: Workspace, model: Path, note: str = "") -> None:
    """Put a model where fine-tuning puts it."""

    def work(folder: Path) -> dict[str, Any]:
        shutil.copytree(model, folder, dirs_exist_ok=True)
        (folder / "note.txt").write_text(note)
        return {"base": str(model)}

    workspace.run_stage("model", {}, {"note": note}, work)


def test_whoever_has_gone_is_not_shown(workspace: Workspace) -> None:
    opened = Project(workspace.path, finetune={"base": str(workspace.path.parent / "base")})
    assert "r0" in {hit.resume_id for hit in opened.search("pastry chef")}
    ingest_anew(workspace)
    stale = r"index: older than the present ingest; run: cvseeker index -w"
    for search in (open_searcher, lambda path: opened.search("pastry chef")):
        with pytest.raises(WorkspaceError, match=stale):
            search(workspace.path)
    assert main(["search", "-w", str(workspace.path), "pastry chef"]) == 2
    opened.index()
    assert "r0" not in {hit.resume_id for hit in opened.search("pastry chef")}


def test_an_index_by_a_model_that_has_changed_is_not_searched(
    workspace: Workspace, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = open_searcher(workspace.path).search("pastry chef")
    tune(workspace, tiny_model)
    # By the base it is as good as it was; that there is a model now is said.
    assert main(["search", "-w", str(workspace.path), "pastry chef", "--json"]) == 0
    printed = capsys.readouterr()
    found = [hit["resume_id"] for hit in json.loads(printed.out)]
    assert found == [hit.resume_id for hit in before]
    assert "there is a model since; to search with it: cvseeker index -w" in printed.err
    index_stage(workspace, Settings())
    assert open_searcher(workspace.path).search("pastry chef")
    tune(workspace, tiny_model, note="another")
    with pytest.raises(WorkspaceError, match=r"older than the present model; run: cvseeker index"):
        open_searcher(workspace.path)


def test_a_base_that_has_changed_is_not_searched_with(workspace: Workspace, tmp_path: Path) -> None:
    assert open_searcher(workspace.path).search("chef")
    (pooling,) = (tmp_path / "base").glob("*Pooling/config.json")
    pooling.write_text(pooling.read_text().replace("mean", "cls"))
    with pytest.raises(WorkspaceError, match=r"not the model that made .* run: cvseeker index -w"):
        open_searcher(workspace.path)


def test_inverted_codes_are_noticed(workspace: Workspace) -> None:
    path = workspace.stage_folder("index") / CODES_FILE
    np.save(path, ~np.load(path))
    with pytest.raises(WorkspaceError, match=r"changed since .*; run: cvseeker index -w"):
        open_searcher(workspace.path)


@pytest.mark.parametrize(
    "name", ["a/none", "BAAI/bge-small-en-v1.5", "../base", "/proc/self", "\0", "~root", "x" * 5000]
)
def test_an_index_cannot_name_another_model(
    workspace: Workspace, tiny_model: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: Any, **__: Any) -> Any:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", ask)
    path = workspace.stage_folder("index") / "index.json"
    write_json(path, {**json.loads(path.read_text()), "model": name})
    manifest = path.with_name("manifest.json")
    facts = json.loads(manifest.read_text())
    facts["outputs"] |= {
        file: known for file, known in record_outputs(path.parent).items() if file == path.name
    }
    write_json(manifest, facts)
    with pytest.raises(CVSeekerError) as caught:
        open_searcher(workspace.path)
    assert "\n" not in str(caught.value)
