"""What a user types, and what the command line answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cvseeker import __version__
from cvseeker.__main__ import run_command_line
from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.errors import CVSeekerError


def typed(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments])


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr; stdout must have stayed empty."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("cvseeker: ")
    assert printed.err.count("\n") == 1, printed.err
    return printed.err


COMMANDS = (
    "demo",
    "run",
    "ingest",
    "generate",
    "judge",
    "finetune",
    "evaluate",
    "compare",
    "audit",
    "index",
    "search",
    "doctor",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(command, "--help") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"Usage: cvseeker {command}")
    assert "Traceback" not in printed


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--help") == 0
    listed = capsys.readouterr().out.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ")] == [*COMMANDS]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--version") == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sarch", "x"], "Did you mean 'search'? See: cvseeker --help"),
        (["run", "-w", "w"], "Missing argument 'SOURCE...'. See: cvseeker run --help"),
        (["search", "nurse"], "Missing option '-w'"),
        (["finetune", "--epoch", "3"], "--epochs"),
        (["finetune", "--epochs", "many"], "Invalid value for '--epochs'"),
        (["generate"], "generate takes either -w DIR or --corpus and --out; got neither"),
        (["generate", "--corpus", "a.json"], "got --corpus"),
        (["finetune", "-w", "w", "--out", "m"], "got -w, --out"),
        (["evaluate", "--dataset", "a.json"], "got --dataset"),
        (["finetune", "--train", "absent.json", "--out", "m"], "absent.json: no such file"),
        (["generate", "--corpus", "absent.json", "--out", "q.json"], "absent.json: no such file"),
        (["finetune", "--train", "absent.json", "--out", "m", "--epochs", "-1"], "epochs is"),
        (["finetune", "--train", "a", "--out", "m", "--precision", "fp8"], "precision is 'fp8'"),
        (
            ["finetune", "--train", "a", "--out", "m", "--matryoshka", "9,x"],
            "matryoshka is 'x'",
        ),
        (["finetune", "--train", "a", "--out", "m", "--dry-run"], "a: no such file"),
        (["run", "absent", "-w", "w"], "absent"),
        (["run", ".", "-w", "w", "--llm", "gpt-x"], "no key in the environment"),
        (["run", ".", "-w", "w", "--config", "absent.toml"], "absent.toml: cannot read"),
    ],
)
def test_a_mistake_is_answered_in_one_line(
    arguments: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed(*arguments) == 2
    assert expected in complaint(capsys)
    assert list(tmp_path.iterdir()) == [], "a mistake must leave nothing behind"


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (["generate"], "cvseeker ingest SOURCE... -w"),
        (["finetune"], "cvseeker generate -w"),
        (["evaluate"], "cvseeker"),
        (["index"], "cvseeker ingest SOURCE... -w"),
        (["search", "nurse"], "cvseeker index -w"),
    ],
)
def test_a_missing_stage_names_the_command_that_makes_it(
    command: list[str], needed: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert typed(*command, "-w", tmp_path / "empty") == 2
    assert needed in complaint(capsys)


def test_an_unknown_model_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_dataset: RetrievalDataset
) -> None:
    write_dataset(tiny_dataset, tmp_path / "data.json")
    arguments = ("evaluate", "--dataset", tmp_path / "data.json", "--out", tmp_path / "out")
    assert typed(*arguments, "--model", "./absent") == 2
    assert "./absent: no such folder" in complaint(capsys)
    assert not (tmp_path / "out").exists()


def test_our_own_fault_exits_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("cvseeker.cli.diagnosis.diagnose", broken)
    assert typed("doctor") == 1
    assert "cvseeker: that was our fault" in capsys.readouterr().err


def test_an_interruption_exits_with_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cvseeker.cli.diagnosis.diagnose", interrupted)
    assert typed("doctor") == 130
    assert "the same command continues" in complaint(capsys)


def test_an_error_of_several_lines_becomes_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise CVSeekerError("first\n   second")

    monkeypatch.setattr("cvseeker.cli.diagnosis.diagnose", failing)
    assert typed("doctor") == 2
    assert complaint(capsys) == "cvseeker: first second\n"


def test_doctor_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("doctor", "--json") == 0
    findings = {row["what"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert findings["cvseeker"] == __version__
    assert findings["default base model"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_files_all_the_way(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tiny_dataset: RetrievalDataset,
    tiny_model: Path,
) -> None:
    """Generate, fine-tune and evaluate on files of one's own."""
    write_dataset(tiny_dataset, tmp_path / "a.json")
    queries, model, out = tmp_path / "queries.json", tmp_path / "model", tmp_path / "out"
    assert typed("generate", "--corpus", tmp_path / "a.json", "--out", queries) == 0
    assert read_dataset(queries).corpus == tiny_dataset.corpus
    assert typed("finetune", "--train", queries, "--out", model, "--base", tiny_model) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(model)
    evaluation = ("evaluate", "--dataset", tmp_path / "a.json", "--out", out, "--json")
    assert typed(*evaluation, "--model", tiny_model, "--model", model) == 0
    systems = json.loads(capsys.readouterr().out)["systems"]
    assert list(systems) == [
        "bm25",
        str(tiny_model),
        f"late({tiny_model})",
        f"hybrid({tiny_model})",
        str(model),
        f"late({model})",
        f"hybrid({model})",
    ]
    contract = {
        "accuracy@1",
        "hit_rate@5",
        "accuracy@10",
        "recall@10",
        "mrr@10",
        "ndcg@10",
        "map@100",
        "seconds",
    }
    assert all(contract <= set(row) for row in systems.values())
    assert (out / "report.html").is_file()
    assert len(list((out / "runs").glob("*.trec"))) == 7


