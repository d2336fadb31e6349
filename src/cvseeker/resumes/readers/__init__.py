"""Readers: one file of any kind → documents. The content decides which reader, not the name."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cvseeker.resumes.readers.archive import Archive
from cvseeker.resumes.readers.base import (
    Document,
    ReadError,
    check_length,
    flags_of,
    hidden_note,
    order_notes,
)
from cvseeker.resumes.readers.docx import read_docx
from cvseeker.resumes.readers.html import page_document, read_html
from cvseeker.resumes.readers.mail import is_mail, read_mail
from cvseeker.resumes.readers.objects import (
    is_json_lines,
    read_json_lines,
    read_json_text,
    read_xml,
)
from cvseeker.resumes.readers.odt import read_odt
from cvseeker.resumes.readers.pdf import read_pdf
from cvseeker.resumes.readers.smuggled import without_smuggled
from cvseeker.resumes.readers.tables import is_delimited, read_delimited, read_parquet
from cvseeker.resumes.readers.text import decode, read_rtf
from cvseeker.resumes.readers.written import written_on

__all__ = ["Document", "ReadError", "flags_of", "read_document"]

_READERS: tuple[tuple[bytes, Callable[[bytes], list[Document]]], ...] = (
    (b"{\\rtf", read_rtf),
    (b"PAR1", read_parquet),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_KINDS = (
    ("xl/workbook.xml", "an Excel workbook: save the sheet as .csv"),
    ("xl/workbook.bin", "an Excel workbook: save the sheet as .csv"),
    ("ppt/presentation.xml", "a PowerPoint file: save it as PDF"),
    ("Index/Document.iwa", "an Apple Pages file: export it as PDF or .docx"),
    ("content.xml", "an OpenDocument file, but no text: save it as PDF or .csv"),
    ("META-INF/container.xml", "an e-book (EPUB): save it as PDF or HTML"),
)
# A mail in a mail, a page in a Word file: more than this is a trap.
_MAX_DEPTH = 3
_IMAGE = "an image ({}): run OCR on it first, e.g. ocrmypdf --image-dpi 300 IN OUT"
_ARCHIVE = "an archive ({}): unpack it and pass the folder"
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", _IMAGE.format("PNG")),
    (b"\xff\xd8\xff", _IMAGE.format("JPEG")),
    (b"GIF8", _IMAGE.format("GIF")),
    (b"II*\0", _IMAGE.format("TIFF")),
    (b"MM\0*", _IMAGE.format("TIFF")),
    (b"\x1f\x8b", _ARCHIVE.format("gzip")),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE.format("7z")),
    (b"Rar!\x1a\x07", _ARCHIVE.format("rar")),
    (b"\xfd7zXZ\0", _ARCHIVE.format("xz")),
    (b"BZh", _ARCHIVE.format("bzip2")),
    (b"\x7fELF", "a program, not a résumé"),
    (b"MZ\x90\0", "a program, not a résumé"),
    (b"SQLite format 3\0", "a database, not a résumé"),
    (b"%!PS", "PostScript: convert it to PDF first, e.g. ps2pdf IN OUT"),
    (b"\xffWPC", "WordPerfect: save it as .docx or PDF"),
    (b"\x78\x9f\x3e\x22", "Outlook's winmail.dat: ask for the file itself"),
    (b"ID3", "a recording, not a résumé"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*"
    r"<(?:!doctype\s+html|html|head|body|div|table|p|meta|style|h[1-6]|span|center|title)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"<(?:\?xml\b|!--|!doctype\b|[a-z_])", re.IGNORECASE)
_SURROGATES = re.compile("[\ud800-\udfff]+")
# Prose may begin with a bracket; JSON goes on with another one or a quotation mark.
_JSON = re.compile(r"[\[{]\s*[\[{\"}\]]")
_XML_SUFFIXES = (".xml", ".hrxml", ".fodt")
_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab")


def read_document(path: Path) -> list[Document]:
    """Read one file, by the reader that its content asks for.

    Parameters
    ----------
    path
        A PDF, Word, OpenDocument, HTML, RTF, text or Markdown file, a mail, a résumé in JSON or
        XML, or a table (CSV, TSV, JSON lines, Parquet). Its suffix matters only between a table and
        plain text.

    Returns
    -------
    list of Document
        One for a file, one a row for a table; each has text.

    Raises
    ------
    ReadError
        If the file cannot be read; the message is one short sentence for a person.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ReadError("the file has vanished, or is a link to nothing") from error
    except PermissionError as error:
        raise ReadError("no permission to read the file") from error
    except OSError as error:
        raise ReadError(f"not readable: {error.strerror or error}") from error
    if not data.strip(b" \t\r\n\0"):
        raise ReadError("empty file" if not data.strip() else "no readable text: only zero bytes")
    read = _read(data, path.suffix.lower())
    check_length(max((len(document.text) for document in read), default=0))
    documents = [_sound(document) for document in read]
    readable = [document for document in documents if document.text.strip()]
    if not readable:
        raise ReadError("no text in it")
    if len(readable) == 1 and (day := written_on(data)):
        document = readable[0]
        return [replace(document, metadata={"written": day.isoformat(), **document.metadata})]
    return readable


