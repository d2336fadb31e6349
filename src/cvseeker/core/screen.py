"""Text that came from files and queries, made safe for a terminal."""

import re

# What moves a cursor, rings, or shows letters in another order than they stand in: controls, line
# and paragraph separators, directions (Unicode TR #9, §2), and halves of surrogate pairs.
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str, *, lines: bool = False, mark: str = "") -> str:
    r"""Return a text as a terminal may show it, on one line unless it may have several.

    Each character that is unsafe becomes ``mark``, or else JSON's escape of it, so that JSON stays
    what it is.

    Examples
    --------
    >>> printable("cv\u202efdp.exe\x1b[2J")
    'cv\\u202efdp.exe\\u001b[2J'
    """
    shown = _UNSAFE.sub(lambda found: mark or f"\\u{ord(found[0]):04x}", text)
    return shown if lines else shown.replace("\n", mark or "\\n")


def as_cell(text: str) -> str:
    """Return a text, safe to show, that no spreadsheet takes for a formula (CWE-1236)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
