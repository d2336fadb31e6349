"""Zip-based documents, opened after a look at their directory, and XML without its entities."""

import io
import lzma
import re
import zipfile
import zlib
from typing import Any, Self

from cvseeker.resumes.readers.base import ReadError

# A long résumé full of pictures unpacks to some 20 MB.
_MAX_UNPACKED_BYTES = 200_000_000
_MAX_ENTRIES = 10_000
# XML shrinks by 10 to 20; a bomb by a thousand.
_MAX_RATIO = 200
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


class Archive:
    """A zip archive, whose entries are no larger than its directory says."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        entries = archive.infolist()
        self.names = sorted(entry.filename for entry in entries)
        self.encrypted = any(entry.flag_bits & 1 for entry in entries)

    @classmethod
    def open(cls, data: bytes) -> Self:
        """Open an archive that is no bomb."""
        try:
            archive = zipfile.ZipFile(io.BytesIO(data))
            entries = archive.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise ReadError("truncated or damaged zip-based file (.docx and the like)") from error
        _refuse_bomb(entries, len(data))
        return cls(archive)

    def read(self, name: str) -> bytes:
        """Return one unpacked entry."""
        limit = self._archive.getinfo(name).file_size
        try:
            with self._archive.open(name) as entry:
                # One byte more: a directory that lies is a bomb that passed the check.
                content = entry.read(limit + 1)
        except _UNPACKING_ERRORS as error:
            raise ReadError(f"damaged {_form(name)}: its text cannot be unpacked") from error
        if len(content) > limit:
            raise ReadError("zip bomb: an entry is larger than the directory says; not opened")
        return content

    def xml(self, name: str, replacing: tuple[bytes, bytes] = (b"", b"")) -> Any:
        """Return the root of an entry of XML."""
        content = self.read(name)
        try:
            return parse_xml(content.replace(*replacing) if replacing[0] else content)
        except ReadError as error:
            raise ReadError(f"damaged {_form(name)}: its text is not valid XML") from error


def parse_xml(data: bytes) -> Any:
    """Return the root of an XML file; no entity is expanded, no other file opened."""
    from lxml import etree

    # libxml2's own limits stand: trees 256 deep, texts of 10 MB, entities that hardly grow.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"not valid XML ({error})"[:160]) from error


def local_name(name: str) -> str:
    """Return the name of an element or an attribute without its namespace."""
    return re.sub(r"^\{[^}]*\}", "", name)


def _form(name: str) -> str:
    return ".docx" if name.startswith("word/") else "OpenDocument file"


def _refuse_bomb(entries: list[zipfile.ZipInfo], packed: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > _MAX_ENTRIES:
        raise ReadError(f"zip bomb: {len(entries):,} entries; not opened")
    too_dense = unpacked > _RATIO_MATTERS_FROM and unpacked > _MAX_RATIO * packed
    if unpacked > _MAX_UNPACKED_BYTES or too_dense:
        sizes = f"{_size(packed)} expand to {_size(unpacked)}"
        raise ReadError(f"zip bomb: {sizes}; not opened")


def _size(count: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= scale:
            return f"{count / scale:,.0f} {unit}"
    return f"{count} bytes"
