"""Word files (.docx, .docm, .dotx) → text, in document order."""

from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from cvseeker.resumes.readers.archive import open_archive, read_entry
from cvseeker.resumes.readers.base import Document, ReadError, join_cells

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
    """Read a Word file: headers, paragraphs, lists, tables, text boxes, footers.

    Parameters
    ----------
    data
        The file's bytes.

    Returns
    -------
    list of Document
        One document: a line per paragraph, a blank line around headings, list items marked ``•``.

    Raises
    ------
    ReadError
        If the file is broken, encrypted, a zip bomb, or no Word file.
    """
    archive = open_archive(data)
    names = sorted(archive.namelist())
    bullets = _list_styles(archive) if "word/styles.xml" in names else frozenset()
    lines: list[str] = []
    for name in [*_parts(names, "header"), *_parts(names, "document"), *_parts(names, "footer")]:
        part = _block_lines(_parse(read_entry(archive, name)), bullets)
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


def _list_styles(archive: ZipFile) -> frozenset[str]:
    """Return the ids of the paragraph styles that make list items."""
    root = _parse(read_entry(archive, "word/styles.xml"))
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
