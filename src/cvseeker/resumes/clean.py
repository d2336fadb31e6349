"""Cleaning text that came out of a file: what is safe to do to any single text.

The lines stay, since sections are found by them, and no letter or digit is added or dropped.
"""

import re
import unicodedata
from functools import cache
from typing import get_args

from cvseeker.core.languages import words_of
from cvseeker.core.records import SectionKind

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x85\u2028\u2029]")
_BULLETS = "•●▪■◆◇○◦‣∙·➢➤►▶❖✓✔➔⮚"
_INVISIBLE = "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_CONTROL = "\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufff9-\ufffc\ufffe\uffff"
_UNSEEN = re.compile(f"[{_INVISIBLE}{_CONTROL}]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Symbol fonts keep their bullets in the private use area.
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
_LIGATURE = re.compile("[\ufb00-\ufb06]")
# Joiners mean something between letters of Arabic and Indian scripts and inside emoji only.
_JOINERS = re.compile("[\u200c\u200d]+")
_BULLET = re.compile(f"^(?:[{_BULLETS}][ ]*)+", re.MULTILINE)
_LONE_BULLET = re.compile(r"^•[ ]*\n+(?=[^\s•])", re.MULTILINE)
_WIDE_GAP = re.compile(r"[ \t]{2,}|\t")
_LONGEST_HEADING = 80
_SPACED_CAPS = re.compile(r"(?:[^\W\d_a-z] ){3,}[^\W\d_a-z]")
# Marks without an end above one letter: composing them takes the square of their number.
_MARKS = re.compile(r"[^\x00-\x7f\w\s]{31,}")
_MOST_MARKS = 30

# UTF-8 read as Windows-1252 or Latin-1: a lead byte's character and its continuation bytes'.
_CONTINUATION = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_SEQUENCE = re.compile(
    f"(?:[\xc2-\xdf][{_CONTINUATION}]|[\xe0-\xef][{_CONTINUATION}]{{2}}"
    f"|[\xf0-\xf4][{_CONTINUATION}]{{3}})\\Z"
)
_MOJIBAKE = re.compile(f"[\xc2-\xf4][\xc2-\xf4{_CONTINUATION}{_INVISIBLE}{_CONTROL}]+")
# What is left of a no-break space and of a wide comma once their last byte is lost.
_LOST_SPACE = re.compile(r"(?<![A-ZÂ])Â++(?=\s|$)", re.MULTILINE)
_LOST_COMMA = re.compile(r"[ ]?ï¼(?=\s|$)", re.MULTILINE)
# Two or three do; one mending can make way for the next.
_MOST_PASSES = 8


def clean_text(text: str) -> str:
    """Normalise the characters and the whitespace of one text; doing it again changes nothing."""
    for _ in range(_MOST_PASSES):
        cleaned = _clean_lines(_clean_characters(text))
        if cleaned == text:
            break
        text = cleaned
    return text


def _clean_characters(text: str) -> str:
    text = _LINE_ENDS.sub("\n", text).replace("\f", "\n\n")
    if not text.isascii():
        text = _MARKS.sub(_cut_marks, _MOJIBAKE.sub(_decode_mojibake, text))
        text = unicodedata.normalize("NFC", text)
        text = _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    for pattern, replacement in ((_UNSEEN, ""), (_SPACES, " "), (_PRIVATE_USE, "•")):
        text = pattern.sub(replacement, text)
    return _LOST_COMMA.sub(",", _LOST_SPACE.sub(" ", _JOINERS.sub(_joiners, text)))


def _clean_lines(text: str) -> str:
    text = "\n".join(_clean_line(line) for line in text.split("\n"))
    text = _LONE_BULLET.sub("• ", _BULLET.sub("• ", text))
    text = "\n".join(line.strip(" ") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _decode_mojibake(match: re.Match[str]) -> str:
    """Decode what reads as UTF-8, twice over too; anything else stays as it is."""
    done: list[str] = []
    for char in match[0]:
        done += _seen(char)
        while sequence := _SEQUENCE.search("".join(done[-4:])):
            decoded = _decode(sequence[0])
            if not decoded:
                break
            done[-len(sequence[0]) :] = _seen(decoded)
    return "".join(done)


def _seen(char: str) -> list[str]:
    """Return a character alone, or nothing: what nobody sees parts no sequence."""
    return [] if _UNSEEN.match(char) and not "\x80" <= char <= "\xbf" else [char]


def _decode(sequence: str) -> str:
    """Return the character that a sequence's bytes mean, if they mean one."""
    raw = b"".join(char.encode("latin-1" if char < "\u0100" else "cp1252") for char in sequence)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _cut_marks(match: re.Match[str]) -> str:
    """Keep the first marks of each run."""
    kept, marks = [], 0
    for char in match[0]:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def _joiners(match: re.Match[str]) -> str:
    """Keep joiners that stand between two characters that they can join."""
    text, start, end = match.string, match.start(), match.end()
    sides = (text[start - 1 : start], text[end : end + 1])
    joins = all(side > "\x7f" and side not in _BULLETS for side in sides)
    return match[0] if joins else ""


def _clean_line(line: str) -> str:
    line = line.strip(" \t")
    if 6 < len(line) <= _LONGEST_HEADING and line.upper() == line:
        line = _heading(line) or _joined(line)
    gaps = len(_WIDE_GAP.findall(line))
    # Justified text has wide gaps everywhere: there they part no columns.
    justified = gaps > 3 and 2 * gaps > len(line.split()) - 1
    return _WIDE_GAP.sub(" " if justified else "  ", line)


def _joined(line: str) -> str:
    """Join the letters of words that are S P A C E D, where a line has no others."""
    words = _WIDE_GAP.split(line)
    if not all(_SPACED_CAPS.fullmatch(word) or word == "&" for word in words):
        return line
    return "  ".join(word.replace(" ", "") for word in words)


def _heading(line: str) -> str:
    """Return the words of a heading whose letters stand apart, as in ``E DUCATION``; else none."""
    if not any(len(part) == 1 and part.isalpha() for part in line.split()):
        return ""
    parts = "".join(line.split()).split("&")
    words = [_heading_words(part) for part in parts]
    return " & ".join(" ".join(word) for word in words) if all(words) else ""


def _heading_words(letters: str) -> tuple[str, ...]:
    """Return the fewest words of headings that spell out so many capital letters."""
    # Length of what is spelt → the words so far.
    spelt: dict[int, tuple[str, ...]] = {0: ()}
    for start in range(len(letters)):
        for end in range(start + 1, len(letters) + 1):
            if start in spelt and letters[start:end] in _words_of_headings():
                words = (*spelt[start], letters[start:end])
                spelt[end] = min(spelt.get(end, words), words, key=len)
    return spelt.get(len(letters), ())


@cache
def _words_of_headings() -> frozenset[str]:
    groups = (*(f"heading {kind}" for kind in get_args(SectionKind)), "modifiers")
    labels = [label.upper().split() for group in groups for label in words_of(group)]
    words = {word for label in labels for word in label if len(word) > 1}
    # Some labels stand in the lists without their spaces, too.
    return frozenset(
        word
        for word in words
        if not any(word[:cut] in words and word[cut:] in words for cut in range(4, len(word) - 3))
    )
