"""Which characters of a PDF page nobody sees: suspected by what they are, settled by rendering.

A page is rendered with and without the objects that are suspected: a character adds to what is seen
where the two pictures differ. Pages without any such object are not rendered.
"""

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium

from cvseeker.resumes.readers.pieces import Boxes, Codes

# Two points; of a page that is drawn on another scale, as much of its width.
_TINY, _TINY_SHARE = 2.0, 2.0 / 595
# Of 255, in the channel that differs most: less is seen by nobody, and more may be.
_VISIBLE, _ALIKE, _NEARLY_WHITE = 16, 40, 0xD0
_OPAQUE = 24
# A word of which fewer of its letters show is not seen.
_SHOWN_SHARE = 0.34
# Letters of a word or two.
_OVERFLOW = 16
# Lines and dots hide nothing.
_THINNEST = 4.0
_PIXELS, _LARGEST_SCALE = 1_000_000, 1.25
# What lies under the letters of a scan: darker and lighter, by so much of 255.
_INK = 50
_NOT_DRAWN = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
_PICTURES = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING)
_DEEPEST = 12

_Flags = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]
_Picture = npt.NDArray[np.uint8]


# In some files each letter is an object: these take addresses, and are called by ``map``.
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
_get_clip = fast(pdfium.FPDFPageObj_GetClipPath, _POINTER, _POINTER)
_count_clips = fast(pdfium.FPDFClipPath_CountPaths, _INT, _POINTER)
_get_text_object = fast(pdfium.FPDFText_GetTextObject, _POINTER, _POINTER, _INT)
_set_active = fast(pdfium.FPDFPageObj_SetIsActive, _INT, _POINTER, _INT)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A filled area, or a picture of whatever colours: bounds are left, bottom, right, top."""

    order: int
    bounds: _Floats
    # Red, green, blue.
    color: npt.NDArray[np.int64] | None


@dataclass(slots=True)
class _Objects:
    """The objects of a page, by their addresses, and where each is in the order of drawing."""

    texts: list[int] = field(default_factory=list)
    orders: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    modes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    shapes: list[_Shape] = field(default_factory=list)
    # Texts within objects that have coordinates of their own.
    inner: list[int] = field(default_factory=list)


def find_unseen(page: Any, handle: Any, codes: Codes, boxes: Boxes) -> dict[str, _Flags]:
    """Return how characters are hidden → which are. Shapes: codes (n,), boxes (n, 4), flags (n,).

    ``boxes`` are left, top, right and bottom in the coordinates of the page.
    """
    inked = codes > 0x20
    found = {
        "off the page": inked & _outside(page, boxes),
        "tiny letters": _tiny(page, handle, boxes, inked),
    }
    inked &= ~found["off the page"] & ~found["tiny letters"]
    objects = _objects(page)
    suspected = _suspected(objects, handle, boxes, inked)
    if suspected and inked.any():
        hidden = _settled(page, handle, codes, boxes, inked, objects, suspected)
        for how, flags in hidden.items():
            found[how] = found.get(how, False) | flags
    for how in ("off the page", "cut off"):
        if how in found and found[how].any():
            found[how] &= ~_overflow(found[how], codes)
    return {how: flags for how, flags in found.items() if flags.any()}


def _outside(page: Any, boxes: Boxes) -> _Flags:
    """Tell characters whose middle is not on the part of the page that is shown."""
    shown = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page.raw, shown)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside = (x >= shown.left) & (x <= shown.right) & (y >= shown.bottom) & (y <= shown.top)
    return np.asarray(~inside)


def _overflow(flags: _Flags, codes: Codes) -> _Flags:
    """Tell the few letters by which a line that is seen is too long for its page."""
    result = np.zeros_like(flags)
    for start, end in _runs(flags | (codes == 0x20)):
        few = np.count_nonzero(flags[start:end]) <= _OVERFLOW
        result[start:end] = few and start > 0 and codes[start - 1] > 0x20
    return result


def _runs(flags: _Flags) -> list[list[int]]:
    """Return where each run of flags starts and ends."""
    steps = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    pairs: list[list[int]] = np.flatnonzero(steps).reshape(-1, 2).tolist()
    return pairs


def _tiny(page: Any, handle: Any, boxes: Boxes, inked: _Flags) -> _Flags:
    limit = min(_TINY, _TINY_SHARE * min(page.get_size()))
    sizes = np.maximum(np.abs(boxes[:, 2] - boxes[:, 0]), np.abs(boxes[:, 1] - boxes[:, 3]))
    tiny = np.asarray(inked & (sizes < 1.3 * limit))
    matrix = pdfium.FS_MATRIX()
    # Some fonts state no boxes.
    for index in np.flatnonzero(tiny).tolist():
        pdfium.FPDFText_GetMatrix(handle, index, matrix)
        scale = abs(matrix.a * matrix.d - matrix.b * matrix.c) ** 0.5
        tiny[index] = 0 < pdfium.FPDFText_GetFontSize(handle, index) * scale < limit
    return tiny


def _objects(page: Any) -> _Objects:
    objects, count = _Objects(), pdfium.FPDFPage_CountObjects(page.raw)
    items = list(map(_get_object, repeat(address(page.raw), count), range(count)))
    modes = np.fromiter(map(_get_mode, items), np.int64, count)
    objects.orders = np.flatnonzero(modes >= 0)
    objects.modes = modes[objects.orders]
    objects.texts = [items[order] for order in objects.orders.tolist()]
    others = np.flatnonzero(modes < 0).tolist()
    objects.shapes = list(_shapes([items[order] for order in others], others, objects.inner))
    return objects


def _shapes(items: list[int], orders: list[int], inner: list[int]) -> Iterator[_Shape]:
    """Yield objects that may hide what lies below, or have the colour of what lies above.

    ``inner`` gets the texts within them.
    """
    kinds = np.fromiter(map(_get_type, items), np.int64, len(items))
    bounds, colors = _bounds(items), _colors(items)
    thinnest = (bounds[:, 2:] - bounds[:, :2]).min(axis=1, initial=np.inf)
    is_path = kinds == pdfium.FPDF_PAGEOBJ_PATH
    for at in np.flatnonzero(~is_path | (thinnest >= _THINNEST)).tolist():
        handle = ctypes.cast(items[at], pdfium.FPDF_PAGEOBJECT)
        if is_path[at]:
            if _is_filled(handle):
                color = colors[at, :3] if colors[at, 3] >= 0 else None
                yield _Shape(orders[at], bounds[at], color)
        elif kinds[at] in _PICTURES or (
            kinds[at] == pdfium.FPDF_PAGEOBJ_FORM and _collect_inner(handle, inner)
        ):
            yield _Shape(orders[at], bounds[at], None)


def _is_filled(path: Any) -> bool:
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, mode, stroked)
    return bool(mode.value != pdfium.FPDF_FILLMODE_NONE)


def _colors(items: list[int]) -> npt.NDArray[np.int64]:
    """Return red, green, blue and opacity, which is -1 where a pattern fills. Shape: (n, 4)."""
    channels = np.zeros((len(items), 4), dtype=np.uint32)
    known = np.fromiter(map(_get_color, items, *_cells(channels)), bool, len(items))
    colors = channels.astype(np.int64)
    colors[~known, 3] = -1
    return colors


def _bounds(items: list[int]) -> _Floats:
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


def _suspected(objects: _Objects, handle: Any, boxes: Boxes, inked: _Flags) -> dict[int, str]:
    """Return the addresses of texts that may be hidden, and how they would be."""
    texts = objects.texts
    suspected = dict.fromkeys(objects.inner, "not shown")
    if not texts:
        return suspected
    counts = map(_count_clips, map(_get_clip, texts))
    clipped = [number for number, count in enumerate(counts) if count > 0]
    colors, orders = _colors(texts), objects.orders
    near = (colors[:, :3].min(axis=1) >= _NEARLY_WHITE) | (colors[:, 3] < 0)
    covered = np.zeros(len(texts), dtype=bool)
    # Of each shape, which texts it may cover, and which could not be told from it.
    pairs = [
        (one, orders < one.order, (orders > one.order) & alike)
        for one, alike in zip(objects.shapes, _alike(objects.shapes, colors), strict=True)
    ]
    shapes = [one for one, *flags in pairs if np.any(flags)]
    rows = sorted({*clipped, *_touching(shapes, texts, handle, boxes, inked)})
    bounds = np.full((len(texts), 4), np.nan)
    bounds[rows] = _bounds([texts[number] for number in rows])
    for shape, below, alike in pairs:
        touches = _touch(bounds, shape.bounds)
        covered |= touches & below
        near |= touches & alike
    clipped = [number for number in clipped if _is_cut(texts[number], bounds[number])]
    drawn = ~np.isin(objects.modes, _NOT_DRAWN) & ~((colors[:, 3] >= 0) & (colors[:, 3] < _OPAQUE))
    suspected |= dict.fromkeys((texts[number] for number in clipped), "cut off")
    for flags, how in (
        (covered, "covered"),
        (near, "in the colour of the page"),
        (~drawn, "invisible letters"),
    ):
        suspected |= dict.fromkeys((texts[number] for number in np.flatnonzero(flags)), how)
    return suspected


def _alike(shapes: list[_Shape], colors: npt.NDArray[np.int64]) -> Iterator[_Flags]:
    """Yield for each shape which colours could not be told from it. Shapes: (n, 4), (n,)."""
    packed = colors[:, :3] @ np.array([1 << 16, 1 << 8, 1])
    few, which = np.unique(packed, return_inverse=True)
    palette = np.stack([few >> 16, few >> 8 & 255, few & 255], axis=1)
    for one in shapes:
        if one.color is None:
            yield np.ones(len(colors), dtype=bool)
        else:
            yield (np.abs(palette - one.color).max(axis=1) < _ALIKE)[which]


def _touching(
    shapes: list[_Shape], texts: list[int], handle: Any, boxes: Boxes, inked: _Flags
) -> Iterator[int]:
    """Yield which texts have a character that may touch a shape."""
    if not shapes:
        return
    low = np.minimum(boxes[:, :2], boxes[:, 2:])
    high = np.maximum(boxes[:, :2], boxes[:, 2:])
    # Some fonts state no boxes, and slanted letters leave theirs.
    near = (high == low).any(axis=1)
    around = np.concatenate([low - 2, high + 2], axis=1)
    for shape in shapes:
        near |= _touch(around, shape.bounds)
    asked = np.flatnonzero(near & inked).tolist()
    owners = set(map(_get_text_object, repeat(address(handle)), asked))
    yield from (number for number, item in enumerate(texts) if item in owners)


def _touch(bounds: _Floats, other: _Floats) -> _Flags:
    """Tell which bounds overlap others. Shapes: (n, 4), (4,), (n,)."""
    left, bottom, right, top = other
    return np.asarray(
        (bounds[:, 0] < right)
        & (bounds[:, 1] < top)
        & (bounds[:, 2] > left)
        & (bounds[:, 3] > bottom)
    )


def _is_cut(text: int, bounds: _Floats) -> bool:
    """Tell whether a text may lie out of the area that it is cut to."""
    clip = ctypes.cast(_get_clip(text), pdfium.FPDF_CLIPPATH)
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


def _settled(
    page: Any,
    handle: Any,
    codes: Codes,
    boxes: Boxes,
    inked: _Flags,
    objects: _Objects,
    suspected: dict[int, str],
) -> dict[str, _Flags]:
    """Return how suspected characters are hidden → which of them add nothing to the page."""
    hows = np.full(len(codes), "", dtype=object)
    owners = map(_get_text_object, repeat(address(handle)), np.flatnonzero(inked).tolist())
    hows[inked] = [suspected.get(one, "") for one in owners]
    asked = hows != ""
    if not asked.any():
        return {}
    places = _Places(page, boxes)
    before = places.render()
    _switch_off(suspected)
    after = places.render()
    changed = np.maximum(before, after) - np.minimum(before, after) >= _VISIBLE
    # By channels, which is much faster than along the last axis: (height, width)
    shown = places.having(changed[..., 0] | changed[..., 1] | changed[..., 2])
    shown &= hows != "invisible letters"
    hidden = _by_runs(asked & ~shown, asked, inked)
    # Of a line that the end of a page cuts in half, the lowest letters alone are not seen.
    lines = (hows == "cut off") | (codes == 0x20)
    hidden &= (hows != "cut off") | _by_runs(hidden, lines, inked)
    if _is_scan(page, objects, hidden, inked):
        _switch_off(objects.texts)
        gray = places.render().mean(axis=2)
        on_ink = np.zeros(len(codes), dtype=bool)
        for index in np.flatnonzero(hidden).tolist():
            area = places.at(gray, index)
            on_ink[index] = area.size > 0 and area.max() - area.min() >= _INK
        hidden = _by_runs(hidden & ~on_ink, hidden, inked)
    return {how: hidden & (hows == how) for how in set(hows[hidden])}


def address(handle: Any) -> int:
    """Return where something of PDFium's lies."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def _switch_off(items: Iterable[int]) -> None:
    for item in items:
        _set_active(item, 0)


