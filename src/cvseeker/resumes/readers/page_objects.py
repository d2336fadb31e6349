"""The objects of a PDF's page as PDFium has them: texts, and shapes that may hide these.

In some files each letter is an object: functions take addresses, and are called by ``map``.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium

# Lines and dots hide nothing.
_THINNEST = 4.0
_PICTURES = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING)
_DEEPEST = 12

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def fast(function: Any, result: Any, *arguments: Any) -> Any:
    """Return a function of PDFium that takes addresses."""
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


_POINTER, _INT = ctypes.c_void_p, ctypes.c_int
_get_object = fast(pdfium.FPDFPage_GetObject, _POINTER, _POINTER, _INT)
_get_type = fast(pdfium.FPDFPageObj_GetType, _INT, _POINTER)
_get_mode = fast(pdfium.FPDFTextObj_GetTextRenderMode, _INT, _POINTER)
_get_color = fast(pdfium.FPDFPageObj_GetFillColor, _INT, *[_POINTER] * 5)
_get_bounds = fast(pdfium.FPDFPageObj_GetBounds, _INT, *[_POINTER] * 5)
get_clip = fast(pdfium.FPDFPageObj_GetClipPath, _POINTER, _POINTER)
count_clips = fast(pdfium.FPDFClipPath_CountPaths, _INT, _POINTER)
get_text_object = fast(pdfium.FPDFText_GetTextObject, _POINTER, _POINTER, _INT)
set_active = fast(pdfium.FPDFPageObj_SetIsActive, _INT, _POINTER, _INT)


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled area, or a picture of whatever colours: bounds are left, bottom, right, top."""

    order: int
    bounds: Floats
    # Red, green, blue.
    color: Ints | None


@dataclass(slots=True)
class Objects:
    """The objects of a page, by their addresses, and where each is in the order of drawing."""

    texts: list[int] = field(default_factory=list)
    orders: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    modes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    shapes: list[Shape] = field(default_factory=list)
    # Texts within objects that have coordinates of their own.
    inner: list[int] = field(default_factory=list)


def page_objects(page: Any) -> Objects:
    """Return the objects of a page."""
    objects, count = Objects(), pdfium.FPDFPage_CountObjects(page.raw)
    items = list(map(_get_object, repeat(address(page.raw), count), range(count)))
    modes = np.fromiter(map(_get_mode, items), np.int64, count)
    objects.orders = np.flatnonzero(modes >= 0)
    objects.modes = modes[objects.orders]
    objects.texts = [items[order] for order in objects.orders.tolist()]
    others = np.flatnonzero(modes < 0).tolist()
    objects.shapes = list(_shapes([items[order] for order in others], others, objects.inner))
    return objects


def _shapes(items: list[int], orders: list[int], inner: list[int]) -> Iterator[Shape]:
    """Yield objects that may hide what lies below, or have the colour of what lies above.

    ``inner`` gets the texts within them.
    """
    kinds = np.fromiter(map(_get_type, items), np.int64, len(items))
    bounds, colors = bounds_of(items), colors_of(items)
    thinnest = (bounds[:, 2:] - bounds[:, :2]).min(axis=1, initial=np.inf)
    is_path = kinds == pdfium.FPDF_PAGEOBJ_PATH
    for at in np.flatnonzero(~is_path | (thinnest >= _THINNEST)).tolist():
        handle = ctypes.cast(items[at], pdfium.FPDF_PAGEOBJECT)
        if is_path[at]:
            if _is_filled(handle):
                color = colors[at, :3] if colors[at, 3] >= 0 else None
                yield Shape(orders[at], bounds[at], color)
        elif kinds[at] in _PICTURES or (
            kinds[at] == pdfium.FPDF_PAGEOBJ_FORM and _collect_inner(handle, inner)
        ):
            yield Shape(orders[at], bounds[at], None)


def _is_filled(path: Any) -> bool:
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, mode, stroked)
    return bool(mode.value != pdfium.FPDF_FILLMODE_NONE)


def colors_of(items: list[int]) -> Ints:
    """Return red, green, blue and opacity, which is -1 where a pattern fills. Shape: (n, 4)."""
    channels = np.zeros((len(items), 4), dtype=np.uint32)
    known = np.fromiter(map(_get_color, items, *_cells(channels)), bool, len(items))
    colors = channels.astype(np.int64)
    colors[~known, 3] = -1
    return colors


def bounds_of(items: list[int]) -> Floats:
    """Return left, bottom, right and top. Shape: (n, 4)."""
    bounds = np.zeros((len(items), 4), dtype=np.float32)
    for _ in map(_get_bounds, items, *_cells(bounds)):
        pass
    return bounds.astype(np.float64)


def _cells(rows: npt.NDArray[Any]) -> list[range]:
    """Return the addresses of each column's cells. Shape: (n, 4), of four bytes each."""
    begin = rows.ctypes.data
    return [range(at, at + rows.nbytes, 16) for at in range(begin, begin + 16, 4)]


def _collect_inner(form: Any, texts: list[int], depth: int = 0) -> bool:
    """Collect the texts within an object that holds others; tell whether it draws more."""
    draws = False
    for index in range(pdfium.FPDFFormObj_CountObjects(form)):
        handle = pdfium.FPDFFormObj_GetObject(form, index)
        kind = pdfium.FPDFPageObj_GetType(handle)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            texts.append(address(handle))
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
            draws |= _collect_inner(handle, texts, depth + 1)
        else:
            draws = True
    return draws


def is_cut(text: int, bounds: Floats) -> bool:
    """Tell whether a text may lie out of the area that it is cut to."""
    clip = ctypes.cast(get_clip(text), pdfium.FPDF_CLIPPATH)
    x, y = ctypes.c_float(), ctypes.c_float()
    middle = (bounds[:2] + bounds[2:]) / 2
    for path in range(pdfium.FPDFClipPath_CountPaths(clip)):
        if pdfium.FPDFClipPath_CountPathSegments(clip, path) not in (4, 5):
            return True
        corners = []
        # Of a rectangle, two that are opposite.
        for index in (0, 2):
            segment = pdfium.FPDFClipPath_GetPathSegment(clip, path, index)
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            corners.append((x.value, y.value))
        ends = np.sort(np.array(corners), axis=0)
        if not ((ends[0] <= middle) & (middle <= ends[1])).all():
            return True
    return False


def address(handle: Any) -> int:
    """Return where something of PDFium's lies."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
