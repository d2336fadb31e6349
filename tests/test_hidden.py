"""Words that nobody sees: each trick is found, and all else is read as if it were not there."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cvseeker.resumes.readers import Document
from cvseeker.resumes.readers.smuggled import without_smuggled

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from hidden import PAGE, RULES, TRICKS, WORDS, invisible, lines_of

from conftest import read_content

HOW = {
    "white": "in the colour of the page",
    "nearly_background": "in the colour of the page",
    "tiny": "tiny letters",
    "off_page": "off the page",
    "cropped": "off the page",
    "clipped": "cut off",
    "covered": "covered",
    "pictured": "covered",
    "invisible": "invisible letters",
    "page_style": "not shown by the page",
}


def _read(folder: Path, name: str, content: bytes) -> Document:
    [document] = read_content(folder, name, content)
    return document


@pytest.mark.parametrize("variant", range(4))
@pytest.mark.parametrize("trick", TRICKS)
def test_what_is_hidden_is_flagged_and_changes_nothing(
    trick: str, variant: int, tmp_path: Path
) -> None:
    suffix, write = TRICKS[trick]
    hidden = _read(tmp_path, f"hidden{suffix}", write(lines_of(variant), True, variant))
    plain = _read(tmp_path, f"plain{suffix}", write(lines_of(variant), False, variant))
    assert (hidden.text, plain.notes) == (plain.text, ())
    [note] = hidden.notes
    assert WORDS in note
    assert note.startswith(f"hidden text left out ({HOW.get(trick, '')}")


def _pdf(draw: Callable[[Any], None]) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=PAGE)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def test_the_text_of_a_scan_is_what_people_see(tmp_path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont
    from reportlab.lib.utils import ImageReader

    lines = lines_of(0)

    def draw(canvas: Any) -> None:
        scale = 2
        image = Image.new("RGB", (int(PAGE[0] * scale), int(PAGE[1] * scale)), (246, 244, 240))
        pen, font = ImageDraw.Draw(image), ImageFont.load_default(12 * scale)
        for place, line in enumerate(lines):
            pen.text((72 * scale, (51 + 16 * place) * scale), line, fill=(40, 40, 50), font=font)
        canvas.drawImage(ImageReader(image), 0, 0, *PAGE)
        for place, line in enumerate(lines):
            text = canvas.beginText(72, 780 - 16 * place)
            text.setTextRenderMode(3)
            text.textLine(line)
            canvas.drawText(text)
        invisible(canvas)

    document = _read(tmp_path, "scan.pdf", _pdf(draw))
    assert [line for line in document.text.split("\n") if line] == lines
    assert document.notes == (f"hidden text left out (invisible letters): {WORDS}",)


def _white_on_dark(canvas: Any) -> None:
    canvas.setFillColorRGB(0.1, 0.2, 0.4)
    canvas.rect(0, 700, 595, 142, stroke=0, fill=1)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.drawString(72, 760, "Tove Lindqvist, welder of ships")


def _light_gray(canvas: Any) -> None:
    canvas.setFillColorRGB(0.75, 0.75, 0.75)
    canvas.drawString(72, 760, "Tove Lindqvist, welder of ships")


def _beside_a_picture(canvas: Any) -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    canvas.drawString(72, 760, "Tove Lindqvist, welder of ships")
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    canvas.drawImage(ImageReader(image), 60, 740, 300, 60, mask="auto")


@pytest.mark.parametrize("draw", [_white_on_dark, _light_gray, _beside_a_picture])
def test_what_is_seen_is_read(draw: Callable[[Any], None], tmp_path: Path) -> None:
    document = _read(tmp_path, "cv.pdf", _pdf(draw))
    assert (document.text, document.notes) == ("Tove Lindqvist, welder of ships", ())


@pytest.mark.parametrize(
    "rule",
    [
        *RULES,
        "@media screen { .note { visibility: hidden } }",
        "body { background: #112233 } .note { color: rgb(17, 34, 52) }",
        ".note { opacity: 0.01 }",
        "p.note { position: absolute; clip: rect(0, 0, 0, 0) }",
        ".note { text-indent: -999em }",
        ".note { color: transparent }",
        ".note { color: hsl(0, 0%, 100%) }",
        ".note { height: 0; overflow: hidden }",
        "#n { transform: scale(0) } p { display: block }",
    ],
)
def test_rules_of_a_page_hide(rule: str, tmp_path: Path) -> None:
    page = f"<style>p {{}} {rule}</style><p>Welder</p><p class='note' id='n'>{WORDS}</p>"
    document = _read(tmp_path, "cv.html", f"<html><body>{page}</body></html>".encode())
    assert document.text == "Welder"
    assert document.notes == (f"hidden text left out (not shown by the page): {WORDS}",)


@pytest.mark.parametrize(
    "rule",
    [
        ".note { color: white; background: #123 }",
        "body { background: url(dark.png) } .note { color: #fff }",
        "@media print { .note { display: none } }",
        "@media (max-width: 600px) { .note { display: none } }",
        ".note:hover { display: none }",
        ".note { display: none } p.note { display: block }",
        ".note { color: #333; margin-left: -20px; font-size: .8em }",
        "} { .note {",
    ],
)
def test_rules_of_a_page_that_hide_nothing(rule: str, tmp_path: Path) -> None:
    page = f"<style>{rule}</style><p class='note'>Welder</p>"
    document = _read(tmp_path, "cv.html", f"<html><body>{page}</body></html>".encode())
    assert (document.text, document.notes) == ("Welder", ())


@pytest.mark.parametrize("width", [7, 8, 16])
@pytest.mark.parametrize("pair", ["\u200b\u200c", "\u2062\u2064", "\u200d\ufeff"])
def test_characters_of_no_width_are_spelt(pair: str, width: int) -> None:
    bits = "".join(f"{ord(letter):0{width}b}" for letter in WORDS)
    run = "".join(pair[int(bit)] for bit in bits)
    assert without_smuggled(f"Ana{run} é") == ("Ana é", [("characters of no width", WORDS)])


def test_selectors_are_spelt() -> None:
    run = "".join(chr(0xE0100 + byte - 16) for byte in WORDS.encode())
    assert without_smuggled(f"\u263a{run}.") == ("\u263a.", [("variation selectors", WORDS)])


@pytest.mark.parametrize(
    "text",
    [
        "caf\u00e9 Py\u200bth\u200bon \u200b\u200b\u200b",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u263a\ufe0f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    ],
)
def test_ordinary_joiners_spell_nothing(text: str) -> None:
    assert without_smuggled(text) == (text, [])
