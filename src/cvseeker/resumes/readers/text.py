"""Plain text, Markdown and Rich Text Format: bytes of unknown encoding → text."""

import codecs
import re

from cvseeker.resumes.readers.base import Document, ReadError, join_cells

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Without this list the detector offers rare code pages that fit a few bytes by chance.
_ENCODINGS = [
    "cp1252",
    "shift_jis",
    "euc_jp",
    "gb18030",
    "big5",
    "euc_kr",
    "cp1251",
    "koi8_r",
    "cp1250",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "iso8859_2",
    "cp437",
]
_SAMPLE_BYTES = 65_536
_BINARY = bytes({*range(32)} - set(b"\t\n\x0b\x0c\r\x1b"))
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")


def read_rtf(data: bytes) -> list[Document]:
    """Read a Rich Text Format file."""
    from striprtf.striprtf import rtf_to_text

    # Latin-1 keeps every byte; the markup's own code page governs its escapes.
    try:
        text: str = rtf_to_text(data.decode("latin-1"), errors="replace")
    except (ValueError, LookupError, IndexError, AttributeError) as error:
        raise ReadError(f"damaged RTF ({type(error).__name__})") from error
    lines: list[str] = []
    for line in text.split("\n"):
        # striprtf ends each cell of a table row with a bar.
        lines += join_cells(line.split("|")) if line.rstrip().endswith("|") else [line]
    return [Document("\n".join(lines))]


def decode(data: bytes) -> str:
    """Turn bytes of unknown encoding into text."""
    encoding = _marked_encoding(data) or _wide_encoding(data)
    if encoding:
        return _checked(data.decode(encoding, "replace"))
    try:
        return _checked(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        if _is_nearly_utf8(data, error):
            return _checked(data.decode("utf-8", "replace"))
    return _checked(_detect(data))


def _marked_encoding(data: bytes) -> str:
    marks = (encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark))
    return next(marks, "")


def _wide_encoding(data: bytes) -> str:
    """Recognise UTF-16 without a mark: Western text has a zero in every second byte."""
    sample = data[:4096]
    half = len(sample) // 2
    if half < 4:
        return ""
    if sample[1::2].count(0) > 0.6 * half and sample[::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[::2].count(0) > 0.6 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return ""


def _is_nearly_utf8(data: bytes, error: UnicodeDecodeError) -> bool:
    """Tell UTF-8 with a few broken bytes, or cut off at its end, from other encodings."""
    if error.start >= len(data) - 4 and error.start > 16:
        return any(byte > 127 for byte in data[: error.start])
    text = data[:_SAMPLE_BYTES].decode("utf-8", "replace")
    broken = text.count("\ufffd")
    sound = sum(character > "\x7f" for character in text) - broken
    return sound > 2 * broken


def _detect(data: bytes) -> str:
    from charset_normalizer import from_bytes

    sample = data[:_SAMPLE_BYTES]
    if len(sample.translate(None, _BINARY)) > 0.7 * len(sample):
        best = from_bytes(sample, cp_isolation=_ENCODINGS).best()
        if best is not None:
            return data.decode(_settle(best.encoding, sample), "replace")
    raise ReadError("no readable text: binary data")


def _settle(encoding: str, sample: bytes) -> str:
    """Decide between Western and Central European, which the detector finds equally likely."""
    if encoding not in ("cp1250", "cp1252", "iso8859_2"):
        return encoding
    text = sample.decode("cp1252", "replace")
    western = sum(text.count(letter) for letter in "àêñïûåæãõùÀÊÑÅÆ")
    # As they look when read as Western: the commonest letters of Polish, Czech and Hungarian.
    central = sum(text.count(letter) for letter in "³¹¿œŸøšž")
    return "cp1250" if central > western else "cp1252"


def _checked(text: str) -> str:
    # Five in a hundred: form feeds, stray bytes and a few lost characters are no reason to refuse.
    if _control_share(text[:_SAMPLE_BYTES]) > 0.05:
        raise ReadError("no readable text: binary data")
    return text


def _control_share(text: str) -> float:
    return len(_CONTROL.findall(text)) / max(1, len(text))
