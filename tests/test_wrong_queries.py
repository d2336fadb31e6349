"""Wrong inputs to ``generate`` and ``judge``: one line each, and nothing lost or half-written."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import TINY_CORPUS
from cvseeker.cli import main
from cvseeker.core.datasets import read_dataset
from cvseeker.core.screen import printable

CORPUS = dict(list(TINY_CORPUS.items())[:2])
ANA, BO = CORPUS
DEEP = "[" * 100_000


def dataset(**parts: Any) -> str:
    queries = {"q1": "pastry chef chocolate", "q2": "Kafka engineer"}
    found = {"queries": queries, "corpus": CORPUS, "relevant_docs": {"q1": [ANA], "q2": [BO]}}
    return json.dumps({**found, **parts})


# How a data set may be damaged is told in test_hostile_evaluations.
DATASETS: dict[str, tuple[str | bytes, str]] = {
    "no passages": (dataset(corpus={}), "no passages; expected at least one"),
    "an empty text": (dataset(corpus={**CORPUS, "c": " \n"}), "passage 'c' has no text"),
    "a list": ("[]", "no 'corpus' object"),
    "deep JSON": (DEEP, "not readable as JSON"),
    "Latin-1": (dataset().encode().replace(b"chef", b"ch\xe9f"), "not UTF-8"),
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fictional")
    Path("base.toml").write_text(f'[finetune]\nbase = "{tiny_model}"\n', encoding="utf-8")
    Path("good.json").write_text(dataset(), encoding="utf-8")


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def is_refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the line that refuses a command, which must have changed no file."""
    before, names = contents(), sorted(Path().rglob("*"))
    assert main([*arguments, "--config", "base.toml"]) == 2, capsys.readouterr()
    printed = capsys.readouterr()
    assert (contents(), sorted(Path().rglob("*"))) == (before, names)
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert len(printed.err) < 800
    assert printable(printed.err, lines=True) == printed.err
    return printed.err


def command(name: str, source: str, out: str = "out.json") -> list[str]:
    return [name, "--corpus" if name == "generate" else "--dataset", source, "--out", out]


