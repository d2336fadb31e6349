"""An index whose files are damaged, or do not fit one another, is refused in one line."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from cvseeker import Workspace as Project
from cvseeker.cli import main
from cvseeker.core.errors import CVSeekerError, WorkspaceError
from cvseeker.core.files import write_json, write_jsonl
from cvseeker.core.manifest import record_outputs
from cvseeker.core.record import Record
from cvseeker.core.records import Passage, Resume
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.retrieval.codec import CODEC_FILE
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.store import VectorStore
from cvseeker.search import CandidateHit, CandidateSearch, index_stage
from cvseeker.search.index import Candidate, CandidateIndex, index_candidates

TEXTS = ["Pastry chef in Ljubljana. " * 9, "Night nurse", "...", "Engineer. Kafka, Go and SAP"]
PASSAGES = [Passage(f"p{at}", f"r{at}", text) for at, text in enumerate(TEXTS)]

Damage = Callable[[Path], Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("index")
    candidates = [Candidate(at, (passage,)) for at, passage in enumerate(PASSAGES)]
    encoder = LocalEncoder.from_name(str(tiny_model))
    index_candidates(CandidateIndex(folder=folder), candidates, encoder, VectorStore())
    return folder


def segment_of(folder: Path) -> Path:
    (path,) = folder.glob("*.segment")
    return path


def array(name: str, change: Callable[[Any], Any]) -> Damage:
    """Change one array of the segment, whose file is whole afterwards."""

    def work(folder: Path) -> None:
        path = segment_of(folder)
        arrays = load_file(path)
        arrays[name] = np.ascontiguousarray(change(arrays[name].copy()))
        save_file(arrays, path)

    return work


def without(name: str) -> Damage:
    def work(folder: Path) -> None:
        arrays = load_file(segment_of(folder))
        del arrays[name]
        save_file(arrays, segment_of(folder))

    return work


def header(**facts: Any) -> Damage:
    def work(folder: Path) -> None:
        path = folder / "index.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))

    return work


def cut(size: int) -> Damage:
    return lambda folder: os.truncate(segment_of(folder), size)


def put(name: str, content: str) -> Damage:
    return lambda folder: (folder / name).write_text(content)


def fewer(values: Any) -> Any:
    return values[1:]


def first(value: int) -> Callable[[Any], Any]:
    def change(values: Any) -> Any:
        values[0] = value
        return values

    return change


def longer(values: Any) -> Any:
    return np.append(values, values[-1:], axis=0)


DAMAGES: dict[str, Damage] = {
    "fewer vectors": array("vectors", fewer),
    "more vectors": array("vectors", longer),
    "flat vectors": array("vectors", np.ravel),
    "vectors in double precision": array("vectors", lambda values: values.astype(np.float64)),
    "no vectors": without("vectors"),
    "no bytes of a segment": cut(0),
    "half a header": cut(100),
    "half a segment": lambda folder: cut(segment_of(folder).stat().st_size // 2)(folder),
    "one byte less": lambda folder: cut(segment_of(folder).stat().st_size - 1)(folder),
    "no segment": lambda folder: segment_of(folder).unlink(),
    "no text": without("text"),
    "less text": array("text", fewer),
    "texts of other lengths": array("bytes", first(3)),
    "a passage less": array("bytes", fewer),
    "a number less": array("numbers", fewer),
    "a number twice": array("numbers", lambda values: values * 0),
    "nobody's passages": array("passages", lambda values: values * 0),
    "one passage too many": array("passages", first(2)),
    "fewer than no passages": array("passages", first(-1)),
    "one window too many": array("windows", first(99)),
    "a passage without windows": array("windows", first(0)),
    "fewer windows": array("window_starts", fewer),
    "fewer ends of windows": array("window_ends", fewer),
    "fewer codes": array("codes", fewer),
    "flat codes": array("codes", np.ravel),
    "narrower codes": array("codes", lambda values: values[:, 1:]),
    "fewer tokens": array("token_starts", fewer),
    "fewer lengths of tokens": array("token_lengths", fewer),
    "other numbers of tokens": array("tokens", first(1)),
    "fewer words": array("terms", fewer),
    "other bounds of words": array("term_bounds", longer),
    "words of passages beyond": array("term_passages", first(99)),
    "words of fewer passages": array("term_passages", fewer),
    "fewer counts of words": array("term_counts", fewer),
    "half a codec": lambda folder: os.truncate(folder / CODEC_FILE, 100),
    "no codec": lambda folder: (folder / CODEC_FILE).unlink(),
    "nothing said": put("index.json", "{}"),
    "a later format": header(format=99),
    "another segment named": header(segments=["0123456789abcdef"]),
    "segments elsewhere": header(segments=["../../etc/passwd"]),
    "no list of segments": header(segments=7),
    "no sequence": header(sequence=None),
    "no JSON": put("index.json", "{"),
    "JSON too deep": put("index.json", "[" * 100_000),
    "a number too long": put("index.json", '{"codes": ' + "9" * 5000 + "}"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_damaged_or_does_not_fit_is_one_line(
    built: Path, tmp_path: Path, kind: str
) -> None:
    folder = Path(shutil.copytree(built, tmp_path / "w" / "index"))
    CandidateIndex.open(folder)
    DAMAGES[kind](folder)
    with pytest.raises(WorkspaceError) as caught:
        CandidateIndex.open(folder)
    told = str(caught.value)
    assert str(folder) in told
    assert told.endswith(f"cvseeker index -w {tmp_path / 'w'}")
    assert "\n" not in told
    assert len(told) < 700


def write_ingested(folder: Path, passages: Sequence[Passage]) -> dict[str, Any]:
    """Write what an ingest does: passages, and the résumés that they are of."""
    write_jsonl(folder / "passages.jsonl", (passage.to_dict() for passage in passages))
    texts: dict[str, str] = {}
    for one in passages:
        texts[one.resume_id] = f"{texts.get(one.resume_id, '')}\n\n{one.text}".strip()
    resumes = (Resume(resume_id, text).to_dict() for resume_id, text in texts.items())
    write_jsonl(folder / "resumes.jsonl", resumes)
    return {}


@pytest.fixture
def workspace(tmp_path: Path, tiny_model: Path) -> Workspace:
    """Return a workspace with an index by a base model of one's own."""
    base = Path(shutil.copytree(tiny_model, tmp_path / "base"))
    workspace = Workspace(tmp_path / "w")

    def ingest(folder: Path) -> dict[str, Any]:
        return write_ingested(folder, PASSAGES)

    workspace.run_stage("ingest", {}, {}, ingest)
    settings = Settings.model_validate({"finetune": {"base": str(base)}})
    index_stage(workspace, settings)
    return workspace


