"""PDF → text, by PDFium, and by pypdf for the files that PDFium cannot open."""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

from cvseeker.resumes.legibility import UNREADABLE, legibility
from cvseeker.resumes.readers.base import Document, ReadError, check_length, hidden_note

_MAX_PAGES = 1000
# Fewer letters and digits than an address has: a stamp on a scan, not a résumé.
_MIN_LETTERS = 20
_LETTER = re.compile(r"[^\W_]")
_GARBLED = re.compile("[\ue000-\uf8ff\ufffd]")


def read_pdf(data: bytes) -> list[Document]:
    """Read a PDF file, its columns one after the other."""
    import pypdfium2

    hidden: dict[str, list[str]] = {}
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise ReadError("encrypted PDF: needs a password") from error
        text, images = _read_by_pypdf(data), 0
    else:
        try:
            text, images = _read_pages(pdf, hidden)
        finally:
            pdf.close()
    _refuse_unreadable(text, images)
    return [Document(text, notes=tuple(_notes(text, hidden)))]


def _notes(text: str, hidden: dict[str, list[str]]) -> Iterator[str]:
    seen = "".join(text.split())
    for how, words in hidden.items():
        # A line that a page's end cuts off stands on the next page again.
        lines = "\n".join(words).splitlines()
        if new := [line for line in lines if "".join(line.split()) not in seen]:
            yield hidden_note(how, new)
    if lost := text.count("\ufffd"):
        yield f"{lost:,} letters could not be read: their fonts name other letters, or none"


def _read_pages(pdf: Any, hidden: dict[str, list[str]]) -> tuple[str, int]:
    """Return the text, and the number of pictures on pages without any."""
    import pypdfium2

    from cvseeker.resumes.readers.pdf_page import count_images, read_page

    if len(pdf) > _MAX_PAGES:
        raise ReadError(f"{len(pdf):,} pages: a résumé has at most {_MAX_PAGES:,}")
    # Before any page is opened; the values of fields are the form's, not the pages'.
    if pdf.get_formtype():
        # It warns of forms that only Adobe's programs fill in.
        logging.getLogger("pypdfium2").setLevel(logging.ERROR)
        pdf.init_forms()
    texts: list[str] = []
    images = length = 0
    for index in range(len(pdf)):
        try:
            page = pdf[index]
        except pypdfium2.PdfiumError:
            # The other pages may be sound.
            continue
        text = read_page(page, pdf.formenv, hidden)
        images += not text and count_images(page)
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


def _read_by_pypdf(data: bytes) -> str:
    """Read what PDFium refused; damage that both trip over makes the reason."""
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
    letters, garbled = len(_LETTER.findall(text)), len(_GARBLED.findall(text))
    known = legibility(text)
    if garbled > max(letters, _MIN_LETTERS) or (known is not None and known < UNREADABLE):
        raise ReadError(
            "unreadable text layer: its fonts name other letters, or none; run OCR on it, "
            "e.g. ocrmypdf --force-ocr IN OUT"
        )
    if letters < _MIN_LETTERS and not images:
        raise ReadError("no text on its pages: an empty or damaged PDF")
    if letters < _MIN_LETTERS:
        raise ReadError("no text layer: a scanned PDF; run OCR on it first, e.g. ocrmypdf IN OUT")
