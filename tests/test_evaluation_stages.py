import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvseeker.core.errors import InputError
from cvseeker.core.settings import Settings
from cvseeker.evaluate import Systems, evaluate_files
from fake_embeddings import FakeEmbeddings, running_embeddings

PASSAGES = {
    f"p{at}": f"{word} and six years of it" for at, word in enumerate("Kafka Rust SQL".split())
}
QUERIES = {"q0": "who knows Kafka", "q1": "a Rust programmer", "q2": "SQL"}


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    with running_embeddings() as running:
        yield running


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "data.json"
    relevant = {f"q{at}": [f"p{at}"] for at in range(3)}
    content = {"corpus": PASSAGES, "queries": QUERIES, "relevant_docs": relevant, "mode": "text"}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def settings_for(server: FakeEmbeddings) -> Settings:
    return Settings().override("embedding", {"url": server.url, "price": 2.0})


def test_an_endpoint_is_announced_evaluated_and_asked_once(
    server: FakeEmbeddings, dataset: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    systems = Systems(remote=["mine-large"])
    for out, formats in (("one", ["html"]), ("two", ["html", "md", "json"])):
        result = evaluate_files(
            dataset,
            tmp_path / out,
            settings_for(server).override("evaluate", {"formats": formats}),
            systems=systems,
            announce=told.append,
        )
        (tmp_path / "one.cache").rename(tmp_path / "two.cache") if out == "one" else None
    assert result.counts["systems"] == ["bm25", "mine-large", "hybrid(mine-large)"]
    assert set(server.answered) == {*PASSAGES.values(), *QUERIES.values()}
    assert set(server.answered.values()) == {1}
    assert told[0].startswith("mine-large: 6 of 6 texts are sent to http://127.0.0.1")
    assert "$" in told[0]
    assert told[1] == "mine-large: all 6 texts are cached, nothing is sent"
    report = (tmp_path / "two" / "report.md").read_text(encoding="utf-8")
    assert "cvseeker evaluate --dataset data.json --openai mine-large --out DIR" in report
    analysis = json.loads((tmp_path / "two" / "analysis.json").read_text(encoding="utf-8"))
    assert set(analysis["test"]) == {"significance", "slices", "leakage", "copied"}


def test_a_finished_evaluation_is_not_made_again(
    server: FakeEmbeddings, dataset: Path, tmp_path: Path
) -> None:
    def evaluate(*models: str) -> bool:
        systems = Systems(remote=models)
        settings = settings_for(server)
        return evaluate_files(dataset, tmp_path / "out", settings, systems=systems).skipped

    assert [evaluate("a"), evaluate("a"), evaluate("a", "b")] == [False, True, False]


def test_a_run_made_elsewhere_stands_in_the_table(dataset: Path, tmp_path: Path) -> None:
    run = tmp_path / "elastic.trec"
    run.write_text("".join(f"q{at} Q0 p{at} 1 1.0 e\n" for at in range(3)), encoding="utf-8")
    systems = Systems(runs={"elastic": run})
    result = evaluate_files(dataset, tmp_path / "out", Settings(), systems=systems)
    assert (result.counts["systems"], result.counts["queries"]) == (["bm25", "elastic"], 3)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["systems"]["elastic"]["ndcg@10"] == 1.0
    run.write_text("q0 Q0 unknown 1 1.0 e\n", encoding="utf-8")
    with pytest.raises(InputError, match="unknown"):
        evaluate_files(dataset, tmp_path / "other", Settings(), systems=systems)
    assert not (tmp_path / "other").exists()
