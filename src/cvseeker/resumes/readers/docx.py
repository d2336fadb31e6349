"""Word files (.docx, .docm, .dotx) → text, in document order."""

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from cvseeker.resumes.readers.archive import Archive
from cvseeker.resumes.readers.base import Document, hidden_note, join_cells

ReadPart = Callable[[bytes, str], str]

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT_WORD = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEXT_BOX = _WORD + "txbxContent"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DIAGRAM_POINT = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}pt"
_DRAWN_TEXT = "{http://schemas.openxmlformats.org/drawingml/2006/main}t"
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
# Deleted text, field codes and the copy of a text box that is kept for old programs.
_DROPPED = frozenset(
    (_WORD + "del", _WORD + "instrText", _WORD + "delText", _WORD + "moveFrom", _FALLBACK)
)
# Two points: nobody reads them.
_TINY_HALF_POINTS = 4
# Of 255: what is as light is white, and what differs by less is of one colour.
_WHITE = 0xF5
_MOST_BASES = 10
_Rgb = tuple[int, int, int]


def read_docx(archive: Archive, read_part: ReadPart) -> list[Document]:
    """Read headers, paragraphs, lists, tables, text boxes, drawings, footers and notes of a file.

    ``read_part`` returns the text of a file of another kind that lies within.
    """
    reader = _Reader(archive, read_part)
    lines: list[str] = []
    for prefix in ("header", "document", "diagrams/data", "footer", "footnotes", "endnotes"):
        for name in reader.parts(prefix):
            part = reader.part_lines(name)
            # Headers of the first, the odd and the even pages often say the same.
            if not {line for line in part if line} <= set(lines):
                lines += ["", *part]
    notes = [hidden_note(how, words) for how, words in reader.hidden.items()]
    return [Document("\n".join(lines).strip("\n"), notes=tuple(notes))]