def _is_scan(page: Any, objects: _Objects, hidden: _Flags, inked: _Flags) -> bool:
    """Tell a picture of a page, whose text lies unseen above or below what is seen."""
    if 2 * np.count_nonzero(hidden) < np.count_nonzero(inked):
        return False
    width, height = page.get_size()
    areas = (
        (min(right, width) - max(left, 0)) * (min(top, height) - max(bottom, 0))
        for left, bottom, right, top in (one.bounds for one in objects.shapes if one.color is None)
    )
    return bool(2 * sum(area for area in areas if area > 0) > width * height)


def _by_runs(some: _Flags, runs: _Flags, inked: _Flags) -> _Flags:
    """Return whole runs, such as words, where nearly all of their letters are among ``some``."""
    result = np.zeros_like(some)
    for start, end in _runs(runs):
        letters = inked[start:end]
        shown = np.count_nonzero(letters & ~some[start:end])
        result[start:end] = letters & (shown < _SHOWN_SHARE * np.count_nonzero(letters))
    return result


class _Places:
    """Where characters are on the picture of a page."""

    def __init__(self, page: Any, boxes: Boxes) -> None:
        width, height = page.get_size()
        self._page = page
        self._scale = min(_LARGEST_SCALE, (_PIXELS / max(1.0, width * height)) ** 0.5)
        corner = [self._to_device(*point) for point in ((0, 0), (1000, 0), (0, 1000))]
        origin = np.array(corner[0])
        across, up = (np.array(corner[1]) - origin) / 1000, (np.array(corner[2]) - origin) / 1000
        ends = [
            origin + np.outer(boxes[:, x], across) + np.outer(boxes[:, y], up)
            for x, y in ((0, 3), (2, 1))
        ]
        self._low = np.floor(np.minimum(*ends)).clip(0, 1e6).astype(int)  # (n, 2)
        self._high = np.ceil(np.maximum(*ends)).clip(0, 1e6).astype(int)

    def _to_device(self, x: float, y: float) -> tuple[float, float]:
        across, down = ctypes.c_int(), ctypes.c_int()
        width, height = self._page.get_size()
        # In hundredths of pixels, since it returns whole numbers.
        scale = self._scale * 100
        size = (round(width * scale), round(height * scale))
        pdfium.FPDF_PageToDevice(self._page.raw, 0, 0, *size, 0, x, y, across, down)
        return across.value / 100, down.value / 100

    def render(self) -> _Picture:
        """Return the page as it is now. Shape: (height, width, 3)."""
        bitmap = self._page.render(scale=self._scale, may_draw_forms=False)
        picture: _Picture = bitmap.to_numpy()[:, :, :3].copy()
        bitmap.close()
        return picture

    def having(self, marks: _Flags) -> _Flags:
        """Tell which characters have a mark where they are. Shapes: (height, width), (n,)."""
        height, width = marks.shape
        # How many there are above and to the left of each corner.
        counts = np.zeros((height + 1, width + 1), np.int32)
        counts[1:, 1:] = marks.cumsum(axis=0, dtype=np.int32).cumsum(axis=1)
        left, top = self._low.clip(0, (width, height)).T
        right, bottom = self._high.clip(0, (width, height)).T
        inside = counts[bottom, right] - counts[top, right] - counts[bottom, left]
        return np.asarray(inside + counts[top, left] > 0)

    def at(self, picture: Any, index: int) -> Any:
        """Return the part of a picture where a character is."""
        (left, top), (right, bottom) = self._low[index], self._high[index]
        return picture[top:bottom, left:right]
