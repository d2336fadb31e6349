"""The lines of a résumé that say something: wrapped ones joined, personal data left out."""

import re
from collections.abc import Iterable
from functools import cache

from cvseeker.retrieval.bm25 import stems

# Lines that begin with one of these hold personal data or formulas, never evidence.
_PERSONAL_LABELS = re.compile(
    r"\W*(?:(?:full |candidate |first |last |middle )?name|father|mother|spouse|husband|wife"
    r"|date of birth|d\.? ?o\.? ?b\b|birth|age|gender|sex|marital|religion|caste|nationality"
    r"|citizenship|passport|visa status|blood|height|weight|address|permanent|present address"
    r"|current address|residence|pin ?code|zip|dist\b|district|phone|mobile|mob\b|tel|cell|fax"
    r"|e-?mail|contact|linkedin|github|website|skype|declaration|i hereby|signature|yours|place\b"
    r"|dated?\b|references?\b|referees?\b|salary|notice period|pan\b|aadha?ar|hobb(?:y|ies)"
    r"|hereby|to whom|self[ -]declaration|page\b|warning|confidential|curriculum vitae"
    r"|r[eé]sum[eé]\b)",
    re.IGNORECASE,
)

# Anywhere in a line, these tell an address.
_ADDRESSES = re.compile(
    r"\b(?:nagar|vihar|colony|taluka?|tehsil|vill|dist|pin ?code|p\.o|post box|h\.? ?no|door no"
    r"|flat no|plot no|house no|po box|apt)\b"
    r"|^\W*\d+[\w/-]*,? (?:[\w.]+ ){1,4}(?:street|st|avenue|ave|road|rd|lane|drive|blvd)\b",
    re.IGNORECASE,
)
# What gives personal data and codes away, and what each then looks like.
_SIGNS = re.compile(r"@|://|www|xxx|\.(?:com|org|net|edu|gov|io)")
_ADDRESS, _LINK = r"\S+@\S+", r"(?:https?://|www\.)\S+"
_SITE = r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io)\b\S*"
_TRIPLE = r"\S*(\w)\1\1\S*"
_LONG_NUMBER = r"\+?\d[\d\s().-]{6,}\d"
_BULLETS = re.compile(r"^[\s•●▪■◦○·*>\-–—~+=_#|➢✓❖▶§\uf000-\uf0ff�]+")


def unwrap(text: str) -> list[str]:
    """Return a text's lines without bullets, wrapped ones joined, personal data left out.

    Addresses, links and long numbers within a line become a bar.
    """
    lines: list[str] = []
    open_end = False
    for raw in text.splitlines():
        line = " ".join((raw if raw[:1].isalnum() else _BULLETS.sub("", raw)).split())
        if not line:
            continue
        if open_end and line[0].islower() and raw.lstrip()[:1] == line[0]:
            lines[-1] += " " + line
        elif not _PERSONAL_LABELS.match(line) and not (len(line) < 90 and _is_address(line)):
            lines.append(_mask(line))
        else:
            open_end = False
            continue
        open_end = len(line) >= 40 and line[-1] not in ".:;!?"
    return lines


def paragraphs(text: str) -> list[str]:
    """Return a text's lines as they are, each with those that it is wrapped into; no blank ones."""
    found: list[str] = []
    is_open = False
    for line in text.split("\n"):
        bare = line.strip()
        goes_on = is_open and bare and bare[0].isalnum()
        if goes_on and (bare[0].islower() or len(found[-1].split("\n")[-1]) > _FULL_LINE):
            found[-1] += f"\n{line}"
        elif bare:
            found.append(line)
        is_open = len(bare) > _FULL_LINE // 2 and bare[-1] not in ".:;!?。"
    return found


# Characters of a line that may be full, so that the next one goes on whatever it begins with.
_FULL_LINE = 60


# Scripts without spaces between words: Thai to Lao, Burmese, Khmer, Japanese, Chinese.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff]+")


def count_words(text: str) -> int:
    """Count the words of a text; where no spaces stand between them, two characters are one."""
    runs = _UNSPACED.findall(text)
    return len(_UNSPACED.sub(" ", text).split()) + sum((len(run) + 1) // 2 for run in runs)


def terms(text: str) -> set[str]:
    """Return the stems of a text's words; without spaces between them, every two characters."""
    runs = _UNSPACED.findall(text)
    pairs = {run[at : at + 2] for run in runs for at in range(max(len(run) - 1, 1))}
    return pairs.union(stems(_UNSPACED.sub(" ", text) if runs else text))


def _is_address(line: str) -> bool:
    maybe = _LEADING_NUMBER.match(line) or _ADDRESS_SIGNS.search(line.lower())
    return bool(maybe and _ADDRESSES.search(line))


# What every address has one of; found faster than the address.
_LEADING_NUMBER = re.compile(r"\W*\d")
_ADDRESS_SIGNS = re.compile(
    r"nagar|vihar|colony|taluk|tehsil|vill|dist|pin ?code|p\.o|post box|h\.? ?no|door no"
    r"|flat no|plot no|house no|po box|apt"
)


def _mask(line: str) -> str:
    """Put a bar in the place of addresses, links, long numbers and what is crossed out."""
    signs = set(_SIGNS.findall(line.lower()))
    number = bool(_A_LONG_NUMBER.search(line))
    if not signs and not number:
        return line
    masks = (
        "@" in signs and _ADDRESS,
        not signs.isdisjoint(("://", "www")) and _LINK,
        any(sign[0] == "." for sign in signs) and _SITE,
        bool(_A_TRIPLE.search(line)) and _TRIPLE,
        number and _LONG_NUMBER,
    )
    return _any_of(masks).sub(" | ", line)


@cache
def _any_of(masks: Iterable[str | bool]) -> re.Pattern[str]:
    """Return a pattern of those masks that a line may need: the others are slow to fail."""
    return re.compile("|".join(mask for mask in masks if isinstance(mask, str)), re.IGNORECASE)


_A_LONG_NUMBER = re.compile(r"\d[\d\s().-]{6,}\d")
_A_TRIPLE = re.compile(r"(\w)\1\1", re.IGNORECASE)
