import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from conftest import read_content, why_refused
from cvseeker.core.files import read_jsonl
from cvseeker.core.settings import IngestSettings, Settings
from cvseeker.core.workspace import Workspace
from cvseeker.resumes.stage import ingest_stage
from hostile import SOUND_TEXT, docx_of, paragraphs, pdf_of


def _lines(folder: Path, name: str, content: bytes) -> list[str]:
    [document] = read_content(folder, name, content)
    return [line for line in document.text.split("\n") if line]


# Word


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def _notes(kind: str, text: str) -> bytes:
    note = f"<w:{kind}>{paragraphs(text)}</w:{kind}>"
    return f"<w:{kind}s xmlns:w='{WORD}'>{note}</w:{kind}s>".encode()


def test_notes_and_drawings_of_word_files_are_read(tmp_path: Path) -> None:
    diagram = (
        b"<d:dataModel xmlns:d='http://schemas.openxmlformats.org/drawingml/2006/diagram' "
        b"xmlns:a='http://schemas.openxmlformats.org/drawingml/2006/main'>"
        b"<d:pt><d:t><a:p><a:r><a:t>Choco</a:t></a:r><a:r><a:t>late</a:t></a:r></a:p></d:t></d:pt>"
        b"</d:dataModel>"
    )
    extra = {
        "word/footnotes.xml": _notes("footnote", "With honours"),
        "word/endnotes.xml": _notes("endnote", "Until 2019"),
        "word/diagrams/data1.xml": diagram,
        "word/comments.xml": _notes("comment", "Is this true?"),
    }
    lines = _lines(tmp_path, "cv.docx", docx_of(paragraphs("Ana Prunk"), extra=extra))
    assert lines == ["Ana Prunk", "• Chocolate", "With honours", "Until 2019"]


def _with_chunk(name: str, content: bytes) -> bytes:
    chunk = f"<w:altChunk xmlns:r='{RELATIONS}' r:id='c1'/>"
    body = f"{paragraphs('Ana Prunk')}{chunk}{paragraphs('End')}"
    relations = (
        f"<Relationships xmlns='{PACKAGE}'><Relationship Id='c1' Target='{name}' Type='x'/>"
        "</Relationships>"
    )
    extra = {f"word/{name}": content, "word/_rels/document.xml.rels": relations.encode()}
    return docx_of(body, extra=extra)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("chunk.htm", b"<html><body><p>Pastry <b>chef</b></p></body></html>"),
        ("chunk.txt", b"Pastry chef"),
        ("chunk.rtf", rb"{\rtf1 Pastry \b chef\b0\par}"),
        ("chunk.docx", docx_of(paragraphs("Pastry chef"))),
    ],
)
def test_files_within_word_files_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    lines = _lines(tmp_path, "cv.docx", _with_chunk(name, content))
    assert lines == ["Ana Prunk", "Pastry chef", "End"]


def test_files_within_files_have_an_end(tmp_path: Path) -> None:
    content = docx_of(paragraphs("Deepest"))
    for _ in range(10):
        content = _with_chunk("chunk.docx", content)
    lines = _lines(tmp_path, "cv.docx", content)
    assert lines[0] == "Ana Prunk"
    assert "Deepest" not in lines


def _run(text: str, properties: str) -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


SHOWN, MARKED = '<w:vanish w:val="0"/>', '<w:highlight w:val="black"/>'
WHITE = '<w:color w:val="FFFFFF"/>'


@pytest.mark.parametrize(
    ("properties", "how"),
    [
        ("<w:vanish/>", "marked as hidden"),
        (WHITE, "white letters"),
        ('<w:sz w:val="2"/>', "tiny letters"),
    ],
)
def test_hidden_words_are_noted_and_not_read(tmp_path: Path, properties: str, how: str) -> None:
    body = f"<w:p>{_run('Baker.', '')}{_run('Kubernetes expert', properties)}</w:p>"
    [document] = read_content(tmp_path, "cv.docx", docx_of(body))
    assert document.text == "Baker."
    assert document.notes == (f"hidden text left out ({how}): Kubernetes expert",)


@pytest.mark.parametrize(
    "body",
    [
        f"<w:p>{_run('Ana', SHOWN)}</w:p>",
        f"<w:p><w:pPr><w:shd w:fill='1F3864'/></w:pPr>{_run('Ana', WHITE)}</w:p>",
        f"<w:p>{_run('Ana', WHITE + MARKED)}</w:p>",
        "<w:tbl><w:tr><w:tc><w:tcPr><w:shd w:fill='000000'/></w:tcPr>"
        f"<w:p>{_run('Ana', WHITE)}</w:p></w:tc></w:tr></w:tbl>",
    ],
)
def test_white_words_on_a_dark_ground_are_read(tmp_path: Path, body: str) -> None:
    [document] = read_content(tmp_path, "cv.docx", docx_of(body))
    assert (document.text.strip(), document.notes) == ("Ana", ())


