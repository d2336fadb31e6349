"""The rows of a column or of a table on a PDF page: grouping, gaps, joining."""

from itertools import pairwise
from math import inf
from statistics import median

from cvseeker.resumes.readers.pieces import BACKWARD_GAP, PIECE_GAP, SPACE_GAP, Piece

# A cell with more lines than this holds paragraphs.
_MAX_CELL_LINES = 4

Row = list[Piece]


def group_rows(pieces: list[Piece]) -> list[Row]:
    """Group pieces that stand on one line."""
    rows: list[Row] = []
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


def row_steps(rows: list[Row]) -> list[float]:
    """Return how far each row stands below the one before it, in points; one less than rows."""
    return [upper[0].middle - lower[0].middle for upper, lower in pairwise(rows)]


def group_bands(pieces: list[Piece]) -> list[list[Row]]:
    """Group rows that no wide gap parts: the rows of a table, each of several lines."""
    rows = group_rows(pieces)
    steps = row_steps(rows)
    bands = [rows[:1]]
    for row, step in zip(rows[1:], steps, strict=True):
        if step > 1.2 * min(steps) and step > 1.2 * row[0].height:
            bands.append([])
        bands[-1].append(row)
    return bands


def row_length(rows: list[Row]) -> float:
    """Return the median number of characters in a row."""
    return median(sum(len(piece.text) for piece in row) for row in rows)


def read_rows(pieces: list[Piece]) -> list[str]:
    """Return a line for each row, with a blank line where the gap is wider than usual."""
    rows = group_rows(pieces)
    steps = row_steps(rows)
    lines = []
    for position, row in enumerate(rows):
        if position and _is_gap(steps, position - 1, rows):
            lines.append("")
        lines.append(join_row(row))
    return lines


def _is_gap(steps: list[float], position: int, rows: list[Row]) -> bool:
    """Tell a step between lines that is wider than the lines need and than is usual here."""
    height = max(rows[position][0].height, rows[position + 1][0].height)
    usual = median(steps) if len(steps) > 2 else height
    return steps[position] > max(1.3 * min(usual, 1.6 * height), 1.15 * height)


def join_row(row: Row) -> str:
    """Return a row's pieces as one line, a tab where the gap is wide."""
    text, previous = row[0].text, row[0]
    for piece in row[1:]:
        gap = (piece.left - previous.right) / min(piece.height, previous.height)
        if gap < BACKWARD_GAP and piece.text == previous.text:
            # Bold type is sometimes feigned by printing a text twice.
            continue
        wide = gap > 1.5 * PIECE_GAP and not previous.is_bullet
        text += (
            "\t" if wide else " " if gap > SPACE_GAP or gap < BACKWARD_GAP else ""
        ) + piece.text
        previous = piece
    return text


def read_table(pieces: list[Piece]) -> list[str]:
    """Return a line for each row of a table of wrapped cells, the cells parted by tabs."""
    lines: list[str] = []
    for band in group_bands(pieces):
        cells = [read_rows(cell) for cell in _cells([piece for row in band for piece in row])]
        if max(len(cell) for cell in cells) > _MAX_CELL_LINES:
            lines += ["", *(line for cell in cells for line in cell), ""]
        else:
            lines.append("\t".join(" ".join(filter(None, cell)) for cell in cells))
    return lines


def _cells(pieces: list[Piece]) -> list[Row]:
    """Group pieces that stand above each other, from left to right."""
    cells: list[Row] = []
    edge = -inf
    for piece in sorted(pieces, key=lambda piece: piece.left):
        if piece.left < edge:
            cells[-1].append(piece)
        else:
            cells.append([piece])
        edge = max(edge, piece.right)
    return cells
