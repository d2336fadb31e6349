"""What a user types, and what the command line answers."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from cvseeker.cli import app, main, options
from cvseeker.cli.app import COMMANDS
from cvseeker.cli.options import Command
from cvseeker.cli.program import command, program
from cvseeker.cli.reference import reference
from cvseeker.core import __version__
from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.errors import CVSeekerError
from cvseeker.core.settings import DEMO_SETTINGS, Settings
from cvseeker.core.training_settings import FinetuneSettings, WindowSettings
from cvseeker.core.workspace import StageResult


def typed(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr; stdout must have stayed empty."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("cvseeker: ")
    assert printed.err.count("\n") == 1, printed.err
    return printed.err


NAMES = [
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
    "serve",
    "token",
    "status",
    "remove",
    "retain",
    "doctor",
]
EXAMPLES = [f"{one.name} {example}" for one in COMMANDS if one.tables for example in one.examples]


@pytest.mark.parametrize("one", COMMANDS, ids=NAMES)
def test_every_command_has_help_and_two_examples(
    one: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    name = one.name
    assert typed(name, "--help") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"Usage: cvseeker {name}")
    options, _, examples = printed.partition("Examples:")
    assert examples.count(f"\n    cvseeker {name}") >= 2
    assert "--help" in options


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_can_be_typed(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is parsed and its settings are read; what it then calls is not."""

    def read_only(*arguments: Any) -> None:
        read(*arguments)
        raise typer.Exit(77)

    read = options._changed
    monkeypatch.setattr(options, "_changed", read_only)
    monkeypatch.chdir(tmp_path)
    Path("settings.toml").touch()
    assert typed(*shlex.split(example.partition(" > ")[0])) == 77


def test_help_lists_every_command_in_whole_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--help") == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0]
    told = dict(line.split(maxsplit=1) for line in listed.splitlines())
    assert list(told) == NAMES
    assert all(line.endswith(".") and not line.endswith("...") for line in told.values())


