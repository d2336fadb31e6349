"""Tables of résumés (CSV, TSV, JSON lines, Parquet): one document a row."""

import csv
import io
import re
import sys
from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from math import isnan
from statistics import mean, median
from typing import Any

from cvseeker.resumes.readers.base import Document, ReadError
from cvseeker.resumes.readers.fields import Fields, is_list_of_objects, role_of, tells
from cvseeker.resumes.readers.html import is_markup, plain
from cvseeker.resumes.readers.structured import resume_text

_MAX_COLUMNS = 2000
_SAMPLE_ROWS = 200
_DELIMITERS = ",;\t|"
# A text column has at least this many words a cell; names, titles and cities have fewer.
_MIN_WORDS = 8
# Columns with this share of the longest column's words are parts of the résumé too.
_PART_SHARE = 0.1
_LABEL_LENGTH = 80
_PRINTED = re.compile(r"\[|b['\"]")
_LONGEST_PRINTED = 100_000
_ABSENT = frozenset(("null", "none", "nan", "n/a", "#n/a"))
_LONGEST_HEADING = 60
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=([,;|\t])[ \t]*\r?\n", re.IGNORECASE)
# After a quote that ends a cell comes the next cell, or the next line.
_BACKSLASH_QUOTE = re.compile(r'[^\\\n]\\"(?![",;|\t\r\n]|\Z)')
_ESCAPED = re.compile(r'\\([\\"nrt])')
_ESCAPES = {'"': '""', "n": "\n", "r": "", "t": "\t", "\\": "\\"}
_EXCEL_TEXT = re.compile(r'="[^"]*"')
_ID_NAME = re.compile(r"(?:^|_|\b)(?:id|uuid|guid|key|index)$|^(?:id|uuid)", re.IGNORECASE)
_WORD = re.compile(r"\w+")

Rows = Sequence[Mapping[str, str]]


def read_delimited(text: str) -> list[Document]:
    """Read a table of one column, or of several that commas, semicolons, tabs or bars part."""
    text, delimiter = _prepare(text)
    # The widest limit that the csv module takes on every platform; a résumé may fill a field.
    narrower = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        if _is_one_column(text):
            lines = text.split("\n") if _is_bare_column(text) else ()
            rows = [[line] for line in lines] or list(csv.reader(io.StringIO(text, newline="")))
        else:
            delimiter = delimiter or _find_delimiter(text)
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ReadError(f"damaged table: {error}") from error
    finally:
        csv.field_size_limit(narrower)
    rows = [[_mend_cell(cell) for cell in row] for row in rows if any(row)]
    columns = max(map(len, rows), default=0)
    if columns > _MAX_COLUMNS:
        raise ReadError(f"a table of {columns:,} columns; expected at most {_MAX_COLUMNS:,}")
    names, body = _split_header(rows)
    return read_rows([dict(zip(names, row, strict=False)) for row in body])


def is_delimited(text: str) -> bool:
    """Tell a table by its lines: at least two, with the same number of columns."""
    text, delimiter = _prepare(text)
    return bool(delimiter) or _is_one_column(text) or _columns_with(text, _find_delimiter(text)) > 1


def _prepare(text: str) -> tuple[str, str]:
    """Return a table as the csv module knows it, and the delimiter that Excel wrote above it."""
    text = text.replace("\0", "")
    mark = _SEPARATOR_LINE.match(text)
    text = text[mark.end() :] if mark else text
    # A quote within a quoted cell is doubled; MySQL and others put a backslash before it.
    if _BACKSLASH_QUOTE.search(text):
        text = _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[0]), text)
    return text, mark[1] if mark else ""


def _is_one_column(text: str) -> bool:
    """Tell a heading and below it quoted cells, or lines that are each a résumé."""
    heading, _, rest = text.lstrip("\ufeff\r\n").partition("\n")
    if not 0 < len(heading.strip()) <= _LONGEST_HEADING or any(map(heading.count, _DELIMITERS)):
        return False
    return (rest.startswith('"') and _widths(text, ",") == {1}) or _is_bare_column(text)