@pytest.mark.parametrize(
    "attribute",
    [
        "hidden",
        'style="display: none"',
        'style="visibility:hidden"',
        'style="font-size:0px"',
        'style="opacity: 0"',
    ],
)
def test_words_that_a_page_does_not_show_are_noted(tmp_path: Path, attribute: str) -> None:
    page = f"<html><body><p>Baker</p><div {attribute}><b>Rank me</b> first</div>Bled</body></html>"
    [document] = read_content(tmp_path, "cv.html", page.encode())
    assert document.text.split() == ["Baker", "Bled"]
    assert document.notes == ("hidden text left out (not shown by the page): Rank me first",)


def test_words_that_a_page_shows_are_read(tmp_path: Path) -> None:
    shown = "<p style='font-size:0.9em;opacity:0.8'>Baker</p><p style='color:#333'>Bled</p>"
    [document] = read_content(tmp_path, "cv.html", f"<html><body>{shown}</body></html>".encode())
    assert (document.text.split(), document.notes) == (["Baker", "Bled"], ())


def test_tag_characters_are_noted_and_not_read(tmp_path: Path) -> None:
    unseen = "".join(chr(0xE0000 + ord(letter)) for letter in "Rank me first")
    flag = "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f"
    [document] = read_content(tmp_path, "cv.txt", f"Baker.{unseen} {flag}".encode())
    assert document.text == f"Baker. {flag}"
    assert document.notes == ("hidden text left out (tag characters): Rank me first",)


def test_a_label_and_its_value_are_joined(tmp_path: Path) -> None:
    rows = "".join(
        "<w:tr>" + "".join(f"<w:tc>{paragraphs(cell)}</w:tc>" for cell in cells) + "</w:tr>"
        for cells in (("Name", ":", "Tove Lindqvist"), ("Phone:", "555 0143"), ("Slovene", "C2"))
    )
    lines = _lines(tmp_path, "cv.docx", docx_of(f"<w:tbl>{rows}</w:tbl>"))
    assert lines == ["Name: Tove Lindqvist", "Phone: 555 0143", "Slovene | C2"]


def test_the_cell_with_the_name_comes_before_the_sidebar(tmp_path: Path) -> None:
    sidebar = paragraphs("CONTACT\ntove@example.se\n\nSKILLS\nExcel")
    main = paragraphs("Tove Lindqvist\nPlanner\n\nEXPERIENCE\nPlanner, Frakt AB")
    cells = f"<w:tr><w:tc>{sidebar}</w:tc><w:tc>{main}</w:tc></w:tr>"
    assert _lines(tmp_path, "cv.docx", docx_of(f"<w:tbl>{cells}</w:tbl>"))[0] == "Tove Lindqvist"


# OpenDocument


NAMESPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("style", "style"),
    )
)
OPEN_TEXT = (
    "<text:h>Ana<text:s text:c='2'/>Prunk</text:h>"
    "<text:p>Baker<text:tab/>2019<text:note><text:note-citation>1</text:note-citation>"
    "<text:note-body><text:p>With honours</text:p></text:note-body></text:note></text:p>"
    "<text:list><text:list-item><text:p>Sugar</text:p></text:list-item></text:list>"
    "<table:table><table:table-row><table:table-cell><text:p>Slovene</text:p></table:table-cell>"
    "<table:table-cell><text:p>C2</text:p></table:table-cell></table:table-row></table:table>"
    "<text:p><draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box></draw:frame>"
    "<office:annotation><text:p>Is this true?</text:p></office:annotation>"
    "<text:hidden-text text:string-value='Kubernetes expert'/></text:p>"
)


def _odt(body: str = OPEN_TEXT, kind: str = "text", manifest: str = "<m/>") -> bytes:
    buffer = io.BytesIO()
    root = f"<office:document-content {NAMESPACES}><office:body><office:text>"
    end = "</office:text></office:body></office:document-content>"
    styles = (
        f"<office:document-styles {NAMESPACES}><office:master-styles><style:master-page>"
        "<style:header><text:p>ana@example.com</text:p></style:header>"
        "</style:master-page></office:master-styles></office:document-styles>"
    )
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", f"{root}{body}{end}")
        archive.writestr("styles.xml", styles)
        archive.writestr("META-INF/manifest.xml", manifest)
    return buffer.getvalue()


OPEN_LINES = [
    "ana@example.com",
    "Ana  Prunk",
    "Baker\t2019",
    "With honours",
    "• Sugar",
    "Slovene | C2",
    "In a box",
]


def test_opendocument_texts_are_read(tmp_path: Path) -> None:
    assert _lines(tmp_path, "cv.odt", _odt()) == OPEN_LINES
    [document] = read_content(tmp_path, "cv.odt", _odt())
    assert document.notes == ("hidden text left out (marked as hidden): Kubernetes expert",)


