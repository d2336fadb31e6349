"""From the characters of a PDF page, by their places, to lines in reading order.

PDF programs join what stands side by side, so that two columns come out interleaved, and they
guess at spaces, which the file need not hold. Here both are decided by geometry: characters make
pieces of lines, a vertical band without ink parts columns, and what remains is read row by row.
Coordinates are PDF points; y grows upwards.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median
from typing import Literal

import numpy as np
import numpy.typing as npt

# As shares of the line's height, which is about 1.2 of the font's size.
SPACE_GAP = 0.1
PIECE_GAP = 1.0
BACKWARD_GAP = -0.5
_LETTER_SPACED = 0.06
# A gutter is at least this wide; so are the margins between the cells of a table.
_GUTTER_POINTS = 6.0
_MIN_COLUMN_ROWS = 3
# Cells up to this length are dates, places or labels rather than wrapped text.
_SHORT_CELL = 25
# A cell with more lines than this holds paragraphs.
_MAX_CELL_LINES = 4
# PDFium's mark for a hyphen at the end of a line.
_LINE_HYPHENS = (0x02, 0xFFFE)

Codes = npt.NDArray[np.uint32]
Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of characters on one line without a wide gap."""

    text: str
    left: float
    right: float
    bottom: float
    top: float

    @property
    def middle(self) -> float:
        """Height of its middle above the page's origin."""
        return (self.bottom + self.top) / 2

    @property
    def height(self) -> float:
        """Height of the line it stands on."""
        return self.top - self.bottom

    @property
    def is_bullet(self) -> bool:
        """Whether it only marks a list item."""
        return len(self.text) == 1 and not self.text.isalnum()


@dataclass(frozen=True, slots=True)
class Gutter:
    """A band without ink between two columns, and what stands around it."""

    above: list[Piece]
    left: list[Piece]
    right: list[Piece]
    below: list[Piece]
    kind: Literal["columns", "labels", "table"] = "columns"

    @property
    def size(self) -> int:
        """Number of pieces beside it."""
        return len(self.left) + len(self.right)


def page_text(codes: Codes, boxes: Boxes) -> str:
    """Return a page's text in reading order.

    Parameters
    ----------
    codes
        Unicode code points in the order of the file. Shape: (n,).
    boxes
        Left, bottom, right and top of each character's cell. Shape: (n, 4).

    Returns
    -------
    str
        Lines; a blank line where the gap between two is wider than usual, a tab where a row has
        a wide gap.
    """
    lines = read_region(find_pieces(codes, boxes))
    return "\n".join(lines).strip("\n")


def find_pieces(codes: Codes, boxes: Boxes) -> list[Piece]:
    """Join characters into pieces of lines, with spaces where the gaps are.

    Parameters
    ----------
    codes
        Shape: (n,).
    boxes
        Shape: (n, 4).

    Returns
    -------
    list of Piece
        In the order of the file.
    """
    ink = np.flatnonzero(_is_ink(codes))
    if not len(ink):
        return []
    left, bottom, right, top = _mend(boxes[ink]).T
    heights = top - bottom
    height = np.minimum(heights[1:], heights[:-1])
    shared = np.minimum(top[1:], top[:-1]) - np.maximum(bottom[1:], bottom[:-1])
    leftward = _is_leftward(codes[ink])
    gaps = np.where(leftward[1:] & leftward[:-1], left[:-1] - right[1:], left[1:] - right[:-1])
    # The halves of a ligature are lower than the letters beside it, and seem to stand apart.
    gaps = gaps / np.maximum(heights[1:], heights[:-1])
    breaks = (shared < 0.5 * height) | (gaps > PIECE_GAP) | (gaps < BACKWARD_GAP)
    starts = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(ink)]
    spaced = _find_spaces(gaps, np.diff(ink) > 1, starts)
    characters = [_character(code) for code in codes[ink].tolist()]
    pieces = []
    for start, end in pairwise(starts):
        text = characters[start] + "".join(
            f" {characters[i]}" if spaced[i - 1] else characters[i] for i in range(start + 1, end)
        )
        span = slice(start, end)
        pieces.append(
            Piece(
                text.rstrip("\x02") + "-" * text.endswith("\x02"),
                float(left[span].min()),
                float(right[span].max()),
                float(bottom[span].min()),
                float(top[span].max()),
            )
        )
    return pieces


