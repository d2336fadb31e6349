"""Which passages answer which query, in BEIR's table."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from cvseeker.errors import DatasetError
from cvseeker.files import write_text

Qrels = dict[str, dict[str, int]]
"""Query id → passage or résumé id → grade; a grade above 0 is relevant."""


def read_qrels(path: Path) -> Qrels:
    """Read BEIR's ``query-id<TAB>corpus-id<TAB>score`` file.

    Raises
    ------
    DatasetError
        If the file is no table in UTF-8, or a line has another number of columns or a grade that
        is no whole number.
    """
    qrels: Qrels = {}
    try:
        table = io.StringIO(path.read_bytes().decode("utf-8"), newline="")
        rows = list(csv.reader(table, dialect="excel-tab", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: expected a table in UTF-8, by tabs ({error})") from error
    for number, columns in enumerate(rows, start=1):
        if not columns or (number == 1 and columns[-1].strip() == "score"):
            continue
        try:
            query_id, passage_id, grade = columns
            qrels.setdefault(query_id, {})[passage_id] = int(grade)
        except ValueError:
            line = "\t".join(columns)
            raise DatasetError(
                f"{path}, line {number}: expected query-id, corpus-id and a whole-number score, "
                f"separated by tabs; got {line[:60]!r}"
            ) from None
    return qrels


def write_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> None:
    """Write what :func:`read_qrels` reads."""
    rows = [
        f"{_column(query_id)}\t{_column(key)}\t{grade}\n"
        for query_id, grades in qrels.items()
        for key, grade in grades.items()
    ]
    write_text(path, "".join(["query-id\tcorpus-id\tscore\n", *rows]))


def _column(text: str) -> str:
    """Quote an id that holds a tab, a line end or a quote, as BEIR's reader expects it."""
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(letter in '\t\r\n"' for letter in text) else text