def ingest_anew(workspace: Workspace) -> None:
    """Ingest all but the first person, whose file has gone."""

    def ingest(folder: Path) -> dict[str, Any]:
        return write_ingested(folder, PASSAGES[1:])

    workspace.run_stage("ingest", {}, {"files": "other"}, ingest)


def ingest_texts(workspace: Workspace, texts: dict[str, str]) -> None:
    def ingest(folder: Path) -> dict[str, Any]:
        return write_ingested(
            folder, [Passage(f"{key}#1", key, text) for key, text in texts.items()]
        )

    workspace.run_stage("ingest", {}, {"files": repr(texts)}, ingest)


@pytest.mark.parametrize(
    ("change", "encoded", "removed"),
    [
        ({"r1": "Day nurse"}, 1, 0),
        ({"r9": "Welder"}, 1, 0),
        ({"r2": None}, 0, 1),
        ({"r2": None, "r3": "Engineer. Rust"}, 1, 1),
    ],
)
def test_only_what_has_changed_is_encoded(
    workspace: Workspace, change: dict[str, str | None], encoded: int, removed: int
) -> None:
    settings = Settings.model_validate({"finetune": {"base": str(workspace.path.parent / "base")}})
    texts = {passage.resume_id: passage.text for passage in PASSAGES}
    ingest_texts(workspace, texts)
    index_stage(workspace, settings)
    now = {key: text for key, text in {**texts, **change}.items() if text}
    ingest_texts(workspace, now)
    counts = index_stage(workspace, settings).counts
    assert (counts["encoded"], counts["removed"]) == (encoded, removed)
    assert counts["candidates"] == len(now)
    hits = found(workspace.path, "nurse welder engineer", top_k=99)
    assert {hit.resume_id for hit in hits} == set(now)


