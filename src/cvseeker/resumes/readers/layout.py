"""From the pieces of a PDF page, by their places, to lines in reading order.

PDF programs join what stands side by side, so that two columns come out interleaved. Here a
vertical band without ink parts columns, tables are read cell by cell, and what remains is read row
by row. Coordinates are PDF points; y grows upwards.
"""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import inf
from statistics import median
from typing import Literal

import numpy as np

from cvseeker.resumes.readers.bidi import is_leftward, reading_order
from cvseeker.resumes.readers.pieces import Boxes, Codes, Piece, find_pieces
from cvseeker.resumes.readers.rows import (
    Row,
    group_bands,
    group_rows,
    join_row,
    read_rows,
    read_table,
    row_length,
    row_steps,
)

# A gutter is at least this wide; so are the margins between the cells of a table.
_GUTTER_POINTS = 6.0
_MIN_COLUMN_ROWS = 3
# A full page has some 200 pieces; a page of single letters is no place to look for columns.
_MAX_PIECES = 3000
# Cells up to this length are dates, places or labels rather than wrapped text.
_SHORT_CELL = 25
# A section's heading with the title, employer and dates below it.
_MAX_HEADING_ROWS = 4

_Kind = Literal["columns", "labels", "table"]


@dataclass(frozen=True, slots=True)
class _Gutter:
    """A band without ink between two columns, and what stands around it."""

    above: list[Piece]
    left: list[Piece]
    right: list[Piece]
    below: list[Piece]
    kind: _Kind

    @property
    def size(self) -> int:
        """Number of pieces beside it."""
        return len(self.left) + len(self.right)


def page_text(codes: Codes, boxes: Boxes, typed: list[Piece] | None = None) -> str:
    """Return a page's text in reading order, a tab where a row has a wide gap.

    Shapes: codes (n,), code points in the order of the file; boxes (n, 4), the left, bottom, right
    and top of each character's cell. ``typed`` is what a person filled into the page.
    """
    pieces = find_pieces(codes, boxes)
    pieces += [replace(piece, order=_place_typed(piece, pieces)) for piece in typed or []]
    leftward = is_leftward(" ".join(piece.text for piece in pieces))
    pieces = [replace(piece, text=reading_order(piece.text, leftward=leftward)) for piece in pieces]
    if leftward:
        # Its columns and lines begin at the right.
        pieces = [replace(piece, left=-piece.right, right=-piece.left) for piece in pieces]
    lines = _read_region(pieces)
    return "\n".join(lines).strip("\n")


def _place_typed(piece: Piece, pieces: list[Piece]) -> float:
    """Return a place behind the label that stands before a field, or else above it."""
    labels = [label for label in pieces if label.middle > piece.bottom and label.left < piece.right]
    below = [(max(label.bottom - piece.top, 0), piece.left - label.left) for label in labels]
    nearest = min(zip(below, labels, strict=True), key=lambda pair: pair[0], default=None)
    return nearest[1].order + 0.5 if nearest else -1.0


def _read_region(pieces: list[Piece]) -> list[str]:
    """Return the lines of a part of a page, its columns one after the other."""
    gutter = _find_gutter(pieces)
    if gutter is None:
        return read_rows(pieces)
    lines = [*_read_region(gutter.above), ""]
    if gutter.kind == "labels":
        lines += _read_labelled(gutter.left, gutter.right)
    elif gutter.kind == "table":
        lines += read_table([*gutter.left, *gutter.right])
    else:
        first, second = gutter.left, gutter.right
        if _has_title(second, first):
            first, second = second, first
        lines += [*_read_region(first), "", *_read_region(second)]
    return [*lines, "", *_read_region(gutter.below)]


def _has_title(pieces: list[Piece], others: list[Piece]) -> bool:
    """Tell the column that begins with the largest letters: the candidate's name."""
    tallest = max(pieces, key=lambda piece: piece.height)
    ceiling = max(piece.top for piece in pieces)
    return (
        tallest.height > 1.3 * max(piece.height for piece in others)
        and tallest.top > ceiling - 2 * tallest.height
    )


def _find_gutter(pieces: list[Piece]) -> _Gutter | None:
    """Find the gutter with the most text beside it; columns come before labels."""
    if not 2 * _MIN_COLUMN_ROWS <= len(pieces) <= _MAX_PIECES:
        return None
    edges = Counter(round(piece.left) for piece in pieces)
    leftmost = min(edges)
    candidates = {
        edge
        for edge in edges
        if edge > leftmost + _GUTTER_POINTS
        and sum(edges[edge + shift] for shift in (-1, 0, 1)) >= _MIN_COLUMN_ROWS
    }
    found = [gutter for edge in sorted(candidates) if (gutter := _gutter_at(pieces, edge - 1.5))]
    return max(found, key=lambda gutter: (gutter.kind != "labels", gutter.size), default=None)