def test_help_is_instant() -> None:
    """No module that the commands need is loaded to say what there is."""
    code = "import sys; from cvseeker.cli import main; main(['--help']); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert loaded.isdisjoint({"numpy", "torch", "rich", "openai", "cvseeker.train"})


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(option) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_a_shell_completes_commands_options_and_choices() -> None:
    def completed(line: str) -> list[str]:
        environment = {"_CVSEEKER_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line}
        ended = subprocess.run(
            [sys.executable, "-m", "cvseeker"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return re.findall(r'"([^"]+)"', ended.stdout)

    assert "finetune" in "".join(completed("cvseeker fine"))
    assert "--matryoshka" in "".join(completed("cvseeker finetune --matr"))
    assert {"bf16", "fp16"} <= set(completed("cvseeker finetune --precision "))


def test_the_reference_page_is_up_to_date() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == reference(), "write it again with: make reference"


def test_every_option_and_every_setting_has_help_and_stands_on_the_page() -> None:
    page = reference()
    group = typer.main.get_command(app)
    for name, one in group.commands.items():  # type: ignore[attr-defined]
        assert f"### cvseeker {name}\n\n{one.help[:20]}" in page
        for option in one.params:
            assert option.help.strip(), f"{name} {option.name}"
            assert option.opts[0] in page or option.param_type_name == "argument"
    for table in Settings.model_fields:
        assert f"### [{table}]" in page
    for cells in re.findall(r"^\| (.+) \|$", page, flags=re.MULTILINE):
        assert all(cells.split(" | ")), cells


@pytest.mark.parametrize(
    ("typed_as", "on_path", "expected"),
    [
        (".venv/bin/cvseeker", False, ".venv/bin/cvseeker"),
        ("my env/bin/cvseeker", False, "'my env/bin/cvseeker'"),
        (".venv/bin/cvseeker", True, "cvseeker"),
        ("src/cvseeker/__main__.py", False, f"{sys.executable} -m cvseeker"),
        ("pytest", False, "cvseeker"),
    ],
)
def test_commands_in_messages_work_where_they_are_read(
    typed_as: str,
    on_path: bool,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    script = Path(typed_as)
    script.parent.mkdir(parents=True, exist_ok=True)
    script.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [typed_as])
    monkeypatch.setenv("PATH", str(tmp_path / script.parent) if on_path else "/usr/none")
    program.cache_clear()
    try:
        assert typed("index", "-w", "my workspace") == 2
        assert typed("index") == 2
        assert command("search", "-w", "my w") == f"{expected} search -w 'my w'"
    finally:
        program.cache_clear()
    missing, usage = capsys.readouterr().err.splitlines()
    assert missing.startswith("cvseeker: ")
    assert missing.endswith(f"run: {expected} ingest SOURCE... -w 'my workspace'")
    assert usage.endswith(f"See: {expected} index --help")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sarch", "x"], "Did you mean 'search'? See: cvseeker --help"),
        (["run", "-w", "w"], "Missing argument 'SOURCE'. See: cvseeker run --help"),
        (["search", "nurse"], "Missing option '-w'"),
        (["finetune", "--epochs"], "requires an argument. See: cvseeker finetune --help"),
        (["finetune", "--epoch", "3"], "--epochs"),
        (["finetune", "--epochs", "many"], "and at most 1,000. See: cvseeker finetune"),
        (["generate"], "generate takes either -w DIR or --corpus and --out; got neither"),
        (["generate", "--corpus", "a.json"], "got --corpus"),
        (["finetune", "-w", "w", "--out", "m"], "got -w, --out"),
        (["evaluate", "--dataset", "a.json"], "got --dataset"),
        (["finetune", "--train", "absent.json", "--out", "m"], "absent.json: no such file"),
        (["generate", "--corpus", "absent.json", "--out", "q.json"], "absent.json: no such file"),
        (["finetune", "--train", "absent.json", "--out", "m", "--epochs", "-1"], "epochs is '-1'"),
        (["finetune", "--precision", "fp8"], "expected auto, fp32, bf16 or fp16"),
        (
            ["finetune", "--train", "a", "--out", "m", "--matryoshka", "9,x"],
            "--matryoshka is 'x'",
        ),
        (["finetune", "--train", "a", "--out", "m", "--dry-run"], "a: no such file"),
        (["run", "absent", "-w", "w"], "absent"),
        (["run", ".", "-w", "w", "--llm", "gpt-x"], "no key in the environment"),
        (["run", ".", "-w", "w", "--config", "absent.toml"], "absent.toml: no such file"),
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
    from cvseeker.train import TrainingData

    trained: list[FinetuneSettings] = []
    uploaded: list[tuple[Path, str]] = []

    def finetune_stage(data: TrainingData, settings: Settings, progress: object) -> StageResult:
        trained.append(settings.finetune)
        kept = "tuned" if settings.finetune.seed == 5 else "base"
        counts = {"pairs": 7, "base": "b", "verdict": {"kept": kept, "reason": "planted"}}
        return StageResult(counts, 1.0, skipped=False)

    def publish_model(folder: Path, repository: str) -> str:
        uploaded.append((folder, repository))
        return "https://hub.example/ana/cooks"

    monkeypatch.setattr("cvseeker.train.finetune_stage", finetune_stage)
    monkeypatch.setattr("cvseeker.train.publish_model", publish_model)
    command = ["finetune", "--train", "a.json", "--out", tmp_path / "m"]
    assert typed(*command) == 0
    assert trained == [FinetuneSettings()]
    assert uploaded == []
    capsys.readouterr()
    flags = "--max-steps 9 --lora-rank 8 --frozen-layers 2 --precision bf16 --mini-batch-size 4 "
    flags += "--matryoshka 64,32 --track mlflow --track wandb --push-to-hub ana/cooks "
    flags += "--windows.window-tokens 128 --gradient-checkpointing --force --epochs 3 "
    flags += "--learning-rate 0.1 --batch-size 9 --max-pairs 99 --seed 5 --base b --json"
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
        windows=WindowSettings(window_tokens=128),
    )
    assert uploaded == [(tmp_path / "m", "ana/cooks")]
    printed = capsys.readouterr()
    assert json.loads(printed.out)["pairs"] == 7
    assert "uploaded: https://hub.example/ana/cooks" in printed.err
    assert typed(*command, "--push-to-hub", "ana/cooks") == 0
    assert len(uploaded) == 1
    assert "not uploaded to ana/cooks: the base was kept" in capsys.readouterr().err


def test_a_file_of_settings_leaves_the_rest_of_the_demo_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: list[Settings] = []

    def stop(sources: object, workspace: object, settings: Settings, **_: object) -> None:
        run.append(settings)
        raise CVSeekerError("stop")

    monkeypatch.setattr("cvseeker.pipeline.run", stop)
    (tmp_path / "own.toml").write_text("[finetune]\nepochs = 1\n")
    typed("demo", "-w", tmp_path / "w", "--config", tmp_path / "own.toml")
    capsys.readouterr()
    assert run == [DEMO_SETTINGS.override("finetune", {"epochs": 1})]


def test_status_says_what_is_done_and_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "w"
    assert typed("status", "-w", place) == 2
    assert "no workspace; make one with: cvseeker run" in complaint(capsys)
    (tmp_path / "cv.txt").write_text("Ana Prunk, pastry chef. " * 20, encoding="utf-8")
    assert typed("ingest", tmp_path / "cv.txt", "-w", place) == 0
    capsys.readouterr()
    assert typed("status", "-w", place, "--json") == 0
    states = {one["stage"]: one["state"] for one in json.loads(capsys.readouterr().out)}
    assert (states["ingest"], states["index"]) == ("done", "not done")
    passages = place / "ingest" / "passages.jsonl"
    status = passages.stat()
    passages.write_bytes(passages.read_bytes().replace(b"Ana", b"Eva"))
    os.utime(passages, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert typed("status", "-w", place) == 0
    assert typed("status", "-w", place, "--verify") == 2
    printed = capsys.readouterr()
    assert "damaged" in printed.out
    assert re.search(r"passages\.jsonl: changed since .*; run: cvseeker ingest", printed.err)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["generate", "--corpus", "x.json", "--out", "x.json"], "x.json: is what"),
        (["judge", "--dataset", "x.json", "--out", "X/../x.json"], "x.json: is what"),
        (["generate", "--corpus", "x.json", "--out", "notes.json"], "no data set; name another"),
        (["generate", "--corpus", "x.json", "--out", "mine"], "human.txt: not written by"),
        (["evaluate", "--dataset", "x.json", "--model", "m", "--out", "m"], "m: is what --model m"),
        (["evaluate", "--dataset", "x.json", "--out", "."], "the folder you are in"),
        (["evaluate", "--dataset", "x.json", "--out", "/"], "the folder you are in"),
        (["finetune", "--train", "x.json", "--base", "m", "--out", "m/new"], "m/new: lies within"),
        (["finetune", "--train", "d", "--out", "d"], "d: is what --train names"),
        (["audit", "--dataset", "x.json", "--out", "d/.."], "the folder you are in"),
    ],
)
def test_no_command_writes_onto_what_it_reads_or_what_is_not_its_own(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny_dataset: RetrievalDataset,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset(tiny_dataset, Path("x.json"))
    write_dataset(tiny_dataset, Path("d"), split="train")
    for folder in ("m", "X", "mine"):
        Path(folder).mkdir()
    Path("notes.json").write_text('{"mine": 1}')
    Path("mine/human.txt").touch()
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert typed(*words) == 2
    assert told in complaint(capsys)
    after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "cvs", "-w", ""], "-w is ''; expected a value"),
        (["search", "--workspace=", "nurse"], "--workspace is ''; expected a value"),
        (["ingest", " ", "-w", "w"], "one argument is ' '; expected a file, a folder or nothing"),
        (["search", "-w", "w", ""], "w/index: no finished index stage there"),
    ],
)
def test_an_empty_argument_is_not_the_folder_one_is_in(
    arguments: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert line in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
