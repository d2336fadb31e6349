"""Build the bundled PDF and DOCX résumés from their sources.

``sources/<name>.pdf.html`` is printed to PDF by headless Chromium; ``sources/<name>.docx.md`` is
laid out as DOCX in one of four looks. Dates and authors are taken out of the files, so that an
unchanged source gives an unchanged file on the same machine.

Usage: ``python examples/build.py [NAME...]``
"""

import datetime
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph

SOURCES = Path(__file__).parent / "sources"
RESUMES = Path(__file__).parents[1] / "src" / "cvseeker" / "examples" / "resumes"

# Five font faces, cut down to the characters used.
LARGEST_PDF = 120_000
CHROMIUM_SECONDS = 60
NEW_YEAR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
PDF_NEW_YEAR = b"D:20260101000000+00'00'"
PDF_DATE = re.compile(rb"D:\d{14}\+00'00'")
EMPHASIS = re.compile(r"(\*\*.+?\*\*|\*[^*\s][^*]*\*)")
TABLE_RULE = re.compile(r"\|[\s:|-]+\|")


@dataclass(frozen=True)
class Block:
    """A heading (``level`` 1 to 3), paragraph, bullet or table of a Markdown source."""

    kind: str
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Look:
    """How a DOCX résumé is laid out."""

    font: str
    size: float
    color: str
    # False: headings are bold paragraphs, as in most résumés that people type.
    heading_styles: bool
    centred_name: bool
    capital_sections: bool
    # False: bullets are typed characters.
    list_style: bool
    table_style: str


LOOKS = (
    Look("Calibri", 10.5, "1F3864", True, False, False, True, "Table Grid"),
    Look("Times New Roman", 11, "000000", False, True, True, False, "Table Grid"),
    Look("Arial", 10, "7A1F1F", True, True, True, True, "Light Grid Accent 1"),
    Look("Georgia", 10.5, "2F4F2F", False, False, False, True, "Light List Accent 3"),
)


def main(names: list[str]) -> int:
    """Build the résumés named, or all of them, and return the number of failures."""
    failures = 0
    for source in sorted(SOURCES.iterdir()):
        name, _, form = source.name.removesuffix(source.suffix).rpartition(".")
        if names and name not in names:
            continue
        target = RESUMES / f"{name}.{form}"
        try:
            build_docx(source, target) if form == "docx" else build_pdf(source, target)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            failures += 1
            print(f"{source.name}: {error}", file=sys.stderr)
        else:
            print(f"{target.name}  {target.stat().st_size / 1000:.0f} KB")
    return failures


def build_pdf(source: Path, target: Path) -> None:
    """Print an HTML page to PDF."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise ValueError("no chromium on the path; on Debian and Ubuntu: apt install chromium")
    # Chromium may still be writing its profile when it ends.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        printed = Path(folder) / "printed.pdf"
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            "--disable-background-networking",
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={printed}",
            source.resolve().as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=CHROMIUM_SECONDS)
        content = printed.read_bytes()
    if len(content) > LARGEST_PDF:
        raise ValueError(f"{len(content)} bytes as PDF; expected {LARGEST_PDF} at most")
    # Of the same length, so that the file's table of offsets stays right.
    target.write_bytes(PDF_DATE.sub(PDF_NEW_YEAR, content))


def build_docx(source: Path, target: Path) -> None:
    """Lay a Markdown text out as DOCX, in a look that depends on the file's name alone."""
    digest = hashlib.sha256(target.stem.encode()).digest()
    look = LOOKS[digest[0] % len(LOOKS)]
    blocks = list(read_blocks(source.read_text(encoding="utf-8")))
    document = docx.Document()
    set_page(document, look)
    for block in blocks:
        add_block(document, block, look)
    clear_properties(document, title=blocks[0].text)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / target.name
        document.save(str(saved))
        copy_undated(saved, target)


def read_blocks(markdown: str) -> Iterator[Block]:
    """Yield the blocks of a Markdown text; adjoining lines make one paragraph."""
    for chunk in re.split(r"\n\s*\n", markdown.strip()):
        lines = [line.strip() for line in chunk.splitlines()]
        table = [line for line in lines if line.startswith("|")]
        if table:
            yield Block("table", rows=tuple(read_rows(table)))
            continue
        paragraph: list[str] = []
        for line in lines:
            marks, _, text = line.partition(" ")
            if marks in {"#", "##", "###", "-"}:
                yield from [Block("paragraph", " ".join(paragraph))] if paragraph else []
                paragraph = []
                yield Block("bullet", text) if marks == "-" else Block("heading", text, len(marks))
            else:
                paragraph.append(line)
        if paragraph:
            yield Block("paragraph", " ".join(paragraph))


