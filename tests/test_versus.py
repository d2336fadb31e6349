import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import InputError
from cvseeker.evaluate import compare_evaluations

SCORES = {"bm25": [0.5] * 40, "tuned": [0.2, 0.6] * 20}


def evaluation(folder: Path, scores: Mapping[str, list[float]], **changed: Any) -> Path:
    """Write an evaluation whose systems have these values of every metric."""
    folder.mkdir()
    rows = [
        {
            "set": "test",
            "query_id": f"q{at}",
            "text": f"query {at} <b>",
            "kind": "",
            "relevant": {f"p{at}": 1},
            "systems": {
                name: {"ndcg@10": row[at], "accuracy@5": row[at], "rank": 1, "top": "p"}
                for name, row in scores.items()
            },
        }
        for at in range(len(next(iter(scores.values()))))
    ]
    rows[0] |= changed
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "per_query.jsonl").write_text(lines, encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps({"systems": {}}), encoding="utf-8")
    return folder


def test_a_gain_is_told_apart_from_no_change(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "a", SCORES)
    second = evaluation(tmp_path / "b", {**SCORES, "tuned": [0.5, 0.9] * 20, "new": [1.0] * 40})
    (one,) = compare_evaluations(first, second).sets
    told = {(row.system, row.metric): row for row in one.systems}
    tuned = told["tuned", "ndcg@10"]
    assert (tuned.first_mean, tuned.second_mean) == pytest.approx((0.4, 0.7))
    assert (tuned.low, tuned.high) == pytest.approx((0.3, 0.3))
    assert tuned.outcome == "better"
    # Four tests: the smallest p-value that 10,000 swaps give, times four.
    assert tuned.p_value == pytest.approx(4 / 10_001)
    assert told["bm25", "ndcg@10"].p_value == 1
    assert (one.only_first, one.only_second, one.groups) == ((), ("new",), 40)
    assert {row.system for row in one.changed} == {"tuned"}
    assert "better in the second: Vectors alone, tuned +0.300" in one.sentence()


def test_an_evaluation_against_itself_changes_nothing(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "a", SCORES)
    (one,) = compare_evaluations(first, first).sets
    assert not one.changed
    assert "no evidence that any system differs" in one.sentence()


def test_queries_with_one_answer_count_once(tmp_path: Path) -> None:
    better = {**SCORES, "tuned": [0.9] * 40}
    folders = [evaluation(tmp_path / name, rows) for name, rows in (("a", SCORES), ("b", better))]
    for folder in folders:
        path = folder / "per_query.jsonl"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        lines = [json.dumps(row | {"relevant": {f"p{at % 3}": 1}}) for at, row in enumerate(rows)]
        path.write_text("\n".join(lines), encoding="utf-8")
    (one,) = compare_evaluations(*folders).sets
    assert one.groups == 3
    assert {row.outcome for row in one.systems} == {"within noise"}


def test_it_is_printed_in_every_format(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "a", SCORES)
    versus = compare_evaluations(
        first, evaluation(tmp_path / "b", {**SCORES, "tuned": [0.5, 0.9] * 20})
    )
    content = json.loads(json.dumps(versus.to_dict()))
    assert content["sets"][0]["systems"][2]["difference"] == pytest.approx(0.3)
    assert content["sets"][0]["systems"][2]["outcome"] == "better"
    assert list(content["sets"][0]["systems"][2]) == [
        "system",
        "metric",
        "first_mean",
        "second_mean",
        "low",
        "high",
        "p_value",
        "difference",
        "outcome",
    ]
    markdown, page = versus.markdown(), versus.page()
    for text in (markdown, page):
        assert "0.400 → 0.700" in text
        assert "p-values are corrected" in text
        assert "Keyword search (BM25)" in text
        assert "bm25" not in text
        assert "<b>" not in text.replace("\\<b\\>", "")
    assert "http" not in page


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"query_id": "other"}, "no query 'q0', which the other evaluation has"),
        ({"text": "another"}, "query 'q0' is another text than in"),
        ({"set": "handwritten"}, "query sets handwritten, test; expected those of"),
        ({"systems": {}}, "no system that"),
    ],
)
def test_what_cannot_be_paired_is_refused(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    first = evaluation(tmp_path / "a", SCORES)
    with pytest.raises(InputError, match=message):
        compare_evaluations(first, evaluation(tmp_path / "b", SCORES, **changed))
