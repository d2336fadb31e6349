"""Whatever is typed wrongly, over all commands: one line, exit code 2, and nothing was touched."""

import itertools
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from cvseeker.cli import main
from cvseeker.cli.app import COMMANDS
from cvseeker.core.datasets import RetrievalDataset, write_dataset

# Options by which each command finds its work in the folder below.
WORK = {
    "demo": "-w new",
    "run": "cvs -w new",
    "ingest": "cvs -w new",
    "generate": "--corpus good.json --out new.json",
    "judge": "--dataset good.json --out new.json",
    "finetune": "--train good.json --out new",
    "evaluate": "--dataset good.json --out new",
    "compare": "cvs cvs",
    "audit": "--dataset good.json --out new",
    "index": "-w new",
    "search": "nurse -w new",
    "serve": "-w new",
    "token": "recruiting -w new",
    "remove": "7 -w new",
    "retain": "--older-than 24m -w new",
    "status": "-w new",
    "doctor": "",
}
SETTINGS = [
    "finetune --epochs inf",
    "finetune --epochs nan",
    "finetune --epochs -1",
    "finetune --epochs 0",
    "finetune --epochs 1e308",
    "finetune --lora-rank 999999",
    "finetune --lora-rank 0",
    "finetune --matryoshka 99999",
    "finetune --matryoshka 0",
    "finetune --matryoshka 8,x",
    "finetune --matryoshka 9999 --base {model}",
    "finetune --seed 99999999999999999999",
    "finetune --seed -1",
    "finetune --batch-size 1000000000000",
    "finetune --batch-size 10**12",
    "finetune --batch-size 1",
    "finetune --mini-batch-size 0",
    "finetune --max-steps 0",
    "finetune --learning-rate inf",
    "finetune --learning-rate 1e9",
    "finetune --dropout 1",
    "finetune --temperature 0",
    "finetune --patience 0",
    "finetune --frozen-layers -1",
    "finetune --frozen-layers 999 --base {model}",
    "finetune --precision fp8",
    "finetune --track nobody --base {model}",
    "finetune --windows.window-tokens 3",
    "finetune --val-share 1",
    "run --epochs inf",
    "run --epochs 1001",
    "run --llm-url not-an-address --llm m",
    "run --llm gpt-4o-mini",
    "ingest --seed 99999999999999999999",
    "ingest --workers -1",
    "ingest --memory-mb 1",
    "ingest --passage-tokens 1000000000000",
    "ingest --test-share 1",
    "ingest --test-share 0.9 --val-share 0.9",
    "ingest --timeout-seconds inf",
    "generate --per-passage 51",
    "generate --per-passage many",
    "generate --style haiku",
    "generate --llm gpt-4o-mini --budget 0",
    "generate --llm gpt-4o-mini --budget nan",
    "generate --top-k 1000000000000000000",
    "generate --llm-url ftp://x --llm m",
    "judge --depth 0",
    "judge --depth 1000000000000000000",
    "evaluate --top-k 1000000000000000000",
    "evaluate --top-k 9",
    "evaluate --hybrid.bm25 -1",
    "evaluate --hybrid.bm25 inf",
    "evaluate --hybrid.bm25 0 --hybrid.dense 0 --hybrid.late 0 --model {model}",
    "evaluate --dimensions 99999",
    "evaluate --quantise int4",
    "evaluate --format pdf",
    "evaluate --embedding-dimensions 0",
    "evaluate --model {model} --model {model}",
    "evaluate --model ''",
    "evaluate --openai ''",
    "evaluate --openai text-embedding-3-small",
    "evaluate --run nameless",
    "evaluate --vectors nameless",
    "compare --format pdf",
    "audit --top-k 0",
    "audit --top-k 1000000000000000000",
    "audit --max-resumes 1",
    "audit --names-per-group 1",
    "audit --judgements cvs --model {model}",
    "search --top-k 1000000000000000000",
    "search --top-k 0",
    "search --top-k ten",
    "search --top-k 99999999999999999999999999999999999999999999",
    "index --base ''",
]
# Files that are no data set, no settings and no model, whatever their name says.
BROKEN = [
    "absent.json",
    "empty.json",
    "garbage.json",
    "latin1.json",
    "deep.json",
    "digits.json",
    "list.json",
    "null.json",
    "wrong.json",
    "pipe.json",
    "zero.json",
    "/dev/null",
    "/dev/full",
    "/proc/self/mem",
    "socket.json",
    "loop.json",
    "cvs",
    "nameless\0null.json",
    "x" * 300 + ".json",
    "/".join(["d" * 200] * 25),
]
FILE_OPTIONS = [
    "generate --corpus {file} --out new.json",
    "judge --dataset {file} --out new.json",
    "finetune --train {file} --out new",
    "evaluate --dataset {file} --out new --model {model}",
    "audit --dataset {file} --out new --model {model}",
    "compare {file} cvs",
]
MORE_FILES = [
    "finetune --train good.json --val {file} --out new",
    "finetune --train good.json --out new --base {file}",
    "evaluate --dataset good.json --out new --run a={file}",
    "evaluate --dataset good.json --out new --vectors a={file}",
    "evaluate --dataset good.json --out new --model {file}",
    "audit --dataset good.json --out new --model {model} --names {file}",
    "generate --corpus good.json --out new.json --llm m --llm-url http://[::1]:9 --prices {file}",
    "run cvs -w new --base {model} --judgements {file}",
]
PLACES = [
    "",
    "a.txt",
    "a.txt/w",
    "socket.json",
    "/dev/full",
    "/proc/x",
    "/dev/null/w",
    "cvs\0w",
    "y" * 300,
]
OTHERS = [
    "",
    "nonsense",
    "sarch x",
    "--nonsense",
    "search",
    "search -w new",
    "search nurse",
    "search nurse more -w new",
    "search ? -w new",
    "run",
    "run cvs",
    "run absent -w new",
    "run '' -w new",
    "run a.txt/b -w new --base {model}",
    "run pipe.json -w new --base {model}",
    "run cvs -w new --base ./absent",
    "run cvs -w new --base cvs",
    "run cvs -w new --base a.txt",
    "ingest absent -w new",
    "ingest -w new",
    "generate",
    "generate --corpus good.json",
    "generate -w new --out x",
    "generate --corpus good.json --out cvs/none/../../a.txt/x.json",
    "generate --corpus good.json --out new.json --status",
    "judge --dataset good.json",
    "finetune -w new --out x",
    "finetune --train good.json --out a.txt --base {model}",
    "finetune --train good.json --out a.txt/m --base {model}",
    "evaluate --dataset good.json",
    "evaluate --dataset good.json --out a.txt/x --model {model}",
    "evaluate --dataset good.json --out cvs --run bm25=a.txt",
    "evaluate --dataset good.json --out a.txt --model {model}",
    "compare cvs",
    "compare cvs absent",
    "compare a.txt a.txt",
    "audit",
    "doctor more",
    "index",
    "demo -w a.txt",
    "compare \udcff cvs",
    "search caf\udce9 -w new",
    "finetune --train \udcff.json --out new",
    "ingest \udcff -w new",
]


