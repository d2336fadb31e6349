import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import BODY, text_of, why_refused
from cvseeker.resumes import readers
from cvseeker.resumes.readers import ReadError, read_document
from cvseeker.resumes.readers.base import MAX_CHARACTERS
from cvseeker.resumes.readers.html import html_to_text
from cvseeker.resumes.readers.pieces import Piece
from cvseeker.resumes.readers.rows import read_rows as read_piece_rows
from cvseeker.resumes.readers.text import decode
from hostile import SOUND_TEXT, docx_of, paragraphs, pdf_of, scanned_pdf, zip_of


def _canvas_pdf(
    *draws: tuple[float, float, str], font: str = "Helvetica", size: float = 10
) -> bytes:
    """Return a page with texts at (x, y)."""
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont(font, size)
    for x, y, text in draws:
        canvas.drawString(x, y, text)
    canvas.save()
    return buffer.getvalue()


# Which reader reads what


@pytest.mark.parametrize(
    "name", ["cv.pdf", "cv.docx", "cv.txt", "cv.html", "cv.csv", "cv", "cv.PDF", "cv.json"]
)
def test_the_content_decides_not_the_name(tmp_path: Path, name: str) -> None:
    assert "Head pastry chef" in text_of(tmp_path, name, pdf_of(SOUND_TEXT))
    assert "Head pastry chef" in text_of(tmp_path, name, docx_of(paragraphs(SOUND_TEXT)))
    page = f"<!DOCTYPE html><html><body><pre>{SOUND_TEXT}</pre></body></html>"
    assert "\nHead pastry chef" in text_of(tmp_path, name, page.encode())
    assert "<" not in text_of(tmp_path, name, page.encode("utf-16"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b" \n\n", "empty file"),
        (bytes(100), "no readable text: only zero bytes"),
        (bytes(range(256)) * 8, "no readable text: binary data"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "an image (PNG): run OCR on it first"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "an image (JPEG)"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "an image (WebP)"),
        (b"\0\0\0\x18ftypheic", "an image (HEIC)"),
        (b"\x1f\x8b\x08" + bytes(50), "an archive (gzip)"),
        (b"%!PS-Adobe-3.0\n", "PostScript: convert it to PDF first"),
        (zip_of({"xl/workbook.xml": b""}), "an Excel workbook: save the sheet as .csv"),
        (zip_of({"content.xml": b""}), "an OpenDocument file"),
        (zip_of({"a/photo.txt": b""}), "a zip archive: unpack it"),
        (b"<html><script>alert(1)</script></html>", "no text in it"),
    ],
)
def test_what_is_no_document_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    assert why_refused(tmp_path, "cv.pdf", content).startswith(reason)


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        ("EncryptedPackage", "encrypted Office file: needs a password"),
        ("WordDocument", "legacy Word .doc: save it as .docx or PDF"),
        ("Workbook", "legacy Excel .xls: save the sheet as .csv"),
    ],
)
def test_old_office_files_are_named(tmp_path: Path, stream: str, reason: str) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512) + stream.encode("utf-16-le")
    assert why_refused(tmp_path, "cv.doc", content) == reason


def test_a_missing_file_and_a_folder_have_reasons(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="vanished"):
        read_document(tmp_path / "gone.pdf")
    with pytest.raises(ReadError, match="not readable"):
        read_document(tmp_path)


