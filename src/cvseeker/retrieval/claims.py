"""Cutting a résumé in two: what a person claims, and the text that shows it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cvseeker.core.records import Section
from cvseeker.resumes import extract_profile, find_sections, redact

# More words under one heading than this: the next heading was not recognised.
_MOST_CLAIMED = 160
# Words of a line that is prose; of an entry of a list at most; of a project's title at most.
_PROSE, _LONGEST_ENTRY, _LONGEST_TITLE = 8, 5, 12
# Lines in which a résumé's head stands, and the part of a text without headings that opens it.
_HEAD_LINES, _OPENING = 15, 0.2
# Characters of a line that may be full, so that the next one goes on.
_FULL_LINE, _FULL_ENTRY = 60, 100

_BULLET = re.compile(r"^[\s•●▪■◦○·*>\-–—~+=_#|➢✓❖▶§�\uf000-\uf0ff]+")
_SENTENCE_END = re.compile(r"(?<=[^\W\d_][^\W\d_][.!?;])\s+(?=[^\W_])|(?<=[。！？।])")
_ENTRY_END = re.compile(r"[\n|•●▪■·;\t、，]+|,\s*(?![^()]{0,200}\))|\s{3,}")
_CATEGORY = re.compile(r"^[^\W\d_][^:,]{1,38}:\s*(?!//)")
_ISO_DATE = re.compile(r"\b(?:19|20)\d\d-\d\d(?:-\d\d)?\b")
_DATES = re.compile(
    r"[\s,(–—-]*(?:\b[^\W\d_]{3,9}\.?\s+)?\b(?:\d{1,2}/)?(?:19|20)\d\d\b[\s)]*"
    r"(?:(?:[-–—]|to|bis|à|hasta)\s*(?:\w{3,9}\.?\s+)?(?:(?:19|20)\d\d\b|present|current|now))?\)?"
)
_ENDS = " .,:–—-*\"'"
# Show nothing, and hold other people's names.
_LEFT_OUT = ("references", "interests")


class Claim(NamedTuple):
    """What a person says of themselves: ``summary``, ``skill``, ``title``, ``award`` and so on."""

    kind: str
    text: str


def cut_claims(text: str) -> tuple[tuple[Claim, ...], str]:
    r"""Take out of a résumé the sections in which a person claims.

    Parameters
    ----------
    text
        A whole résumé, or all passages of one.

    Returns
    -------
    claims, evidence
        In reading order. Kinds are ``summary`` (a sentence), ``skill`` (an entry of a list),
        ``title``, ``certificate``, ``award``, ``project`` (its title), and ``opening`` (a sentence)
        where no section claims anything. ``evidence`` is the text without them; of all claims only
        titles of jobs stand in it.

    Examples
    --------
    >>> text = "SUMMARY\nCalm under pressure.\n\nEXPERIENCE\nNurse, Oslo\nRan a ward of 30 beds"
    >>> claims, evidence = cut_claims(text)
    >>> claims
    (Claim(kind='summary', text='Calm under pressure.'), Claim(kind='title', text='Nurse'))
    >>> evidence
    'EXPERIENCE\nNurse, Oslo\nRan a ward of 30 beds'
    """
    claims: list[Claim] = []
    shown: list[Section] = []
    for section in find_sections(text):
        if section.kind not in _LEFT_OUT:
            taken, left = _cut(section)
            claims += taken
            if left.strip():
                shown.append(Section(section.kind, section.title, left))
    if all(claim.kind == "title" for claim in claims):
        opening, rest = _cut_opening(text)
        claims += opening
        shown = list(find_sections(rest))
    known = {claim.text.casefold() for claim in claims}
    titles = extract_profile("", shown).titles
    claims += [Claim("title", title) for title in titles if title.casefold() not in known]
    return tuple(claims), "\n\n".join(f"{part.title}\n{part.text}".strip() for part in shown)


def _cut(section: Section) -> tuple[list[Claim], str]:
    """Return a section's claims, and what is left of its text."""
    if section.kind == "header":
        return _cut_head(section)
    if section.kind == "projects":
        return _cut_projects(section.text)
    if section.kind not in ("summary", "skills", "certificates", "awards"):
        return [], section.text
    claimed, left = _first_words(section.text, _MOST_CLAIMED)
    if section.kind == "summary":
        return [Claim("summary", sentence) for sentence in sentences(claimed)], left
    if section.kind == "skills":
        return list(_skills(claimed)), left
    kind = section.kind.removesuffix("s")
    entries = (_undated(line) for line in unwrapped(claimed, full_line=_FULL_ENTRY))
    return [Claim(kind, entry) for entry in entries if entry], left


