"""Mails (.eml) with their attachments, and the web archives that browsers save in the same form."""

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import PurePath

from cvseeker.resumes.readers.base import Document, ReadError
from cvseeker.resumes.readers.html import read_html
from cvseeker.resumes.readers.text import decode

_MAX_PARTS = 200
_HEADERS = re.compile(
    rb"(?:[\w-]{1,60}:[^\n]{0,2000}\n(?:[ \t][^\n]{0,2000}\n){0,100}+){2,200}+\r?\n"
)
# What a text that begins with "Name:" and "From:" lacks.
_SURE = re.compile(
    rb"^(?:mime-version|message-id|received|return-path|content-type):",
    re.IGNORECASE | re.MULTILINE,
)
# Logos, signatures and invitations come with every other mail.
_PASSED_OVER = re.compile(
    r"image/|audio/|video/|text/(?:calendar|x?-?vcard|css|javascript)|message/"
    r"|application/(?:pgp-signature|pgp-keys|(?:x-)?pkcs7-signature|ics)"
)
ReadFile = Callable[[bytes, str], list[Document]]


def is_mail(data: bytes) -> bool:
    """Tell a mail or a web archive by its headers."""
    headers = _HEADERS.match(data[:100_000])
    return bool(headers and _SURE.search(headers[0]))


def read_mail(data: bytes, read_file: ReadFile) -> list[Document]:
    """Read the attachments that are documents, or else the mail itself."""
    message = message_from_bytes(data)
    parts = list(_leaves(message))
    if len(parts) > _MAX_PARTS:
        raise ReadError(f"a mail of {len(parts):,} parts; expected at most {_MAX_PARTS}")
    read: list[tuple[str, list[Document]]] = []
    failed: list[str] = []
    for part in parts:
        if not (name := _attachment_name(part)):
            continue
        try:
            read.append((name, read_file(_payload(part), PurePath(name).suffix.lower())))
        except ReadError as error:
            failed.append(f"attachment {name}: {error}")
    if not read and failed:
        raise ReadError(f"a mail with nothing readable attached ({'; '.join(failed)})")
    if not read:
        return [_body(message, parts)]
    return list(_attached(read, tuple(failed)))


def _attached(read: list[tuple[str, list[Document]]], notes: tuple[str, ...]) -> Iterator[Document]:
    several = sum(len(documents) for _, documents in read) > 1
    for name, documents in read:
        origin = f"read from the attachment {name}; the mail's own text is left out"
        for document in documents:
            row_id = "/".join(filter(None, (name, document.row_id))) if several else ""
            yield Document(
                document.text, row_id, document.metadata, (origin, *notes, *document.notes)
            )


def _leaves(message: Message) -> Iterator[Message]:
    for part in message.walk():
        if not part.is_multipart():
            yield part


def _attachment_name(part: Message) -> str:
    """Return the name of an attached document; empty for the mail's own text and for pictures."""
    from email.header import decode_header, make_header

    kind = part.get_content_type()
    try:
        name = str(make_header(decode_header(part.get_filename() or "")))
    except (ValueError, LookupError, TypeError):
        name = "attachment"
    attached = part.get_content_disposition() == "attachment"
    if _PASSED_OVER.match(kind) or not (name or attached):
        return ""
    is_body = kind in ("text/plain", "text/html") and not attached
    return "" if is_body else PurePath(name.replace("\\", "/")).name or "attachment"


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _body(message: Message, parts: list[Message]) -> Document:
    """Return the mail's own text: its page if it has one, of a web archive the first page."""
    pages = [part for part in parts if part.get_content_type() == "text/html"]
    if message.get_content_type() == "multipart/related":
        pages = pages[:1]
    bodies = [read_html(_payload(part))[0] for part in pages] or [
        Document(_decode_plain(part)) for part in parts if part.get_content_type() == "text/plain"
    ]
    texts = [body.text for body in bodies]
    if not any(text.strip() for text in texts):
        raise ReadError("a mail or web archive without a page or a document in it")
    return Document("\n\n".join(texts), notes=tuple(note for one in bodies for note in one.notes))


def _decode_plain(part: Message) -> str:
    payload = _payload(part)
    try:
        return payload.decode(part.get_content_charset() or "")
    except (LookupError, ValueError):
        return decode(payload)