def test_candidates_have_the_records_numbers(workspace: Workspace) -> None:
    settings = Settings.model_validate({"finetune": {"base": str(workspace.path.parent / "base")}})
    with Record(workspace.path / "record.sqlite") as record, record.transaction():
        numbers = {
            one.resume_id: record.put(Resume(one.resume_id, one.text), [one])
            for one in PASSAGES[1:]
        }
        last = record.sequence
    ingest_anew(workspace)
    index_stage(workspace, settings)
    index = CandidateIndex.open(workspace.stage_folder("index"))
    assert set(index.digests()) == set(numbers.values())
    assert index.sequence == last
    hits = found(workspace.path, "nurse")
    assert {hit.resume_id: hit.number for hit in hits} == numbers


def test_an_interrupted_build_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(stage: str, done: int, *_: Any) -> None:
        if (stage, done) == ("index", 3):
            raise KeyboardInterrupt

    monkeypatch.setattr("cvseeker.search.index.build.CHUNK", 1)
    settings = Settings.model_validate({"finetune": {"base": str(workspace.path.parent / "base")}})
    ingest_texts(workspace, {f"r{at}": f"Nurse of ward {at}" for at in range(5)})
    shutil.rmtree(workspace.stage_folder("index"))
    with pytest.raises(KeyboardInterrupt):
        index_stage(workspace, settings, interrupt)
    assert index_stage(workspace, settings).counts["encoded"] == 2
    assert len(found(workspace.path, "nurse")) == 5


def found(path: Path, query: str, *, top_k: int = 10) -> tuple[CandidateHit, ...]:
    """Return whom a search in a workspace finds."""
    search = CandidateSearch.open(path)
    return search.search(search.read(query), top_k=top_k).hits


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
    for search in (CandidateSearch.open, lambda path: opened.search("pastry chef")):
        with pytest.raises(WorkspaceError, match=stale):
            search(workspace.path)
    assert main(["search", "-w", str(workspace.path), "pastry chef"]) == 2
    opened.index()
    assert "r0" not in {hit.resume_id for hit in opened.search("pastry chef")}


def test_an_index_by_a_model_that_has_changed_is_not_searched(
    workspace: Workspace, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = found(workspace.path, "pastry chef")
    tune(workspace, tiny_model)
    # By the base it is as good as it was; that there is a model now is said.
    assert main(["search", "-w", str(workspace.path), "pastry chef", "--json"]) == 0
    printed = capsys.readouterr()
    shown = [hit["resume_id"] for hit in json.loads(printed.out)]
    assert shown == [hit.resume_id for hit in before]
    assert "there is a model since; to search with it: cvseeker index -w" in printed.err
    index_stage(workspace, Settings())
    assert found(workspace.path, "pastry chef")
    tune(workspace, tiny_model, note="another")
    with pytest.raises(WorkspaceError, match=r"older than the present model; run: cvseeker index"):
        CandidateSearch.open(workspace.path)


def test_a_base_that_has_changed_is_not_searched_with(workspace: Workspace, tmp_path: Path) -> None:
    assert found(workspace.path, "chef")
    (pooling,) = (tmp_path / "base").glob("*Pooling/config.json")
    pooling.write_text(pooling.read_text().replace("mean", "cls"))
    with pytest.raises(WorkspaceError, match=r"not the model that made .* run: cvseeker index -w"):
        CandidateSearch.open(workspace.path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("codes", np.invert),
        ("vectors", np.zeros_like),
        ("vectors", lambda values: values * 2),
        ("vectors", lambda values: np.full_like(values, np.nan)),
        ("text", lambda values: values[::-1]),
    ],
)
def test_other_values_are_noticed(
    workspace: Workspace, name: str, change: Callable[[Any], Any]
) -> None:
    array(name, change)(workspace.stage_folder("index"))
    with pytest.raises(WorkspaceError, match=r"changed since .*; run: cvseeker index -w"):
        CandidateSearch.open(workspace.path)


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
        CandidateSearch.open(workspace.path)
    assert "\n" not in str(caught.value)