def _undated(line: str) -> str:
    return " ".join(_DATES.sub(" ", _ISO_DATE.sub(" ", line)).replace(" ,", ",").split()).strip(
        _ENDS
    )


def _first_words(text: str, most: float) -> tuple[str, str]:
    """Cut a text after the paragraph with which it has as many words, or before it."""
    before: list[str] = []
    left = _paragraphs(text)
    words = 0
    while left:
        words += len(left[0].split())
        if words > most and before:
            break
        before.append(left.pop(0))
    return "\n".join(before), "\n".join(left)


def _cut_head(section: Section) -> tuple[list[Claim], str]:
    """Take titles and prose from beneath a name; a text that begins within a section has none."""
    head = "\n".join(section.text.split("\n")[:_HEAD_LINES])
    profile = extract_profile(head)
    if not profile.name and not redact(head[:600]).counts:
        return [], section.text
    rest = "\n".join(section.text.split("\n")[_HEAD_LINES:])
    prose = [line for line in unwrapped(head) if len(line.split()) >= _PROSE]
    claims = [Claim("title", title) for title in profile.titles[:1]]
    claims += [Claim("summary", told) for line in prose for told in sentences(line)]
    return claims, rest


def _cut_projects(text: str) -> tuple[list[Claim], str]:
    """Take the short lines that stand before longer ones: what they are about."""
    claims, left = [], []
    lines = text.split("\n")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        title = _undated(line)
        is_title = (
            2 <= len(title.split()) <= _LONGEST_TITLE
            and not _BULLET.match(line)
            and not line.rstrip().endswith((".", ","))
            and len(after.split()) >= _PROSE
        )
        if is_title:
            claims.append(Claim("project", title))
        else:
            left.append(line)
    return claims, "\n".join(left)


def _skills(text: str) -> Iterator[Claim]:
    """Yield the entries of lists, and the sentences of what is prose among them."""
    for line in unwrapped(text, full_line=_FULL_ENTRY):
        told = _CATEGORY.sub("", line)
        entries = [_CATEGORY.sub("", one).strip(_ENDS) for one in _ENTRY_END.split(told)]
        entries = [entry for entry in entries if entry]
        short = [one for one in entries if len(one.split()) <= _LONGEST_ENTRY and len(one) <= 50]
        if 2 * len(short) > len(entries):
            yield from (Claim("skill", entry) for entry in short)
        else:
            yield from (Claim("summary", sentence) for sentence in sentences(told))


def _cut_opening(text: str) -> tuple[list[Claim], str]:
    """Take the sentences of the first fifth of a text."""
    opening, rest = _first_words(text, _OPENING * len(text.split()))
    told = (one for one in sentences(opening) if len(one.split()) >= _PROSE)
    return [Claim("opening", sentence) for sentence in told], rest


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, whose lines may be wrapped."""
    return [
        sentence.strip()
        for line in unwrapped(text)
        for sentence in _SENTENCE_END.split(line)
        if sentence.strip()
    ]


def unwrapped(text: str, *, full_line: int = _FULL_LINE) -> list[str]:
    """Return a text's lines without bullets, wrapped ones joined."""
    lines = (_BULLET.sub("", " ".join(one.split())) for one in _paragraphs(text, full_line))
    return [line for line in lines if line]


def _paragraphs(text: str, full_line: int = _FULL_LINE) -> list[str]:
    """Return a text's lines, each with the lines that it is wrapped into."""
    paragraphs: list[str] = []
    is_open = False
    for line in text.split("\n"):
        bare = line.strip()
        goes_on = is_open and not _BULLET.match(line.lstrip() or "•")
        if goes_on and (bare[0].islower() or len(paragraphs[-1].split("\n")[-1]) > full_line):
            paragraphs[-1] += f"\n{line}"
        elif bare:
            paragraphs.append(line)
        is_open = len(bare) > _FULL_LINE // 2 and bare[-1] not in ".:;!?。"
    return paragraphs
