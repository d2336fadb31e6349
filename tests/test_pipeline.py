"""The whole story on a few of the bundled résumés, and what survives a kill."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cvseeker import pipeline
from cvseeker.__main__ import run_command_line
from cvseeker.core.errors import DatasetError, InputError
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.evaluate.contenders import Contenders
from cvseeker.evaluate.stage import evaluate_stage
from cvseeker.examples.demonstration import demo_judgements, demo_resumes


@pytest.fixture(scope="module")
def few_resumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fifth bundled résumé."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(demo_resumes().iterdir())[::5]:
        shutil.copy(path, folder)
    return folder


def settings_for(model: Path) -> Settings:
    return Settings().override("finetune", {"base": str(model), "epochs": 1.0})


@pytest.fixture(scope="module")
def finished(
    few_resumes: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("runs") / "workspace")
    pipeline.run([few_resumes], workspace, settings_for(tiny_model))
    return workspace


def test_every_stage_leaves_what_the_contract_names(finished: Workspace) -> None:
    expected = {
        "ingest": ["resumes.jsonl", "passages.jsonl", "files.jsonl"],
        "queries": ["train.json", "val.json", "test.json"],
        "model": ["modules.json", "model.safetensors", "README.md", "cvseeker.json"],
        "evaluation": ["metrics.json", "per_query.jsonl", "report.html", "runs/tuned.trec"],
        "index": ["passages.jsonl", "vectors.npy"],
    }
    for stage, names in expected.items():
        folder = finished.require(stage)
        assert [name for name in names if not (folder / name).is_file()] == []
    assert not list(finished.path.glob(".*")), "no scratch folder is left"
    assert not (finished.path / "model" / ".training").exists()


def test_systems_and_metrics(finished: Workspace) -> None:
    text = (finished.path / "evaluation" / "metrics.json").read_text(encoding="utf-8")
    metrics = json.loads(text)
    assert list(metrics["systems"]) == [
        "bm25",
        "base",
        "late(base)",
        "hybrid(base)",
        "tuned",
        "late(tuned)",
        "hybrid(tuned)",
    ]
    assert metrics["dataset"]["leakage"]["worst_overlap"] <= 0.5
    assert "ndcg@10" in metrics["systems"]["tuned"]["information_retrieval_evaluator"]


def test_a_second_run_does_nothing(
    finished: Workspace, few_resumes: Path, tiny_model: Path
) -> None:
    seen: dict[str, StageResult] = {}
    pipeline.run([few_resumes], finished, settings_for(tiny_model), stage_done=seen.__setitem__)
    assert list(seen) == ["ingest", "queries", "model", "evaluation", "index"]
    assert all(result.skipped for result in seen.values())


def test_judgements_that_name_an_unknown_resume_are_refused(
    finished: Workspace, tiny_model: Path
) -> None:
    before = finished.manifest("evaluation")
    with pytest.raises(DatasetError, match="names the résumé"):
        evaluate_stage(finished, settings_for(tiny_model), judgements=demo_judgements())
    assert finished.manifest("evaluation") == before, "the finished evaluation is kept"


def test_other_contenders_stand_beside_a_workspaces_own(
    finished: Workspace, tiny_model: Path
) -> None:
    settings = settings_for(tiny_model)
    with pytest.raises(InputError, match=r"runs and vectors belong to one data set; try --dataset"):
        evaluate_stage(finished, settings, contenders=Contenders(runs={"a": tiny_model}))
    with pytest.raises(InputError, match="a workspace has its own 'tuned'"):
        evaluate_stage(finished, settings, contenders=Contenders({"tuned": str(tiny_model)}))
    folder = finished.require("evaluation")
    result = evaluate_stage(
        finished,
        settings,
        contenders=Contenders({"theirs": str(tiny_model)}),
        formats=["html", "md"],
    )
    assert result.counts["systems"][1:4] == ["theirs", "late(theirs)", "hybrid(theirs)"]
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert f"cvseeker evaluate -w workspace --model theirs={tiny_model.name}" in report
    # The tuned model stays what the verdict is about.
    assert "Did fine-tuning help" in report


def test_search_finds_somebody(finished: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["search", "-w", str(finished.path), "night nurse", "--top-k", "3", "--json"]
    assert run_command_line(arguments) == 0
    hits = json.loads(capsys.readouterr().out)
    assert len(hits) == 3
    assert all(0 <= hit["score"] <= 1 and hit["snippet"] for hit in hits)
    assert len({hit["resume_id"] for hit in hits}) == 3
    assert run_command_line(["search", "-w", str(finished.path), "  "]) == 2
    assert "the query is empty" in capsys.readouterr().err


def test_nothing_that_can_be_read_ends_the_run(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.pdf").touch()
    with pytest.raises(InputError, match=r"empty\.pdf"):
        pipeline.run([tmp_path / "in"], Workspace(tmp_path / "w"), settings_for(tiny_model))
    assert not (tmp_path / "w" / "ingest").exists()


def test_an_llm_without_a_key_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    settings = Settings().override("generate", {"llm": "gpt-x"})
    with pytest.raises(InputError, match="export OPENAI_API_KEY"):
        pipeline.run([tmp_path], Workspace(tmp_path / "w"), settings)
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
def test_kills_change_nothing(few_resumes: Path, tiny_model: Path) -> None:
    """Six SIGKILLs at random moments, each followed by the same command: equal metrics."""
    script = Path(__file__).parents[1] / "benchmarks" / "kill.py"
    command = [sys.executable, str(script), str(few_resumes), "--kills", "6"]
    ended = subprocess.run(
        [*command, "--base", str(tiny_model)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
    assert "metrics equal" in ended.stdout
