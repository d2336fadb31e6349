"""OpenDocument texts (.odt, .ott, .fodt) → text, in document order."""

from collections.abc import Iterator
from typing import Any

from cvseeker.resumes.readers.archive import Archive
from cvseeker.resumes.readers.base import Document, ReadError, hidden_note, join_cells

_NAMESPACE = "{urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE, _DRAW = (f"{_NAMESPACE}{name}:1.0}}" for name in ("text", "table", "drawing"))
_OFFICE, _STYLE = (f"{_NAMESPACE}{name}:1.0}}" for name in ("office", "style"))
_HEADERS = (_STYLE + "header", _STYLE + "header-first", _STYLE + "header-left")
_FOOTERS = (_STYLE + "footer", _STYLE + "footer-first", _STYLE + "footer-left")
_DROPPED = frozenset(
    (
        *(_TEXT + name for name in ("tracked-changes", "note-citation", "sequence-decls")),
        *(_TEXT + name for name in ("index-title-template", "table-of-content-source")),
        _OFFICE + "annotation",
        _OFFICE + "forms",
    )
)
_HIDDEN = frozenset((_TEXT + "hidden-text", _TEXT + "hidden-paragraph"))
_MOST_SPACES = 20


def read_odt(archive: Archive) -> list[Document]:
    """Read headers, paragraphs, lists, tables, text boxes, notes and footers of a file."""
    if "META-INF/manifest.xml" in archive.names:
        manifest = archive.read("META-INF/manifest.xml")
        if b"encryption-data" in manifest:
            raise ReadError("encrypted OpenDocument file: needs a password")
    roots = [archive.xml(name) for name in ("styles.xml", "content.xml") if name in archive.names]
    return [_document(roots)]


def read_flat_odt(root: Any) -> list[Document]:
    """Read a text that is one XML file."""
    if next(root.iter(_OFFICE + "text"), None) is None:
        raise ReadError("an OpenDocument file, but no text: save it as PDF or .csv")
    return [_document([root])]


def _document(roots: list[Any]) -> Document:
    hidden: list[str] = []
    header, body, footer = (
        [line for root in roots for part in root.iter(*names) for line in _lines(part, hidden)]
        for names in (_HEADERS, (_OFFICE + "text",), _FOOTERS)
    )
    notes = (hidden_note("marked as hidden", hidden),) if hidden else ()
    return Document("\n".join([*header, "", *body, "", *footer]).strip("\n"), notes=notes)


def _lines(parent: Any, hidden: list[str]) -> list[str]:
    """Return the lines of what stands below an element."""
    lines: list[str] = []
    for child in parent:
        if child.tag in (_TEXT + "p", _TEXT + "h"):
            lines += _paragraph_lines(child, hidden)
        elif child.tag == _TEXT + "list-item":
            item = _lines(child, hidden)
            lines += [f"• {item[0].removeprefix('• ')}", *item[1:]] if item else []
        elif child.tag == _TABLE + "table":
            lines += ["", *_table_lines(child, hidden), ""]
        elif child.tag not in _DROPPED and isinstance(child.tag, str):
            lines += _lines(child, hidden)
    return lines


def _paragraph_lines(paragraph: Any, hidden: list[str]) -> list[str]:
    boxes: list[Any] = []
    text = "".join(_pieces(paragraph, boxes, hidden))
    lines = [line.strip() for line in text.split("\n")] if text.strip() or not boxes else []
    if paragraph.tag == _TEXT + "h":
        lines = ["", *lines, ""]
    for box in boxes:
        lines += ["", *_lines(box, hidden), ""]
    return lines


def _pieces(element: Any, boxes: list[Any], hidden: list[str]) -> Iterator[str]:
    """Yield the texts of a paragraph; its text boxes and notes are put aside into ``boxes``."""
    yield element.text or ""
    for child in element:
        if child.tag in (_DRAW + "text-box", _TEXT + "note-body"):
            boxes.append(child)
        elif child.tag == _TEXT + "s":
            count = child.get(_TEXT + "c", "1")
            yield " " * min(int(count) if count.isdigit() else 1, _MOST_SPACES)
        elif child.tag in (_TEXT + "tab", _TEXT + "line-break"):
            yield "\t" if child.tag == _TEXT + "tab" else "\n"
        elif child.tag in _HIDDEN:
            words = child.get(_TEXT + "string-value", "") or "".join(child.itertext())
            hidden += [words] if words.strip() else []
        elif child.tag not in _DROPPED and isinstance(child.tag, str):
            yield from _pieces(child, boxes, hidden)
        yield child.tail or ""


def _table_lines(table: Any, hidden: list[str]) -> list[str]:
    lines: list[str] = []
    for row in table.iter(_TABLE + "table-row"):
        # Rows of tables inside this one's cells come with their cell.
        if next(row.iterancestors(_TABLE + "table")) is table:
            cells = row.iterfind(_TABLE + "table-cell")
            lines += join_cells("\n".join(_lines(cell, hidden)).strip("\n") for cell in cells)
    return lines