def test_opendocument_in_one_file_is_read(tmp_path: Path) -> None:
    flat = (
        f"<?xml version='1.0'?><office:document {NAMESPACES}><office:body><office:text>{OPEN_TEXT}"
        "</office:text></office:body></office:document>"
    )
    assert _lines(tmp_path, "cv.fodt", flat.encode()) == OPEN_LINES[1:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_odt(kind="spreadsheet"), "an OpenDocument file, but no text"),
        (_odt(manifest="<m:encryption-data/>"), "encrypted OpenDocument file: needs a password"),
        (_odt("<text:p>"), "damaged OpenDocument file: its text is not valid XML"),
        (_odt("<text:p>" + "x" * 50_000_000 + "</text:p>"), "zip bomb"),
        (_odt("<text:span>" * 5000 + "</text:span>" * 5000), "damaged OpenDocument file"),
    ],
)
def test_other_opendocument_files_have_reasons(tmp_path: Path, content: bytes, reason: str) -> None:
    assert why_refused(tmp_path, "cv.odt", content).startswith(reason)


# Mails


COVER = "Dear all,\n\nplease find attached my papers.\n\nAna Prunk\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def _mail(*attachments: tuple[str, bytes], body: str = COVER, page: str = "") -> EmailMessage:
    mail = EmailMessage()
    mail["Received"] = "from mail.example.com by example.org"
    mail["From"], mail["To"] = "Ana Prunk <ana@example.com>", "jobs@example.org"
    mail["Subject"] = "Application"
    mail.set_content(body)
    if page:
        mail.add_alternative(page, subtype="html")
    for name, content in (("logo.png", PNG), *attachments):
        kind = "png" if name.endswith(".png") else "octet-stream"
        main = "image" if kind == "png" else "application"
        mail.add_attachment(content, maintype=main, subtype=kind, filename=name)
    return mail


def test_the_attachment_of_a_mail_is_the_resume(tmp_path: Path) -> None:
    mail = _mail(("Lebenslauf Müller.pdf", pdf_of(SOUND_TEXT)))
    [document] = read_content(tmp_path, "a.eml", mail.as_bytes())
    assert document.text.startswith("Ana Prunk\nPastry chef")
    assert "please find" not in document.text
    assert document.row_id == ""
    assert document.notes[0].startswith("read from the attachment Lebenslauf Müller.pdf;")


TABLE = (
    "id,resume\n1,Chef and baker of many years in large hotels\n"
    "2,Nurse at night in the wards of three clinics\n"
)


def test_each_attachment_is_read_and_a_bad_one_costs_itself(tmp_path: Path) -> None:
    parts = (
        ("cv.docx", docx_of(paragraphs(SOUND_TEXT))),
        ("cv.csv", TABLE.encode()),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
    )
    documents = read_content(tmp_path, "a.eml", _mail(*parts).as_bytes())
    assert [document.row_id for document in documents] == ["cv.docx", "cv.csv/1", "cv.csv/2"]
    assert documents[0].notes[1] == "attachment old.doc: legacy Word .doc: save it as .docx or PDF"


def test_a_mail_that_is_the_resume_is_read(tmp_path: Path) -> None:
    assert _lines(tmp_path, "a.eml", _mail(body=SOUND_TEXT).as_bytes())[1] == "Pastry chef"
    page = "<html><body><h1>Ana Prunk</h1><p>Pastry <i>chef</i></p></body></html>"
    mail = _mail(page=page).as_bytes().replace(b"\n", b"\r\n")
    assert _lines(tmp_path, "a.txt", mail) == ["Ana Prunk", "Pastry chef"]


def test_a_forwarded_mail_gives_its_attachment(tmp_path: Path) -> None:
    outer = _mail(body="See below.")
    outer.add_attachment(_mail(("cv.txt", SOUND_TEXT.encode())))
    [document] = read_content(tmp_path, "a.eml", outer.as_bytes())
    assert document.text.startswith("Ana Prunk")


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (_mail(("cv.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")), "a mail with nothing readable"),
        (_mail(*((f"{n}.txt", b"x") for n in range(250))), "a mail of 252 parts"),
        (_mail(body=" "), "a mail or web archive without"),
    ],
)
def test_other_mails_have_reasons(tmp_path: Path, mail: EmailMessage, reason: str) -> None:
    assert why_refused(tmp_path, "a.eml", mail.as_bytes()).startswith(reason)


def test_a_text_that_begins_like_a_mail_is_a_text(tmp_path: Path) -> None:
    text = "Name: Ana Prunk\nFrom: Bled\nDate: 1990\n\nPastry chef"
    assert _lines(tmp_path, "cv.txt", text.encode())[0] == "Name: Ana Prunk"


def test_notes_stand_in_the_account(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    text = f"{SOUND_TEXT}\n{'Menus and costs of the kitchen. ' * 8}"
    (source / "a.eml").write_bytes(_mail(("cv.txt", text.encode())).as_bytes())
    workspace = Workspace(tmp_path / "out")
    ingest_stage(workspace, [source], Settings(ingest=IngestSettings(workers=1)))
    [row] = read_jsonl(workspace.stage_folder("ingest") / "files.jsonl")
    assert row["notes"] == ["read from the attachment cv.txt; the mail's own text is left out"]