def _gutter_at(pieces: list[Piece], x: float) -> _Gutter | None:
    """Look left of ``x`` for the tallest stretch of the page where nothing crosses the band."""
    crossing: list[Piece] = []
    beside: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: -piece.middle):
        crosses = piece.left < x and piece.right > x - _GUTTER_POINTS + 1.5
        (crossing if crosses else beside).append(piece)
    best: list[Piece] = []
    position = 0
    limits = [inf, *(piece.middle for piece in crossing), -inf]
    for ceiling, floor in pairwise(limits):
        start = position
        while position < len(beside) and beside[position].middle > floor:
            position += 1
        stretch = _trim(beside[start:position], x, ceiling, floor)
        if _both_sides(stretch, x) > _both_sides(best, x):
            best = stretch
    if _both_sides(best, x) < _MIN_COLUMN_ROWS:
        return None
    return _judge(pieces, best, x)


def _trim(stretch: list[Piece], x: float, ceiling: float, floor: float) -> list[Piece]:
    """Cut off a last line of the full-width text above, and the heading of the one below."""
    rows = group_rows(stretch)
    if len(rows) > 2 and all(piece.left < x for piece in rows[0]):
        first, second = rows[0][0].middle, rows[1][0].middle
        if first - second > 1.1 * (ceiling - first):
            rows = rows[1:]
    tail = 0
    while tail < len(rows) and all(piece.left < x for piece in rows[-1 - tail]):
        tail += 1
    if floor > -inf and 0 < tail <= _MAX_HEADING_ROWS and tail < len(rows):
        steps = row_steps(rows)
        widest = max(steps[-tail:])
        if widest > 1.2 * median(steps):
            rows = rows[: len(steps) - steps[::-1].index(widest)]
    return [piece for row in rows for piece in row]


def _both_sides(stretch: list[Piece], x: float) -> int:
    """Count the pieces on the poorer side, list marks left out."""
    left = sum(piece.left < x and not piece.is_bullet for piece in stretch)
    right = sum(piece.left >= x and not piece.is_bullet for piece in stretch)
    return min(left, right)


def _judge(pieces: list[Piece], stretch: list[Piece], x: float) -> _Gutter | None:
    """Tell columns from tables, from labels beside text, and from rows with dates at their end."""
    columns = _columns_of_file(stretch, x)
    if _both_sides(columns, x) >= _MIN_COLUMN_ROWS:
        return _gutter_around(pieces, columns, x, "columns")
    table = _table_rows(stretch, x)
    if len(table) > 0.5 * len(stretch):
        return _gutter_around(pieces, table, x, "table")
    left = group_rows([piece for piece in stretch if piece.left < x])
    right = group_rows([piece for piece in stretch if piece.left >= x])
    if not _is_tabular(left, right) or _is_sidebar(right, left):
        return _gutter_around(pieces, stretch, x, "columns")
    if len(left) < 0.7 * len(right) and row_length(left) < _SHORT_CELL:
        return _gutter_around(pieces, stretch, x, "labels")
    return None


def _columns_of_file(stretch: list[Piece], x: float) -> list[Piece]:
    """Return what the file has as columns, one side after the other; nothing if it changes sides.

    Dates stay with the lines beside them, wherever the file has them.
    """
    runs = [
        list(run)
        for _, run in groupby(
            sorted(stretch, key=lambda piece: piece.order), key=lambda piece: piece.left < x
        )
    ]
    if len(runs) == 3:
        first, middle, last = runs
        # What comes before or after both columns may stand at the edge of one of them.
        if max(piece.middle for piece in last) < min(piece.middle for piece in middle):
            runs = [first, middle]
        elif min(piece.middle for piece in first) > max(piece.middle for piece in middle):
            runs = [middle, last]
    if len(runs) > 3 or any(_are_dates(group_rows(run)) for run in runs):
        return []
    return [piece for run in runs for piece in run]


def _are_dates(rows: list[Row]) -> bool:
    """Tell a column of dates, which belong to the lines beside them."""
    dated = sum(
        any(character.isdigit() for piece in row for character in piece.text) for row in rows
    )
    return dated > 0.6 * len(rows) and row_length(rows) < _SHORT_CELL


