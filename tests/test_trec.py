from pathlib import Path

import ir_measures
import pytest
from ir_measures import nDCG

from cvseeker.evaluate.trec import read_run, run_file_name, write_run


def test_a_run_is_read_by_other_tools(tmp_path: Path) -> None:
    path = tmp_path / "bm25.trec"
    write_run(path, {"q1": [("p2", 2.5), ("p1", 1.25)], "q2": []}, system="bm25")
    assert path.read_text() == "q1 Q0 p2 1 2.5 bm25\nq1 Q0 p1 2 1.25 bm25\n"
    run = list(ir_measures.read_trec_run(str(path)))
    assert ir_measures.calc_aggregate([nDCG @ 10], {"q1": {"p2": 1}}, run) == {nDCG @ 10: 1.0}


def test_white_space_in_names_does_not_break_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.trec"
    write_run(path, {"q 1": [("jane doe\u2028.pdf", 0.1)]}, system="my model")
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert line.split() == ["q%201", "Q0", "jane%20doe%E2%80%A8.pdf", "1", "0.1", "my%20model"]


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("bm25", "bm25.trec"),
        ("hybrid(tuned)", "hybrid(tuned).trec"),
        ("a/b c", "a%2Fb%20c.trec"),
        ("../up", "..%2Fup.trec"),
    ],
)
def test_file_names_are_safe(system: str, name: str) -> None:
    assert run_file_name(system) == name


def test_a_long_path_still_makes_a_file_name(tmp_path: Path) -> None:
    one, other = f"/{'é' * 200}/model", f"/{'é' * 201}/model"
    assert run_file_name(one) != run_file_name(other)
    write_run(tmp_path / run_file_name(one), {}, system=one)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    run = {"q 1": [("jane doe.pdf", 2.5), ("a%20b", 1.25)], "q2": [("a%20b", -0.5)]}
    path = tmp_path / "a.trec"
    write_run(path, run, system="my model")
    ids = ["jane doe.pdf", "a%20b", "other"]
    assert read_run(path, query_ids=["q 1", "q2", "q3"], candidate_ids=ids) == run


def test_scores_decide_and_not_ranks(tmp_path: Path) -> None:
    path = tmp_path / "a.trec"
    path.write_text("q Q0 a 1 0.5 x\nq Q0 b 2 0.9 x\nq Q0 c 3 0.5 x\n")
    found = read_run(path, query_ids=["q"], candidate_ids=["a", "b", "c"])
    assert [key for key, _ in found["q"]] == ["b", "a", "c"]