class _Reader:
    """Reads the parts of one file; what is hidden in them is put aside."""

    def __init__(self, archive: Archive, read_part: ReadPart) -> None:
        self._archive = archive
        self._read_part = read_part
        self._bullets, self._styles = self._read_styles()
        self._relations: dict[str, str] = {}
        self.hidden: dict[str, list[str]] = {}

    def parts(self, prefix: str) -> list[str]:
        """Return the names of the parts of one kind."""
        start = f"word/{prefix}"
        names = [name for name in self._archive.names if name.startswith(start)]
        return [name for name in names if name.endswith(".xml")]

    def part_lines(self, name: str) -> list[str]:
        """Return the lines of one part."""
        self._relations = self._read_relations(name)
        root = self._xml(name)
        if "/diagrams/" in name:
            points = (map(_text_of, point.iter(_DRAWN_TEXT)) for point in root.iter(_DIAGRAM_POINT))
            return [f"• {text}" for text in map("".join, points) if text.strip()]
        return self._block_lines(root)

    def _xml(self, name: str) -> Any:
        return self._archive.xml(name, (_STRICT_WORD, _WORD[1:-1].encode()))

    def _read_relations(self, name: str) -> dict[str, str]:
        """Return the names of the entries that a part refers to, by their ids."""
        folder, file = posixpath.split(name)
        relations = f"{folder}/_rels/{file}.rels"
        if relations not in self._archive.names:
            return {}
        targets = {
            node.get("Id", ""): posixpath.normpath(posixpath.join(folder, node.get("Target", "")))
            for node in self._archive.xml(relations)
            if node.get("TargetMode") != "External"
        }
        return {key: target.lstrip("/") for key, target in targets.items()}

    def _read_styles(self) -> tuple[frozenset[str], dict[str, Any]]:
        """Return the ids of the styles that make list items, and all styles by their ids."""
        if "word/styles.xml" not in self._archive.names:
            return frozenset(), {}
        styles = list(self._xml("word/styles.xml").iter(_WORD + "style"))
        bullets = (
            style.get(_WORD + "styleId", "")
            for style in styles
            if next(style.iter(_WORD + "numPr"), None) is not None
            and next(style.iter(_WORD + "outlineLvl"), None) is None
        )
        return frozenset(bullets), {style.get(_WORD + "styleId", ""): style for style in styles}

    def _styles_of(self, properties: Any, name: str) -> list[Any]:
        """Return the style that properties name, and those that it is based on."""
        found: list[Any] = []
        node = None if properties is None else properties.find(_WORD + name)
        while node is not None and len(found) < _MOST_BASES:
            style = self._styles.get(node.get(_WORD + "val", ""))
            if style is None:
                break
            found.append(style)
            node = style.find(_WORD + "basedOn")
        return found

    def _block_lines(self, parent: Any) -> list[str]:
        """Return the lines of the paragraphs and tables below ``parent``."""
        lines: list[str] = []
        for child in parent:
            if child.tag == _WORD + "p":
                lines += self._paragraph_lines(child)
            elif child.tag == _WORD + "tbl":
                lines += ["", *self._table_lines(child), ""]
            elif child.tag == _WORD + "altChunk":
                lines += ["", *self._chunk_lines(child), ""]
            elif child.tag not in _DROPPED and isinstance(child.tag, str):
                lines += self._block_lines(child)
        return lines

    def _chunk_lines(self, chunk: Any) -> list[str]:
        """Return the text of a file of another kind that stands in for a part of this one."""
        name = self._relations.get(chunk.get(_RELATION, ""), "")
        if name not in self._archive.names:
            return []
        suffix = posixpath.splitext(name)[1].lower()
        return self._read_part(self._archive.read(name), suffix).split("\n")

    def _paragraph_lines(self, paragraph: Any) -> list[str]:
        boxes: list[Any] = []
        text = "".join(self._pieces(paragraph, boxes))
        lines = [line.strip() for line in text.split("\n")]
        style = next((node.get(_WORD + "val", "") for node in paragraph.iter(_WORD + "pStyle")), "")
        if _is_heading(paragraph, style):
            lines = ["", *lines, ""]
        elif lines[0] and (style in self._bullets or _numbered(paragraph)):
            lines[0] = f"• {lines[0]}"
        if boxes and not text.strip():
            lines = []
        for box in boxes:
            lines += ["", *self._block_lines(box), ""]
        return lines

    def _pieces(self, element: Any, boxes: list[Any]) -> Iterator[str]:
        """Yield the texts of a paragraph's runs; text boxes are put aside into ``boxes``."""
        for child in element:
            tag = child.tag
            if tag == _TEXT_BOX:
                boxes.append(child)
            elif tag == _WORD + "t":
                yield child.text or ""
            elif tag in _DROPPED or not isinstance(tag, str):
                continue
            elif tag == _WORD + "r" and (how := self._hides(child)):
                words = "".join(map(_text_of, child.iter(_WORD + "t")))
                self.hidden.setdefault(how, []).append(words)
            elif tag.startswith(_WORD) and tag[len(_WORD) :] in _CHARACTERS:
                yield _CHARACTERS[tag[len(_WORD) :]]
            elif tag != _WORD + "pPr":
                yield from self._pieces(child, boxes)

    def _hides(self, run: Any) -> str:
        """Say how a run of text is hidden from a reader's eye; empty if it is not."""
        if not any(_text_of(node).strip() for node in run.iter(_WORD + "t")):
            return ""
        paragraph = next(run.iterancestors(_WORD + "p"), None)
        around = None if paragraph is None else paragraph.find(_WORD + "pPr")
        own = run.find(_WORD + "rPr")
        styles = self._styles_of(own, "rStyle") + self._styles_of(around, "pStyle")
        # The nearest first: what it says counts.
        said = [own, *(style.find(_WORD + "rPr") for style in styles)]
        if any(_is_on(node) for node in _said(said, "vanish")):
            return "marked as hidden"
        sizes = [node.get(_WORD + "val", "") for node in _said(said, "sz")]
        if any(size.isdigit() and int(size) <= _TINY_HALF_POINTS for size in sizes):
            return "tiny letters"
        colors = [node.get(_WORD + "val", "") for node in _said(said, "color")]
        if not colors or _rgb(colors[0]) is None:
            return ""
        ground = self._ground(run, styles)
        if ground is None or not _is_alike(_rgb(colors[0]), ground):
            return ""
        return "white letters" if min(ground) >= _WHITE else "letters in the colour of their ground"

    def _ground(self, run: Any, styles: list[Any]) -> _Rgb | None:
        """Return the colour that a run stands on; ``None``: not known, as in a box or a picture."""
        if next(run.iterancestors(_TEXT_BOX), None) is not None:
            return None
        around = [run, *run.iterancestors(_WORD + "p")]
        fills = [_fill(node) for node in around] + [_fill(style) for style in styles]
        for node in run.iterancestors(_WORD + "tc", _WORD + "tbl"):
            fills.append(_fill(node))
            if node.tag == _WORD + "tbl":
                row_of = node.find(_WORD + "tblPr")
                # Of a table's style, some rows may be shaded and others not.
                named = self._styles_of(row_of, "tblStyle")
                shades = (shade for style in named for shade in style.iter(_WORD + "shd"))
                if any(shade.get(_WORD + "fill", "auto") != "auto" for shade in shades):
                    fills.append("unknown")
        root = run.getroottree().getroot()
        if (background := root.find(_WORD + "background")) is not None:
            fills.append(background.get(_WORD + "color", "unknown"))
        fill = next((fill for fill in fills if fill and fill != "auto"), "FFFFFF")
        return _rgb(fill)

    def _table_lines(self, table: Any) -> list[str]:
        lines: list[str] = []
        for row in table.iter(_WORD + "tr"):
            # Rows of tables inside this one's cells come with their cell.
            if next(row.iterancestors(_WORD + "tbl")) is table:
                cells = ["\n".join(self._block_lines(cell)) for cell in _cells(row, table)]
                lines += join_cells(cells)
        return lines


def _text_of(node: Any) -> str:
    return node.text or ""


def _is_on(node: Any) -> bool:
    return node.get(_WORD + "val", "1") not in ("0", "false", "off")


def _said(properties: list[Any], name: str) -> list[Any]:
    """Return what the nearest of the properties says of one thing; none where none does."""
    found = (None if one is None else one.find(_WORD + name) for one in properties)
    return [node for node in found if node is not None][:1]


def _rgb(color: str) -> _Rgb | None:
    """Return a colour as red, green and blue; ``None`` where it is named or left to the reader."""
    try:
        red, green, blue = bytes.fromhex(color)
    except ValueError:
        return None
    return red, green, blue


def _is_alike(color: _Rgb | None, ground: _Rgb) -> bool:
    return (
        color is not None
        and max(abs(one - other) for one, other in zip(color, ground, strict=True)) <= 255 - _WHITE
    )


def _fill(node: Any) -> str:
    """Return what shades or highlights an element, by its own properties; empty: nothing."""
    for properties in node:
        if isinstance(properties.tag, str) and properties.tag.endswith("Pr"):
            if (mark := properties.find(_WORD + "highlight")) is not None:
                return "FFFFFF" if mark.get(_WORD + "val") == "white" else "unknown"
            if (shade := properties.find(_WORD + "shd")) is not None:
                return str(shade.get(_WORD + "fill", ""))
    return ""


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
