import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.collection import Collection
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.encoder import LocalEncoder

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "dev_queries.py"
NURSE, BAKER, WELDER = "nurse.txt", "baker.txt", "welder.txt"


@pytest.fixture
def benchmark() -> Any:
    return SimpleNamespace(**runpy.run_path(str(BENCHMARK)))


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Path, Path]:
    resumes, judgements = tmp_path / "resumes", tmp_path / "judgements"
    resumes.mkdir()
    (judgements / "qrels").mkdir(parents=True)
    for name, work in (
        (NURSE, "wards and intensive care at night"),
        (BAKER, "bread and sourdough"),
        (WELDER, "pipes and boilers"),
    ):
        text = f"Experience\n\nTen years of {work}. " + f"Taught others about {work}. " * 12
        (resumes / name).write_text(text, encoding="utf-8")
    queries = {"q1": "sourdough", "q2": "night shifts on wards"}
    (judgements / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": key, "text": text}) + "\n" for key, text in queries.items()),
        encoding="utf-8",
    )
    (judgements / "qrels" / "test.tsv").write_text(
        f"query-id\tcorpus-id\tscore\nq1\t{BAKER}\t3\nq1\t{WELDER}\t0\nq2\t{NURSE}\t2\n",
        encoding="utf-8",
    )
    return resumes, judgements


def test_search_at_its_best_is_at_least_search_as_shipped(
    benchmark: Any, judged: tuple[Path, Path], tiny_model: Path
) -> None:
    dataset, resume_of = benchmark.read_judged(*judged)
    collection = Collection.from_dataset(dataset, EvaluateSettings(), resume_of)
    bm25 = BM25Ranker(list(dataset.corpus.values()))
    encoder = LocalEncoder.from_name(str(tiny_model))
    results = benchmark.rank(collection, bm25, "base", encoder)
    assert list(results) == ["BM25", "base dense", "base late", "base search", "base best"]
    means = {name: benchmark.mean(result, "ndcg@10") for name, result in results.items()}
    assert means["BM25"] == 1.0
    assert means["base best"] >= max(means.values())
    rows = list(benchmark.table(results))
    assert len(rows) == 2 + len(results)
    assert rows[-1].startswith("| base: search at its best (")
    assert rows[-2].split(" | ")[5] == "+0.000 [+0.000, +0.000]"
    # Of three résumés all are among the first ten: what has a grade, 0 included, is not asked for.
    pairs = [line.split("\t")[:2] for line in benchmark.ungraded(results, dataset)]
    assert pairs == [["q1", NURSE], ["q2", BAKER], ["q2", WELDER]]


def test_grades_of_a_resume_that_is_not_there_are_refused(
    benchmark: Any, judged: tuple[Path, Path]
) -> None:
    resumes, judgements = judged
    (resumes / BAKER).unlink()
    with pytest.raises(SystemExit, match=r"'q1' names 'baker.txt'"):
        benchmark.read_judged(resumes, judgements)
