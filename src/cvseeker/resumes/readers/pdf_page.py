"""A page of a PDF as PDFium has it: characters, where they stand, and what was typed into forms."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium

from cvseeker.resumes.readers.base import check_length
from cvseeker.resumes.readers.font_codes import decode_fonts
from cvseeker.resumes.readers.layout import page_text
from cvseeker.resumes.readers.page_objects import address, fast
from cvseeker.resumes.readers.pieces import Boxes, Codes, Piece, is_leftward
from cvseeker.resumes.readers.unseen import find_unseen

# Fewer characters above each other are list marks.
_FEWEST_TURNED = 3
# Of a quarter turn: slanted letters do not stand straight, and are upright.
_SLANT = 0.3
# A quarter turn to the right, and so on: what x and y of the page as shown are made of.
_TURNS = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}
# A line of a form's field, in points, where the field holds several.
_FIELD_LINE = 12.0
_TYPED = (
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
)
_UNSHOWN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW

_get_box = fast(
    pdfium.FPDFText_GetLooseCharBox, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)

_Flags = npt.NDArray[np.bool_]
_Quarters = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Characters:
    """What a page shows, upright: code points, shape (n,), and boxes, shape (n, 4)."""

    codes: Codes
    boxes: Boxes
    # Lines that run up or down the page.
    turned: tuple[str, ...] = ()


def read_page(page: Any, form: Any, hidden: dict[str, list[str]]) -> str:
    """Return the text of a page in reading order; ``hidden`` gets what nobody sees, by its how."""
    typed = typed_in(page, form)
    text_page = page.get_textpage()
    try:
        shown = _characters(page, text_page, hidden)
    finally:
        text_page.close()
    lines = [page_text(shown.codes, shown.boxes, typed), *shown.turned]
    return "\n\n".join(line for line in lines if line.strip())


def _characters(page: Any, text_page: Any, hidden: dict[str, list[str]]) -> _Characters:
    handle, count = text_page.raw, text_page.count_chars()
    check_length(count)
    codes = decode_fonts(handle, _codes(handle, count))
    # left, top, right, bottom
    boxes = np.zeros((count, 4), dtype=np.float32)
    begin = boxes.ctypes.data
    rows = range(begin, begin + boxes.nbytes, 16)
    for _ in map(_get_box, repeat(address(handle)), range(count), rows):
        pass
    # As if the hidden ones were not there; ``at`` is where the others are.
    at = np.arange(count)
    for how, flags in find_unseen(page, handle, codes, boxes).items():
        hidden.setdefault(how, []).append(_words(codes, flags))
        at = at[~flags[at]]
    codes, boxes = codes[at], boxes[at]
    quarters = _quarters(handle, at, boxes, page.get_rotation())
    if quarters is None:
        boxes = _turn(boxes, 0)
        if is_leftward(codes).any():
            boxes = _even_lines(handle, at, boxes)
        return _Characters(codes, boxes)
    inked = codes > 0x20
    upright = int(np.bincount(quarters[inked], minlength=5)[:4].argmax())
    aside = inked & (quarters != upright)
    return _Characters(
        np.where(aside, 0x20, codes), _turn(boxes, 90 * upright), _lines(codes, inked, aside)
    )


def _words(codes: Codes, flags: _Flags) -> str:
    """Return the characters that are flagged, and the spaces between them."""
    flags = flags | ((codes <= 0x20) & np.concatenate([[False], flags[:-1]]))
    return "".join(map(chr, codes[flags].tolist()))


def _quarters(handle: Any, at: _Quarters, cells: Boxes, rotation: int) -> _Quarters | None:
    """Return how far each character is turned to the left, 4 if slanted; ``None``: nothing is."""
    left, right, bottom = cells[:, 0], cells[:, 2], cells[:, 3]
    above = (left[1:] == left[:-1]) & (right[1:] == right[:-1]) & (bottom[1:] != bottom[:-1])
    if not rotation and np.count_nonzero(above & (right[1:] > left[1:])) < _FEWEST_TURNED:
        return None
    angle = pdfium.FPDFText_GetCharAngle
    angles = np.array([angle(handle, index) for index in at.tolist()]) / (np.pi / 2)
    nearest = np.rint(angles)
    # PDFium counts to the right, and marks its own spaces by -1.
    quarters = np.where(np.abs(angles - nearest) < _SLANT, -nearest % 4, 4)
    return quarters.astype(np.int64)


def _lines(codes: Codes, inked: _Flags, aside: _Flags) -> tuple[str, ...]:
    """Return the stretches of characters that stand aside, in the order of the file."""
    ink = np.flatnonzero(inked)
    parts = np.split(ink, np.flatnonzero(np.diff(aside[ink])) + 1)
    texts = (
        "".join(map(chr, codes[part[0] : part[-1] + 1].tolist()))
        for part in parts
        if len(part) and aside[part[0]]
    )
    return tuple(text for text in texts if len(text) > 1)


def _even_lines(handle: Any, at: _Quarters, boxes: Boxes) -> Boxes:
    """Give all letters of a line one height: Arabic fonts state boxes of all sizes."""
    boxes = boxes.copy()
    matrix, x, y = pdfium.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
    for place in np.flatnonzero(boxes[:, 2] > boxes[:, 0]).tolist():
        index = int(at[place])
        pdfium.FPDFText_GetMatrix(handle, index, matrix)
        pdfium.FPDFText_GetCharOrigin(handle, index, x, y)
        size = pdfium.FPDFText_GetFontSize(handle, index) * abs(matrix.d)
        boxes[place, 1], boxes[place, 3] = y.value - 0.3 * size, y.value + 0.9 * size
    return boxes


def _codes(handle: Any, count: int) -> Codes:
    # One call for the page, unless its text and its characters differ in number or in kind.
    buffer = (ctypes.c_ushort * (count + 1))()
    if pdfium.FPDFText_GetText(handle, 0, count, buffer) == count + 1:
        units = np.frombuffer(memoryview(buffer), dtype=np.uint16)[:count]
        if not ((units >= 0xD800) & (units <= 0xDFFF)).any():
            return units.astype(np.uint32)
    each = (pdfium.FPDFText_GetUnicode(handle, index) for index in range(count))
    return np.fromiter(each, dtype=np.uint32, count=count)


def _turn(cells: Boxes, rotation: int) -> Boxes:
    """Return left, bottom, right and top as seen on the turned page. Shape: (n, 4)."""
    xx, xy, yx, yy = _TURNS[rotation]
    x, y = cells[:, [0, 2]], cells[:, [1, 3]]
    across, up = xx * x + xy * y, yx * x + yy * y  # (n, 2)
    return np.stack(
        [across.min(axis=1), up.min(axis=1), across.max(axis=1), up.max(axis=1)], axis=1
    )


def count_images(page: Any) -> int:
    """Count the pictures on a page."""
    return sum(1 for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def typed_in(page: Any, form: Any) -> list[Piece]:
    """Return what somebody typed onto the page: values of form fields, and free text."""
    pieces: list[Piece] = []
    for index in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        try:
            pieces += _typed_pieces(annotation, form)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return pieces


def _typed_pieces(annotation: Any, form: Any) -> Iterator[Piece]:
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    if pdfium.FPDFAnnot_GetFlags(annotation) & _UNSHOWN:
        return
    if kind == pdfium.FPDF_ANNOT_FREETEXT:
        text = _string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
    elif (
        kind == pdfium.FPDF_ANNOT_WIDGET
        and form
        and pdfium.FPDFAnnot_GetFormFieldType(form, annotation) in _TYPED
    ):
        text = _string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    else:
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    rectangle = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, rectangle)
    left, right, top = rectangle.left, rectangle.right, rectangle.top
    height = min((top - rectangle.bottom) / len(lines), _FIELD_LINE)
    if len(lines) == 1:
        top = (top + rectangle.bottom + height) / 2
    for number, line in enumerate(lines):
        if line.strip():
            upper = top - number * height
            yield Piece(line.strip(), left, right, upper - height, upper)


def _string(get: Any, *arguments: Any) -> str:
    """Call a function of PDFium that fills a buffer with UTF-16, whose size it tells first."""
    size = get(*arguments, None, 0)
    if size <= 2:
        return ""
    check_length(size // 2)
    buffer = ctypes.create_string_buffer(size)
    get(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[:-2].decode("utf-16-le", "replace")
