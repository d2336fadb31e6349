from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.datasets.qrels import HEADER, qrels_line, read_qrels, read_trec_qrels

ids = st.text(max_size=8)


def test_no_header_is_needed_and_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes("q\u2028 1\tp1\t2\r\nq\u2028 1\tp2\t0\r\n\r\n".encode())
    assert read_qrels(path) == {"q\u2028 1": {"p1": 2, "p2": 0}}


@settings(max_examples=50)
@given(st.dictionaries(ids, st.dictionaries(ids, st.integers(-1, 9), min_size=1, max_size=4)))
def test_qrels_round_trip(
    tmp_path_factory: pytest.TempPathFactory, qrels: dict[str, dict[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("qrels") / "test.tsv"
    lines = [
        qrels_line(query_id, key, grade)
        for query_id, grades in qrels.items()
        for key, grade in grades.items()
    ]
    path.write_text("".join([HEADER, *lines]), encoding="utf-8", newline="")
    assert read_qrels(path) == qrels


def test_plain_ids_are_written_plainly() -> None:
    assert qrels_line("q1", "sales/jane doe.pdf", 2) == "q1\tsales/jane doe.pdf\t2\n"


def test_qrels_of_trec_are_read(tmp_path: Path) -> None:
    path = tmp_path / "qrels.txt"
    path.write_bytes(b"q1 0 p1 2\r\n\r\nq1\tQ0\tp2\t-1\n")
    assert read_trec_qrels(path) == {"q1": {"p1": 2, "p2": -1}}