def _read(data: bytes, suffix: str, depth: int = 0) -> list[Document]:
    if depth > _MAX_DEPTH:
        raise ReadError("files within files, too deep to be a résumé")
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\0")
    if b"%PDF-" in data[:1024]:
        return read_pdf(data)
    for magic, read in _READERS:
        if start.startswith(magic):
            return read(data)
    if start.startswith(_ZIP):
        return _read_zip(data, depth)
    _refuse_by_magic(data)
    if is_mail(data[:100_000].lstrip()):
        return read_mail(data.lstrip(), lambda part, kind: _read_inside(part, kind, depth + 1))
    return _read_by_text(data, suffix)


def _read_inside(data: bytes, suffix: str, depth: int) -> list[Document]:
    """Read a file that lies in another one, as soundly as if it stood alone."""
    documents = [_sound(document) for document in _read(data, suffix, depth)]
    check_length(max((len(document.text) for document in documents), default=0))
    return documents


def _read_zip(data: bytes, depth: int) -> list[Document]:
    archive = Archive.open(data)
    is_word = any(name.startswith("word/document") for name in archive.names)
    if is_word and archive.encrypted:
        raise ReadError("encrypted Word file: needs a password")
    if is_word:
        return read_docx(archive, lambda part, kind: _text_inside(part, kind, depth + 1))
    kind = archive.read("mimetype") if "mimetype" in archive.names else b""
    if "content.xml" in archive.names and b"opendocument.text" in kind:
        return read_odt(archive)
    reasons = (reason for name, reason in _ZIP_KINDS if name in archive.names)
    raise ReadError(next(reasons, "a zip archive: unpack it and pass the folder"))


def _text_inside(data: bytes, suffix: str, depth: int) -> str:
    """Return the text of a part of a Word file that is a file of another kind."""
    try:
        return "\n\n".join(document.text for document in _read_inside(data, suffix, depth))
    except ReadError:
        # It costs the file a part, not the rest.
        return ""


def _refuse_by_magic(data: bytes) -> None:
    if data.startswith(_OLE):
        raise ReadError(_ole_reason(data))
    for magic, reason in _REFUSED:
        if data.startswith(magic):
            raise ReadError(reason)
    if data[:2] == b"BM" and len(data) > 14 and data[6:10] == bytes(4):
        raise ReadError(_IMAGE.format("BMP"))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise ReadError(_IMAGE.format("WebP"))
    if data[4:8] == b"ftyp":
        still = data[8:12] in (b"heic", b"heix", b"mif1", b"avif")
        raise ReadError(_IMAGE.format("HEIC") if still else "a video, not a résumé")


def _ole_reason(data: bytes) -> str:
    """Name the file by the entries of its directory, which are UTF-16."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return "encrypted Office file: needs a password"
    if "Workbook".encode("utf-16-le") in data:
        return "legacy Excel .xls: save the sheet as .csv"
    if "PowerPoint".encode("utf-16-le") in data:
        return "legacy PowerPoint .ppt: save it as PDF"
    if "__substg1.0".encode("utf-16-le") in data:
        return "an Outlook message: save its attachment"
    return "legacy Word .doc: save it as .docx or PDF"


def _read_by_text(data: bytes, suffix: str) -> list[Document]:
    text = decode(data)
    start = text[:5000].lstrip("\ufeff \t\r\n")
    if _HTML.match(start):
        return read_html(data) if data[:1] == b"<" else [page_document(text)]
    if _XML.match(start) and (suffix in _XML_SUFFIXES or start.startswith("<?xml")):
        return read_xml(data.lstrip())
    if _JSON.match(start) or suffix in _JSON_SUFFIXES:
        is_lines = start.startswith("{") and is_json_lines(start if "\n" in start else text)
        return read_json_lines(text) if is_lines else read_json_text(text)
    if suffix in _TABLE_SUFFIXES and is_delimited(text):
        return read_delimited(text)
    return [Document(text)]


def _sound(document: Document) -> Document:
    """Make all that it says valid Unicode, with one kind of line end: it becomes UTF-8."""
    text = document.text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text, smuggled = without_smuggled(_mend_surrogates(text))
    notes = (hidden_note(how, [words]) for how, words in smuggled)
    return Document(
        text,
        _mend_surrogates(document.row_id),
        {
            _mend_surrogates(key): _mend_surrogates(value)
            for key, value in document.metadata.items()
        },
        (*map(_mend_surrogates, document.notes), *notes, *order_notes(text)),
    )


def _mend_surrogates(text: str) -> str:
    """Join the two halves of a character outside the basic plane; a lone half is lost."""
    if not _SURROGATES.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
