"""Maker of broken and hostile files, among a few sound ones; every person is fictional."""

import io
import json
import os
import random
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

SOUND_TEXT = (
    "Ana Prunk\nPastry chef\nana.prunk@example.com, 555-0101\n\nExperience\n"
    "Head pastry chef, Hotel Lipa, Ljubljana (2018 to today)\n"
    "Laminated dough, chocolate tempering and sugar work for 90 rooms.\n\n"
    "Skills\nChocolate, sugar, menus, costing, French, Slovene\n"
)
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SUFFIXES = (
    *(".pdf", ".docx", ".html", ".rtf", ".txt", ".csv", ".json", ".jsonl", ".parquet", ".doc"),
    *(".png", ".md", ".tsv", ".odt", ".zip", ""),
)


def make_hostile_folder(folder: Path, count: int = 200) -> list[Path]:
    """Fill ``folder`` with at least ``count`` files, most of them broken, and return them.

    Sound files are named ``good-*``; whatever else has text in it may be read or refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _contents():
        (folder / name).write_bytes(content)
    _make_special_files(folder)
    noise = random.Random(13)
    while (missing := count - sum(1 for _ in folder.iterdir())) > 0:
        suffix = _SUFFIXES[missing % len(_SUFFIXES)]
        _write_noise(folder / f"noise-{missing}{suffix}", noise)
    return sorted(folder.iterdir())


def pdf_of(text: str, *, pages: int = 1, password: str = "") -> bytes:
    """Return a PDF with one line of text a line."""
    from pypdf import PdfReader, PdfWriter
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for _ in range(pages):
        for number, line in enumerate(text.split("\n")):
            canvas.drawString(72, 780 - 14 * number, line)
        canvas.showPage()
    canvas.save()
    if not password:
        return buffer.getvalue()
    writer = PdfWriter(PdfReader(buffer))
    writer.encrypt(password, algorithm="RC4-128")
    encrypted = io.BytesIO()
    writer.write(encrypted)
    return encrypted.getvalue()


def scanned_pdf() -> bytes:
    """Return a PDF whose only page is a picture."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawImage(ImageReader(Image.new("L", (400, 500), 220)), 50, 100, 400, 500)
    canvas.save()
    return buffer.getvalue()


def docx_of(body: str, *, prolog: str = "", extra: dict[str, bytes] | None = None) -> bytes:
    """Return a Word file whose ``w:body`` holds ``body``."""
    document = (
        f"<?xml version='1.0'?>{prolog}<w:document {_WORD}><w:body>{body}</w:body></w:document>"
    )
    return zip_of({"word/document.xml": document.encode(), **(extra or {})})


def paragraphs(text: str) -> str:
    """Return WordprocessingML with one paragraph a line."""
    return "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.split("\n"))


