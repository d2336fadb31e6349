"""Word files (.docx, .docm, .dotx) → text, in document order."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from cvseeker.resumes.readers.base import Document, ReadError, join_cells

# A long résumé full of pictures unpacks to some 20 MB.
_MAX_UNPACKED_BYTES = 200_000_000
_MAX_ENTRIES = 10_000
# XML shrinks by 10 to 20; a bomb by a thousand.
_MAX_RATIO = 200
_RATIO_MATTERS_FROM = 5_000_000
_UNPACKING_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
)
_KINDS = (
    ("xl/workbook.xml", "an Excel workbook: save the sheet as .csv"),
    ("xl/workbook.bin", "an Excel workbook: save the sheet as .csv"),
    ("ppt/presentation.xml", "a PowerPoint file: save it as PDF"),
    ("Index/Document.iwa", "an Apple Pages file: export it as PDF or .docx"),
    ("content.xml", "an OpenDocument file: save it as .docx or PDF"),
    ("META-INF/container.xml", "an e-book (EPUB): save it as PDF or HTML"),
)
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT_WORD = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEXT_BOX = _WORD + "txbxContent"
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
# Deleted text, field codes and the copy of a text box that is kept for old programs.
_DROPPED = frozenset(
    (_WORD + "del", _WORD + "instrText", _WORD + "delText", _WORD + "moveFrom", _FALLBACK)
)


def read_docx(data: bytes) -> list[Document]:
    """Read a Word file: headers, paragraphs, lists, tables, text boxes, footers."""
    archive = _open_archive(data)
    names = sorted(archive.namelist())
    bullets = _list_styles(archive) if "word/styles.xml" in names else frozenset()
    lines: list[str] = []
    for name in [*_parts(names, "header"), *_parts(names, "document"), *_parts(names, "footer")]:
        part = _block_lines(_parse(_read_entry(archive, name)), bullets)
        # Headers of the first, the odd and the even pages often say the same.
        if not {line for line in part if line} <= set(lines):
            lines += ["", *part]
    return [Document("\n".join(lines).strip("\n"))]


def _parts(names: list[str], prefix: str) -> list[str]:
    return [name for name in names if name.startswith(f"word/{prefix}") and name.endswith(".xml")]


def _parse(content: bytes) -> Any:
    from docx.oxml import parse_xml
    from lxml.etree import XMLSyntaxError

    # The parser neither resolves entities nor follows trees deeper than 256 or texts over 10 MB.
    try:
        return parse_xml(content.replace(_STRICT_WORD, _WORD[1:-1].encode()))
    except (XMLSyntaxError, ValueError) as error:
        raise ReadError("damaged .docx: its text is not valid XML") from error


def _list_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """Return the ids of the paragraph styles that make list items."""
    root = _parse(_read_entry(archive, "word/styles.xml"))
    return frozenset(
        style.get(_WORD + "styleId", "")
        for style in root.iter(_WORD + "style")
        if next(style.iter(_WORD + "numPr"), None) is not None
        and next(style.iter(_WORD + "outlineLvl"), None) is None
    )


def _block_lines(parent: Any, bullets: frozenset[str]) -> list[str]:
    """Return the lines of the paragraphs and tables below ``parent``."""
    lines: list[str] = []
    for child in parent:
        if child.tag == _WORD + "p":
            lines += _paragraph_lines(child, bullets)
        elif child.tag == _WORD + "tbl":
            lines += ["", *_table_lines(child, bullets), ""]
        elif child.tag not in _DROPPED and isinstance(child.tag, str):
            lines += _block_lines(child, bullets)
    return lines


def _paragraph_lines(paragraph: Any, bullets: frozenset[str]) -> list[str]:
    boxes: list[Any] = []
    text = "".join(_pieces(paragraph, boxes))
    lines = [line.strip() for line in text.split("\n")]
    style = next((node.get(_WORD + "val", "") for node in paragraph.iter(_WORD + "pStyle")), "")
    if _is_heading(paragraph, style):
        lines = ["", *lines, ""]
    elif lines[0] and (style in bullets or _numbered(paragraph)):
        lines[0] = f"• {lines[0]}"
    if boxes and not text.strip():
        lines = []
    for box in boxes:
        lines += ["", *_block_lines(box, bullets), ""]
    return lines


def _pieces(element: Any, boxes: list[Any]) -> Iterator[str]:
    """Yield the texts of a paragraph's runs; text boxes are put aside into ``boxes``."""
    for child in element:
        tag = child.tag
        if tag == _TEXT_BOX:
            boxes.append(child)
        elif tag == _WORD + "t":
            yield child.text or ""
        elif tag in _DROPPED or not isinstance(tag, str):
            continue
        elif tag.startswith(_WORD) and tag[len(_WORD) :] in _CHARACTERS:
            yield _CHARACTERS[tag[len(_WORD) :]]
        elif tag != _WORD + "pPr":
            yield from _pieces(child, boxes)


