"""Tables of résumés (CSV, TSV, JSON lines, Parquet): one document a row."""

import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import isnan
from statistics import mean
from typing import Any

from cvseeker.resumes.readers.base import Document, ReadError
from cvseeker.resumes.readers.html import html_to_text

_MAX_COLUMNS = 2000
_SAMPLE_ROWS = 200
_DELIMITERS = ",;\t|"
# A text column has at least this many words a cell; names, titles and cities have fewer.
_MIN_WORDS = 8
# Columns with this share of the longest column's words are parts of the résumé too.
_PART_SHARE = 0.1
_LABEL_LENGTH = 80
_MARKUP = re.compile(
    r"<\s*(?:!doctype|html|body|div|p|span|br|table|ul|li|b|h\d)\b[^>]*>", re.IGNORECASE
)
_ID_NAME = re.compile(r"(?:^|_|\b)(?:id|uuid|guid|key|index)$|^(?:id|uuid)", re.IGNORECASE)
_WORD = re.compile(r"\w+")

Rows = Sequence[Mapping[str, str]]


def read_delimited(text: str) -> list[Document]:
    """Read a table whose columns are parted by commas, semicolons, tabs or bars."""
    text = text.replace("\0", "")
    # The widest limit that the csv module takes on every platform; a résumé may fill a field.
    narrower = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        delimiter = _find_delimiter(text)
        rows = list(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)))
    except csv.Error as error:
        raise ReadError(f"damaged table: {error}") from error
    finally:
        csv.field_size_limit(narrower)
    columns = max(map(len, rows), default=0)
    if columns > _MAX_COLUMNS:
        raise ReadError(f"a table of {columns:,} columns; expected at most {_MAX_COLUMNS:,}")
    names, body = _split_header(rows)
    return read_rows([dict(zip(names, row, strict=False)) for row in body])


def is_delimited(text: str) -> bool:
    """Tell a table by its lines: at least three, with the same number of columns."""
    return _columns_with(text, _find_delimiter(text)) > 1


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
    return read_rows([flatten(row) for row in rows])


def flatten(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row's values as text; lists become comma lists, absent values empty."""
    return {str(name): _as_text(value) for name, value in row.items()}


def read_rows(rows: Rows) -> list[Document]:
    """Find the columns that hold text, id and labels, and make a document of each row."""
    if not rows:
        raise ReadError("a table without rows")
    sample = list(islice((row for row in rows if any(row.values())), _SAMPLE_ROWS))
    names = list(dict.fromkeys(name for row in sample for name in row))
    texts = _text_columns(sample, names)
    if not texts:
        raise ReadError(
            f"a table without a column of text (columns: {', '.join(names)[:80]}); "
            f"expected at least {_MIN_WORDS} words a cell"
        )
    id_name = _id_column(rows, [name for name in names if name not in texts])
    labels = [
        name
        for name in names
        if name not in texts and name != id_name and _typical_length(sample, name) <= _LABEL_LENGTH
    ]
    return list(_documents(rows, texts, id_name, labels))


def _documents(
    rows: Rows, texts: list[str], id_name: str | None, labels: list[str]
) -> Iterator[Document]:
    for number, row in enumerate(rows, start=1):
        parts = {name: _plain(row.get(name, "")) for name in texts}
        filled = {name: part for name, part in parts.items() if part}
        if not filled:
            continue
        alone = len(texts) == 1
        text = "\n\n".join(
            part if alone else f"{_heading(name)}\n{part}" for name, part in filled.items()
        )
        metadata = {name: value for name in labels if (value := row.get(name, "").strip())}
        row_id = row.get(id_name, "").strip() if id_name else ""
        yield Document(text, row_id or str(number), metadata)


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
        if not any(_same_content(sample, name, other) for other in kept):
            kept.append(name)
    return sorted(kept, key=names.index)


def _mean_words(sample: Rows, name: str) -> float:
    cells = [_plain(row.get(name, "")) for row in sample[:50]]
    return mean(len(_WORD.findall(cell)) for cell in cells) if cells else 0.0


def _is_markup(sample: Rows, name: str) -> bool:
    return sum(bool(_MARKUP.search(row.get(name, "")[:2000])) for row in sample) > len(sample) / 2


def _same_content(sample: Rows, name: str, other: str) -> bool:
    """Tell whether a column repeats another: most of its words stand there too, row by row."""
    shares = []
    for row in sample[:20]:
        words = set(_WORD.findall(_plain(row.get(name, "")).lower()))
        if words:
            others = set(_WORD.findall(_plain(row.get(other, "")).lower()))
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


def _heading(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _plain(cell: str) -> str:
    return html_to_text(cell) if _MARKUP.search(cell[:2000]) else cell.strip()


def _as_text(value: object) -> str:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_as_text, value)))
    if isinstance(value, dict):
        return ", ".join(filter(None, map(_as_text, value.values())))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