def test_a_text_too_long_to_be_a_resume_is_refused(tmp_path: Path) -> None:
    reason = why_refused(tmp_path, "cv.txt", b"word " * (MAX_CHARACTERS // 5 + 1))
    assert reason == "over 2,000,000 characters of text: too long to be a résumé"


@given(st.binary(max_size=2000), st.sampled_from(["", "%PDF-1.4\n", "{\\rtf1 ", "<html>", '{"a":']))
def test_any_bytes_give_text_or_a_reason(data: bytes, start: str) -> None:
    try:
        documents = [readers._sound(each) for each in readers._read(start.encode() + data, ".csv")]
    except ReadError as error:
        reason = str(error)
        assert reason
        assert "\n" not in reason
    else:
        assert all(document.text.encode("utf-8") is not None for document in documents)


# PDF


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [(50, 700 - 13 * n, f"left column line {n} runs on") for n in range(20)]
    # Another pitch, as in most sidebars; drawn line by line, as many programs do.
    right = [(320, 703 - 15 * n, f"right column line {n} goes on") for n in range(17)]
    rows = sorted(left + right, key=lambda draw: -draw[1])
    header = (
        50,
        760,
        "Ana Prunk, pastry chef, who has a header over the whole width of the page here",
    )
    lines = text_of(tmp_path, "cv.pdf", _canvas_pdf(header, *rows)).split("\n")
    assert lines[0].startswith("Ana Prunk")
    words = [line for line in lines[1:] if line]
    assert words == [text for _, _, text in left] + [text for _, _, text in right]


def test_columns_on_the_same_lines_do_not_interleave(tmp_path: Path) -> None:
    draws = []
    for n in range(15):
        draws.append((50, 700 - 13 * n, f"left prose that fills its line {n}"))
        draws.append((320, 700 - 13 * n, f"right prose that fills its line {n}"))
    lines = [line for line in text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws)).split("\n") if line]
    assert lines[:15] == [f"left prose that fills its line {n}" for n in range(15)]
    assert lines[15:] == [f"right prose that fills its line {n}" for n in range(15)]


def test_dates_at_the_ends_of_lines_are_no_column(tmp_path: Path) -> None:
    draws = []
    for n in range(9):
        draws.append((50, 700 - 13 * n, f"Head of pastry and of bread in hotel {n}"))
        draws.append((400, 700 - 13 * n, f"201{n} to 202{n}"))
    lines = text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws)).split("\n")
    assert [line.split()[-1] for line in lines] == [f"202{n}" for n in range(9)]
    assert all(line.startswith("Head of pastry") for line in lines)


def test_labels_stand_before_the_lines_beside_them(tmp_path: Path) -> None:
    draws = []
    for n in range(14):
        if n % 2 == 0:
            draws.append((50, 700 - 13 * n, f"Label {n}"))
        draws.append((200, 700 - 13 * n, f"line {n} of a text that goes on beside the labels"))
    text = text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws))
    order = [text.index(f"Label {n}") < text.index(f"line {n} of") for n in range(0, 14, 2)]
    assert all(order)
    assert text.index("line 1 of") < text.index("Label 2") < text.index("line 2 of")


def test_the_column_with_the_name_comes_first(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for n in range(12):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(40, 740 - 14 * n, f"skill number {n}")
        canvas.drawString(220, 705 - 16 * n, f"work of the year {n}, told in a sentence")
    canvas.setFont("Helvetica-Bold", 24)
    canvas.drawString(220, 750, "Ana Prunk")
    canvas.save()
    text = text_of(tmp_path, "cv.pdf", buffer.getvalue())
    assert text.startswith("Ana Prunk")
    assert text.index("work of the year 11") < text.index("skill number 0")


def test_dates_at_the_end_of_a_line_stay_with_it(tmp_path: Path) -> None:
    draws = []
    for n in range(6):
        draws.append((50, 700 - 40 * n, f"Pastry chef, Hotel {n}"))
        draws.append((450, 700 - 40 * n, f"201{n} to 201{n + 1}"))
        draws.append((50, 688 - 40 * n, "Laminated dough and sugar work, " * 3))
    text = text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws))
    for n in range(6):
        assert f"Pastry chef, Hotel {n}\t201{n} to 201{n + 1}\n" in text


def test_labels_at_the_margin_go_before_what_they_label(tmp_path: Path) -> None:
    draws = []
    for n, label in enumerate(["Profile", "Experience", "Education", "Skills"]):
        draws.append((40, 700 - 90 * n, label))
        draws += [
            (160, 700 - 90 * n - 13 * row, f"{label} line {row} is a sentence of some length")
            for row in range(5)
        ]
    lines = [line for line in text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws)).split("\n") if line]
    assert lines[0] == "Profile"
    assert lines[6] == "Experience"
    assert lines[7] == "Experience line 0 is a sentence of some length"