def _table_lines(table: Any, bullets: frozenset[str]) -> list[str]:
    lines: list[str] = []
    for row in table.iter(_WORD + "tr"):
        # Rows of tables inside this one's cells come with their cell.
        if next(row.iterancestors(_WORD + "tbl")) is table:
            lines += join_cells(
                "\n".join(_block_lines(cell, bullets)) for cell in _cells(row, table)
            )
    return lines


def _cells(row: Any, table: Any) -> list[Any]:
    return [
        cell for cell in row.iter(_WORD + "tc") if next(cell.iterancestors(_WORD + "tbl")) is table
    ]


def _is_heading(paragraph: Any, style: str) -> bool:
    name = style.lower().replace(" ", "")
    return name.startswith(("heading", "title")) or (
        next(paragraph.iterfind(f"{_WORD}pPr/{_WORD}outlineLvl"), None) is not None
    )


def _numbered(paragraph: Any) -> bool:
    number = next(paragraph.iterfind(f"{_WORD}pPr/{_WORD}numPr/{_WORD}numId"), None)
    return number is not None and number.get(_WORD + "val") != "0"


def _open_archive(data: bytes) -> zipfile.ZipFile:
    """Open a Word file's archive after a look at its directory."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ReadError("truncated or damaged zip-based file (.docx and the like)") from error
    names = {entry.filename for entry in entries}
    _refuse_bomb(entries, len(data))
    if not any(name.startswith("word/document") for name in names):
        reasons = (reason for name, reason in _KINDS if name in names)
        raise ReadError(next(reasons, "a zip archive: unpack it and pass the folder"))
    if any(entry.flag_bits & 1 for entry in entries):
        raise ReadError("encrypted Word file: needs a password")
    return archive


def _read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one unpacked entry, whose size was checked by :func:`_open_archive`."""
    limit = archive.getinfo(name).file_size
    try:
        with archive.open(name) as entry:
            # One byte more than declared: a directory that lies is a bomb that passed the check.
            content = entry.read(limit + 1)
    except _UNPACKING_ERRORS as error:
        raise ReadError("damaged .docx: its text cannot be unpacked") from error
    if len(content) > limit:
        raise ReadError("zip bomb: an entry is larger than the directory says; not opened")
    return content


def _refuse_bomb(entries: list[zipfile.ZipInfo], packed: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > _MAX_ENTRIES:
        raise ReadError(f"zip bomb: {len(entries):,} entries; not opened")
    too_dense = unpacked > _RATIO_MATTERS_FROM and unpacked > _MAX_RATIO * packed
    if unpacked > _MAX_UNPACKED_BYTES or too_dense:
        sizes = f"{_size(packed)} expand to {_size(unpacked)}"
        raise ReadError(f"zip bomb: {sizes}; not opened")


def _size(count: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= scale:
            return f"{count / scale:,.0f} {unit}"
    return f"{count} bytes"