def _is_ink(codes: Codes) -> npt.NDArray[np.bool_]:
    blank = (codes <= 0x20) | ((codes >= 0x7F) & (codes <= 0xA0)) | (codes == 0x3000)
    blank |= (codes >= 0x2000) & (codes <= 0x200F)
    blank |= (codes >= 0xD800) & (codes <= 0xDFFF)
    return ~blank | np.isin(codes, _LINE_HYPHENS)


def _character(code: int) -> str:
    return "\x02" if code in _LINE_HYPHENS else chr(code) if code < 0x110000 else "\ufffd"


def _is_leftward(codes: Codes) -> npt.NDArray[np.bool_]:
    """Tell the letters of Hebrew and Arabic, which run from right to left."""
    return ((codes >= 0x590) & (codes <= 0x8FF)) | ((codes >= 0xFB1D) & (codes <= 0xFEFC))


def _mend(boxes: Boxes) -> Boxes:
    """Give a height to characters whose font states none, and a place to those without."""
    boxes = np.nan_to_num(boxes, nan=0.0, posinf=0.0, neginf=0.0)
    heights = boxes[:, 3] - boxes[:, 1]
    flat = heights < 0.5
    if flat.any():
        usual = float(np.median(heights[~flat])) if not flat.all() else 10.0
        boxes[flat, 3] = boxes[flat, 1] + usual
    return boxes


def _find_spaces(
    gaps: npt.NDArray[np.float32], marked: npt.NDArray[np.bool_], starts: list[int]
) -> npt.NDArray[np.bool_]:
    """Decide which gaps between neighbours are spaces: marked as such, or wide enough.

    Where three quarters of a line's gaps are wide, its letters are spaced, and a space is what is
    wider still.
    """
    spaced = marked | (gaps > SPACE_GAP)
    for start, end in pairwise(starts):
        inner = gaps[start : end - 1]
        if len(inner) >= 4 and np.count_nonzero(inner > _LETTER_SPACED) > 0.7 * len(inner):
            usual = float(np.quantile(inner, 0.25))
            if usual > _LETTER_SPACED:
                spaced[start : end - 1] = inner > usual + max(SPACE_GAP, 0.5 * usual)
    return spaced


def read_region(pieces: list[Piece]) -> list[str]:
    """Return the lines of a part of a page, its columns one after the other.

    Parameters
    ----------
    pieces
        What stands in the region, in any order.

    Returns
    -------
    list of str
        Lines, with blank lines between blocks.
    """
    gutter = _find_gutter(pieces)
    if gutter is None:
        return _read_rows(pieces)
    lines = [*read_region(gutter.above), ""]
    if gutter.kind == "labels":
        lines += _read_labelled(gutter.left, gutter.right)
    elif gutter.kind == "table":
        lines += _read_table([*gutter.left, *gutter.right])
    else:
        first, second = gutter.left, gutter.right
        if _has_title(second, first):
            first, second = second, first
        lines += [*read_region(first), "", *read_region(second)]
    return [*lines, "", *read_region(gutter.below)]


def _has_title(pieces: list[Piece], others: list[Piece]) -> bool:
    """Tell the column that begins with the largest letters: the candidate's name."""
    tallest = max(pieces, key=lambda piece: piece.height)
    ceiling = max(piece.top for piece in pieces)
    return (
        tallest.height > 1.3 * max(piece.height for piece in others)
        and tallest.top > ceiling - 2 * tallest.height
    )


def _find_gutter(pieces: list[Piece]) -> Gutter | None:
    """Find the gutter with the most text beside it; columns come before labels."""
    if len(pieces) < 2 * _MIN_COLUMN_ROWS:
        return None
    edges = Counter(round(piece.left) for piece in pieces if not piece.is_bullet)
    edges += Counter(round(piece.left) for piece in pieces if piece.is_bullet)
    leftmost = min(edges)
    candidates = {
        edge
        for edge in edges
        if edge > leftmost + _GUTTER_POINTS
        and sum(edges[edge + shift] for shift in (-1, 0, 1)) >= _MIN_COLUMN_ROWS
    }
    found = [gutter for edge in sorted(candidates) if (gutter := _gutter_at(pieces, edge - 1.5))]
    return max(found, key=lambda gutter: (gutter.kind != "labels", gutter.size), default=None)


