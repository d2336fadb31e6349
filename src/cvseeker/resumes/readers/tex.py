"""Letters of TeX's own encodings, whose fonts may tell neither names nor Unicode.

PDFium gives the bare codes of such fonts. Those of the ligatures and dashes lie below 0x20, where
they look like controls, and those of accented letters differ from Latin-1.

References
----------
Cork (T1) and OT1 as in Mittelbach, Fairbairns and Lemberg, "LaTeX font encodings" (encguide).
"""

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
_GENERATED = (0x00, 0x09, 0x0A, 0x0D, 0x20)


def decode_tex(handle: Any, codes: Codes) -> Codes:
    """Return the code points that a text page's codes mean; what names no letter is U+FFFD.

    Ligatures become the one character that Unicode has for them. Shapes: (n,) → (n,).
    """
    if not _may_be_tex(codes):
        return codes
    import pypdfium2.raw as pdfium

    decoded = codes.copy()
    fonts: dict[int, list[int]] = {}
    for index in range(len(codes)):
        if pdfium.FPDFText_HasUnicodeMapError(handle, index) == 1:
            font = pdfium.FPDFTextObj_GetFont(pdfium.FPDFText_GetTextObject(handle, index))
            fonts.setdefault(_address(font), []).append(index)
    for indices in fonts.values():
        table = _table(set(codes[indices].tolist()))
        decoded[indices] = [table.get(code, code) for code in codes[indices].tolist()]
    return decoded


def _may_be_tex(codes: Codes) -> bool:
    controls = (codes < 0x20) & ~np.isin(codes, (0x02, 0x09, 0x0A, 0x0D))
    return bool((controls | ((codes >= 0x7F) & (codes <= 0xBF) & (codes != 0xA0))).any())


def _address(font: Any) -> int:
    import ctypes

    return ctypes.cast(font, ctypes.c_void_p).value or 0


def _table(codes: set[int]) -> dict[int, int]:
    """Return the meaning of a font's codes, by which of them are used."""
    if not any(chr(code).isascii() and chr(code).isalpha() for code in codes):
        # A font of symbols, of which résumés use the bullets.
        return {code: 0x2022 for code in codes if code < 0x20 or code >= 0x7F}
    is_cork = not codes & set(range(0x0B, 0x10)) or bool(codes & set(range(0x1B, 0x20)))
    names = _CORK if is_cork else _OT1
    lone = {name: 0xFB00 + number for number, name in enumerate(_LIGATURES)}
    table = {code: lone.get(name) or ord(name) for code, name in names.items()}
    return {**dict.fromkeys(range(32), 65533), **table}