def read_rows(lines: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a pipe table's rows, without the rule under its head."""
    for line in lines:
        if not TABLE_RULE.fullmatch(line):
            yield tuple(cell.strip() for cell in line.strip("|").split("|"))


def set_page(document: Document, look: Look) -> None:
    """Set margins, the running font and the fonts of the heading styles."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin = section.bottom_margin = Cm(1.8)
    for name in ("Normal", "Title", "Heading 1", "Heading 2"):
        style = document.styles[name]
        if not isinstance(style, ParagraphStyle):
            continue
        style.font.name = look.font
        # Heading styles take their font from the theme unless every script's font is named.
        for script in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            style.element.rPr.rFonts.attrib.pop(qn(script), None)
        if name == "Normal":
            style.font.size = Pt(look.size)
            style.paragraph_format.space_after = Pt(4)
        else:
            style.font.color.rgb = RGBColor.from_string(look.color)


def add_block(document: Document, block: Block, look: Look) -> None:
    """Add a block at the document's end."""
    if block.kind == "table":
        add_table(document, block, look)
    elif block.kind == "heading":
        add_heading(document, block, look)
    elif block.kind == "bullet" and look.list_style:
        add_text(document.add_paragraph(style="List Bullet"), block.text)
    elif block.kind == "bullet":
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.left_indent = Cm(0.6)
        paragraph.paragraph_format.first_line_indent = Cm(-0.4)
        add_text(paragraph, f"\u2022 {block.text}")
    else:
        first = len(document.paragraphs) == 1
        paragraph = document.add_paragraph()
        if first and look.centred_name:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        add_text(paragraph, block.text)


def add_heading(document: Document, block: Block, look: Look) -> None:
    """Add a heading: level 1 is the candidate's name, 2 a section, 3 a position."""
    text = block.text.upper() if block.level == 2 and look.capital_sections else block.text
    if look.heading_styles:
        paragraph = document.add_paragraph(
            text, style={1: "Title", 2: "Heading 1", 3: "Heading 2"}[block.level]
        )
    else:
        paragraph = document.add_paragraph()
        run = paragraph.add_run(text.replace("**", ""))
        run.bold = True
        run.font.size = Pt({1: 20, 2: look.size + 2, 3: look.size}[block.level])
        if block.level != 3:
            run.font.color.rgb = RGBColor.from_string(look.color)
        paragraph.paragraph_format.space_before = Pt({1: 0, 2: 12, 3: 6}[block.level])
        if block.level == 2:
            underline(paragraph, look.color)
    if block.level == 1 and look.centred_name:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.keep_with_next = True


def underline(paragraph: Paragraph, color: str) -> None:
    """Draw a line below a paragraph; python-docx has no call for it."""
    border = OxmlElement("w:pBdr")
    line = OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", color)):
        line.set(qn(f"w:{name}"), value)
    border.append(line)
    properties = paragraph._p.get_or_add_pPr()
    # The schema wants it before the spacing, which is there already.
    properties.insert_element_before(border, "w:spacing", "w:ind", "w:jc")


def add_table(document: Document, block: Block, look: Look) -> None:
    """Add a table whose first row is its head."""
    columns = max(len(row) for row in block.rows)
    table = document.add_table(rows=0, cols=columns)
    table.style = look.table_style
    for row in block.rows:
        cells = table.add_row().cells
        for cell, text in zip(cells, row, strict=False):
            add_text(cell.paragraphs[0], text, bold=row is block.rows[0])
    document.add_paragraph()


def add_text(paragraph: Paragraph, text: str, *, bold: bool = False) -> None:
    """Add text to a paragraph, ``**bold**`` and ``*italic*`` set as such."""
    for piece in filter(None, EMPHASIS.split(text)):
        plain = piece.strip("*") if EMPHASIS.fullmatch(piece) else piece
        run = paragraph.add_run(plain)
        run.bold = True if bold or piece.startswith("**") else None
        run.italic = True if piece != plain and not piece.startswith("**") else None


def clear_properties(document: Document, *, title: str) -> None:
    """Leave no author, and a date that does not change."""
    properties = document.core_properties
    properties.title = title
    properties.author = properties.last_modified_by = properties.comments = ""
    properties.created = properties.modified = NEW_YEAR
    properties.revision = 1


def copy_undated(source: Path, target: Path) -> None:
    """Copy a zip file, its members' dates set to the earliest there is."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, old.read(name))


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
