"""Which characters of a PDF page nobody sees: suspected by what they are, settled by rendering.

A page is rendered with and without the objects that are suspected: a character adds to what is seen
where the two pictures differ. Pages without any such object are not rendered.
"""

import ctypes
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium

from cvseeker.resumes.readers.page_objects import (
    Floats,
    Ints,
    Objects,
    Shape,
    address,
    bounds_of,
    colors_of,
    count_clips,
    get_clip,
    get_text_object,
    is_cut,
    page_objects,
    set_active,
)
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
_PIXELS, _LARGEST_SCALE = 1_000_000, 1.25
# What lies under the letters of a scan: darker and lighter, by so much of 255.
_INK = 50
_NOT_DRAWN = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)

_Flags = npt.NDArray[np.bool_]
_Picture = npt.NDArray[np.uint8]


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
    objects = page_objects(page)
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


def _suspected(objects: Objects, handle: Any, boxes: Boxes, inked: _Flags) -> dict[int, str]:
    """Return the addresses of texts that may be hidden, and how they would be."""
    texts = objects.texts
    suspected = dict.fromkeys(objects.inner, "not shown")
    if not texts:
        return suspected
    counts = map(count_clips, map(get_clip, texts))
    clipped = [number for number, count in enumerate(counts) if count > 0]
    colors, orders = colors_of(texts), objects.orders
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
    bounds[rows] = bounds_of([texts[number] for number in rows])
    for shape, below, alike in pairs:
        touches = _touch(bounds, shape.bounds)
        covered |= touches & below
        near |= touches & alike
    clipped = [number for number in clipped if is_cut(texts[number], bounds[number])]
    drawn = ~np.isin(objects.modes, _NOT_DRAWN) & ~((colors[:, 3] >= 0) & (colors[:, 3] < _OPAQUE))
    suspected |= dict.fromkeys((texts[number] for number in clipped), "cut off")
    for flags, how in (
        (covered, "covered"),
        (near, "in the colour of the page"),
        (~drawn, "invisible letters"),
    ):
        suspected |= dict.fromkeys((texts[number] for number in np.flatnonzero(flags)), how)
    return suspected


def _alike(shapes: list[Shape], colors: Ints) -> Iterator[_Flags]:
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
    shapes: list[Shape], texts: list[int], handle: Any, boxes: Boxes, inked: _Flags
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
    owners = set(map(get_text_object, repeat(address(handle)), asked))
    yield from (number for number, item in enumerate(texts) if item in owners)


def _touch(bounds: Floats, other: Floats) -> _Flags:
    """Tell which bounds overlap others. Shapes: (n, 4), (4,), (n,)."""
    left, bottom, right, top = other
    return np.asarray(
        (bounds[:, 0] < right)
        & (bounds[:, 1] < top)
        & (bounds[:, 2] > left)
        & (bounds[:, 3] > bottom)
    )


def _settled(
    page: Any,
    handle: Any,
    codes: Codes,
    boxes: Boxes,
    inked: _Flags,
    objects: Objects,
    suspected: dict[int, str],
) -> dict[str, _Flags]:
    """Return how suspected characters are hidden → which of them add nothing to the page."""
    hows = np.full(len(codes), "", dtype=object)
    owners = map(get_text_object, repeat(address(handle)), np.flatnonzero(inked).tolist())
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


def _switch_off(items: Iterable[int]) -> None:
    for item in items:
        set_active(item, 0)


def _is_scan(page: Any, objects: Objects, hidden: _Flags, inked: _Flags) -> bool:
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