def zip_of(entries: dict[str, bytes]) -> bytes:
    """Return a compressed archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def xml_bomb() -> str:
    """Return a prolog whose entity ``j`` expands to a thousand million characters."""
    entities = ['<!ENTITY a "lollollollol">']
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        entities.append(f'<!ENTITY {name} "{f"&{before};" * 10}">')
    return f"<!DOCTYPE w:document [{''.join(entities)}]>"


def nested_pdf(depth: int) -> bytes:
    """Return a PDF whose catalogue holds arrays nested ``depth`` deep."""
    arrays = b"[" * depth + b"]" * depth
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/X " + arrays + b">>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\n"
        b"trailer<</Root 1 0 R/Size 3>>\n%%EOF\n"
    )


def long_pdf(pages: int) -> bytes:
    """Return a PDF of many pages, all of which show the same content."""
    kids = b" ".join(b"%d 0 R" % number for number in range(5, 5 + pages))
    stream = b"BT /F 12 Tf 72 700 Td (Page) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        *[b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 3 0 R>>>>>>"] * pages,
    ]
    buffer, offsets = io.BytesIO(), []
    buffer.write(b"%PDF-1.4\n")
    for number, content in enumerate(objects, start=1):
        offsets.append(buffer.tell())
        buffer.write(b"%d 0 obj%s endobj\n" % (number, content))
    start = buffer.tell()
    buffer.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    buffer.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    buffer.write(b"trailer<</Root 1 0 R/Size %d>>\n" % (len(objects) + 1))
    buffer.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return buffer.getvalue()


def _contents() -> Iterator[tuple[str, bytes]]:
    yield from _sound_files()
    yield from _broken_pdfs()
    yield from _broken_office_files()
    yield from _broken_texts()
    yield from _broken_tables()


def _sound_files() -> Iterator[tuple[str, bytes]]:
    yield "good-plain.txt", SOUND_TEXT.encode()
    yield "good-file.pdf", pdf_of(SOUND_TEXT)
    yield "good-word.docx", docx_of(paragraphs(SOUND_TEXT))
    yield "good-page.html", f"<html><body><pre>{SOUND_TEXT}</pre></body></html>".encode()
    yield "good-rich.rtf", b"{\\rtf1\\ansi " + SOUND_TEXT.replace("\n", "\\par ").encode() + b"}"
    yield "good-page-named.pdf", f"<html><body><p>{SOUND_TEXT}</p></body></html>".encode()
    yield "good-pdf-named.docx", pdf_of(SOUND_TEXT)
    yield "good-text-named.pdf", SOUND_TEXT.encode()
    yield "good-no-suffix", pdf_of(SOUND_TEXT)
    yield "good-utf16.txt", SOUND_TEXT.encode("utf-16")
    yield "good-😀-émile.txt", SOUND_TEXT.encode()
    yield "good-line\nbreak.txt", SOUND_TEXT.encode()
    yield f"good-{'long' * 60}.txt", SOUND_TEXT.encode()
    row = json.dumps({"id": "a-1", "category": "Chef", "text": SOUND_TEXT})
    yield "good-rows.jsonl", f"{row}\n{row.replace('a-1', 'a-2')}\n".encode()


def _broken_pdfs() -> Iterator[tuple[str, bytes]]:
    sound = pdf_of(SOUND_TEXT * 3, pages=2)
    for percent in range(2, 100, 4):
        yield f"truncated-{percent}.pdf", sound[: len(sound) * percent // 100]
    for seed in range(12):
        flipped = bytearray(sound)
        noise = random.Random(seed)
        for _ in range(40):
            flipped[noise.randrange(8, len(flipped))] = noise.randrange(256)
        yield f"flipped-{seed}.pdf", bytes(flipped)
    yield "encrypted.pdf", pdf_of(SOUND_TEXT, password="secret")
    yield "scanned.pdf", scanned_pdf()
    yield "blank.pdf", pdf_of("")
    yield "ten-thousand-pages.pdf", long_pdf(10_000)
    yield "nested-arrays.pdf", nested_pdf(100_000)
    yield "only-a-header.pdf", b"%PDF-1.7\n"
    yield "null-bytes.pdf", b"%PDF-1.7\n" + bytes(100_000)
    yield "endless-length.pdf", sound.replace(b"/Length ", b"/Length 99999999")
    yield "huge-count.pdf", sound.replace(b"/Count 2", b"/Count 2000000000")


def _broken_office_files() -> Iterator[tuple[str, bytes]]:
    sound = docx_of(paragraphs(SOUND_TEXT))
    for percent in range(10, 100, 15):
        yield f"truncated-{percent}.docx", sound[: len(sound) * percent // 100]
    yield "bomb.docx", docx_of("", extra={"word/media/zeros": bytes(60_000_000)})
    yield "entities.docx", docx_of("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", prolog=xml_bomb())
    yield "deep.docx", docx_of("<w:sdt>" * 20_000 + "</w:sdt>" * 20_000)
    yield "not-xml.docx", zip_of({"word/document.xml": b"<w:document"})
    yield "many-entries.docx", zip_of({f"word/{n}.xml": b"" for n in range(10_500)})
    yield "escaping.docx", zip_of({"../../word/document.xml": b"x"})
    yield "workbook.docx", zip_of({"xl/workbook.xml": b"<x/>"})
    yield "photos.zip", zip_of({"photo.txt": b"x"})
    yield "encrypted.docx", _OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(500)
    yield "legacy.doc", _OLE + bytes(600) + "WordDocument".encode("utf-16-le") + bytes(5000)
    yield "unclosed.rtf", b"{\\rtf1 " + b"{" * 50_000
    yield "binary.rtf", b"{\\rtf1\\bin99999999 " + bytes(range(256)) * 40


def _broken_texts() -> Iterator[tuple[str, bytes]]:
    for suffix in _SUFFIXES:
        yield f"empty{suffix or '-no-suffix'}", b""
        yield f"zeros{suffix or '-no-suffix'}", bytes(5000)
    yield "spaces.txt", b" \n\t\n" * 500
    yield "picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100)
    yield "picture.pdf", b"\xff\xd8\xff\xe0" + bytes(100)
    yield "latin-1.txt", (SOUND_TEXT + "résumé déjà vu à Zürich, señor\n").encode("latin-1")
    yield (
        "shift-jis.txt",
        ("職務経歴書\n東京の会社で菓子職人として働いた。\n" * 20).encode("shift_jis"),
    )
    yield "cut-utf-8.txt", (SOUND_TEXT + "Zürich é").encode()[:-1]
    yield "one-line.txt", b"word " * 300_000
    yield "too-long.txt", b"word " * 500_000
    yield "deep.html", b"<div>" * 5_000 + b"deep"
    yield "deep-tables.html", b"<table><tr><td>" * 2_000 + b"deep"
    yield "unclosed.html", b"<html><body><script>" + b"x" * 50_000
    yield "deep.json", b"[" * 200_000
    yield "deep-objects.json", b'{"a":' * 100_000
    yield "number.json", b"42"
    yield "wrong.json", b'{"name": "Ana", '
    yield "infinity.json", b'{"basics": {"name": NaN}}'
    yield "surrogate.json", b'{"basics": {"name": "\\ud800", "summary": "x"}}'


def _broken_tables() -> Iterator[tuple[str, bytes]]:
    yield "million-columns.csv", b",".join([b"x"] * 1_000_000) + b"\n" + b"," * 999_999
    yield "unclosed-quote.csv", b'id,text\n1,"' + SOUND_TEXT.encode() * 50
    yield "ragged.csv", b"id,text\n1\n2,a,b,c,d\n,,,,,\n" * 50
    yield "huge-field.csv", b'id,text\n1,"' + b"word " * 100_000 + b'"\n'
    yield "no-text.csv", b"a,b\n1,2\n3,4\n"
    yield "header-only.csv", b"id,text\n"
    yield "null-bytes.csv", b"id,text\n1,\0\0\0\n"
    yield "garbage.parquet", b"PAR1" + random.Random(5).randbytes(5000) + b"PAR1"
    yield "cut.jsonl", b'{"id": 1, "text": "a few words"}\n{"id": 2, "te'


def _make_special_files(folder: Path) -> None:
    (folder / "folder.pdf").mkdir()
    (folder / "dangling.pdf").symlink_to(folder / "nowhere.pdf")
    (folder / "loop.pdf").symlink_to(folder / "loop.pdf")
    (folder / "~$lock.docx").write_bytes(b"lock")
    (folder / ".hidden").write_bytes(b"hidden")
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server, _WorkingIn(folder):
        # The address of a socket is short: it has to be named from its own folder.
        server.bind("socket.txt")
    (folder / os.fsdecode(b"foreign-\xff\xfe.txt")).write_bytes(SOUND_TEXT.encode())


class _WorkingIn:
    """Work in a folder for a while."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._before = Path.cwd()
        os.chdir(self._folder)

    def __exit__(self, *_: object) -> None:
        os.chdir(self._before)


def _write_noise(path: Path, noise: random.Random) -> None:
    starts = (b"", b"%PDF-1.5\n", b"PK\x03\x04", b"{\\rtf1 ", b"<html>", b"PAR1", b"{", b"\xff\xfe")
    path.write_bytes(noise.choice(starts) + noise.randbytes(noise.randrange(1, 20_000)))