def wrong() -> list[str]:
    """Return all that is typed; ``{model}`` and ``{file}`` stand for paths."""
    settings = [f"{line} {WORK[line.partition(' ')[0]]}" for line in SETTINGS]
    files = [
        line.replace("{file}", f"'{file}'")
        for line, file in itertools.product(FILE_OPTIONS, BROKEN)
        # A folder is asked for its own reasons.
        if not (line.startswith("compare") and file == "cvs")
    ]
    few = ["absent.json", "garbage.json", "pipe.json", "deep.json", "socket.json", "a.txt/x"]
    files += [line.replace("{file}", file) for line, file in itertools.product(MORE_FILES, few)]
    configs = [
        f"{name} --config {file} {WORK[name]}"
        for name, file in itertools.product(
            ["run", "ingest", "generate", "finetune", "evaluate", "audit", "search"],
            ["absent", "cvs", "pipe.json", "zero.json", "garbage.json", "deep.toml", "digits.toml"],
        )
    ]
    places = [
        f"{one.name} {'cvs ' if one.name in {'run', 'ingest'} else ''}"
        f"{'nurse ' if one.name == 'search' else ''}-w '{place}'"
        for one, place in itertools.product(COMMANDS, PLACES)
        if one.name not in {"compare", "doctor", "demo"}
    ]
    unknown = [f"{one.name} --nonsense {WORK[one.name]}" for one in COMMANDS]
    return settings + files + configs + places + unknown + OTHERS


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sound data set, résumés, and files that are none of what they say."""
    folder = tmp_path_factory.mktemp("wrong") / "folder"
    (folder / "cvs").mkdir(parents=True)
    (folder / "cvs" / "ana.txt").write_text("Ana\nPastry chef in Ljubljana, 2010 - 2020\n" * 3)
    (folder / "a.txt").write_text("a text")
    files = {
        "empty.json": b"",
        "garbage.json": bytes(range(256)) * 4,
        "latin1.json": '{"corpus": {"é": "é"}}'.encode("latin-1"),
        "deep.json": b"[" * 100_000,
        "digits.json": b'{"corpus": {"a": ' + b"9" * 5000 + b"}}",
        "list.json": b"[1, 2]",
        "null.json": b"null",
        "wrong.json": b'{"corpus": {"a": 1}, "queries": [], "relevant_docs": 3}',
        "deep.toml": b"a = " + b"[" * 100_000,
        "digits.toml": b"[search]\ntop_k = " + b"9" * 5000,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.json")
    with chdir(folder), socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.json")  # by a name that is short enough
    (folder / "zero.json").symlink_to("/dev/zero")
    (folder / "loop.json").symlink_to("loop.json")
    return folder


@pytest.fixture
def folder(
    template: Path, tiny_dataset: RetrievalDataset, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    if not (template / "good.json").exists():
        write_dataset(tiny_dataset, template / "good.json")
    monkeypatch.chdir(template)
    yield template
    for path in template.glob("*new*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what lies in a folder, with sizes and times."""
    paths = sorted(folder.rglob("*"))
    return {
        str(path): (status.st_size, status.st_mtime_ns)
        for path in paths
        for status in [path.lstat()]
    }


def split(line: str, model: Path) -> list[str]:
    """Split a line as a shell does; ``shlex`` knows no null bytes."""
    words, quoted = [""], False
    for letter in line.replace("{model}", str(model)):
        if letter == "'":
            quoted = not quoted
            words[-1] = words[-1] or "\x01"
        elif letter == " " and not quoted:
            words.append("")
        else:
            words[-1] += letter
    return [word.replace("\x01", "") for word in words if word]


def test_the_table_is_long() -> None:
    assert len(set(wrong())) >= 120
    assert {line.partition(" ")[0] for line in wrong()} >= {one.name for one in COMMANDS}


@pytest.mark.parametrize("line", wrong())
def test_a_wrong_input_is_one_line_and_touches_nothing(
    line: str, folder: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(folder)
    status = main(split(line, tiny_model))
    printed = capsys.readouterr()
    told = [said for said in printed.err.splitlines() if not said.startswith("  ")]
    if line:
        assert len(told) == 1, printed.err
        assert told[0].startswith("cvseeker: "), printed.err
        assert len(told[0]) < 2100
    assert status == 2, printed.err
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert printed.err.replace("\n", "").isprintable()
    assert state(folder) == before, sorted(state(folder).items() ^ before.items())
