"""When a file says that it was written: what "present" means in it."""

import re
import zipfile
from contextlib import suppress
from datetime import date
from io import BytesIO

_PDF_DATE = re.compile(r"D?:?(\d{4})(\d\d)(\d\d)")
_DOCX_DATE = re.compile(rb"<dcterms:modified[^>]{0,200}>(\d{4})-(\d\d)-(\d\d)")
# Of a Word file's properties, no more than this is read.
_PROPERTIES = 65_536


def written_on(data: bytes) -> date | None:
    """Return the day that a PDF or a Word file was written, where it tells a possible one."""
    with suppress(Exception):
        # Whatever is wrong with a file's properties, its text counts.
        match = _pdf_date(data) if b"%PDF-" in data[:1024] else _docx_date(data)
        if match:
            day = date(*(int(part) for part in match.groups()))
            return day if day.year >= 1990 and day <= date.today() else None
    return None


def _pdf_date(data: bytes) -> re.Match[str] | None:
    import pypdfium2

    with pypdfium2.PdfDocument(data) as pdf:
        return _PDF_DATE.match(pdf.get_metadata_value("CreationDate"))


def _docx_date(data: bytes) -> re.Match[bytes] | None:
    if not data.startswith(b"PK\x03\x04"):
        return None
    with zipfile.ZipFile(BytesIO(data)) as archive, archive.open("docProps/core.xml") as file:
        return _DOCX_DATE.search(file.read(_PROPERTIES))