def _gutter_at(pieces: list[Piece], x: float) -> Gutter | None:
    """Look left of ``x`` for the tallest stretch of the page where nothing crosses the band."""
    crossing, beside = [], []
    for piece in sorted(pieces, key=lambda piece: -piece.middle):
        crosses = piece.left < x and piece.right > x - _GUTTER_POINTS + 1.5
        (crossing if crosses else beside).append(piece)
    best: list[Piece] = []
    position = 0
    for floor in (*(piece.middle for piece in crossing), -inf):
        start = position
        while position < len(beside) and beside[position].middle > floor:
            position += 1
        stretch = _without_headings(beside[start:position], x, floor)
        if _both_sides(stretch, x) > _both_sides(best, x):
            best = stretch
    if _both_sides(best, x) < _MIN_COLUMN_ROWS:
        return None
    return _judge(pieces, best, x)


def _without_headings(stretch: list[Piece], x: float, floor: float) -> list[Piece]:
    """Cut off the last row where it is a heading of the full-width text right below."""
    rows = _rows(stretch)
    if floor == -inf or len(rows) < 2:
        return stretch
    last, before = rows[-1], rows[-2]
    one_sided = all(piece.left < x for piece in last)
    if one_sided and before[0].middle - last[0].middle > 1.1 * (last[0].middle - floor):
        return [piece for row in rows[:-1] for piece in row]
    return stretch


def _both_sides(stretch: list[Piece], x: float) -> int:
    """Count the pieces on the poorer side, list marks left out."""
    left = sum(piece.left < x and not piece.is_bullet for piece in stretch)
    right = sum(piece.left >= x and not piece.is_bullet for piece in stretch)
    return min(left, right)


def _judge(pieces: list[Piece], stretch: list[Piece], x: float) -> Gutter | None:
    """Tell columns from labels beside text and from rows with dates at their end."""
    left = [piece for piece in stretch if piece.left < x]
    right = [piece for piece in stretch if piece.left >= x]
    ceiling = max(piece.middle for piece in stretch)
    inside = set(map(id, stretch))
    others = [piece for piece in pieces if id(piece) not in inside]
    above = [piece for piece in others if piece.middle >= ceiling]
    below = [piece for piece in others if piece.middle < ceiling]
    if _is_table(stretch, x):
        return Gutter(above, left, right, below, "table")
    if not _is_tabular(left, right):
        return Gutter(above, left, right, below)
    left_rows, right_rows = len(_rows(left)), len(_rows(right))
    if left_rows < 0.7 * right_rows and _typical_length(left) < _SHORT_CELL:
        return Gutter(above, left, right, below, "labels")
    return None


def _is_table(stretch: list[Piece], x: float) -> bool:
    """Tell a table of wrapped cells: gaps run through both sides, under which both begin."""
    bands = _bands(stretch)
    wrapped = sum(len(band) > 1 for band in bands)
    if len(bands) < _MIN_COLUMN_ROWS or not wrapped:
        return False
    both = sum(len({piece.left < x for piece in band[0]}) == 2 for band in bands)
    return both >= 0.8 * len(bands)


def _bands(pieces: list[Piece]) -> list[list[list[Piece]]]:
    """Group rows that no wide gap parts: the rows of a table, each of several lines."""
    rows = _rows(pieces)
    steps = [upper[0].middle - lower[0].middle for upper, lower in pairwise(rows)]
    bands = [rows[:1]]
    for row, step in zip(rows[1:], steps, strict=True):
        if step > 1.2 * min(steps) and step > 1.2 * row[0].height:
            bands.append([])
        bands[-1].append(row)
    return bands


def _is_tabular(left: list[Piece], right: list[Piece]) -> bool:
    """Tell whether the two sides share their rows, one of them in short cells."""
    sides = sorted((_rows(left), _rows(right)), key=len)
    sparse, dense = sides
    middles = np.array([row[0].middle for row in dense])
    shared = sum(
        bool(np.abs(middles - row[0].middle).min() < 0.2 * row[0].height) for row in sparse
    )
    if shared < 0.75 * len(sparse):
        return False
    short, other = sorted((_row_length(sparse), _row_length(dense)))
    if short >= _SHORT_CELL:
        return False
    narrow = sparse if _row_length(sparse) <= _row_length(dense) else dense
    text = "".join(piece.text for row in narrow for piece in row)
    digits = sum(character.isdigit() for character in text) / max(1, len(text))
    return (
        digits > 0.2
        or len(sparse) < 0.7 * len(dense)
        or other < _SHORT_CELL
        or len(sparse) <= 2 * _MIN_COLUMN_ROWS
    )