def test_a_table_of_wrapped_cells_is_read_row_by_row(tmp_path: Path) -> None:
    draws = []
    for n in range(5):
        top = 700 - 40 * n
        draws += [
            (50, top, f"Hotel number {n} in the"),
            (50, top - 12, "old town"),
            (200, top, f"Head of pastry {n}, with"),
            (200, top - 12, "four apprentices"),
            (380, top, f"201{n}"),
        ]
    lines = text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws)).split("\n")
    assert lines == [
        f"Hotel number {n} in the old town\tHead of pastry {n}, with four apprentices\t201{n}"
        for n in range(5)
    ]


def test_spaces_come_from_gaps_where_the_file_has_none(tmp_path: Path) -> None:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    draws, words = [], BODY.split()
    x = 50.0
    for word in words[:8]:
        draws.append((x, 700.0, word))
        x += stringWidth(word, "Helvetica", 10) + 2.2
    assert text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws)) == " ".join(words[:8])


def test_letter_spaced_headings_are_words(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(50, 700, "WORK EXPERIENCE", charSpace=3)
    canvas.drawString(50, 680, BODY[:60])
    canvas.save()
    assert text_of(tmp_path, "cv.pdf", buffer.getvalue()).startswith("WORK EXPERIENCE\n")


def test_blocks_are_parted_by_blank_lines(tmp_path: Path) -> None:
    draws = [(50, 700 - 13 * n, f"first block, line {n}") for n in range(4)]
    draws += [(50, 620 - 13 * n, f"second block, line {n}") for n in range(4)]
    blocks = text_of(tmp_path, "cv.pdf", _canvas_pdf(*draws)).split("\n\n")
    assert [block.count("\n") for block in blocks] == [3, 3]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_pages_read_the_same(tmp_path: Path, rotation: int) -> None:
    from pypdf import PdfReader, PdfWriter, Transformation

    writer = PdfWriter(PdfReader(io.BytesIO(pdf_of(SOUND_TEXT))))
    page = writer.pages[0]
    # Turned back by the viewer: what is drawn lies on its side.
    page.add_transformation(Transformation().rotate(rotation).translate(400, 400))
    page.mediabox.lower_left, page.mediabox.upper_right = (-1000, -1000), (1500, 1500)
    page.cropbox.lower_left, page.cropbox.upper_right = (-1000, -1000), (1500, 1500)
    page.rotate(rotation)
    buffer = io.BytesIO()
    writer.write(buffer)
    assert text_of(tmp_path, "cv.pdf", buffer.getvalue()).split() == SOUND_TEXT.split()


def test_pdfs_that_cannot_be_read_have_reasons(tmp_path: Path) -> None:
    sound = pdf_of(SOUND_TEXT)
    assert "needs a password" in why_refused(tmp_path, "a.pdf", pdf_of(SOUND_TEXT, password="x"))
    assert "scanned PDF; run OCR" in why_refused(tmp_path, "a.pdf", scanned_pdf())
    assert "no text on its pages" in why_refused(tmp_path, "a.pdf", pdf_of(""))
    assert "truncated PDF" in why_refused(tmp_path, "a.pdf", sound[: len(sound) // 2])
    assert "damaged PDF" in why_refused(tmp_path, "a.pdf", b"%PDF-1.4\nnothing\n%%EOF\n")


def test_pypdf_reads_what_pdfium_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdfium2

    def refuse(_: bytes) -> None:
        raise pypdfium2.PdfiumError("Failed to load document (PDFium: Data format error).")

    monkeypatch.setattr(pypdfium2, "PdfDocument", refuse)
    assert "Head pastry chef" in text_of(tmp_path, "cv.pdf", pdf_of(SOUND_TEXT))


def test_text_printed_twice_counts_once() -> None:
    piece = Piece("Experience", 50, 110, 700, 712)
    assert read_piece_rows([piece, Piece("Experience", 50.4, 110.4, 700, 712)]) == ["Experience"]


@pytest.mark.slow
def test_real_pdfs_are_read_with_their_spaces() -> None:
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CVSEEKER_DATA", default)) / "resumes_pdf"
    paths = sorted(folder.glob("*/*.pdf"))[::10]
    if not paths:
        pytest.skip("no real résumés here")
    texts = [read_document(path)[0].text for path in paths]
    assert min(map(len, texts)) > 300
    words = [word for text in texts for word in text.split() if word.isalpha()]
    # English has one word of 18 letters in a thousand; words run together are longer.
    assert sum(len(word) > 17 for word in words) < 0.002 * len(words)
    assert sum(len(word) == 1 for word in words) < 0.05 * len(words)


# Word


def test_word_paragraphs_lists_tables_and_boxes_come_in_order(tmp_path: Path) -> None:
    import docx

    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "ana.prunk@example.com"
    document.add_heading("Ana Prunk", 0)
    document.add_paragraph("A baker.")
    document.add_heading("Skills", 1)
    document.add_paragraph("Chocolate", style="List Bullet")
    document.add_paragraph("Sugar", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Slovene", "native", "French", "B2"], strict=True):
        cell.text = text
    document.add_paragraph("After the table.")
    document.save(str(tmp_path / "cv.docx"))
    [read] = read_document(tmp_path / "cv.docx")
    lines = [line for line in read.text.split("\n") if line]
    assert lines == [
        "ana.prunk@example.com",
        "Ana Prunk",
        "A baker.",
        "Skills",
        "• Chocolate",
        "• Sugar",
        "Slovene | native",
        "French | B2",
        "After the table.",
    ]
    assert "\n\nSkills\n\n" in read.text


def test_layout_tables_keep_the_lines_of_their_cells(tmp_path: Path) -> None:
    sidebar, main = paragraphs("Contact\nBled\nSlovene"), paragraphs("Experience\nHotel Lipa")
    row = f"<w:tr><w:tc>{sidebar}</w:tc><w:tc>{main}</w:tc></w:tr>"
    text = text_of(tmp_path, "cv.docx", docx_of(f"<w:tbl>{row}</w:tbl>"))
    assert text.split() == ["Contact", "Bled", "Slovene", "Experience", "Hotel", "Lipa"]
    assert "|" not in text
    assert "Slovene\n\n\nExperience\n" in text


def test_text_boxes_are_read_once_and_deletions_not(tmp_path: Path) -> None:
    box = f"<w:txbxContent>{paragraphs('In a box')}</w:txbxContent>"
    alternate = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    )
    body = (
        f"<w:p><w:r><w:t>Before</w:t>{alternate}</w:r></w:p>"
        "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>kept</w:t><w:tab/><w:t>2019</w:t></w:r></w:ins></w:p>"
    )
    text = text_of(tmp_path, "cv.docx", docx_of(body))
    assert [line for line in text.split("\n") if line] == ["Before", "In a box", "kept\t2019"]


def test_word_files_with_macros_are_read(tmp_path: Path) -> None:
    kinds = (
        b'<Types><Override ContentType="application/vnd.ms-word.document.macroEnabled"/></Types>'
    )
    content = docx_of(paragraphs(SOUND_TEXT), extra={"[Content_Types].xml": kinds})
    assert "Hotel Lipa" in text_of(tmp_path, "cv.docm", content)


def test_zip_bombs_are_not_opened(tmp_path: Path) -> None:
    bomb = docx_of(paragraphs(SOUND_TEXT), extra={"word/zeros.xml": bytes(50_000_000)})
    assert why_refused(tmp_path, "cv.docx", bomb).endswith("expand to 50 MB; not opened")
    lying = docx_of("<w:p/>" * 100_000)
    place = lying.rindex(b"word/document.xml") - 46
    size = int.from_bytes(lying[place + 24 : place + 28], "little")
    assert size > 600_000
    lying = lying[: place + 24] + (1000).to_bytes(4, "little") + lying[place + 28 :]
    assert why_refused(tmp_path, "cv.docx", lying)


# HTML, RTF and text


def test_pages_give_lines_lists_and_tables() -> None:
    page = (
        "<title>no</title><style>no</style><h1>Ana Prunk</h1><p>Baker of <b>bread</b>.<br>Bled</p>"
        "<ul><li>Dough<li><p>Sugar</p></ul><table><tr><td>French<td>B2<tr><td>Slovene<td>native"
        "</table><!-- no --><div>one</div><div>two</div>"
    )
    assert html_to_text(page) == (
        "Ana Prunk\n\nBaker of bread.\nBled\n\n• Dough\n• Sugar\n\n"
        "French | B2\nSlovene | native\n\none\ntwo"
    )


def test_nested_pages_do_not_overflow_the_stack() -> None:
    assert html_to_text("<div>" * 5000 + "deep") == "deep"
    assert html_to_text("<table><tr><td>" * 1000 + "deep") == "deep"


@given(st.text())
def test_any_markup_gives_text(markup: str) -> None:
    assert isinstance(html_to_text(markup), str)


def test_pages_are_decoded_as_they_declare(tmp_path: Path) -> None:
    page = '<html><head><meta charset="windows-1251"></head><body>Пекарь в Бледе</body></html>'
    assert text_of(tmp_path, "cv.html", page.encode("cp1251")) == "Пекарь в Бледе"
    wrong = "<html><head><meta charset='no-such'></head><body>Köchin in Bled</body></html>"
    assert text_of(tmp_path, "cv.html", wrong.encode()) == "Köchin in Bled"


def test_web_archives_are_read(tmp_path: Path) -> None:
    archive = (
        "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n"
        "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<html><body><p>Caf=C3=A9 in Bled</p></body></html>\n--x--\n"
    )
    assert text_of(tmp_path, "cv.doc", archive.encode()) == "Café in Bled"


def test_rich_text_is_read(tmp_path: Path) -> None:
    rich = rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}\b Ana Prunk\b0\par K\'f6chin\par}"
    assert text_of(tmp_path, "cv.rtf", rich).split("\n")[:2] == ["Ana Prunk", "Köchin"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Köchin in Bled, 寿司職人"),
        ("utf-8-sig", "Köchin in Bled"),
        ("utf-16", "Köchin in Bled"),
        ("utf-16-le", "Cook in Bled and a baker in Kranj"),
        ("utf-16-be", "Cook in Bled and a baker in Kranj"),
        ("utf-32", "Köchin in Bled"),
        ("cp1252", "Résumé: Köchin in Zürich, señora à Genève, 40 % – “naïve”"),
        ("shift_jis", "職務経歴書。東京の会社で菓子職人として十年間働いた。" * 5),
        ("cp1250", "Doświadczenie: księgowa, obsługa klienta, język polski i czeski, Łódź"),
        ("cp1250", "Žena s praxí v účetnictví, řidičský průkaz, čeština, příjemné vystupování"),
        ("cp1251", "Пекарь и кондитер, десять лет опыта работы в гостинице. " * 5),
        ("gb18030", "我在北京的一家酒店工作了十年,担任面点厨师。" * 5),
    ],
)
def test_encodings_are_recognised(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_few_broken_bytes_do_not_hide_utf8() -> None:
    data = "Köchin für Süßes, Gebäck und Brötchen in Österreich".encode()
    assert decode(data + b" \xff end").startswith("Köchin für Süßes")
    assert decode((data + "é".encode())[:-1]).startswith("Köchin für Süßes")


@given(st.text(st.characters(exclude_categories=["C"])))
def test_utf8_is_read_as_it_stands(text: str) -> None:
    assert decode(text.encode()) == text.removeprefix("\ufeff")


def test_line_ends_and_lone_surrogates_are_mended(tmp_path: Path) -> None:
    assert text_of(tmp_path, "cv.md", b"# Ana\r\nBled\rSlovenia") == "# Ana\nBled\nSlovenia"
    text = text_of(
        tmp_path, "cv.json", b'{"basics": {"name": "A\\ud83d", "label": "\\ud83d\\ude00"}}'
    )
    assert text == "A\ufffd\n😀"
