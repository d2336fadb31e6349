"""Cutting a résumé in two: what a person claims, and the text that shows it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cvseeker.core.insights import Profile
from cvseeker.core.languages import month_numbers
from cvseeker.core.records import Section
from cvseeker.resumes import find_sections, read_insights, redact
from cvseeker.retrieval.lines import count_words, paragraphs, unwrap

# More words under one heading than this: the next heading was not recognised.
_MOST_CLAIMED = 160
# Words of a line that is prose; of an entry of a list at most; of a project's title at most.
_PROSE, _LONGEST_ENTRY, _LONGEST_TITLE = 8, 5, 12
# Lines in which a résumé's head stands, and the part of a text without headings that opens it.
_HEAD_LINES, _OPENING = 15, 0.2

_SENTENCE_END = re.compile(r"(?<=[^\W_][^\W\d_][.!?;])\s+(?=[^\W_])|(?<=[。！？।])|\s\|\s?")
_ENTRY_END = re.compile(r"[\n|•●▪■·;\t、，]+|,\s*(?![^()]{0,200}\))|\s{3,}|\s[-–—]\s|[.:](?:\s|$)")
_LABEL = re.compile(r"^[^\W\d_][^:,.]{1,38}:\s*(?!//)")
_JOINTS = re.compile(r"^(?:(?:and|or|including|e\.g\.|etc|und|et|y|e)\b[\s.]*)+|\s+(?:and|or|etc)$")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_MONTHS = "|".join(sorted({month[:3] for month in month_numbers("en")}))
# A date on its own, with what joins it to another one.
_DATE = re.compile(
    rf"[\s,(–—-]*(?:\b(?:{_MONTHS})[^\W\d_]*\.?,?\s+)?(?<!\d)(?:\d{{1,2}}[./-])?(?:19|20)\d\d"
    r"(?:-\d\d){0,2}(?!\d)(?:\s*(?:present|current|now|date))?[\s)]*",
    re.IGNORECASE,
)
_ENDS = " .,:;–—-*\"'[]"
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
    (Claim(kind='summary', text='Calm under pressure'), Claim(kind='title', text='Nurse'))
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
        opening, rest = _first_words(text, _OPENING * count_words(text))
        claims += [
            Claim("opening", told) for told in _sentences(opening) if count_words(told) >= _PROSE
        ]
        shown = list(find_sections(rest))
    known = {claim.text.casefold() for claim in claims}
    evidence = "\n\n".join(f"{part.title}\n{part.text}".strip() for part in shown)
    titles = Profile.of(read_insights(evidence)).titles
    claims += [Claim("title", title) for title in titles if title.casefold() not in known]
    return tuple(claims), evidence


def _cut(section: Section) -> tuple[list[Claim], str]:
    """Return a section's claims, and what is left of its text."""
    if section.kind == "header":
        return _cut_head(section.text)
    if section.kind == "projects":
        return _cut_projects(section.text)
    if section.kind not in ("summary", "skills", "certificates", "awards"):
        return [], section.text
    claimed, left = _first_words(section.text, _MOST_CLAIMED)
    if section.kind == "summary":
        return [Claim("summary", sentence) for sentence in _sentences(claimed)], left
    if section.kind == "skills":
        return list(_skills(claimed)), left
    kind = section.kind.removesuffix("s")
    entries = (_undated(line) for line in unwrap(claimed))
    return [Claim(kind, entry) for entry in entries if entry], left


def _first_words(text: str, most: float) -> tuple[str, str]:
    """Cut a text between two paragraphs, such that the first part has at most so many words.

    One paragraph it has at least.
    """
    lines, words, number = paragraphs(text), 0, 0
    while number < len(lines):
        words += count_words(lines[number])
        if words > most and number:
            break
        number += 1
    return "\n".join(lines[:number]), "\n".join(lines[number:])


def _cut_head(text: str) -> tuple[list[Claim], str]:
    """Take titles and prose from beneath a name; a text that begins within a section has none."""
    lines = text.split("\n")
    head, rest = "\n".join(lines[:_HEAD_LINES]), "\n".join(lines[_HEAD_LINES:])
    profile = Profile.of(read_insights(head))
    if not profile.name and not redact(head[:600]).counts:
        return [], text
    prose = [told for told in _sentences(head) if count_words(told) >= _PROSE]
    claims = [Claim("title", title) for title in profile.titles[:1]]
    return claims + [Claim("summary", sentence) for sentence in prose], rest


def _cut_projects(text: str) -> tuple[list[Claim], str]:
    """Take the short lines that stand before longer ones: what these are about."""
    claims, left = [], []
    lines = text.split("\n")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        title = _undated(line)
        is_title = (
            2 <= count_words(title) <= _LONGEST_TITLE
            and line[:1].isalnum()
            and line.rstrip()[-1] not in ".,:;"
            and count_words(after) >= _PROSE
        )
        if is_title:
            claims.append(Claim("project", title))
        else:
            left.append(line)
    return claims, "\n".join(left)


def _skills(text: str) -> Iterator[Claim]:
    """Yield the entries of lists, and the sentences of what is prose among them."""
    for line in unwrap(_with_lists_joined(text)):
        entries = [_JOINTS.sub("", one.strip(_ENDS)).strip(_ENDS) for one in _ENTRY_END.split(line)]
        short = [one for one in entries if count_words(one) <= _LONGEST_ENTRY and len(one) <= 50]
        if 2 * len(short) <= len(entries):
            yield from (Claim("summary", sentence) for sentence in _sentences(line))
            continue
        # What stands before a colon is a category.
        labels = {label.strip().rstrip(":") for label in re.findall(r"[^,;|:]+:(?=\s)", line)}
        for entry in short:
            if entry not in labels and any(map(str.isalpha, entry)) and not _is_mark(entry):
                yield Claim("skill", entry)


def _is_mark(entry: str) -> bool:
    """Tell a year, a share and a number of several digits from a skill."""
    return bool(_YEAR.search(entry) or re.search(r"\d\s?%|\d[\d.]{3,}", entry))


def _with_lists_joined(text: str) -> str:
    """Join the lines of a list parted by commas: a wrapped entry begins with any letter."""
    joined = ""
    before = ""
    for line in text.split("\n"):
        goes_on = before.count(",") > 1 and line.count(",") > 1 and len(before) > _LONG_LINE
        goes_on = goes_on and line[:1].isalnum() and not _LABEL.match(line)
        joined += f" {line}" if goes_on else f"\n{line}"
        before = line
    return joined


_LONG_LINE = 60


def _undated(line: str) -> str:
    """Return what a line says beside dates, links and numbers."""
    said = max(_DATE.sub(" | ", line).split("|"), key=len)
    said = " ".join(said.replace("( )", " ").split()).strip(_ENDS)
    return said if said.count("(") == said.count(")") else said.strip(f"{_ENDS}()")


def _sentences(text: str) -> list[str]:
    """Return the sentences of a text, whose lines may be wrapped, without labels before them."""
    whole = "\n".join(" ".join(lines.split()) for lines in paragraphs(text))
    found = (
        _LABEL.sub("", sentence).strip(_ENDS)
        for line in unwrap(whole)
        for sentence in _SENTENCE_END.split(line)
    )
    # With two years in it, it is a line of a job.
    return [sentence for sentence in found if sentence and len(_YEAR.findall(sentence)) < 2]
