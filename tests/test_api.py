"""The Python API, and the page about it, whose examples run."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cvseeker
from cvseeker import CVSeekerError, Workspace, demo_judgements, demo_resumes

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def few_resumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every sixth bundled résumé."""
    folder = tmp_path_factory.mktemp("few") / "resumes"
    folder.mkdir()
    for path in sorted(demo_resumes().iterdir())[::6]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def played(
    few_resumes: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, object], list[str]]:
    """Run the page's examples one after the other; return where, their names, what they print."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(few_resumes, folder / "resumes")
    names: dict[str, object] = {}
    printed: list[str] = []
    names["print"] = lambda *values: printed.append(" ".join(map(str, values)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # An untrained model of two layers in the default's place: the page is about the calls.
        patch.setattr("cvseeker.retrieval.models.default_base", lambda: str(tiny_model))
        for number, example in enumerate(EXAMPLES, start=1):
            exec(compile(example, f"{PAGE.name}, example {number}", "exec"), names)
    return folder, names, printed


def test_the_pages_examples_do_what_it_says(
    played: tuple[Path, dict[str, object], list[str]],
) -> None:
    folder, names, printed = played
    text = "\n".join(printed)
    assert re.search(r"^\d\.\d\d  \S+: ", text, re.M), "hits"
    assert re.search(r"^   kept the (tuned model|base, .+): ", text, re.M), "decisions"
    assert "ingest kept" in text, "what did not change is skipped"
    assert re.search(r"^   (Use|Too) .+", text, re.M), "the verdict"
    assert re.search(r"'hybrid\(tuned\)': [01]\.\d", text), "metrics"
    assert "epochs" in printed[-1], "a mistake is answered with what was meant"
    assert names["tasks"]
    assert (folder / "workspace" / "evaluation" / "report.html").is_file()
    assert (folder / "watched" / "ingest" / "passages.jsonl").is_file()


def test_settings_given_to_a_stage_hold_later(few_resumes: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w", ingest={"val_share": 0.2})
    few = sorted(few_resumes.iterdir())[:2]
    assert not workspace.ingest(few, seed=5).skipped
    assert workspace.ingest(few).skipped
    manifest = json.loads((tmp_path / "w" / "ingest" / "manifest.json").read_text("utf-8"))
    assert (manifest["settings"]["seed"], manifest["settings"]["val_share"]) == (5, 0.2)


def test_a_workspace_hands_out_what_it_holds(
    played: tuple[Path, dict[str, object], list[str]],
) -> None:
    workspace = Workspace(played[0] / "workspace")
    passages = workspace.passages()
    train = workspace.dataset("train")
    assert set(train.corpus) < {passage.passage_id for passage in passages}
    assert set(train.qrels) == set(train.queries)
    assert workspace.metrics()["dataset"]
    assert repr(workspace) == f"Workspace({str(played[0] / 'workspace')!r})"


def test_an_open_search_is_kept_until_the_index_changes(
    few_resumes: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cvseeker.search import CandidateSearch

    opened: list[Path] = []
    open_search = CandidateSearch.open

    def watched(path: Path, **options: Any) -> CandidateSearch:
        opened.append(path)
        return open_search(path, **options)

    monkeypatch.setattr(CandidateSearch, "open", watched)
    some, more = (sorted(few_resumes.iterdir())[:count] for count in (2, 3))
    workspace = Workspace(str(tmp_path / "w"), finetune={"base": str(tiny_model)})
    workspace.run([str(path) for path in some], tune=False)
    assert [len(workspace.search("nurse", top_k=9)) for _ in range(3)] == [2, 2, 2]
    assert len(opened) == 1
    assert workspace.search("nurse", untuned=True), "where nothing was tuned it is the same"
    workspace.ingest(more)
    workspace.index()
    assert len(workspace.search("nurse", top_k=9)) == 3
    weights = {"dense": 1}
    assert workspace.search("nurse", weights=weights) != workspace.search("nurse")


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (lambda path: Workspace(""), "path is empty; expected a folder"),
        (lambda path: Workspace(path, config=path / "none.toml"), "no such file; expected a TOML"),
        (lambda path: Workspace(path, finetun={"epochs": 1}), "finetune"),
        (lambda path: Workspace(path).finetune(epochs=-1), "epochs is -1"),
        (lambda path: Workspace(path).ingest(str(path / "absent")), "absent"),
        (lambda path: Workspace(path).search("nurse"), "run: cvseeker index -w"),
        (lambda path: Workspace(path).metrics(), "run: cvseeker evaluate -w"),
    ],
)
def test_a_mistake_is_one_line(mistake: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(CVSeekerError) as caught:
        mistake(tmp_path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_importing_the_package_loads_next_to_nothing() -> None:
    code = "import json, sys, cvseeker; print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert {"numpy", "pydantic", "rich", "torch", "typer"}.isdisjoint(json.loads(ended.stdout))


def test_the_example_data_is_at_hand() -> None:
    assert len(list(demo_resumes().iterdir())) == 76
    assert (demo_judgements() / "queries.jsonl").is_file()
    assert len(cvseeker.__all__) <= 8
