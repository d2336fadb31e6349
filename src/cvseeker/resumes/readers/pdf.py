"""PDF → text, by PDFium, and by pypdf for the files that PDFium cannot open."""

import ctypes
import io
import re
from typing import Any

import numpy as np

from cvseeker.resumes.readers.base import Document, ReadError, check_length
from cvseeker.resumes.readers.layout import page_text
from cvseeker.resumes.readers.pieces import Boxes, Codes

_MAX_PAGES = 1000
# Fewer letters and digits than an address has: a stamp on a scan, not a résumé.
_MIN_LETTERS = 20
_LETTER = re.compile(r"[^\W_]")
_GARBLED = re.compile("[\ue000-\uf8ff\ufffd]")
# A quarter turn to the right, and so on: what x and y of the page as shown are made of.
_TURNS = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def read_pdf(data: bytes) -> list[Document]:
    """Read a PDF file, its columns one after the other."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise ReadError("encrypted PDF: needs a password") from error
        text, images = _read_by_pypdf(data), 0
    else:
        try:
            text, images = _read_pages(pdf)
        finally:
            pdf.close()
    _refuse_unreadable(text, images)
    return [Document(text)]


def _read_pages(pdf: Any) -> tuple[str, int]:
    """Return the text, and the number of pictures on pages without any."""
    import pypdfium2

    if len(pdf) > _MAX_PAGES:
        raise ReadError(f"{len(pdf):,} pages: a résumé has at most {_MAX_PAGES:,}")
    texts: list[str] = []
    images = length = 0
    for index in range(len(pdf)):
        try:
            page = pdf[index]
        except pypdfium2.PdfiumError:
            # The other pages may be sound.
            continue
        text = page_text(*_characters(page))
        images += not text and _count_images(page)
        page.close()
        texts.append(text)
        length += len(text)
        check_length(length)
    return _join_pages([text for text in texts if text]), images


def _join_pages(texts: list[str]) -> str:
    """Part pages by a blank line, unless a sentence runs on."""
    joined = "".join(texts[:1])
    for text in texts[1:]:
        joined += ("\n" if text[:1].islower() else "\n\n") + text
    return joined


def _characters(page: Any) -> tuple[Codes, Boxes]:
    """Return a page's code points, shape (n,), and boxes, shape (n, 4), as the page is shown."""
    import pypdfium2.raw as pdfium

    text_page = page.get_textpage()
    handle, count = text_page.raw, text_page.count_chars()
    check_length(count)
    codes = _codes(handle, count)
    # left, top, right, bottom
    cells = (pdfium.FS_RECTF * max(1, count))()
    first, size = cells[0], ctypes.sizeof(pdfium.FS_RECTF)
    get_box, reference = pdfium.FPDFText_GetLooseCharBox, ctypes.byref
    for index in range(count):
        get_box(handle, index, reference(first, index * size))
    boxes = np.frombuffer(cells, dtype=np.float32).reshape(-1, 4)[:count]
    boxes = _turn(boxes, page.get_rotation())
    text_page.close()
    return codes, boxes


def _codes(handle: Any, count: int) -> Codes:
    import pypdfium2.raw as pdfium

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
    xx, xy, yx, yy = _TURNS.get(rotation, _TURNS[0])
    x, y = cells[:, [0, 2]], cells[:, [1, 3]]
    across, up = xx * x + xy * y, yx * x + yy * y  # (n, 2)
    return np.stack(
        [across.min(axis=1), up.min(axis=1), across.max(axis=1), up.max(axis=1)], axis=1
    )


def _count_images(page: Any) -> int:
    import pypdfium2.raw as pdfium

    return sum(1 for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _read_by_pypdf(data: bytes) -> str:
    """Read what PDFium refused; damage that both trip over makes the reason."""
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    # It reports each repair; the file is known to be damaged.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise ReadError("encrypted PDF: needs a password")
        if len(reader.pages) > _MAX_PAGES:
            raise ReadError(f"{len(reader.pages):,} pages: a résumé has at most {_MAX_PAGES:,}")
        text = "\n".join(page.extract_text() for page in reader.pages)
    except ReadError:
        raise
    except (
        PyPdfError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        OSError,
    ) as error:
        raise ReadError(_damage(data)) from error
    except (AssertionError, RecursionError, NotImplementedError, OverflowError) as error:
        raise ReadError(_damage(data)) from error
    if not text.strip():
        raise ReadError(_damage(data))
    return text


def _damage(data: bytes) -> str:
    if b"%%EOF" not in data[-2048:]:
        return "truncated PDF: its end is missing"
    return "damaged PDF: no program could open it"


def _refuse_unreadable(text: str, images: int) -> None:
    letters = len(_LETTER.findall(text))
    if letters < _MIN_LETTERS and not images:
        raise ReadError("no text on its pages: an empty or damaged PDF")
    if letters < _MIN_LETTERS:
        raise ReadError("no text layer: a scanned PDF; run OCR on it first, e.g. ocrmypdf IN OUT")
    garbled = len(_GARBLED.findall(text))
    if garbled > letters:
        raise ReadError(
            "unreadable text layer: its fonts name no letters; run OCR on it, "
            "e.g. ocrmypdf --force-ocr IN OUT"
        )
