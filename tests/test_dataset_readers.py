import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from cvseeker.core.datasets import read_dataset
from cvseeker.core.errors import InputError
from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.run import run_systems
from cvseeker.evaluate.trec import with_run_ids

CORPUS = [
    {"_id": "d1", "title": "Nurse", "text": "nights in intensive care"},
    {"_id": "d2", "title": "", "text": "pastry chef"},
]
QUERIES = [{"_id": "q1", "text": "night nurse"}, {"_id": "q2", "text": "cakes"}]
QRELS = [
    {"query-id": "q1", "corpus-id": "d1", "score": 2.0},
    {"query-id": "q2", "corpus-id": "d2", "score": 0.0},
]


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


LAYOUTS = [
    ("corpus/corpus-0.parquet", "queries/queries-0.parquet", "default/test-0.parquet"),
    ("corpus/test.jsonl", "queries/test.jsonl", "qrels/test.jsonl"),
    ("corpus.jsonl", "queries.jsonl", "qrels/test.jsonl"),
    ("corpus.parquet", "queries.parquet", "data/test-00000-of-00001.parquet"),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout[2] for layout in LAYOUTS])
def test_mteb_is_read(tmp_path: Path, layout: tuple[str, str, str]) -> None:
    for name, rows in zip(layout, (CORPUS, QUERIES, QRELS), strict=True):
        write_table(tmp_path / name, rows)
    # Another split, of queries that nobody asks here.
    write_table(tmp_path / Path(layout[2]).with_name("train-0.jsonl"), [{"query-id": "x"}])
    dataset = read_dataset(tmp_path)
    assert dataset.corpus == {"d1": "Nurse\nnights in intensive care", "d2": "pastry chef"}
    assert dataset.queries == {"q1": "night nurse"}
    assert dataset.qrels == {"q1": {"d1": 2}}


def write_trec(folder: Path) -> None:
    (folder / "topics.tsv").write_text("q1\tnight nurse\nq2\tcakes\n", encoding="utf-8")
    (folder / "qrels.txt").write_text("q1 0 d1 2\nq1 0 d2 0\nq2\t0\td2\t1\n", encoding="utf-8")
    (folder / "corpus.tsv").write_text("d1\tnurse at night\nd2\tpastry\n", encoding="utf-8")


def test_trec_is_read(tmp_path: Path) -> None:
    write_trec(tmp_path)
    dataset = read_dataset(tmp_path)
    assert dataset.corpus == {"d1": "nurse at night", "d2": "pastry"}
    assert dataset.queries == {"q1": "night nurse", "q2": "cakes"}
    assert dataset.qrels == {"q1": {"d1": 2, "d2": 0}, "q2": {"d2": 1}}
    assert dataset.has_texts


def test_runs_are_evaluated_by_qrels_alone(tmp_path: Path) -> None:
    write_trec(tmp_path)
    (tmp_path / "corpus.tsv").unlink()
    run = tmp_path / "theirs.trec"
    run.write_text("q1 Q0 d7 1 9 x\nq1 Q0 d1 2 8 x\n", encoding="utf-8")
    for path in (tmp_path, tmp_path / "qrels.txt"):
        dataset = with_run_ids(read_dataset(path), [run])
        settings = EvaluateSettings()
        results = run_systems(dataset, {}, settings=settings, runs={"theirs": run})
        assert list(results) == ["theirs"]
        assert results["theirs"].per_query["q1"]["mrr@10"] == 0.5
        assert results["theirs"].per_query["q2"]["mrr@10"] == 0.0
    with pytest.raises(InputError, match="no texts of passages for 'base'"):
        run_systems(dataset, {"base": None}, settings=settings)
