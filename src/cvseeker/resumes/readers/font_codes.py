"""What the codes of a PDF's fonts mean that do not say so, or say it wrongly.

PDFium gives the bare codes of such fonts. In TeX's own encodings those of ligatures and dashes lie
below 0x20, where they look like controls, and those of accented letters differ from Latin-1.

References
----------
Cork (T1) and OT1 as in Mittelbach, Fairbairns and Lemberg, "LaTeX font encodings" (encguide).
"""

import ctypes
import re
from typing import Any

import numpy as np

from cvseeker.resumes.readers.pieces import Codes

# From U+FB00 on.
_LIGATURES = ("ff", "fi", "fl", "ffi", "ffl")
_CORK_LOW = dict(zip(range(0x0D, 0x1B), "‚‹›“”„«»–—\u200b₀ıȷ", strict=True))
_CORK_HIGH = dict(
    zip(
        range(0x80, 0x100),
        "ĂĄĆČĎĚĘĞĹĽŁŃŇŊŐŔŘŚŠŞŤŢŰŮŸŹŽŻĲİđ§ăąćčďěęğĺľłńňŋőŕřśšşťţűůÿźžżĳ¡¿£"
        "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖŒØÙÚÛÜÝÞẞàáâãäåæçèéêëìíîïðñòóôõöœøùúûüýþß",
        strict=True,
    )
)
_CORK = {**_CORK_LOW, **_CORK_HIGH, **dict(zip(range(0x1B, 0x20), _LIGATURES, strict=True))}
_OT1 = {
    **dict(zip(range(0x0B, 0x10), _LIGATURES, strict=True)),
    **dict(zip(range(0x10, 0x20), "ıȷ`´ˇ˘¯°¸ßæœøÆŒØ", strict=True)),
    0x5C: "“",
    0x7B: "–",
    0x7C: "—",
}
# Icons and bullets; a font of words has more letters.
_FEW_SYMBOLS = 4
_FEWEST_LETTERS = 12
# Where a program gives the numbers of glyphs for letters, most fonts have them so far apart.
_GLYPH_SHIFT = 29
_SHIFTED = re.compile(r"(?<![^\s])[!-=][A-Z\[\]\\]{2}")
_TEX_NAME = re.compile(rb"(?:[A-Z]{6}\+)?(?:$|SF[A-Z]{2}|EC[A-Z]|CM[A-Z]|TC[A-Z]|LM|T1-|ec|cm|tc)")
_UNREADABLE = 0xFFFD


def decode_fonts(handle: Any, codes: Codes) -> Codes:
    """Return the code points that a text page's codes mean; what names no letter is U+FFFD.

    Ligatures become the one character that Unicode has for them. Shapes: (n,) → (n,).
    """
    text = codes.astype("<u4").tobytes().decode("utf-32-le", "replace")
    if not _may_be_unnamed(codes) and not _SHIFTED.search(text):
        return codes
    import pypdfium2.raw as pdfium

    decoded = codes.copy()
    fonts: dict[int, list[int]] = {}
    handles: dict[int, Any] = {}
    for index in np.flatnonzero((codes != 0x0A) & (codes != 0x0D) & (codes != 0x20)).tolist():
        font = pdfium.FPDFTextObj_GetFont(pdfium.FPDFText_GetTextObject(handle, index))
        address = ctypes.cast(font, ctypes.c_void_p).value or 0
        fonts.setdefault(address, []).append(index)
        handles[address] = font
    for address, indices in fonts.items():
        if is_shifted("".join(text[index] for index in indices)):
            decoded[indices] = _UNREADABLE
            continue
        fails = pdfium.FPDFText_HasUnicodeMapError
        lost = [index for index in indices if fails(handle, index) == 1]
        if lost:
            is_tex = bool(_TEX_NAME.match(_name(handles[address])))
            table = table_of(set(codes[lost].tolist()), is_tex=is_tex)
            decoded[lost] = [table.get(code, code) for code in codes[lost].tolist()]
    return decoded


def _may_be_unnamed(codes: Codes) -> bool:
    controls = (codes < 0x20) & ~np.isin(codes, (0x02, 0x09, 0x0A, 0x0D))
    return bool((controls | ((codes >= 0x7F) & (codes <= 0xBF) & (codes != 0xA0))).any())


def _name(font: Any) -> bytes:
    import pypdfium2.raw as pdfium

    buffer = ctypes.create_string_buffer(64)
    pdfium.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
    return buffer.value


def is_shifted(text: str) -> bool:
    """Tell the numbers of glyphs that stand for letters: those have more vowels once moved back."""
    moved = "".join(chr(ord(char) + _GLYPH_SHIFT) for char in text if char <= "Z")
    # The numbers of small letters are the codes of capitals; words have no others then.
    if len(moved) < _FEWEST_LETTERS or len(moved) < 0.8 * len(text):
        return False
    return _vowels(moved) > _vowels(text) + 0.12


def _vowels(text: str) -> float:
    letters = [char for char in text.lower() if "a" <= char <= "z"]
    return sum(char in "aeiou" for char in letters) / max(1, len(letters))


def table_of(codes: set[int], *, is_tex: bool) -> dict[int, int]:
    """Return the meaning of a font's codes, none of which it names, by which of them it uses."""
    if not any(chr(code).isascii() and chr(code).isalpha() for code in codes):
        # A font of symbols, of which résumés use the bullets.
        symbol = 0x2022 if len(codes) <= _FEW_SYMBOLS else _UNREADABLE
        return {code: symbol for code in codes if symbol == _UNREADABLE or not 0x20 < code < 0x7F}
    if not is_tex:
        return dict.fromkeys(codes, _UNREADABLE)
    is_cork = not codes & set(range(0x0B, 0x10)) or bool(codes & set(range(0x1B, 0x20)))
    names = _CORK if is_cork else _OT1
    lone = {name: 0xFB00 + number for number, name in enumerate(_LIGATURES)}
    table = {code: lone.get(name) or ord(name) for code, name in names.items()}
    return {**dict.fromkeys(range(32), _UNREADABLE), **table}
