"""Characters that no screen shows and a language model may read, and what they spell."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ZERO_WIDTH = "\u200b-\u200f\u2060-\u2064\ufeff\u180e\u061c"
_SHORTEST_SPELT = 3
_NO_WORDS = "{count:,} characters that spell nothing known"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Runs of characters of one kind: what they are called, and how they spell a text."""

    name: str
    runs: re.Pattern[str]
    spell: Callable[[str], str]


def without_smuggled(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a text without unseen characters that spell something, and their kinds and words."""
    if text.isascii():
        return text, []
    found: list[tuple[str, str]] = []
    for kind in _KINDS:
        if runs := kind.runs.findall(text):
            text = kind.runs.sub("", text)
            found.append((kind.name, " ".join(map(kind.spell, runs))))
    return text, found


def _spell_tags(run: str) -> str:
    return "".join(chr(ord(letter) - 0xE0000) for letter in run)


def _spell_selectors(run: str) -> str:
    """Read variation selectors as bytes: the first sixteen stand apart from the others."""
    codes = [ord(letter) for letter in run]
    values = bytes(code - 0xFE00 if code < 0xE0100 else code - 0xE0100 + 16 for code in codes)
    return _worded(values.decode("utf-8", "replace"), len(run))


def _spell_bits(run: str) -> str:
    """Read two characters of no width as the bits of bytes, in whichever way gives words."""
    for zero, one in _pairs(run):
        bits = run.translate({ord(zero): "0", ord(one): "1"})
        bits = re.sub("[^01]", "", bits)
        for width in (8, 7, 16):
            codes = [int(bits[at : at + width], 2) for at in range(0, len(bits), width)]
            spelt = "".join(map(chr, codes)).strip("\0")
            if len(spelt) >= _SHORTEST_SPELT and _is_words(spelt):
                return spelt
    return _NO_WORDS.format(count=len(run))


def _pairs(run: str) -> Iterator[tuple[str, str]]:
    letters = sorted(set(run), key=run.count, reverse=True)[:3]
    yield from ((zero, one) for zero in letters for one in letters if zero != one)


def _worded(spelt: str, count: int) -> str:
    return spelt if _is_words(spelt) else _NO_WORDS.format(count=count)


def _is_words(text: str) -> bool:
    return text.isprintable() and "\ufffd" not in text


# Flags of regions are made of tags, emoji of one selector, scripts of one joiner or two.
_KINDS = (
    _Kind(
        "tag characters",
        re.compile("(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007e]+"),
        _spell_tags,
    ),
    _Kind(
        "variation selectors",
        re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}"),
        _spell_selectors,
    ),
    _Kind("characters of no width", re.compile(f"[{_ZERO_WIDTH}]{{16,}}"), _spell_bits),
)
