"""From the characters of a PDF page to pieces of lines, with the spaces where the gaps are.

A PDF need not hold its spaces, and programs that guess at them run words together. Here a space is
what is wider than the letters need: by the font's own widths, or, where those are wrong, by the
steps that each letter usually takes on the page. Coordinates are PDF points; y grows upwards.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

# As shares of the line's height, which is about 1.2 of the font's size.
SPACE_GAP = 0.1
PIECE_GAP = 1.0
BACKWARD_GAP = -0.5
# Letters set apart as a matter of style, as in many headings.
_LETTER_SPACED = 0.06
# A space between letters of which only the inked part is known.
_INK_GAP = 0.5
# Letters overlap by this much where a font's widths are wrong; then their habit counts.
_OVERLAP = -0.02
_HABITUAL_GAP = 0.16
# Letters of Hebrew and Arabic have boxes of their ink alone, with gaps that are no spaces.
_JOINING_GAP = 0.3
_LAM_ALEF = re.compile("ل[اأإآ]")
# Fewer gaps than this show no habit.
_MIN_GAPS = 4
# PDFium's mark for a hyphen at the end of a line.
_LINE_HYPHENS = (0x02, 0xFFFE)

Codes = npt.NDArray[np.uint32]
Boxes = npt.NDArray[np.float32]
_Floats = npt.NDArray[np.float32]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of characters on one line without a wide gap."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    # Where the file has it.
    order: float = 0

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


def find_pieces(codes: Codes, boxes: Boxes) -> list[Piece]:
    """Join characters into pieces of lines, with spaces where the gaps are.

    Shapes: codes (n,), boxes (n, 4); the pieces are in the order of the file, their text as it is
    seen, from left to right.
    """
    ink = np.flatnonzero(_is_ink(codes))
    if not len(ink):
        return []
    glyphs = _find_glyphs(codes[ink], _mend(boxes[ink]), np.diff(ink) > 1)
    left, bottom, right, top = glyphs.boxes.T
    heights = top - bottom
    shared = np.minimum(top[1:], top[:-1]) - np.maximum(bottom[1:], bottom[:-1])
    gaps = (left[1:] - right[:-1]) / np.maximum(heights[1:], heights[:-1])
    breaks = shared < 0.5 * np.minimum(heights[1:], heights[:-1])
    breaks |= (gaps > PIECE_GAP) | ((gaps < BACKWARD_GAP) & ~glyphs.joining)
    starts = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(glyphs.text)]
    reach = _gaps_by_habit(glyphs.kinds, left, right, heights, breaks)
    spaced = _find_spaces(gaps, reach, glyphs.marked, heights, starts)
    spaced = np.where(glyphs.joining, glyphs.marked | (gaps > _JOINING_GAP), spaced)
    pieces = []
    for order, (start, end) in enumerate(pairwise(starts)):
        words = [start, *(np.flatnonzero(spaced[start : end - 1]) + start + 1).tolist(), end]
        line = " ".join("".join(glyphs.text[begin:after]) for begin, after in pairwise(words))
        span = slice(start, end)
        pieces.append(
            Piece(
                line.rstrip("\x02") + "-" * line.endswith("\x02"),
                float(left[span].min()),
                float(right[span].max()),
                float(bottom[span].min()),
                float(top[span].max()),
                order,
            )
        )
    return pieces


@dataclass(frozen=True, slots=True)
class _Glyphs:
    """What a page shows: a glyph may stand for several characters, as a ligature does.

    Shapes: boxes (n, 4); kinds (n,), a number for each sort of glyph; of each two neighbours,
    (n - 1,): marked, whether the file has a space between them, and joining, whether one of them
    is a letter of Hebrew or Arabic.
    """

    text: list[str]
    boxes: Boxes
    kinds: npt.NDArray[np.int64]
    marked: _Flags
    joining: _Flags


def _find_glyphs(codes: Codes, cells: Boxes, marked: _Flags) -> _Glyphs:
    """Join the characters that one glyph stands for; none of them is blank."""
    leftward = is_leftward(codes)
    # PDFium gives each character of a ligature the ligature's own box.
    same = (cells[1:] == cells[:-1]).all(axis=1) & (cells[1:, 2] > cells[1:, 0]) & ~marked
    firsts = np.flatnonzero(np.concatenate(([True], ~same)))
    ends = np.append(firsts[1:], len(codes))
    characters = _decode(codes)
    text = [
        characters[first:end] for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)
    ]
    cells = cells[firsts]
    marked = marked[firsts[1:] - 1]
    kinds = codes[firsts].astype(np.int64) + (ends - firsts - 1) * 0x110000
    leftward = leftward[firsts]
    if not leftward.any():
        return _Glyphs(text, cells, kinds, marked, np.zeros(len(marked), dtype=bool))
    text = _ligatures_as_seen(text, cells, leftward)
    seen, marked = _as_seen(cells, leftward, marked)
    leftward = leftward[seen]
    joining = leftward[1:] | leftward[:-1]
    return _Glyphs([text[index] for index in seen], cells[seen], kinds[seen], marked, joining)


def _ligatures_as_seen(text: list[str], cells: Boxes, leftward: _Flags) -> list[str]:
    """Put the letters of each ligature of Hebrew or Arabic as if they stood side by side."""
    # Where PDFium has turned a line round, it has turned the letters of a ligature, too.
    turned = np.append(cells[1:, 0] < cells[:-1, 0], False)
    return [
        letters
        if not flag or _LAM_ALEF.fullmatch(letters[::-1])
        else letters[::-1]
        if not is_turned or _LAM_ALEF.fullmatch(letters)
        else letters
        for letters, flag, is_turned in zip(text, leftward, turned, strict=True)
    ]


def _as_seen(
    cells: Boxes, leftward: _Flags, marked: _Flags
) -> tuple[npt.NDArray[np.int64], _Flags]:
    """Order the glyphs of lines with letters of Hebrew or Arabic from left to right.

    The file may have the spaces of such a line at either end of a word: as many as it has go where
    the widest gaps are.
    """
    left, bottom, right, top = cells.T
    order, spaced = np.arange(len(cells)), marked.copy()
    middle = (bottom + top) / 2
    apart = (middle[1:] > top[:-1]) | (middle[1:] < bottom[:-1])
    for start, end in pairwise([0, *(np.flatnonzero(apart) + 1).tolist(), len(cells)]):
        if not leftward[start:end].any():
            continue
        # A mark above a letter ends before that letter does, and follows it once turned.
        row = start + np.argsort(right[start:end], kind="stable")
        order[start:end] = row
        gaps = left[row[1:]] - right[row[:-1]]
        widest = np.argsort(-gaps, kind="stable")[: np.count_nonzero(marked[start : end - 1])]
        spaced[start : end - 1] = False
        spaced[start + widest] = True
    return order, spaced


def _is_ink(codes: Codes) -> _Flags:
    blank = (codes <= 0x20) | ((codes >= 0x7F) & (codes <= 0xA0)) | (codes == 0x3000)
    blank |= (codes >= 0x2000) & (codes <= 0x200F)
    blank |= (codes >= 0xD800) & (codes <= 0xDFFF)
    return np.asarray(~blank | np.isin(codes, _LINE_HYPHENS))


def _decode(codes: Codes) -> str:
    """Return one character for each code point, the marks of line hyphens all alike."""
    hyphens = np.isin(codes, _LINE_HYPHENS)
    return np.where(hyphens, 2, codes).astype("<u4").tobytes().decode("utf-32-le", "replace")


def is_leftward(codes: Codes) -> _Flags:
    """Tell the letters of Hebrew and Arabic, which run from right to left."""
    return np.asarray(
        ((codes >= 0x590) & (codes <= 0x8FF)) | ((codes >= 0xFB1D) & (codes <= 0xFEFC))
    )


def _mend(boxes: Boxes) -> Boxes:
    """Give a height to characters whose font states none, and a place to those without."""
    boxes = np.nan_to_num(boxes, nan=0.0, posinf=0.0, neginf=0.0)
    heights = boxes[:, 3] - boxes[:, 1]
    flat = heights < 0.5
    if flat.any():
        usual = float(np.median(heights[~flat])) if not flat.all() else 10.0
        boxes[flat, 3] = boxes[flat, 1] + usual
    return boxes


def _gaps_by_habit(
    kinds: npt.NDArray[np.int64],
    left: _Floats,
    right: _Floats,
    heights: _Floats,
    breaks: _Flags,
) -> _Floats:
    """Measure gaps from where a letter of that size usually ends, as its neighbours show."""
    # Each letter's usual width is the tenth percentile of the steps that follow it on the page: an
    # "f" reaches over the next letter, and the space after "of" shows in the step alone.
    steps = (left[1:] - left[:-1]) / heights[:-1]
    widths = (right[:-1] - left[:-1]) / heights[:-1]
    keys = kinds[:-1] * 4096 + np.minimum(heights[:-1] * 4, 4095).astype(np.int64)
    sound = np.flatnonzero(~breaks & (steps > 0))
    order = sound[np.lexsort((steps[sound], keys[sound]))]
    _, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    enough = counts >= _MIN_GAPS
    usual_keys = keys[order][starts[enough]]
    usual = steps[order][starts[enough] + counts[enough] // 10]
    if not len(usual):
        return np.asarray(steps - widths)
    place = np.minimum(np.searchsorted(usual_keys, keys), len(usual) - 1)
    learned = np.where(usual_keys[place] == keys, usual[place], widths)
    return np.asarray(steps - np.minimum(learned, widths))


def _find_spaces(
    gaps: _Floats,
    habitual: _Floats,
    marked: _Flags,
    heights: _Floats,
    starts: list[int],
) -> _Flags:
    """Decide which gaps between neighbours are spaces: marked as such, or wide enough."""
    # Where three quarters of a line's gaps are wide, its letters are spaced, and a space is what is
    # wider still. Where heights change from letter to letter, the font tells only where there is
    # ink, not how far a letter reaches, and the gaps say little. Where letters overlap, the font
    # says they are wider than they are set, and their habit counts.
    spaced = marked | (gaps > SPACE_GAP)
    uneven = np.abs(np.diff(heights)) > 0.02 * heights[1:]
    for start, end in pairwise(starts):
        inner = gaps[start : end - 1]
        if len(inner) < _MIN_GAPS:
            continue
        if np.count_nonzero(uneven[start : end - 1]) > 0.2 * len(inner):
            spaced[start : end - 1] = marked[start : end - 1] | (inner > _INK_GAP)
        elif np.median(inner) < _OVERLAP:
            spaced[start : end - 1] |= habitual[start : end - 1] > _HABITUAL_GAP
        elif np.count_nonzero(inner > _LETTER_SPACED) > 0.7 * len(inner):
            usual = float(np.quantile(inner, 0.25))
            spaced[start : end - 1] = inner > usual + max(SPACE_GAP, 0.5 * usual)
    return spaced