def _gutter_around(pieces: list[Piece], stretch: list[Piece], x: float, kind: _Kind) -> _Gutter:
    ceiling = max(piece.middle for piece in stretch)
    inside = set(map(id, stretch))
    others = [piece for piece in pieces if id(piece) not in inside]
    return _Gutter(
        above=[piece for piece in others if piece.middle >= ceiling],
        left=[piece for piece in stretch if piece.left < x],
        right=[piece for piece in stretch if piece.left >= x],
        below=[piece for piece in others if piece.middle < ceiling],
        kind=kind,
    )


def _table_rows(stretch: list[Piece], x: float) -> list[Piece]:
    """Return the longest run of wrapped table rows: gaps on both sides, both begin under them."""
    # Rows of one line each need no care; without a wrapped one, there is no table to find.
    runs: list[list[list[Row]]] = [[]]
    for band in group_bands(stretch):
        if len({piece.left < x for piece in band[0]}) == 2:
            runs[-1].append(band)
        elif runs[-1]:
            runs.append([])
    run = max(runs, key=len)
    if len(run) < _MIN_COLUMN_ROWS or all(len(band) == 1 for band in run):
        return []
    return [piece for band in run for row in band for piece in row]


def _is_tabular(left: list[Row], right: list[Row]) -> bool:
    """Tell whether the two sides share their rows, one of them in short cells."""
    # A heading in larger letters stands alone, among cells as among paragraphs.
    sparse, dense = sorted((_without_headings(left), _without_headings(right)), key=len)
    middles = np.array([row[0].middle for row in dense])
    shared = sum(
        bool(np.abs(middles - row[0].middle).min() < 0.2 * row[0].height) for row in sparse
    )
    if shared < 0.75 * len(sparse):
        return False
    short, other = sorted((row_length(sparse), row_length(dense)))
    if short >= _SHORT_CELL:
        return False
    narrow = sparse if row_length(sparse) <= row_length(dense) else dense
    text = "".join(piece.text for row in narrow for piece in row)
    digits = sum(character.isdigit() for character in text) / max(1, len(text))
    return (
        digits > 0.2
        or len(sparse) < 0.7 * len(dense)
        or other < _SHORT_CELL
        or len(sparse) <= 2 * _MIN_COLUMN_ROWS
    )


def _is_sidebar(rows: list[Row], others: list[Row]) -> bool:
    """Tell short lines that run on at the right of prose: places and dates stand there alone."""
    steps = row_steps(rows)
    close = sum(step < 1.6 * row[0].height for step, row in zip(steps, rows[1:], strict=True))
    lengths = [sum(len(piece.text) for piece in row) for row in others]
    prose = sum(length > 1.2 * _SHORT_CELL for length in lengths) > len(lengths) / 3
    return prose and close > 0.6 * len(steps) and not _are_dates(rows)


def _without_headings(rows: list[Row]) -> list[Row]:
    usual = median(row[0].height for row in rows)
    return [row for row in rows if row[0].height < 1.12 * usual]


def _read_labelled(labels: list[Piece], pieces: list[Piece]) -> list[str]:
    """Read a narrow column of labels (dates, headings) beside the text that each belongs to."""
    blocks = _label_blocks(labels)
    lines: list[str] = []
    # Text above the first label goes first; a label reaches down to the next one.
    ends = [block[0][0].middle + 0.5 * block[0][0].height for block in blocks]
    ends.append(-inf)
    remaining = sorted(pieces, key=lambda piece: -piece.middle)
    before = [piece for piece in remaining if piece.middle > ends[0]]
    if before:
        lines += [*_read_region(before), ""]
    for block, (start, end) in zip(blocks, pairwise(ends), strict=True):
        body = _read_region([piece for piece in remaining if end < piece.middle <= start])
        label = " ".join(join_row(row) for row in block)
        dated = any(character.isdigit() for character in label)
        if body and (dated or len(body) == 1):
            lines += [f"{label}\t{body[0]}", *body[1:], ""]
        else:
            lines += [label, *body, ""]
    return lines


def _label_blocks(labels: list[Piece]) -> list[list[Row]]:
    """Group the rows of labels that run over several lines."""
    blocks: list[list[Row]] = []
    for row in group_rows(labels):
        last = blocks[-1][-1][0] if blocks else None
        if last is not None and last.middle - row[0].middle < 1.35 * row[0].height:
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks
