"""Text hidden in résumés: each trick is to be found, and all else read as if it were not there.

python benchmarks/hidden.py             40 files with hidden text, by 12 tricks, and each without it
python benchmarks/hidden.py FOLDER      besides, which files of a folder are flagged, and the words

Every person is fictional.
"""

import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cvseeker.resumes.readers import ReadError, flags_of, read_document

NAMES = ("Ana Prunk", "Tove Lindqvist", "Ilse Aichner", "Omar Haddad")
JOBS = ("Pastry chef", "Welder", "Registered nurse", "Data analyst")
WORDS = "kubernetes terraform principal architect of Stanford"
PAGE = (595.0, 842.0)


def lines_of(number: int) -> list[str]:
    """Return what a person reads in a résumé."""
    name, job = NAMES[number % 4], JOBS[number // 4 % 4]
    return [
        name,
        f"{job}, {name.split()[0].lower()}@example.com",
        "Experience",
        f"{job}, Example Works {number + 1}, 2012 to 2019",
        *(f"Did task {task} of a {job.lower()} with a team of {task + 3}" for task in range(8)),
        "Education",
        "Apprenticeship at Example College, 2008 to 2011",
    ]


# PDF


def _pdf(lines: list[str], hide: Callable[[Any], None]) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=PAGE)
    for place, line in enumerate(lines):
        canvas.drawString(72, 780 - 16 * place, line)
    hide(canvas)
    canvas.save()
    return buffer.getvalue()


def _said(canvas: Any, *, y: float = 300, x: float = 72, size: float = 10) -> None:
    canvas.setFont("Helvetica", size)
    canvas.drawString(x, y, WORDS)


def nothing(_: Any) -> None:
    """Hide nothing."""


def white(canvas: Any) -> None:
    """Write white on white."""
    canvas.setFillColorRGB(1, 1, 1)
    _said(canvas)


def nearly_background(canvas: Any) -> None:
    """Write in the colour of a dark box."""
    canvas.setFillColorRGB(0.1, 0.2, 0.4)
    canvas.rect(60, 280, 460, 60, stroke=0, fill=1)
    canvas.setFillColorRGB(0.12, 0.21, 0.41)
    _said(canvas)


def tiny(canvas: Any) -> None:
    """Write in letters of half a point."""
    _said(canvas, size=0.5)


def off_page(canvas: Any) -> None:
    """Write beside the page."""
    _said(canvas, x=700)


def clipped(canvas: Any) -> None:
    """Write where a clipping path lets nothing through."""
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(10, 10, 5, 5)
    canvas.clipPath(path, stroke=0, fill=0)
    _said(canvas)
    canvas.restoreState()


def covered(canvas: Any) -> None:
    """Write below a white box."""
    _said(canvas)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.rect(60, 280, 460, 60, stroke=0, fill=1)


def pictured(canvas: Any) -> None:
    """Write below a picture."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    _said(canvas)
    canvas.drawImage(ImageReader(Image.new("RGB", (46, 6), (120, 160, 90))), 60, 280, 460, 60)


def invisible(canvas: Any) -> None:
    """Write in the mode that draws nothing."""
    text = canvas.beginText(72, 300)
    text.setTextRenderMode(3)
    text.textLine(WORDS)
    canvas.drawText(text)


def cropped(lines: list[str]) -> bytes:
    """Write below the part of the page that is shown."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(io.BytesIO(_pdf(lines, lambda canvas: _said(canvas, y=20)))))
    writer.pages[0].cropbox.lower_left = (0, 60)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


# Word, HTML, plain text


