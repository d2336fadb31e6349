"""Cleaning text that came out of a file: what is safe to do to any single text.

The lines stay, since sections are found by them, and no letter or digit is added or dropped.
"""

import re
import unicodedata

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x85\u2028\u2029]")
_LIGATURES = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# Joiners mean something between letters of Arabic and Indian scripts and inside emoji only.
_STRAY_JOINER = re.compile(
    "(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f\u200c\u200d])"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufff9-\ufffc\ufffe\uffff]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
_BULLET = re.compile("^(?:[•●▪■◆◇○◦‣∙·➢➤►▶❖✓✔➔⮚][ \t]*)+", re.MULTILINE)
_LONE_BULLET = re.compile(r"^•[ \t]*\n+(?=[^\s•])", re.MULTILINE)
_WIDE_GAP = re.compile(r" {2,}|[ ]*\t[ \t]*")
_SPACED_CAPS = re.compile(r"(?:[^\W\d_a-z] ){3,}[^\W\d_a-z]")

# UTF-8 read as Windows-1252 or Latin-1: a lead byte's character and its continuation bytes'.
_CONTINUATION = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_MOJIBAKE = re.compile(
    f"[\xc2-\xdf]{_CONTINUATION}|[\xe0-\xef]{_CONTINUATION}{{2}}|[\xf0-\xf4]{_CONTINUATION}{{3}}"
)
# What is left of a no-break space and of a wide comma once their last byte is lost.
_LOST_SPACE = re.compile(r"(?<![A-Z])Â(?=\s|$)", re.MULTILINE)
_LOST_COMMA = re.compile(r"[ ]?ï¼(?=\s|$)", re.MULTILINE)


def clean_text(text: str) -> str:
    """Normalise the characters and the whitespace of one text; doing it again changes nothing."""
    while (cleaned := _clean_once(text)) != text:
        text = cleaned
    return cleaned


def _clean_once(text: str) -> str:
    text = _LINE_ENDS.sub("\n", text).replace("\f", "\n\n")
    text = unicodedata.normalize("NFC", _MOJIBAKE.sub(_decode_mojibake, text))
    text = "".join(_LIGATURES.get(char, char) for char in text) if not text.isascii() else text
    for pattern, replacement in (
        (_INVISIBLE, ""),
        (_STRAY_JOINER, ""),
        (_CONTROL, ""),
        (_SPACES, " "),
        (_LOST_SPACE, " "),
        (_LOST_COMMA, ","),
        # Symbol fonts keep their bullets in the private use area.
        (_PRIVATE_USE, "•"),
    ):
        text = pattern.sub(replacement, text)
    text = "\n".join(_clean_line(line) for line in text.split("\n"))
    text = _LONE_BULLET.sub("• ", _BULLET.sub("• ", text))
    text = "\n".join(line.strip(" ") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _decode_mojibake(match: re.Match[str]) -> str:
    """Decode what reads as a UTF-8 sequence; anything else stays as it is."""
    raw = b"".join(
        char.encode("latin-1") if ord(char) < 256 else char.encode("cp1252") for char in match[0]
    )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return match[0]


def _clean_line(line: str) -> str:
    line = line.strip(" \t")
    if len(line) > 6 and all(_SPACED_CAPS.fullmatch(word) for word in _WIDE_GAP.split(line)):
        line = "  ".join(word.replace(" ", "") for word in _WIDE_GAP.split(line))
    gaps = _WIDE_GAP.findall(line)
    # Justified text has wide gaps everywhere: there they part no columns.
    justified = len(gaps) > 3 and "\t" not in line and 2 * len(gaps) > len(line.split()) - 1
    return _WIDE_GAP.sub(" " if justified else "  ", line)
