"""Finding the sections of a résumé by their headings.

A heading is a short line made of heading words only (``Core Competencies``, ``WORK HISTORY:``,
``## Skills``), or such words at the start of a line that goes on with a colon, a date or a
degree. A short line of other words is no heading, however much it looks like one: a missed heading
costs little, an invented one tears an entry apart.
"""

import re
import unicodedata
from itertools import accumulate
from typing import get_args

from cvseeker.core.languages import words_of
from cvseeker.core.records import Section, SectionKind
from cvseeker.resumes.lexicon import MONTH


def _squash(label: str) -> str:
    """Return the letters alone, lower-case and without accents: PDFs lose spaces in headings."""
    plain = label.lower().replace("&", "and")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        return "".join(char for char in plain if char.isalpha())
    return _NO_LETTER.sub("", plain)


_NO_LETTER = re.compile(r"[^a-z]+")
_KINDS: tuple[SectionKind, ...] = get_args(SectionKind)[1:]
_HEADINGS = {_squash(one): kind for kind in _KINDS for one in words_of(f"heading {kind}")}
_MODIFIERS = frozenset(map(_squash, words_of("modifiers")))
# In Romance and Slavic languages they follow.
_TRAILING = frozenset(map(_squash, words_of("trailing modifiers")))
# What joins two headings.
_JOINTS = ("", *sorted(map(_squash, words_of("and") - {"・"})))
_LONGEST = max(map(len, (*_HEADINGS, *_MODIFIERS)))
# Most lines are no headings, which their first two letters tell.
_STARTS = frozenset(word[:2] for word in (*_HEADINGS, *_MODIFIERS))
# Words that are as often an item of a list, or a word of a sentence, as a heading.
_AMBIGUOUS = frozenset(map(_squash, words_of("ambiguous")))
_RULE = re.compile(r"^[ \t]*[=\-_~*─━═]{3,200}[ \t]*$")
# "Berufserfahrung (7 Jahre)", "EDUCATION [2]"
_REMARK = re.compile(r"(?<=\w)[ \t]*[(（\[][^()（）\[\]\n]{1,25}[)）\]][ \t]*:?$")
_NUMBERING = re.compile(r"^(?:\d{1,2}|[IVX]{1,4})[.)][ \t]+")
# A heading that runs on: what follows it on the line.
_INLINE_COLON = re.compile(r"^([^\W\d_][^:：\n]{1,38}?)[ \t]*[:：][ \t]*(?=\S)")
_INLINE_DATE = re.compile(
    rf"^([^\W\d_][^:\d\n]{{3,38}}?)[ \t]*[:,]?[ \t]+(?=(?:(?:{MONTH})[a-z]*\.?,?[ \t]+)?"
    r"(?:\d{1,2}/)?(?:19|20)\d\d\b)",
    re.IGNORECASE,
)
_INLINE_DEGREE = re.compile(
    r"^(EDUCATION|Education)[ \t]+(?=Bachelor|Master|Associate|Doctor|Diploma|High School|Ph\.?D|"
    r"MBA\b|[BM]\.?(?:S|A|Sc|Tech|E|Com)\b)"
)
_INLINE = (
    ((":", "："), _INLINE_COLON),
    (("19", "20"), _INLINE_DATE),
    (("EDUCATION", "Education"), _INLINE_DEGREE),
)
# Labels of an entry rather than headings, when they stand within jobs and projects.
_ENTRY_LABELS: frozenset[SectionKind] = frozenset(
    {"skills", "summary", "projects", "awards", "experience", "languages", "other", "certificates"}
)


def find_sections(text: str) -> tuple[Section, ...]:
    r"""Cut a résumé into its sections.

    Parameters
    ----------
    text
        A cleaned text, with its line structure.

    Returns
    -------
    tuple of Section
        In reading order. The text before the first heading is of kind ``header`` (left out where
        there is none). Titles and texts together are the whole text but for whitespace.

    Examples
    --------
    >>> [(part.kind, part.title) for part in find_sections("Ada\n\nWORK HISTORY\nClerk, 2001")]
    [('header', ''), ('experience', 'WORK HISTORY')]
    """
    return tuple(
        Section(kind, title, body)
        for kind, title, body_lines, _ in _cut(text)
        if (body := "\n".join(body_lines).strip()) or title
    )


def section_starts(text: str) -> list[tuple[SectionKind, int]]:
    """Return each section's kind and where it starts, its heading included."""
    return [(kind, start) for kind, _, _, start in _cut(text)]


