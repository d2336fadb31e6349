"""Which passages answer which query, in BEIR's table and in TREC's."""

import csv
from collections.abc import Iterator
from pathlib import Path

from cvseeker.core.errors import DatasetError
from cvseeker.core.named_files import read_lines
from cvseeker.core.stage_settings import MOST

Qrels = dict[str, dict[str, int]]
"""Query id → passage or résumé id → grade; a grade above 0 is relevant."""

HEADER = "query-id\tcorpus-id\tscore\n"


def read_qrels(path: Path) -> Qrels:
    """Read BEIR's ``query-id<TAB>corpus-id<TAB>score`` file."""
    qrels: Qrels = {}
    for query_id, passage_id, grade in iterate_qrels(path):
        grade_once(qrels, query_id, passage_id, grade, where=path)
    return qrels


def grade_once(qrels: Qrels, query_id: str, passage_id: str, grade: int, *, where: object) -> None:
    """Add a grade, and refuse another one of the same passage."""
    first = qrels.setdefault(query_id, {}).setdefault(passage_id, grade)
    if first != grade:
        raise DatasetError(
            f"{where}: {passage_id!r} stands twice for query {query_id!r}, with grades {first} and "
            f"{grade}; expected one grade"
        )


def read_trec_qrels(path: Path) -> Qrels:
    """Read TREC's ``query-id 0 id grade`` file, its columns separated by white space."""
    qrels: Qrels = {}
    for number, line in enumerate(read_lines(path, "TREC's qrels"), start=1):
        if not line.strip():
            continue
        try:
            query_id, _, passage_id, grade = line.split()
            value = whole_grade(grade)
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected query-id, 0, id and a whole-number grade, "
                f"separated by spaces; got {line.strip()[:60]!r}"
            ) from None
        grade_once(qrels, query_id, passage_id, value, where=f"{path}, line {number}")
    return qrels


def whole_grade(score: object) -> int:
    """Return a grade; ``ValueError`` where it is no whole number of a million at most."""
    # Tables written by programs that know no whole numbers say "1.0".
    grade = float(score) if isinstance(score, str) else score
    if not isinstance(grade, int | float) or not abs(grade) <= MOST or grade != int(grade):
        raise ValueError(score)
    return int(grade)


def iterate_qrels(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield query id, passage id and grade of BEIR's file, line by line."""
    lines = read_lines(path, "qrels: query-id, corpus-id and score, separated by tabs")
    rows = csv.reader(lines, dialect="excel-tab", strict=True)
    try:
        for number, columns in enumerate(rows, start=1):
            if columns and not (number == 1 and columns[-1].strip() == "score"):
                yield _read_row(path, number, columns)
    except csv.Error as error:
        raise DatasetError(f"{path}: expected a table in UTF-8, by tabs ({error})") from error


def qrels_line(query_id: str, passage_id: str, grade: int) -> str:
    """Return one line of BEIR's file, with its end."""
    return f"{_column(query_id)}\t{_column(passage_id)}\t{grade}\n"


def _read_row(path: Path, number: int, columns: list[str]) -> tuple[str, str, int]:
    try:
        query_id, passage_id, grade = columns
        return query_id, passage_id, whole_grade(grade)
    except ValueError:
        line = "\t".join(columns)
        raise DatasetError(
            f"{path}, line {number}: expected query-id, corpus-id and a whole-number score, "
            f"separated by tabs; got {line[:60]!r}"
        ) from None


def _column(text: str) -> str:
    """Quote an id that holds a tab, a line end or a quote, as BEIR's reader expects it."""
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(letter in '\t\r\n"' for letter in text) else text
