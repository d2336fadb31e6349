"""``cvseeker judge`` as it is typed: on a workspace, on a file, with an LLM and without."""

import json
import shutil
from importlib import resources
from pathlib import Path

import pytest

from cvseeker.cli import main
from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.files import read_json, read_jsonl
from cvseeker.core.records import SPLITS
from cvseeker.core.workspace import Workspace
from fake_llm.process import FakeServer

SECRET = "sk-planted-secret-of-the-test"


def typed(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)


@pytest.fixture
def config(tiny_model: Path, tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(f'[finetune]\nbase = "{tiny_model}"\n', encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of some packaged résumés and their offline queries."""
    folder = tmp_path_factory.mktemp("judging")
    source = folder / "resumes"
    source.mkdir()
    with resources.as_file(resources.files("cvseeker") / "examples" / "resumes") as examples:
        for path in sorted(path for path in examples.rglob("*") if path.is_file())[:10]:
            shutil.copy(path, source)
    assert typed("ingest", source, "-w", folder / "workspace") == 0
    assert typed("generate", "-w", folder / "workspace", "--per-passage", "4") == 0
    return folder / "workspace"


@pytest.fixture
def workspace(generated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(generated, tmp_path / "workspace"))


def test_offline_on_the_packaged_examples(
    workspace: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("judge", "-w", workspace, "--config", config) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{workspace / 'judged'}\n"
    for told in ("graded 2", "queries left as they were: question", "relevant passages a query"):
        assert told in printed.err
    for split in SPLITS:
        before = read_dataset(workspace / "queries" / "beir" / split, split=split)
        after = read_dataset(workspace / "judged" / "beir" / split, split=split)
        assert after.queries == before.queries
        assert after.kinds == before.kinds
        for query_id, grades in before.qrels.items():
            assert grades.items() <= after.qrels[query_id].items()
        relevant = read_json(workspace / "judged" / f"{split}.json")["relevant_docs"]
        assert relevant == {query_id: list(grades) for query_id, grades in after.qrels.items()}
    assert typed("judge", "-w", workspace, "--config", config) == 0
    assert "judged: unchanged, kept" in capsys.readouterr().err


def test_judged_labels_are_used_while_they_are_of_the_present_queries(
    workspace: Path, config: Path
) -> None:
    stages = Workspace(workspace)
    assert stages.labels_stage() == "queries"
    assert typed("judge", "-w", workspace, "--config", config) == 0
    assert stages.labels_stage() == "judged"
    assert typed("generate", "-w", workspace, "--per-passage", "2") == 0
    assert stages.labels_stage() == "queries"
    assert typed("judge", "-w", workspace, "--config", config) == 0
    assert stages.labels_stage() == "judged"


def test_an_llm_judges_a_workspace_and_is_asked_once(
    workspace: Path, config: Path, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reset()
    command = ("judge", "-w", workspace, "--config", config, "--depth", "1", "--llm", "gpt-4o-mini")
    command += ("--llm-url", server.url)
    capsys.readouterr()
    assert typed(*command, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert server.stats()["attempts"] == 0
    assert not (workspace / "queries" / "ledger.sqlite").exists()
    assert typed(*command, "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["pairs"] == plan["pairs"] == sum(counts["graded"].values())
    assert counts["unjudged"] == counts["unanswered"] == 0
    assert counts["requests"]["spent"] == counts["requests"]["spent_in_all"] != "$0.00"
    dropped = list(read_jsonl(workspace / "judged" / "dropped.jsonl"))
    assert len(dropped) == sum(counts["dropped"].values())
    sent = server.stats()
    assert typed(*command, "--json") == 0
    shutil.rmtree(workspace / "judged")
    assert typed(*command) == 0
    assert server.stats() == sent
    assert "0 requests sent" in capsys.readouterr().err
    grades = {
        (row["query_id"], row["passage_id"]): row["grade"]
        for row in read_jsonl(workspace / "judged" / "grades.jsonl")
    }
    assert len(grades) == plan["pairs"]
    for split in SPLITS:
        after = read_dataset(workspace / "judged" / "beir" / split, split=split)
        for query_id, labels in after.qrels.items():
            for passage_id, label in labels.items():
                assert label == max(0, grades[query_id, passage_id] - 1)
    held = b"".join(path.read_bytes() for path in workspace.rglob("*") if path.is_file())
    assert SECRET.encode() not in held


@pytest.mark.parametrize("form", ["beir", "llamaindex"])
def test_a_file_of_ones_own(
    tiny_dataset: RetrievalDataset,
    config: Path,
    server: FakeServer,
    tmp_path: Path,
    form: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.reset()
    given, out = tmp_path / "given.json", tmp_path / "out.json"
    if form == "beir":
        given, out = tmp_path / "given", tmp_path / "out"
        write_dataset(tiny_dataset, given, split="dev")
    else:
        write_dataset(tiny_dataset, given)
    command = ("judge", "--dataset", given, "--out", out, "--config", config)
    assert typed(*command, "--llm", "gpt-4o-mini", "--llm-url", server.url) == 0
    assert capsys.readouterr().out == f"{out}\n"
    after = read_dataset(out, split="dev")
    assert after.corpus == tiny_dataset.corpus
    assert 0 < len(after.queries) <= len(tiny_dataset.queries)
    beside = (lambda name: out / name) if form == "beir" else lambda name: tmp_path / f"out.{name}"
    for name in ("grades.jsonl", "dropped.jsonl", "ledger.sqlite"):
        assert beside(name).is_file()
    if form == "beir":
        assert (out / "qrels" / "dev.tsv").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--dry-run", "-w", "."), "name an LLM: --llm MODEL"),
        ((), "judge takes either -w DIR or --dataset and --out"),
        (("-w", "nowhere"), "run: cvseeker ingest SOURCE... -w nowhere"),
        (("-w", ".", "--depth", "0"), "--depth is '0'; expected a whole number from 1 to 100"),
        (("--dataset", "no.json", "--out", "out.json"), "no.json: no such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("judge", *arguments) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.slow
def test_training_and_evaluation_read_the_judged_labels(workspace: Path, config: Path) -> None:
    text = config.read_text(encoding="utf-8") + "epochs = 0.1\nbatch_size = 8\n"
    config.write_text(text, encoding="utf-8")
    assert typed("judge", "-w", workspace, "--config", config) == 0
    assert typed("finetune", "-w", workspace, "--config", config) == 0
    assert typed("evaluate", "-w", workspace, "--config", config) == 0
    stages = Workspace(workspace)
    for stage in ("model", "evaluation"):
        manifest = stages.manifest(stage)
        assert manifest is not None
        assert manifest["counts"]["labels"] == "judged"
        assert not any(name.startswith("queries/") for name in manifest["inputs"])
    metrics = read_json(workspace / "evaluation" / "metrics.json")
    assert metrics["dataset"]["labels"] == "judged"
    shutil.rmtree(workspace / "judged")
    assert typed("evaluate", "-w", workspace, "--config", config) == 0
    metrics = read_json(workspace / "evaluation" / "metrics.json")
    assert metrics["dataset"]["labels"] == "queries"