def _cut(text: str) -> list[tuple[SectionKind, str, list[str], int]]:
    """Return each section's kind, heading, lines and start; the first is what no heading heads."""
    sections: list[tuple[SectionKind, str, list[str], int]] = [("header", "", [], 0)]
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    number = 0
    while number < len(lines):
        after_blank = number == 0 or not lines[number - 1].strip()
        underlined = number + 1 < len(lines) and bool(_RULE.match(lines[number + 1]))
        found = _read_heading(lines[number], sections[-1][0], after_blank, underlined)
        if found is None:
            sections[-1][2].append(lines[number])
        else:
            kind, title, rest = found
            start = starts[number]
            # A rule belongs to the heading that it underlines.
            if underlined and not rest:
                title, number = f"{title}\n{lines[number + 1].strip()}", number + 1
            sections.append((kind, title, [rest] if rest else [], start))
        number += 1
    return sections


def _read_heading(
    line: str, current: SectionKind, after_blank: bool, underlined: bool
) -> tuple[SectionKind, str, str] | None:
    """Return the kind, the title and the rest of a line that is or starts with a heading."""
    stripped = line.strip()
    if not stripped or (stripped[-1] in ".,;" and len(stripped) > 30):
        return None
    if len(stripped) <= 60 and (kind := _heading_kind(stripped, after_blank, underlined)):
        return kind, stripped, ""
    for signs, pattern in _INLINE:
        # Most lines have no colon and no year, which is faster seen than by a pattern.
        match = pattern.match(stripped) if any(sign in stripped for sign in signs) else None
        if match and (kind := _inline_kind(match[1], current, after_blank)):
            return kind, stripped[: match.end()].strip(), stripped[match.end() :]
    return None


def _heading_kind(line: str, after_blank: bool, underlined: bool) -> SectionKind | None:
    label = _NUMBERING.sub("", line.lstrip("#*_•|>[(-– \t■□◆◇●○▪▼【［〔《"))
    label = _REMARK.sub("", label) or label
    kind = _kind_of(label)
    if kind is None or line[-1] in ".,;/&+":
        return None
    letters = [char for char in label if char.isalpha()]
    marked = (
        underlined
        or line.startswith(("#", "**"))
        or line.rstrip("_-–—=* ").endswith(":")
        or line.endswith("__")
        or (letters[0].isupper() and "".join(letters).isupper())
    )
    # "experience" alone, in lower case, is what is left of a wrapped sentence.
    if not marked and (letters[0].islower() or line[0] in "•-–("):
        return None
    if not marked and not after_blank and _squash(label) in _AMBIGUOUS:
        return None
    return kind


def _inline_kind(label: str, current: SectionKind, after_blank: bool) -> SectionKind | None:
    kind = _kind_of(label)
    if kind is None or label[0].islower():
        return None
    squashed = _squash(label)
    plain = label.isupper() or not (
        squashed in _AMBIGUOUS
        or (label.rsplit(maxsplit=1)[-1].islower() and squashed not in _HEADINGS)
    )
    if not plain:
        return None
    inside_entry = current in ("experience", "projects", "skills")
    if inside_entry and kind in _ENTRY_LABELS and not (after_blank and label.isupper()):
        return None
    return kind


def _kind_of(label: str) -> SectionKind | None:
    squashed = _squash(label)
    # A heading in Chinese may be two letters long.
    if not (2 if not squashed.isascii() else 3) <= len(squashed) <= 50:
        return None
    first = squashed if squashed in _HEADINGS else _first_head(squashed, 0, 3)
    return _HEADINGS[first] if first else None


def _first_head(text: str, start: int, most: int) -> str | None:
    """Return the first main word of a squashed text that is nothing but so many headings."""
    if text[start : start + 2] not in _STARTS:
        return None
    ends = range(min(len(text), start + _LONGEST), start, -1)
    for end in ends:
        if text[start:end] in _MODIFIERS and (head := _first_head(text, end, most)):
            return head
    for end in ends:
        if text[start:end] in _HEADINGS and (end == len(text) or _goes_on(text, end, most - 1)):
            return text[start:end]
    return None


def _goes_on(text: str, start: int, most: int) -> bool:
    """Whether what stands from here on is nothing but so many headings, with or without "and"."""
    return text[start:] in _TRAILING or (
        most > 0
        and any(
            text.startswith(joint, start) and _first_head(text, start + len(joint), most)
            for joint in _JOINTS
        )
    )
