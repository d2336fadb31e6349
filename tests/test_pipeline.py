"""The whole story on a few of the bundled résumés, and what survives a kill."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from cvseeker import pipeline
from cvseeker.cli import main
from cvseeker.core.errors import CVSeekerError, DatasetError, InputError, ModelError
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.evaluate import Systems, evaluate_stage
from cvseeker.examples.demonstration import demo_judgements, demo_resumes
from cvseeker.search import CandidateHit, CandidateSearch


@pytest.fixture(scope="module")
def few_resumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fifth bundled résumé."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(demo_resumes().iterdir())[::5]:
        shutil.copy(path, folder)
    return folder


def settings_for(model: Path) -> Settings:
    return Settings().override("finetune", {"base": str(model), "epochs": 1.0})


class Story(NamedTuple):
    """The stages of a run in their order, and what each came to."""

    stages: list[str]
    results: list[StageResult]


def told(sources: Path, workspace: Workspace, model: Path, *, tune: bool = True) -> Story:
    """Run the pipeline and return its story."""
    story = Story([], [])

    def done(stage: str, result: StageResult) -> None:
        story.stages.append(stage)
        story.results.append(result)

    pipeline.run([sources], workspace, settings_for(model), tune=tune, stage_done=done)
    return story


class Finished(NamedTuple):
    """A workspace that was run twice, first without tuning, and what was found in between."""

    workspace: Workspace
    untuned: Story
    hits: tuple[CandidateHit, ...]
    tuned: Story


@pytest.fixture(scope="module")
def ran(few_resumes: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    workspace = Workspace(tmp_path_factory.mktemp("runs") / "workspace")
    untuned = told(few_resumes, workspace, tiny_model, tune=False)
    assert not (workspace.path / "queries").exists()
    search = CandidateSearch.open(workspace.path)
    hits = search.search(search.read("night nurse")).hits
    return Finished(workspace, untuned, hits, told(few_resumes, workspace, tiny_model))


@pytest.fixture
def finished(ran: Finished) -> Workspace:
    return ran.workspace


def test_every_stage_leaves_what_the_contract_names(finished: Workspace) -> None:
    expected = {
        "ingest": ["resumes.jsonl", "passages.jsonl", "files.jsonl"],
        "queries": ["train.json", "val.json", "test.json"],
        "model": ["modules.json", "model.safetensors", "README.md", "cvseeker.json"],
        "evaluation": ["metrics.json", "per_query.jsonl", "report.html", "runs/tuned.trec"],
        "index": ["index.json", "late.safetensors"],
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
    story = told(few_resumes, finished, tiny_model)
    assert story.stages == ["ingest", "index", "queries", "model", "index", "evaluation"]
    assert all(result.skipped for result in story.results)


def test_search_comes_first_and_untuned(ran: Finished, tiny_model: Path) -> None:
    assert ran.untuned.stages == ["ingest", "index"]
    assert ran.untuned.results[1].decided == [f"search uses {tiny_model}"]
    assert ran.hits
    skipped = [result.skipped for result in ran.tuned.results]
    assert skipped == [True, True, False, False, False, False]


def test_every_stage_says_what_it_decided(ran: Finished) -> None:
    ingest, _, _, model, index, evaluation = (result.decided for result in ran.tuned.results)
    assert re.fullmatch(r"\d+ files read, 0 left out as duplicates, 0 failed", ingest[0])
    assert re.match(r"kept the (tuned model|base, .+): .+", model[0])
    assert re.match(r"Use .+\. It puts a right passage among the first five for ", evaluation[0])
    assert index == [f"search uses the model in {ran.workspace.path / 'model'}"]


def test_a_run_ends_with_the_verdict_and_what_to_type(
    ran: Finished, few_resumes: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ran.workspace.path
    flags = ["-w", str(path), "--base", str(tiny_model), "--epochs", "1"]
    assert main(["run", str(few_resumes), *flags]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"verdict: {ran.tuned.results[5].decided[0]}",
        f"report: {path / 'evaluation' / 'report.html'}",
        f'search: cvseeker search -w {path} "QUERY"',
        f"in a browser: cvseeker serve -w {path}",
    ]
    assert "search works now, in another terminal: cvseeker search" in printed.err


def test_without_tuning_a_run_ends_with_the_search(
    few_resumes: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, workspace = tmp_path / "in", tmp_path / "my work"
    sources.mkdir()
    shutil.copy(sorted(few_resumes.iterdir())[0], sources)
    (sources / "broken.pdf").write_bytes(b"%PDF-1.4 no more")
    command = ["run", str(sources), "-w", str(workspace), "--base", str(tiny_model), "--no-tune"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"search: cvseeker search -w '{workspace}' \"QUERY\"",
        f"in a browser: cvseeker serve -w '{workspace}'",
        "to fine-tune: the same command without --no-tune",
    ]
    assert "1 failed" in printed.err
    assert "failed: broken.pdf: " in printed.err
    assert "search works now" not in printed.err


def test_judgements_that_name_an_unknown_resume_are_refused(
    finished: Workspace, tiny_model: Path
) -> None:
    before = finished.manifest("evaluation")
    with pytest.raises(DatasetError, match="names the résumé"):
        evaluate_stage(finished, settings_for(tiny_model), judgements=demo_judgements())
    assert finished.manifest("evaluation") == before, "the finished evaluation is kept"


def test_other_systems_stand_beside_a_workspaces_own(finished: Workspace, tiny_model: Path) -> None:
    settings = settings_for(tiny_model)
    with pytest.raises(InputError, match=r"runs and vectors belong to one data set; try --dataset"):
        evaluate_stage(finished, settings, systems=Systems(runs={"a": tiny_model}))
    with pytest.raises(InputError, match="a workspace has its own 'tuned'"):
        evaluate_stage(finished, settings, systems=Systems({"tuned": str(tiny_model)}))
    folder = finished.require("evaluation")
    result = evaluate_stage(
        finished,
        settings.override("evaluate", {"formats": ["html", "md"]}),
        systems=Systems({"theirs": str(tiny_model)}),
    )
    assert result.counts["systems"][1:4] == ["theirs", "late(theirs)", "hybrid(theirs)"]
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert f"cvseeker evaluate -w workspace --model theirs={tiny_model.name}" in report
    # Fine-tuning stays what the verdict is about.
    assert re.search(r"\*\*Use the (un)?tuned search", report)


def test_search_finds_somebody(finished: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["search", "-w", str(finished.path), "night nurse", "--top-k", "3", "--json"]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    hits = json.loads(printed.out)
    assert len(hits) == 3
    assert "read as" not in printed.err
    assert all(0 <= hit["score"] <= 1 and hit["snippet"] for hit in hits)
    assert len({hit["resume_id"] for hit in hits}) == 3


@pytest.mark.parametrize("query", ["", " ", "?", "-", "...", "—", "🙂"])
def test_a_query_without_words_is_told_so(
    query: str, finished: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "-w", str(finished.path), query]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"cvseeker: the query {query!r} has no words; expected")
    assert printed.err.count("\n") == 1


def test_nothing_that_can_be_read_ends_the_run(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.pdf").touch()
    with pytest.raises(InputError, match=r"empty\.pdf"):
        pipeline.run([tmp_path / "in"], Workspace(tmp_path / "w"), settings_for(tiny_model))
    assert not (tmp_path / "w" / "ingest").exists()


def test_a_base_that_cannot_be_had_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    settings = Settings().override("finetune", {"base": "a/none"})
    with pytest.raises(ModelError, match=r"a/none: not on this machine, and .* cannot be reached"):
        pipeline.run([tmp_path / "absent"], Workspace(tmp_path / "w"), settings)


@pytest.mark.parametrize(
    ("stage", "changes", "told"),
    [
        ("finetune", {"track": ["nobody"]}, "'nobody': no such tracker"),
        ("finetune", {"precision": "fp16"}, "'fp16' is for GPUs"),
        ("finetune", {"lora_rank": 4}, "lora_rank needs peft"),
        ("finetune", {"matryoshka": [9999]}, "matryoshka names 9999 dimensions"),
        ("finetune", {"frozen_layers": 99}, "frozen_layers is 99"),
        ("evaluate", {"dimensions": [9999]}, "cannot be cut to 9999"),
    ],
)
def test_what_would_stop_a_later_stage_is_refused_before_anything_is_read(
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    changes: dict[str, object],
    told: str,
) -> None:
    monkeypatch.setattr("cvseeker.train.stage.device", lambda: "cpu")
    monkeypatch.setattr("cvseeker.train.adapters.find_spec", lambda name: None)
    settings = settings_for(tiny_model).override(stage, changes)
    with pytest.raises(CVSeekerError, match=told):
        pipeline.run([tmp_path / "absent"], Workspace(tmp_path / "w"), settings)
    with pytest.raises(CVSeekerError, match="absent"):
        pipeline.run([tmp_path / "absent"], Workspace(tmp_path / "w"), settings, tune=False)
    assert not (tmp_path / "w").exists()


def test_a_run_that_finds_nothing_to_ask_for_says_so(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / f"{name}.txt").write_text(f"{name} and the of it " * 40)
    with pytest.raises(InputError, match=r"no queries about \d+ passages: .* an LLM: --llm MODEL"):
        pipeline.run([tmp_path / "in"], Workspace(tmp_path / "w"), settings_for(tiny_model))


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