def test_a_closed_pipe_is_no_fault() -> None:
    """``cvseeker --help | true`` ends without a traceback."""
    command = f"{sys.executable} -m cvseeker --help | true"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr


def test_finetunes_flags_arrive_and_a_model_is_uploaded_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cvseeker.core.settings import FinetuneSettings, Settings
    from cvseeker.core.workspace import StageResult

    trained: list[FinetuneSettings] = []
    uploaded: list[tuple[Path, str]] = []

    def finetune_files(
        train: Path, val: Path | None, out: Path, settings: Settings, progress: object
    ) -> StageResult:
        trained.append(settings.finetune)
        verdict = {"kept": "tuned" if settings.finetune.seed == 5 else "base"}
        return StageResult({"pairs": 7, "verdict": verdict}, 1.0, skipped=False)

    def publish_model(folder: Path, repository: str) -> str:
        uploaded.append((folder, repository))
        return "https://hub.example/ana/cooks"

    monkeypatch.setattr("cvseeker.train.finetune_files", finetune_files)
    monkeypatch.setattr("cvseeker.train.publish_model", publish_model)
    command = ["finetune", "--train", "a.json", "--out", tmp_path / "m"]
    assert typed(*command) == 0
    assert trained == [FinetuneSettings()]
    assert uploaded == []
    capsys.readouterr()
    flags = "--max-steps 9 --lora-rank 8 --frozen-layers 2 --precision bf16 --mini-batch-size 4 "
    flags += "--matryoshka 64,32 --track mlflow --track wandb --push-to-hub ana/cooks "
    flags += "--gradient-checkpointing --force --epochs 3 --learning-rate 0.1 --batch-size 9 "
    flags += "--max-pairs 99 --seed 5 --base b --json"
    assert typed(*command, *flags.split()) == 0
    assert trained[1] == FinetuneSettings(
        max_steps=9,
        lora_rank=8,
        frozen_layers=2,
        precision="bf16",
        mini_batch_size=4,
        matryoshka=(64, 32),
        track=("mlflow", "wandb"),
        push_to_hub="ana/cooks",
        gradient_checkpointing=True,
        force=True,
        epochs=3,
        learning_rate=0.1,
        batch_size=9,
        max_pairs=99,
        seed=5,
        base="b",
    )
    assert uploaded == [(tmp_path / "m", "ana/cooks")]
    printed = capsys.readouterr()
    assert json.loads(printed.out)["pairs"] == 7
    assert "uploaded: https://hub.example/ana/cooks" in printed.err
    assert typed(*command, "--push-to-hub", "ana/cooks") == 0
    assert len(uploaded) == 1
    assert "not uploaded to ana/cooks: the base was kept" in capsys.readouterr().err