def _typical_length(pieces: list[Piece]) -> float:
    return _row_length(_rows(pieces))


def _row_length(rows: list[list[Piece]]) -> float:
    return median(sum(len(piece.text) for piece in row) for row in rows)


def _rows(pieces: list[Piece]) -> list[list[Piece]]:
    """Group pieces that stand on one line, top to bottom, each from left to right."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: -piece.middle):
        if rows and _is_same_row(rows[-1][0], piece):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.left) for row in rows]


def _is_same_row(first: Piece, second: Piece) -> bool:
    distance = abs(first.middle - second.middle)
    return distance < 0.4 * min(first.height, second.height) or (
        # Letters of different sizes on one base line.
        abs(first.bottom - second.bottom) < 0.25 * min(first.height, second.height)
        and distance < 0.5 * max(first.height, second.height)
    )


def _read_rows(pieces: list[Piece]) -> list[str]:
    rows = _rows(pieces)
    steps = [upper[0].middle - lower[0].middle for upper, lower in pairwise(rows)]
    lines = []
    for position, row in enumerate(rows):
        if position and _is_gap(steps, position - 1, rows):
            lines.append("")
        lines.append(_join_row(row))
    return lines


def _is_gap(steps: list[float], position: int, rows: list[list[Piece]]) -> bool:
    """Tell a step between lines that is wider than the lines need and than is usual here."""
    height = max(rows[position][0].height, rows[position + 1][0].height)
    usual = median(steps) if len(steps) > 2 else height
    return steps[position] > max(1.3 * min(usual, 1.6 * height), 1.15 * height)


def _join_row(row: list[Piece]) -> str:
    text, previous = row[0].text, row[0]
    for piece in row[1:]:
        gap = (piece.left - previous.right) / min(piece.height, previous.height)
        if gap < BACKWARD_GAP and piece.text == previous.text:
            # Bold type is sometimes feigned by printing a text twice.
            continue
        wide = gap > 1.5 * PIECE_GAP and not previous.is_bullet
        text += ("\t" if wide else " " if gap > SPACE_GAP or gap < BACKWARD_GAP else "") + piece.text
        previous = piece
    return text


def _read_table(pieces: list[Piece]) -> list[str]:
    lines: list[str] = []
    for band in _bands(pieces):
        cells = [_read_rows(cell) for cell in _cells([piece for row in band for piece in row])]
        if max(len(cell) for cell in cells) > _MAX_CELL_LINES:
            lines += ["", *(line for cell in cells for line in cell), ""]
        else:
            lines.append("\t".join(" ".join(cell) for cell in cells))
    return lines


def _cells(pieces: list[Piece]) -> list[list[Piece]]:
    """Group pieces that stand above each other, from left to right."""
    cells: list[list[Piece]] = []
    edge = -inf
    for piece in sorted(pieces, key=lambda piece: piece.left):
        if piece.left < edge:
            cells[-1].append(piece)
        else:
            cells.append([piece])
        edge = max(edge, piece.right)
    return cells


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
        lines += [*read_region(before), ""]
    for block, (start, end) in zip(blocks, pairwise(ends), strict=True):
        body = read_region([piece for piece in remaining if end < piece.middle <= start])
        label = " ".join(_join_row(row) for row in block)
        dated = any(character.isdigit() for character in label)
        if body and (dated or len(body) == 1):
            lines += [f"{label}\t{body[0]}", *body[1:], ""]
        else:
            lines += [label, *body, ""]
    return lines


def _label_blocks(labels: list[Piece]) -> list[list[list[Piece]]]:
    """Group the rows of labels that run over several lines."""
    blocks: list[list[list[Piece]]] = []
    for row in _rows(labels):
        last = blocks[-1][-1][0] if blocks else None
        if last is not None and last.middle - row[0].middle < 1.35 * row[0].height:
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks
