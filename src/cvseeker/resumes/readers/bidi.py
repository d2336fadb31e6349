"""From what a line shows, left to right, to the order in which it is read, Hebrew and Arabic."""

import re
import unicodedata
from itertools import groupby

_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_OPENING, _CLOSING = "([{«‹", ")]}»›"
_LETTERS = "\u0590-\u08ff\ufb1d-\ufefc"
_STRETCH = re.compile(rf"[{_LETTERS}](?:[{_LETTERS}\W\d]*[{_LETTERS}])?")
_LEFTWARD = ("R", "AL")
# A separator inside a number belongs to it: 10.5, 2016-2022, +44/20.
_NUMBER = re.compile(r"[+-]?\d+(?:[.,:/+-]\d+)*%?")


def is_leftward(text: str) -> bool:
    """Tell whether most letters of a text run from right to left."""
    kinds = [unicodedata.bidirectional(character) for character in text]
    leftward = sum(kind in _LEFTWARD for kind in kinds)
    return leftward > sum(kind == "L" for kind in kinds)


def reading_order(line: str, *, leftward: bool) -> str:
    """Return a line that is seen from left to right in the order in which it is read.

    It stands in a text that runs from right to left (``leftward``), where words of other scripts
    and numbers run from left to right; or the other way round.

    References
    ----------
    Unicode Standard Annex #9, rules W2 to L2, for one embedding level.
    """
    if not leftward:
        return _STRETCH.sub(lambda match: reading_order(match[0], leftward=True), line)
    runs = [
        (leftward, "".join(character for character, _ in run))
        for leftward, run in groupby(
            zip(line, _leftward(line), strict=True), key=lambda pair: pair[1]
        )
    ]
    read = [text[::-1] if leftward else text for leftward, text in reversed(runs)]
    flags = [leftward for leftward, _ in reversed(runs)]
    turned = "".join(text for text, leftward in zip(read, flags, strict=True) if leftward)
    if _is_mirrored(turned):
        read = [
            text.translate(_MIRRORED) if leftward else text
            for text, leftward in zip(read, flags, strict=True)
        ]
    return "".join(read)


def _leftward(line: str) -> list[bool]:
    """Tell for each character whether it belongs to a run from right to left."""
    kinds = [
        "L" if kind == "L" else "R" if kind in _LEFTWARD else "N"
        for kind in map(unicodedata.bidirectional, line)
    ]
    numbers = [False] * len(line)
    for match in _NUMBER.finditer(line):
        numbers[match.start() : match.end()] = [True] * len(match[0])
    flags = [kind != "L" and not number for kind, number in zip(kinds, numbers, strict=True)]
    # What stands between two words of another script, or a word and a number, belongs to them.
    last = -1
    for index, kind in enumerate(kinds):
        if kind == "R" or line[index] == "\t":
            last = -1
        elif kind == "L" or (numbers[index] and last >= 0):
            if last >= 0:
                flags[last:index] = [False] * (index - last)
            last = index
    return flags


def _is_mirrored(text: str) -> bool:
    """Tell whether the first bracket of a text closes: a bracket was stored as it looks."""
    first = next((char for char in text if char in _OPENING + _CLOSING), "")
    return first != "" and first in _CLOSING
