"""A résumé as tokens with places in the text, in segments: lines, or what wide gaps part."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from cvseeker.core.languages import words_of
from cvseeker.core.records import SectionKind
from cvseeker.resumes.sections import section_starts


def _letters(label: str) -> str:
    return "".join(char for char in label.lower() if char.isalpha())


# Addresses whole, short forms with their points ("B.Tech.", "M.A."), names of tools ("C++",
# ".NET", "Node.js"), words with hyphens and apostrophes; any other character alone.
_TOKEN = re.compile(
    r"[\w.+'-]{1,64}@[\w.-]{1,99}|(?:https?://|www\.)[^\s<>|,]{1,200}"
    r"|(?:[^\W\d_]\.){2,8}[^\W\d_]{0,6}|(?:(?<![^\W_])\.)?[^\W_]+(?:[.'’+#-](?=[^\W_])[^\W_]+)*[+#]*|\S"
)
_KINDS: tuple[SectionKind, ...] = get_args(SectionKind)[1:]
_HEADINGS = {_letters(one): kind for kind in _KINDS for one in words_of(f"heading {kind}")}
_LONGEST_HEADING = 5


class Token(NamedTuple):
    """A word or a sign, and its ``gap``, what stands before it.

    0 is nothing, 1 a space, 2 a wide gap or the end of a line, 3 an empty line.
    """

    text: str
    start: int
    end: int
    gap: int


@dataclass(slots=True)
class Segment:
    """Tokens ``first`` to ``last`` (exclusive) that stand together in a section of some kind."""

    first: int
    last: int
    kind: SectionKind
    is_heading: bool = False


def read_tokens(text: str) -> list[Token]:
    """Cut a text into tokens."""
    tokens: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        between = text[end : match.start()]
        gap = 3 if not tokens else 0
        if between:
            lines = between.count("\n")
            gap = 3 if lines > 1 else 2 if lines or len(between) > 1 or between == "\t" else 1
        tokens.append(Token(match[0], match.start(), match.end(), gap))
        end = match.end()
    return tokens


def read_segments(text: str, tokens: Sequence[Token]) -> list[Segment]:
    """Cut tokens into segments, and say in what kind of section each stands."""
    starts = section_starts(text)
    offsets = [offset for _, offset in starts]
    segments: list[Segment] = []
    told, inline = -1, None
    for first, last in _spans(tokens):
        at = bisect_right(offsets, tokens[last - 1].start) - 1
        is_first, kind = at != told, _heading(tokens[first:last])
        # Where a text has lost its lines, only wide gaps tell headings.
        inline = kind if is_first else kind or inline
        told = at
        is_heading = bool(kind) or (at > 0 and is_first and last - first <= _LONGEST_HEADING + 1)
        segments.append(Segment(first, last, inline or starts[at][0], is_heading))
    return segments


def _spans(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    first = 0
    for number in range(1, len(tokens) + 1):
        if number == len(tokens) or tokens[number].gap > 1:
            yield first, number
            first = number


def _heading(tokens: Sequence[Token]) -> SectionKind | None:
    """Return the kind of section that a short segment heads, or begins with after a colon."""
    words = tokens[: _LONGEST_HEADING + 1]
    if not words[0].text[:1].isupper():
        return None
    end = next((n for n, token in enumerate(words) if token.text == ":"), None)
    if end is None and len(tokens) > _LONGEST_HEADING:
        return None
    label = [token.text for token in (words if end is None else words[:end])]
    return _HEADINGS.get(_letters(" ".join(label)))
