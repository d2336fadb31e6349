"""Zip-based office files: what kind they are, and whether they may be unpacked."""

import io
import lzma
import zipfile
import zlib

from cvseeker.resumes.readers.base import ReadError

# A long résumé full of pictures unpacks to some 20 MB.
MAX_UNPACKED_BYTES = 200_000_000
MAX_ENTRIES = 10_000
# XML shrinks by 10 to 20; a bomb by a thousand.
MAX_RATIO = 200
_RATIO_MATTERS_FROM = 5_000_000
_UNPACKING_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
)
_KINDS = (
    ("xl/workbook.xml", "an Excel workbook: save the sheet as .csv"),
    ("xl/workbook.bin", "an Excel workbook: save the sheet as .csv"),
    ("ppt/presentation.xml", "a PowerPoint file: save it as PDF"),
    ("Index/Document.iwa", "an Apple Pages file: export it as PDF or .docx"),
    ("content.xml", "an OpenDocument file: save it as .docx or PDF"),
    ("META-INF/container.xml", "an e-book (EPUB): save it as PDF or HTML"),
)


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Open a Word file's archive after a look at its directory.

    Parameters
    ----------
    data
        The file's bytes.

    Returns
    -------
    zipfile.ZipFile
        Holds ``word/document.xml``, or another main part ``word/document<n>.xml``.

    Raises
    ------
    ReadError
        If the archive is broken, encrypted, a bomb, or no Word file.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ReadError("truncated or damaged zip-based file (.docx and the like)") from error
    names = {entry.filename for entry in entries}
    _refuse_bomb(entries, len(data))
    if not any(name.startswith("word/document") for name in names):
        reasons = (reason for name, reason in _KINDS if name in names)
        raise ReadError(next(reasons, "a zip archive: unpack it and pass the folder"))
    if any(entry.flag_bits & 1 for entry in entries):
        raise ReadError("encrypted Word file: needs a password")
    return archive


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one unpacked entry, whose size was checked by :func:`open_archive`.

    Raises
    ------
    ReadError
        If the entry is damaged, or larger than its directory says.
    """
    limit = archive.getinfo(name).file_size
    try:
        with archive.open(name) as entry:
            # One byte more than declared: a directory that lies is a bomb that passed the check.
            content = entry.read(limit + 1)
    except _UNPACKING_ERRORS as error:
        raise ReadError("damaged .docx: its text cannot be unpacked") from error
    if len(content) > limit:
        raise ReadError("zip bomb: an entry is larger than the directory says; not opened")
    return content


def _refuse_bomb(entries: list[zipfile.ZipInfo], packed: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES:
        raise ReadError(f"zip bomb: {len(entries):,} entries; not opened")
    too_dense = unpacked > _RATIO_MATTERS_FROM and unpacked > MAX_RATIO * packed
    if unpacked > MAX_UNPACKED_BYTES or too_dense:
        sizes = f"{_size(packed)} expand to {_size(unpacked)}"
        raise ReadError(f"zip bomb: {sizes}; not opened")


def _size(count: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= scale:
            return f"{count / scale:,.0f} {unit}"
    return f"{count} bytes"