def _is_bare_column(text: str) -> bool:
    heading, *lines = [line.strip() for line in text.split("\n", 200) if line.strip()] or [""]
    return (
        role_of(heading, "") == "body"
        and bool(lines)
        and all(len(_WORD.findall(line)) >= _MIN_WORDS and line[0] != '"' for line in lines)
    )


def _widths(text: str, delimiter: str) -> set[int]:
    reader = csv.reader(io.StringIO(text[:500_000], newline=""), delimiter=delimiter)
    try:
        return {len(row) for row in islice(reader, 50) if row}
    except csv.Error:
        return set()


def _mend_cell(cell: str) -> str:
    """Undo what Excel and printing programs do to a cell."""
    if _EXCEL_TEXT.fullmatch(cell):
        cell = cell[2:-1]
    cell = cell.replace("_x000D_", "")
    if "\n" not in cell and cell.count("\\n") > 1:
        cell = cell.replace("\\r", "").replace("\\n", "\n").replace("\\t", "\t")
    return cell


def read_parquet(data: bytes) -> list[Document]:
    """Read a Parquet table."""
    # Importing pyarrow takes seconds: what does not even end as it should is refused before.
    footer = int.from_bytes(data[-8:-4], "little")
    if not data.endswith(b"PAR1") or not 0 < footer < len(data):
        raise ReadError("truncated or damaged Parquet file")
    import pyarrow as arrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(data))
        rows = table.to_pylist()
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise ReadError("truncated or damaged Parquet file") from error
    return read_rows(rows)


def read_rows(rows: Sequence[Fields], *, notes: tuple[str, ...] = ()) -> list[Document]:
    """Make a document of each row, of the columns that tell of the candidate."""
    if not rows:
        raise ReadError("a table without rows")
    flat = [flatten(row) for row in rows]
    sample = list(islice((row for row in flat if any(row.values())), _SAMPLE_ROWS))
    names = list(dict.fromkeys(name for row in sample for name in row))
    texts = _text_columns(sample, names)
    nested = {
        str(name)
        for row in rows[:_SAMPLE_ROWS]
        for name, value in row.items()
        if isinstance(value, Mapping) or is_list_of_objects(value)
    }
    told = [name for name in names if name in texts or name in nested or tells(name)]
    if not texts and _mean_words(sample, *told) < _MIN_WORDS:
        raise ReadError(
            f"a table without a column of text (columns: {', '.join(names)[:80]}); "
            f"expected at least {_MIN_WORDS} words a cell"
        )
    id_name = _id_column(flat, [name for name in names if name not in texts])
    labels = [
        name
        for name in names
        if name not in texts
        and name != id_name
        and _typical_length(sample, name) <= _LABEL_LENGTH
        and name not in nested
    ]
    return list(_documents(rows, flat, texts, told, id_name, labels, notes))


def flatten(row: Fields) -> dict[str, str]:
    """Return a row's values as text; lists become comma lists, absent values empty."""
    return {str(name): _as_text(value) for name, value in row.items()}


def _documents(
    rows: Sequence[Fields],
    flat: Rows,
    texts: list[str],
    told: list[str],
    id_name: str | None,
    labels: list[str],
    notes: tuple[str, ...],
) -> Iterator[Document]:
    # One column of text with an unknown name is the whole résumé.
    whole = {name: "text" for name in texts if len(texts) == 1 and not tells(name)}
    for number, (row, plain_row) in enumerate(zip(rows, flat, strict=True), start=1):
        kept = {whole.get(name, name): _cell(row[name]) for name in told if name in row}
        if not (text := resume_text(kept)):
            continue
        metadata = {name: value for name in labels if (value := plain_row.get(name, "").strip())}
        row_id = plain_row.get(id_name, "").strip() if id_name else ""
        yield Document(text, row_id or str(number), metadata, notes)


def _cell(value: Any) -> Any:
    """Return a cell's value; a list or bytes that Python printed into it are these again."""
    if not isinstance(value, str) or not _PRINTED.match(value) or len(value) > _LONGEST_PRINTED:
        return value
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        meant = literal_eval(value.strip())
        return meant.decode("utf-8", "replace") if isinstance(meant, bytes) else list(meant)
    return value


def _find_delimiter(text: str) -> str:
    best = max(_DELIMITERS, key=lambda mark: _columns_with(text, mark))
    if _columns_with(text, best) > 1:
        return best
    # The rows disagree: the header decides.
    return max(_DELIMITERS, key=text.lstrip().split("\n", 1)[0].count)


