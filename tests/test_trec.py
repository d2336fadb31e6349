from pathlib import Path

import ir_measures
import pytest
from ir_measures import nDCG

from cvseeker.evaluate.trec import run_file_name, write_run


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