def _docx(lines: list[str], hide: Callable[[Any], None]) -> bytes:
    import docx

    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    hide(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def white_in_table(document: Any) -> None:
    """Write white on white in a table of a named style."""
    from docx.shared import RGBColor

    table = document.add_table(1, 1, style="Table Grid")
    run = table.cell(0, 0).paragraphs[0].add_run(WORDS)
    run.font.color.rgb = RGBColor(255, 255, 255)


def white_style(document: Any) -> None:
    """Write in a paragraph style whose letters are white."""
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import RGBColor

    style = document.styles.add_style("Fine print", WD_STYLE_TYPE.PARAGRAPH)
    style.font.color.rgb = RGBColor(255, 255, 255)
    document.add_paragraph(WORDS, style="Fine print")


def _html(lines: list[str], rule: str, hidden: str) -> bytes:
    style = f"<style>p {{ color: #222 }} {rule}</style>"
    body = "".join(f"<p>{line}</p>" for line in lines)
    return f"<html><head>{style}</head><body>{body}{hidden}</body></html>".encode()


RULES = (
    ".note { display: none }",
    ".note { color: #fff }",
    ".note { position: absolute; left: -9999px }",
    ".note { font-size: 0 }",
)


def _unseen(kind: str) -> str:
    if kind == "tags":
        return "".join(chr(0xE0000 + ord(letter)) for letter in WORDS)
    bits = "".join(f"{ord(letter):08b}" for letter in WORDS)
    return bits.replace("0", "\u200b").replace("1", "\u200c")


def _pdf_trick(hide: Callable[[Any], None]) -> Callable[[list[str], bool, int], bytes]:
    return lambda lines, hidden, _: _pdf(lines, hide if hidden else nothing)


def _docx_trick(hide: Callable[[Any], None]) -> Callable[[list[str], bool, int], bytes]:
    return lambda lines, hidden, _: _docx(lines, hide if hidden else nothing)


def _page_trick(lines: list[str], hidden: bool, number: int) -> bytes:
    words = f'<p class="note">{WORDS}</p>' if hidden else ""
    return _html(lines, RULES[number % len(RULES)], words)


def _text_trick(lines: list[str], hidden: bool, number: int) -> bytes:
    unseen = _unseen(("tags", "bits")[number % 2]) if hidden else ""
    return "\n".join([lines[0] + unseen, *lines[1:]]).encode()


# Trick → suffix, and what writes a résumé with it or without it.
TRICKS: dict[str, tuple[str, Callable[[list[str], bool, int], bytes]]] = {
    **{
        hide.__name__: (".pdf", _pdf_trick(hide))
        for hide in (
            *(white, nearly_background, tiny, off_page, clipped, covered, pictured, invisible),
        )
    },
    "cropped": (
        ".pdf",
        lambda lines, hidden, _: cropped(lines) if hidden else _pdf(lines, nothing),
    ),
    "white_docx": (
        ".docx",
        lambda lines, hidden, number: _docx_trick((white_in_table, white_style)[number % 2])(
            lines, hidden, number
        ),
    ),
    "page_style": (".html", _page_trick),
    "unseen_characters": (".txt", _text_trick),
}


def planted(folder: Path, count: int = 40) -> list[tuple[str, Path, Path]]:
    """Write files with hidden text and the same without it; return trick, with, without."""
    files = []
    for number in range(count):
        trick = list(TRICKS)[number % len(TRICKS)]
        suffix, write = TRICKS[trick]
        paths = [folder / f"{number:02}-{trick}-{kind}{suffix}" for kind in ("hidden", "plain")]
        for path, hidden in zip(paths, (True, False), strict=True):
            path.write_bytes(write(lines_of(number), hidden, number // len(TRICKS)))
        files.append((trick, *paths))
    return files


def main(folders: list[str]) -> None:
    """Print what was found."""
    with tempfile.TemporaryDirectory() as folder:
        files = planted(Path(folder))
        flagged = alike = 0
        for trick, hidden, plain in files:
            (one,), (other,) = read_document(hidden), read_document(plain)
            is_flagged = WORDS in " ".join(flags_of(one.notes))
            is_alike = one.text == other.text
            flagged, alike = flagged + is_flagged, alike + is_alike
            if not (is_flagged and is_alike):
                print(f"{trick}: flagged {is_flagged}, read as without it {is_alike}: {one.notes}")
        print(f"{len(files)} files, {len(TRICKS)} tricks: {flagged} flagged, {alike} read alike")
    for name in folders:
        report(Path(name))


def report(folder: Path) -> None:
    """Print every flag of a folder's files."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    began, flagged = time.process_time(), 0
    for path in paths:
        try:
            flags = [flag for one in read_document(path) for flag in flags_of(one.notes)]
        except ReadError:
            continue
        flagged += bool(flags)
        for flag in flags:
            print(f"{path.relative_to(folder)}: {flag}")
    seconds = time.process_time() - began
    print(f"{folder}: {len(paths)} files, {flagged} flagged, {seconds:.1f} s of CPU")


if __name__ == "__main__":
    main(sys.argv[1:])