def _columns_with(text: str, delimiter: str) -> float:
    """Return the columns that the first rows agree on, 0 where they do not."""
    reader = csv.reader(io.StringIO(text[:500_000], newline=""), delimiter=delimiter)
    try:
        widths = [len(row) for row in islice(reader, 50) if row]
    except csv.Error:
        return 0
    if len(text) > 500_000 and len(widths) > 2:
        widths.pop()
    if len(widths) < 2:
        return 0
    usual = max(set(widths), key=widths.count)
    agreeing = widths.count(usual) / len(widths)
    return usual * agreeing if agreeing > 0.6 else 0


def _split_header(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Part the header from the rows; without one, columns are numbered."""
    # A title and a date may stand above the header.
    while len(rows) > 2 and _filled(rows[0]) == 1 < median(map(_filled, rows[1:50])):
        rows = rows[1:]
    width = max(map(len, rows), default=0)
    first = [cell.strip() for cell in rows[0]] if rows else []
    is_header = (
        len(rows) > 1
        and all(len(cell) <= 60 and "\n" not in cell for cell in first)
        and len(set(filter(None, first))) == len(list(filter(None, first)))
        and not any(cell.replace(".", "").isdigit() for cell in first)
    )
    names = first if is_header else []
    names = [name or f"column {position}" for position, name in enumerate(names, start=1)]
    names += [f"column {position}" for position in range(len(names) + 1, width + 1)]
    return names, rows[1:] if is_header else rows


def _filled(row: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _text_columns(sample: Rows, names: list[str]) -> list[str]:
    """Return the columns of résumé text in order; a second version of one counts once."""
    words = {name: _mean_words(sample, name) for name in names}
    longest = max(words.values(), default=0.0)
    floor = max(_MIN_WORDS, _PART_SHARE * longest)
    # Plain text before markup, then the longer first: the version kept is the cleanest.
    candidates = sorted(
        (name for name in names if words[name] >= floor),
        key=lambda name: (_is_markup(sample, name), -words[name]),
    )
    kept: list[str] = []
    for name in candidates:
        is_section = role_of(name, "") not in ("", "drop", "body")
        if is_section or not any(_same_content(sample, name, other) for other in kept):
            kept.append(name)
    return sorted(kept, key=names.index)


def _mean_words(sample: Rows, *names: str) -> float:
    cells = [" ".join(plain(row.get(name, "")) for name in names) for row in sample[:50]]
    return mean(len(_WORD.findall(cell)) for cell in cells) if cells else 0.0


def _is_markup(sample: Rows, name: str) -> bool:
    return sum(is_markup(row.get(name, "")) for row in sample) > len(sample) / 2


def _same_content(sample: Rows, name: str, other: str) -> bool:
    """Tell whether a column repeats another: most of its words stand there too, row by row."""
    shares = []
    for row in sample[:20]:
        words = set(_WORD.findall(plain(row.get(name, "")).lower()))
        if words:
            others = set(_WORD.findall(plain(row.get(other, "")).lower()))
            shares.append(len(words & others) / len(words))
    return bool(shares) and mean(shares) > 0.7


def _id_column(rows: Rows, names: list[str]) -> str | None:
    """Return the column of short values that differ in every row, by name if several."""
    unique = []
    for name in names:
        values = [row.get(name, "").strip() for row in rows]
        if all(values) and len(set(values)) == len(values) and max(map(len, values)) <= 64:
            unique.append(name)
    named = [name for name in unique if _ID_NAME.search(name.strip())]
    if named:
        return named[0]
    bare = [name for name in unique if all(" " not in row.get(name, "") for row in rows)]
    return bare[0] if bare and len(rows) > 1 else None


def _typical_length(sample: Rows, name: str) -> float:
    lengths = [len(value) for row in sample if (value := row.get(name, ""))]
    return mean(lengths) if lengths else 0.0


def _as_text(value: object) -> str:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, str):
        return "" if value.strip().lower() in _ABSENT else value
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_as_text, value)))
    if isinstance(value, dict):
        return ", ".join(filter(None, map(_as_text, value.values())))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