def test_without_queries_there_is_nothing_to_judge(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.json").write_text(dataset(queries={}, relevant_docs={}), encoding="utf-8")
    assert "no queries; write some with:" in is_refused(capsys, *command("judge", "in.json"))


@pytest.mark.parametrize("name", ["generate", "judge"])
@pytest.mark.parametrize("sort", DATASETS)
def test_passages_that_cannot_be_used(
    name: str, sort: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content, told = DATASETS[sort]
    Path("in.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert told in is_refused(capsys, *command(name, "in.json"))


@pytest.mark.parametrize("name", ["generate", "judge"])
@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("good.json", "is what"),
        ("folder/../good.json", "is what"),
        ("link.json", "is what"),
        ("twin.json", "is what"),
        (".", "is or holds the folder you are in"),
        ("folder/..", "is or holds the folder you are in"),
        ("", "expected a value"),
        ("folder", "notes.txt"),
        ("notes.json", "already there, and no data set"),
        ("folder.json", "already there, and no data set"),
        ("pipe.json", "already there, and no data set"),
        ("pipe", "a folder"),
        ("notes.txt", "ends in .json, or a folder"),
        ("good.json/out.json", "lies within what"),
        ("a" * 300 + ".json", "File name too long"),
    ],
)
def test_outputs_that_would_cost_something(
    name: str, out: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("link.json").symlink_to("good.json")
    Path("twin.json").hardlink_to("good.json")
    for folder in ("folder", "folder.json"):
        Path(folder).mkdir()
        Path(folder, "notes.txt").write_text("mine", encoding="utf-8")
    for file in ("notes.txt", "notes.json"):
        Path(file).write_text('["mine"]', encoding="utf-8")
    os.mkfifo("pipe")
    os.mkfifo("pipe.json")
    assert told in is_refused(capsys, *command(name, "good.json", out))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--budget nan", "a number above 0"),
        ("--budget inf", "a number above 0"),
        ("--budget -1", "a number above 0"),
        ("--budget 1e400", "a number above 0"),
        ("--per-passage 100000000000000000000", "from 1 to 50"),
        ("--per-passage nan", "from 1 to 50"),
        ("--top-k 100000000000000000000", "a whole number from 0"),
        ("--filters.near-duplicate nan", "from 0.6 to 1"),
        ("--filters.max-copied-share -0.5", "above 0"),
        ("--filters.min-words 9 --filters.max-words 3", "every query would be dropped"),
        ("--timeout inf", "a number above 0"),
        ("--llm-temperature nan", "from 0 to 2"),
        ("--llm-url ftp://x/", "expected an address"),
        ("--prompt /dev/zero", "expected instructions"),
        ("--prices absent.toml", "no such file"),
        ("--prices damaged.toml", "expected a TOML file"),
        ("--prices nan.toml", "finite number"),
        ("--prices negative.toml", "greater than or equal to 0"),
        ("--prices deep.toml", "expected a TOML file"),
        ("--prices digits.toml", "expected a TOML file"),
    ],
)
def test_settings_that_no_llm_can_be_asked_with(
    options: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    price = "models.fake-llm = { input = %s, output = 8 }"
    prices = {"damaged": "models = [", "nan": price % "nan", "negative": price % "-2"}
    prices |= {"deep": f"a = {DEEP}", "digits": price % ("9" * 5000)}
    for name, text in prices.items():
        Path(f"{name}.toml").write_text(text, encoding="utf-8")
    llm = ["--llm", "fake-llm"]
    if "--llm-url" not in options:
        llm += ["--llm-url", "http://127.0.0.1:9/v1"]
    for dry in ([], ["--dry-run"]):
        told_here = is_refused(
            capsys, *command("generate", "good.json"), *llm, *options.split(), *dry
        )
        assert told in told_here


def _sqlite(path: Path, version: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE requests (size)")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: _sqlite(path, 99), "a ledger of version 99"),
        (lambda path: path.write_bytes(b"junk" * 5000), "not usable as a ledger"),
        (lambda path: path.mkdir(), "out.ledger.sqlite"),
    ],
    ids=["another version", "junk", "a folder"],
)
def test_a_ledger_that_cannot_be_used(
    damage: Callable[[Path], object], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(Path("out.ledger.sqlite"))
    llm = ("--llm", "fake-llm", "--llm-url", "http://127.0.0.1:9/v1")
    assert told in is_refused(capsys, *command("generate", "good.json"), *llm)


@pytest.mark.parametrize(
    "queries",
    [
        {"q1": "???", "q2": "…"},
        {"q1": "\x1b[2J\x00 \u202e", "q2": "Kafka"},
        {"q1": "pastry " * 20_000, "q2": "\ufffd" * 20_000},
        {"q1": "(" * 5000 + "chef" + ")" * 5000, "q2": "Kafka AND " * 5000},
        {"q1": "NOT " * 5001 + "Kafka", "q2": "9" * 5000 + " years of payroll"},
    ],
    ids=["no words", "controls", "long", "brackets", "operators"],
)
def test_odd_queries_are_judged(queries: dict[str, str]) -> None:
    Path("in.json").write_text(dataset(queries=queries), encoding="utf-8")
    assert main([*command("judge", "in.json"), "--config", "base.toml"]) == 0
    assert read_dataset(Path("out.json")).queries == queries


def test_controls_in_passages_reach_neither_queries_nor_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd = {f"{key}\x1b[2J": text.replace(" ", " \x1b[31m\x00") for key, text in CORPUS.items()}
    Path("in.json").write_text(dataset(corpus={**odd, **CORPUS}), encoding="utf-8")
    assert main(command("generate", "in.json")) == 0
    printed = capsys.readouterr()
    assert printable(printed.out + printed.err, lines=True) == printed.out + printed.err
    for text in read_dataset(Path("out.json")).queries.values():
        assert printable(text) == text
