"""What is read to evaluate, compare and audit, damaged: one line each, and exit code 2."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import cvseeker.evaluate
from cvseeker.cli import main
from cvseeker.core.datasets import read_judgements
from cvseeker.core.errors import InputError

CORPUS = {f"p{at}": f"{word} and six years of it" for at, word in enumerate(("Kafka", "Rust"))}
QUERIES = {"q0": "who knows Kafka", "q1": "a Rust programmer"}
LLAMAINDEX = {
    "corpus": CORPUS,
    "queries": QUERIES,
    "relevant_docs": {"q0": ["p0"], "q1": ["p1"]},
}
NAMES = Path(cvseeker.evaluate.__file__).parent / "audit" / "names.toml"
DIGITS = "9" * 5_000
DEEP = "[" * 200_000
Damage = Callable[[Path], object]


def llamaindex(folder: Path) -> Path:
    """Write LlamaIndex's file."""
    (folder / "data.json").write_text(json.dumps(LLAMAINDEX), encoding="utf-8")
    return folder / "data.json"


def beir(folder: Path) -> Path:
    """Write BEIR's folder."""
    data = folder / "beir"
    (data / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", CORPUS), ("queries", QUERIES)):
        rows = (json.dumps({"_id": key, "text": text}) for key, text in texts.items())
        (data / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    qrels = "query-id\tcorpus-id\tscore\nq0\tp0\t1\nq1\tp1\t1\n"
    (data / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    return data


def trec(folder: Path) -> Path:
    """Write TREC's folder."""
    data = folder / "trec"
    data.mkdir()
    for name, texts in (("corpus", CORPUS), ("topics", QUERIES)):
        rows = (f"{key}\t{text}\n" for key, text in texts.items())
        (data / f"{name}.tsv").write_text("".join(rows), encoding="utf-8")
    (data / "qrels.txt").write_text("q0 0 p0 1\nq1 0 p1 1\n", encoding="utf-8")
    return data


def mteb(folder: Path) -> Path:
    """Write MTEB's folder."""
    data = folder / "mteb"
    data.mkdir()
    for name, texts in (("corpus", CORPUS), ("queries", QUERIES)):
        write_parquet(data / f"{name}.parquet", _id=list(texts), text=list(texts.values()))
    write_qrels(data, [1.0, 1.0])
    return data


def write_parquet(path: Path, **columns: list[object]) -> None:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def write_qrels(data: Path, scores: list[object]) -> None:
    columns = {"query-id": ["q0", "q1"], "corpus-id": ["p0", "p1"], "score": scores}
    write_parquet(data / "qrels.parquet", **columns)  # type: ignore[arg-type]


def text(content: str | bytes, name: str = "") -> Damage:
    """Write something else into the file, or the file of a folder."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda path: (path / name if name else path).write_bytes(raw)


def added(content: str, name: str) -> Damage:
    """Add something to a file."""

    def add(path: Path) -> None:
        with (path / name).open("a", encoding="utf-8") as file:
            file.write(content)

    return add


def changed(**parts: object) -> Damage:
    """Change parts of LlamaIndex's file."""
    return lambda path: path.write_text(json.dumps({**LLAMAINDEX, **parts}), encoding="utf-8")


def folder(name: str = "") -> Damage:
    """Put a folder in a file's place."""

    def replace(path: Path) -> None:
        file = path / name if name else path
        file.unlink()
        file.mkdir()

    return replace


def pipe(name: str = "") -> Damage:
    """Put a pipe in a file's place, which would be waited for without end."""

    def replace(path: Path) -> None:
        file = path / name if name else path
        file.unlink()
        os.mkfifo(file)

    return replace


def gone(name: str) -> Damage:
    return lambda path: (path / name).unlink()


def qrels_of(score: object) -> Damage:
    return lambda path: write_qrels(path, [score, score])


DATASETS: list[tuple[str, Callable[[Path], Path], Damage, str]] = [
    ("empty", llamaindex, text(""), "not readable as JSON"),
    ("not JSON", llamaindex, text("{"), "not readable as JSON"),
    ("not UTF-8", llamaindex, text(b'{"corpus": "\xff"}'), "not UTF-8"),
    ("deep", llamaindex, text(DEEP), "not readable as JSON"),
    ("deep inside", llamaindex, text('{"corpus": ' + DEEP), "not readable as JSON"),
    ("digits", llamaindex, text(f'{{"corpus": {DIGITS}}}'), "not readable as JSON"),
    ("a list", llamaindex, text("[]"), "no 'corpus' object"),
    ("a number", llamaindex, text("3"), "no 'corpus' object"),
    ("corpus null", llamaindex, changed(corpus=None), "no 'corpus' object"),
    ("corpus empty", llamaindex, changed(corpus={}), "no passages"),
    ("corpus numbers", llamaindex, changed(corpus={"p0": 1}), "passage 'p0' has no text"),
    ("queries a list", llamaindex, changed(queries=["q"]), "must be JSON objects"),
    ("query a list", llamaindex, changed(queries={"q0": ["a"]}), "'q0' has no text"),
    ("queries empty", llamaindex, changed(queries={}), "no queries"),
    ("relevant text", llamaindex, changed(relevant_docs={"q0": "p0"}), "a list of passage ids"),
    ("relevant number", llamaindex, changed(relevant_docs={"q0": [0]}), "a list of passage ids"),
    ("half a pair", llamaindex, text('{"corpus": {"p": "\\ud800"}}'), "half a surrogate pair"),
    ("an id twice", llamaindex, text('{"corpus": {"p": "a", "p": "b"}}'), "'p' stands twice"),
    ("nothing relevant", llamaindex, changed(relevant_docs={}), "'q0' has no relevant passage"),
    ("gone", llamaindex, Path.unlink, "no such file"),
    ("a folder", llamaindex, folder(), "data.json"),
    ("a pipe", llamaindex, pipe(), "a pipe"),
    ("no corpus", beir, gone("corpus.jsonl"), "corpus.jsonl: no such file"),
    ("no queries", beir, gone("queries.jsonl"), "queries.jsonl: no such file"),
    ("no qrels", beir, gone("qrels/test.tsv"), "no queries"),
    ("corpus empty", beir, text("", "corpus.jsonl"), "no passages"),
    ("qrels empty", beir, text("", "qrels/test.tsv"), "no grade above 0"),
    ("garbled", beir, added("\n{", "corpus.jsonl"), "corpus.jsonl, line 3"),
    ("bytes", beir, text(b"\xff\xfe\x00", "corpus.jsonl"), "corpus.jsonl, line 1"),
    ("deep", beir, added(f"\n{DEEP}", "corpus.jsonl"), "corpus.jsonl, line 3"),
    ("digits", beir, added(f'\n{{"_id": {DIGITS}}}', "corpus.jsonl"), "corpus.jsonl, line 3"),
    ("a list", beir, added("\n[1]", "queries.jsonl"), "expected a JSON object"),
    ("no id", beir, added('\n{"text": "x"}', "corpus.jsonl"), "no '_id'"),
    ("id an object", beir, added('\n{"_id": {}, "text": "x"}', "corpus.jsonl"), "_id"),
    ("passage twice", beir, added('\n{"_id": "p0", "text": "x"}', "corpus.jsonl"), "'p0' stands"),
    ("query twice", beir, added('\n{"_id": "q0", "text": "x"}', "queries.jsonl"), "'q0' stands"),
    ("no text", beir, added('\n{"_id": "p9"}', "corpus.jsonl"), "'p9' has no text"),
    ("text a number", beir, added('\n{"_id": "p9", "text": 9}', "corpus.jsonl"), "'p9' has no"),
    ("two grades", beir, added("q0\tp0\t2\n", "qrels/test.tsv"), "'p0' stands twice for query"),
    ("by spaces", beir, text("q0 0 p0 1\n", "qrels/test.tsv"), "got 'q0 0 p0 1'"),
    ("others", beir, text("q9\tp0\t1\n", "qrels/test.tsv"), "'q9' is not among the 2 queries"),
    ("two columns", beir, added("q0\tp0\n", "qrels/test.tsv"), "line 4: expected query-id"),
    ("a part of one", beir, added("q0\tp1\t0.5\n", "qrels/test.tsv"), "line 4: expected query-id"),
    ("NaN", beir, added("q0\tp1\tnan\n", "qrels/test.tsv"), "line 4: expected query-id"),
    ("digits", beir, added(f"q0\tp1\t{DIGITS}\n", "qrels/test.tsv"), "line 4: expected query-id"),
    ("absurd", beir, added(f"q0\tp1\t{'9' * 30}\n", "qrels/test.tsv"), "line 4: expected query-id"),
    ("a quote", beir, added('"q0\tp1\t1\n', "qrels/test.tsv"), "qrels/test.tsv"),
    ("a long field", beir, added(f"{'q' * 200_000}\tp\t1\n", "qrels/test.tsv"), "qrels/test.tsv"),
    ("not UTF-8", beir, text(b"q0\tp\xff\t1\n", "qrels/test.tsv"), "not UTF-8"),
    ("a folder", beir, folder("qrels/test.tsv"), "a folder; expected"),
    ("a folder", beir, folder("corpus.jsonl"), "corpus.jsonl"),
    ("a pipe", beir, pipe("qrels/test.tsv"), "a pipe"),
    ("a pipe", beir, pipe("corpus.jsonl"), "corpus.jsonl"),
    ("topics a pipe", trec, pipe("topics.tsv"), "topics.tsv"),
    ("corpus a pipe", trec, pipe("corpus.tsv"), "corpus.tsv"),
    ("qrels a folder", trec, folder("qrels.txt"), "qrels.txt: a folder; expected"),
    ("no qrels", trec, gone("qrels.txt"), "no qrels"),
    ("no tab", trec, added("p9 text\n", "corpus.tsv"), "line 3: expected an id, a tab"),
    ("passage twice", trec, added("p0\ttext\n", "corpus.tsv"), "line 3: 'p0' stands twice"),
    ("topic twice", trec, added("q0\ttext\n", "topics.tsv"), "line 3: 'q0' stands twice"),
    ("not UTF-8", trec, text(b"p0\t\xff\n", "corpus.tsv"), "not UTF-8"),
    ("three columns", trec, added("q0 0 p1\n", "qrels.txt"), "line 3: expected query-id"),
    ("empty", trec, text("", "qrels.txt"), "no grade above 0"),
    ("no grade", trec, text("q0 0 p0 0\n", "qrels.txt"), "no grade above 0"),
    ("two signs", trec, added("q0 0 p1 +-1\n", "qrels.txt"), "line 3: expected query-id"),
    ("digits", trec, added(f"q0 0 p1 {DIGITS}\n", "qrels.txt"), "line 3: expected query-id"),
    ("two grades", trec, added("q0 0 p0 2\n", "qrels.txt"), "line 3: 'p0' stands twice"),
    ("not Parquet", mteb, text("PAR1", "corpus.parquet"), "not readable as Parquet"),
    ("empty", mteb, text("", "queries.parquet"), "not readable as Parquet"),
    ("no grade", mteb, qrels_of(0.0), "no queries"),
    ("NaN", mteb, qrels_of(float("nan")), "the score is nan"),
    ("infinite", mteb, qrels_of(float("inf")), "the score is inf"),
    ("half", mteb, qrels_of(0.5), "the score is 0.5"),
    ("absurd", mteb, qrels_of(1e30), "the score is 1e+30"),
    ("a word", mteb, qrels_of("one"), "the score is 'one'"),
    ("no score", mteb, lambda path: write_parquet(path / "qrels.parquet", a=[1]), "columns 'a'"),
    (
        "bytes",
        mteb,
        lambda path: write_parquet(path / "corpus.parquet", _id=["p0"], text=[b"\xff"]),
        "'p0' has no text",
    ),
]


def ranked(folder: Path) -> Path:
    """Write a run."""
    (folder / "a.trec").write_text("q0 Q0 p0 1 1.0 a\n", encoding="utf-8")
    return folder / "a.trec"


def refused(arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail by the user's input, and return its line."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert (code, out) == (2, ""), err
    lines = err.strip().split("\n")
    assert len(lines) == 1, err
    assert len(lines[0]) < 1_000
    return lines[0]


@pytest.mark.parametrize("make", [llamaindex, beir, trec, mteb])
def test_undamaged_they_are_evaluated(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    run = tmp_path / "a.trec"
    run.write_text("q0 Q0 p0 1 1.0 a\n", encoding="utf-8")
    arguments = ["--dataset", make(tmp_path), "--out", tmp_path / "out", "--run", f"a={run}"]
    assert main(["evaluate", *map(str, arguments)]) == 0


RUNS: list[tuple[Damage, str]] = [
    (text(""), "an empty run"),
    (text("q0 Q0 p0 1 nan a\n"), "the score is 'nan'"),
    (text("q0 Q0 p0 1 1e999 a\n"), "the score is '1e999'"),
    (text("q0 Q0 p0 1\n"), "4 columns; expected six"),
    (text("q9 Q0 p0 1 1 a\n"), "query 'q9' is not among"),
    (text("q0 Q0 p9 1 1 a\n"), "'p9' is not among"),
    (text("q0 Q0 p0 1 1 a\n" * 2), "line 2: 'p0' stands twice"),
    (text(b"q0 Q0 p\xff 1 1 a\n"), "not UTF-8"),
    (text(f"q0 Q0 p0 1 {'x' * 9_000} a\n"), "the score is"),
    (text(f"{'q' * 9_000} Q0 p0 1 1 a\n"), "is not among"),
    (folder(), "a folder; expected"),
    (pipe(), "a pipe"),
]


def an_archive(path: Path) -> None:
    np.savez(path / "x", a=1)
    (path / "x.npz").replace(path / "corpus.npy")


def header(shape: str) -> Damage:
    """Write an array's head that tells of a shape, and nothing after it."""
    told = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode()
    return text(b"\x93NUMPY\x01\x00v\x00" + told + b"\n", "corpus.npy")


def vectors(rows: object) -> Damage:
    return lambda path: np.save(path / "corpus.npy", rows)


def made_elsewhere(folder: Path) -> Path:
    """Write vectors."""
    made = folder / "vectors"
    made.mkdir()
    for name in ("corpus", "queries"):
        np.save(made / f"{name}.npy", np.eye(2, 4, dtype=np.float32))
    return made


VECTORS: list[tuple[Damage, str]] = [
    (gone("corpus.npy"), "no such file"),
    (text("", "corpus.npy"), "not readable as a NumPy array"),
    (text("PK\x03\x04", "corpus.npy"), "not readable as a NumPy array"),
    (text(b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4' ", "corpus.npy"), "not readable"),
    (an_archive, "not readable as a NumPy array"),
    (header("(99999999999999999999999, 4)"), "not readable as a NumPy array"),
    (header("(2, -4)"), "corpus.npy"),
    (vectors(np.array([{}, {}], dtype=object)), "not readable as a NumPy array"),
    (vectors(np.zeros((2, 4), np.float32)), "row 0 is of length 0"),
    (vectors(3 * np.eye(2, 4, dtype=np.float32)), "row 0 is of length 3"),
    (vectors(np.full((2, 4), np.nan, np.float32)), "row 0 is of length nan"),
    (vectors(np.full((2, 4), np.inf, np.float32)), "row 0 is of length inf"),
    (vectors(np.eye(3, 4, dtype=np.float32)), "3 vectors for 2 passages"),
    (vectors(np.eye(2, 5, dtype=np.float32)), "vectors of 4 dimensions for queries and of 5"),
    (vectors(np.zeros((2, 0), np.float32)), "corpus.npy"),
    (vectors(np.float32(1)), "an array of shape ()"),
    (vectors(np.eye(2, 4, dtype=int)), "type int64"),
    (folder("corpus.npy"), "corpus.npy"),
    (pipe("corpus.npy"), "corpus.npy"),
]


ROW = {
    "set": "test",
    "query_id": "q0",
    "text": "x",
    "relevant": {"p": 1},
    "systems": {"bm25": {"ndcg@10": 0.5, "accuracy@5": 1.0, "rank": 1, "top": "p"}},
}


def evaluation(folder: Path) -> Path:
    """Write an evaluation's folder."""
    path = folder / "evaluation"
    path.mkdir()
    (path / "metrics.json").write_text('{"systems": {}}', encoding="utf-8")
    (path / "per_query.jsonl").write_text(json.dumps(ROW), encoding="utf-8")
    return path


def row(**parts: object) -> Damage:
    return text(json.dumps({**ROW, **parts}), "per_query.jsonl")


def scored(**values: object) -> Damage:
    return row(systems={"bm25": {"ndcg@10": 0.5, "accuracy@5": 1.0, "rank": 1, **values}})


EVALUATIONS: list[tuple[Damage, str]] = [
    (text("", "metrics.json"), "not readable as JSON"),
    (text(DEEP, "metrics.json"), "not readable as JSON"),
    (text(DIGITS, "metrics.json"), "not readable as JSON"),
    (text("[]", "metrics.json"), "no systems in it"),
    (text('{"systems": 3}', "metrics.json"), "no systems in it"),
    (gone("metrics.json"), "no metrics.json in it"),
    (folder("metrics.json"), "no metrics.json in it"),
    (pipe("metrics.json"), "no metrics.json in it"),
    (gone("per_query.jsonl"), "no per_query.jsonl in it"),
    (pipe("per_query.jsonl"), "no per_query.jsonl in it"),
    (text("", "per_query.jsonl"), "no queries in it"),
    (text("{", "per_query.jsonl"), "line 1: not JSON"),
    (text(b"\xff", "per_query.jsonl"), "line 1: not JSON"),
    (text(DEEP, "per_query.jsonl"), "line 1: not JSON"),
    (text(f"{json.dumps(ROW)}\n" * 2, "per_query.jsonl"), "'q0' stands twice"),
    (scored(**{"ndcg@10": float("nan")}), "row 1: expected"),
    (scored(**{"ndcg@10": float("inf")}), "row 1: expected"),
    (scored(**{"ndcg@10": 10**400}), "row 1: expected"),
    (scored(**{"ndcg@10": "0.5"}), "row 1: expected"),
    (scored(**{"ndcg@10": None}), "row 1: expected"),
    (scored(**{"ndcg@10": True}), "row 1: expected"),
    (row(relevant={"p": "much"}), "row 1: expected"),
    (row(relevant={"p": float("nan")}), "row 1: expected"),
    (row(systems=[]), "row 1: expected"),
    (row(systems={"bm25": 1}), "row 1: expected"),
    (row(text=None), "row 1: expected"),
    (row(set=["test"]), "row 1: expected"),
    (row(query_id=3), "row 1: expected"),
    (scored(rank="first"), "row 1: expected"),
]


def names(folder: Path) -> Path:
    """Write a file for names."""
    (folder / "names.toml").write_text("", encoding="utf-8")
    return folder / "names.toml"


NAME_FILES: list[tuple[Damage, str]] = [
    (text(""), "source: Field required"),
    (text("x = [" + DEEP), "not TOML"),
    (text(f"x = {DIGITS}"), "not TOML"),
    (text(b"\xff"), "not UTF-8"),
    (folder(), "a folder"),
    (pipe(), "a pipe"),
]
ALL: list[tuple[str, Callable[[Path], Path], Damage, str]] = [
    *(("evaluate --dataset {made} --out {out} --run a={run}", *one[1:]) for one in DATASETS),
    *(("evaluate --dataset {data} --out {out} --run a={made}", ranked, *one) for one in RUNS),
    *(
        ("evaluate --dataset {data} --out {out} --vectors a={made}", made_elsewhere, *one)
        for one in VECTORS
    ),
    *(("compare {made} {made}", evaluation, *one) for one in EVALUATIONS),
    *(("audit --dataset {data} --out {out} --names {made}", names, *one) for one in NAME_FILES),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("command", "make", "damage", "message"),
    ALL,
    ids=[f"{make.__name__}, {message}" for _, make, _, message in ALL],
)
def test_what_is_damaged_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    make: Callable[[Path], Path],
    damage: Damage,
    message: str,
) -> None:
    places = {"run": ranked(tmp_path), "out": tmp_path / "out", "data": llamaindex(tmp_path)}
    made = make(tmp_path)
    damage(made)
    assert message in refused(command.format(made=made, **places).split(), capsys)
    assert not places["out"].exists()


LEFT_OUT: list[tuple[Callable[[Path], Path], Damage, str]] = [
    (llamaindex, changed(relevant_docs={"q0": ["x"], "q1": ["p1"]}), "'q0': points to passage 'x'"),
    (llamaindex, changed(queries={"q0": "a"}), "'q1': is named in the qrels alone"),
    (beir, added("q9\tp0\t1\n", "qrels/test.tsv"), "'q9': is named in the qrels alone"),
    (beir, added("q0\tp9\t1\n", "qrels/test.tsv"), "'q0': points to passage 'p9'"),
    (beir, added("q0\tp\x001\t1\n", "qrels/test.tsv"), "'q0': points to passage 'p\\x001'"),
]


@pytest.mark.parametrize(("make", "damage", "told"), LEFT_OUT)
def test_a_damaged_query_costs_itself(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], Path],
    damage: Damage,
    told: str,
) -> None:
    run = ranked(tmp_path)
    run.write_text("q0 Q0 p0 1 1.0 a\nq1 Q0 p1 1 1.0 a\n", encoding="utf-8")
    damage(made := make(tmp_path))
    arguments = ["--dataset", made, "--out", tmp_path / "out", "--run", f"a={run}"]
    assert main(["evaluate", *map(str, arguments)]) == 0
    output = capsys.readouterr()
    assert f"1 query left out ({told}" in output.out + output.err


READ = "--dataset data.json --model m"
EVALUATED = f"evaluate {READ} --val val.json --run a=a.trec --vectors v=vectors"
AUDITED = f"audit {READ} --names names.toml --top-k 1"


@pytest.mark.parametrize(
    ("command", "place"),
    [(EVALUATED, place) for place in "data.json m m/in a.trec vectors val.json .".split()]
    + [(AUDITED, place) for place in "data.json m names.toml .".split()],
)
def test_nothing_is_written_onto_what_it_reads(
    tmp_path: Path,
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    place: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_model, tmp_path / "m")
    shutil.copy(llamaindex(tmp_path), "val.json")
    shutil.copy(NAMES, "names.toml")
    Path("a.trec").write_text("q0 Q0 p0 1 1.0 a\n", encoding="utf-8")
    Path("vectors").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    line = refused([*command.split(), "--out", place], capsys)
    assert "name another place" in line or "expected a new place" in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "judge",
    [
        lambda path: path.write_text("x", encoding="utf-8"),
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: None,
    ],
    ids=["a file", "empty", "a pipe", "gone"],
)
def test_no_judgements_are_one_line(tmp_path: Path, judge: Callable[[Path], object]) -> None:
    judge(tmp_path / "judgements")
    with pytest.raises(InputError, match="judgements: no judged queries; expected"):
        read_judgements(tmp_path / "judgements")


@pytest.mark.parametrize(
    "damage",
    [
        text("{}", "metrics.json"),
        text(DEEP, "metrics.json"),
        gone("metrics.json"),
        folder("metrics.json"),
        pipe("metrics.json"),
        text("", "per_query.jsonl"),
        gone("report.html"),
    ],
    ids=["emptied", "deep", "gone", "a folder", "a pipe", "rows", "report"],
)
def test_a_damaged_evaluation_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    run = tmp_path / "a.trec"
    run.write_text("q0 Q0 p0 1 1.0 a\n", encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["evaluate", "--dataset", llamaindex(tmp_path), "--out", out, "--run", f"a={run}"]
    assert main(list(map(str, arguments))) == 0
    damage(out)
    assert main(list(map(str, arguments))) == 0, capsys.readouterr().err
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8"))["systems"]["a"]


@pytest.mark.slow
def test_two_evaluations_at_once_leave_one(tmp_path: Path) -> None:
    run = tmp_path / "a.trec"
    run.write_text("q0 Q0 p0 1 1.0 a\n", encoding="utf-8")
    out = tmp_path / "out"
    given = ["--dataset", llamaindex(tmp_path), "--out", out, "--run", f"a={run}", "--json"]
    command = [sys.executable, "-m", "cvseeker", "evaluate", *map(str, given)]
    for _ in range(5):
        shutil.rmtree(out, ignore_errors=True)
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        told = [process.communicate(timeout=120) for process in running]
        assert {process.returncode for process in running} <= {0, 2}, told
        assert "Traceback" not in told[0][1] + told[1][1]
        printed = [json.loads(stdout) for stdout, _ in told if stdout]
        assert printed
        assert all(one == printed[0] for one in printed)
        assert not [path for path in tmp_path.iterdir() if path.name.endswith((".part", ".old"))]
