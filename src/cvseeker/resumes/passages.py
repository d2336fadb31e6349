"""Cutting a résumé into passages along its sections.

The whole text becomes blocks (entries, paragraphs, at worst sentences), and neighbouring blocks
become passages: as few as the limit allows, of similar length, with their bounds at the bounds of
sections and entries where there is a choice.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from cvseeker.core.records import Section, SectionKind

_ASCII_WORD = re.compile(r"[A-Za-z]+")
_OTHER_PIECE = re.compile(r"\d+|[^\W\d_]+|[^\w\s]|_")

# Tenths of a token that an English word of 0, 1, 2 … letters costs on average, and a little more.
_TENTHS_OF_LENGTH = (0, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 17, 20, 20, 22, 25)
_TENTHS_OF_CAPITALS = 18
# The lines of an entry's head: employer, title, place and dates.
_LONGEST_ENTRY_HEAD = 200
_DATED = re.compile(r"\b(?:19|20)\d\d\b")
# A tail under this many tokens says too little to write a query about.
_TINY_TOKENS = 60
# A passage has six blocks, more where sections are short; nobody's has as many as this.
_MOST_BLOCKS = 64
# The splitter takes the square of a text's length where there is no place to cut it, so it gets
# no more than this at a time: ten times what a long section has.
_STRETCH = re.compile(r"(?s).{1,100000}(?!\S)|.{1,100000}")
# What a passage's bound costs, by where it lies; the slack of a passage costs up to one.
_BOUND_COSTS = {"section": 0.0, "paragraph": 0.05, "line": 0.1, "inside": 0.3}


def count_tokens(text: str) -> int:
    """Estimate how many WordPiece tokens a text has, without a tokenizer."""
    # A word costs by its length, a number by its digits, a punctuation mark one. The estimate leans
    # to the high side: of 1,883 passages of real résumés cut at 750, all held the limit by the
    # tokenizer of all-MiniLM-L6-v2, whose count is nine tenths of it on average.
    tenths = 0
    for word in _ASCII_WORD.findall(text):
        size = len(word)
        if size < 6 and size > 1 and word.isupper():
            tenths += _TENTHS_OF_CAPITALS
        else:
            tenths += _TENTHS_OF_LENGTH[size] if size < len(_TENTHS_OF_LENGTH) else 5 * size // 2
    for piece in _OTHER_PIECE.findall(_ASCII_WORD.sub(" ", text)):
        if piece[0].isdigit():
            tenths += 10 if len(piece) < 5 else 6 * len(piece)
        else:
            tenths += 10 * len(piece)
    return -(-tenths // 10)


@dataclass(frozen=True, slots=True)
class _Block:
    """A stretch of the text that is not cut further; ``bound`` says what stands before it."""

    start: int
    end: int
    tokens: int
    kind: SectionKind
    bound: str


def split_passages(
    sections: Sequence[Section], *, passage_tokens: int
) -> list[tuple[str, tuple[SectionKind, ...]]]:
    """Cut a résumé into passages along its sections."""
    bodies: list[str] = []
    blocks: list[_Block] = []
    offset = 0
    for section in sections:
        body = f"{section.title}\n{section.text}" if section.title else section.text
        blocks += _cut_blocks(body, section, offset, passage_tokens)
        bodies.append(body)
        offset += len(body) + 2
    text = "\n\n".join(bodies)
    passages = []
    for first, last in _group_blocks(blocks, passage_tokens):
        inside = blocks[first:last]
        kinds = tuple(dict.fromkeys(block.kind for block in inside))
        passages.append((text[inside[0].start : inside[-1].end].strip(), kinds))
    return [(passage, kinds) for passage, kinds in passages if passage]


def _chunks(body: str, capacity: int) -> Iterator[tuple[int, int]]:
    """Yield where a section's chunks of so many characters start and end."""
    from semantic_text_splitter import TextSplitter

    splitter = TextSplitter(capacity)
    for stretch in _STRETCH.finditer(body):
        for place, chunk in splitter.chunk_indices(stretch[0]):
            start = stretch.start() + place
            yield start, start + len(chunk)


def _cut_blocks(body: str, section: Section, offset: int, passage_tokens: int) -> list[_Block]:
    # No token is shorter than a character, so blocks of this size hold any limit; blocks of a
    # sixth of a passage leave enough bounds to choose from.
    spans: list[tuple[int, int]] = []
    for start, end in _chunks(body, max(40, 2 * passage_tokens // 3)):
        if spans:
            first, before = spans[-1]
            # A heading stays with what it heads, and a word is cut only where it fills a passage.
            heading = len(spans) == 1 and not body[len(section.title) : start].strip()
            in_word = start == before and count_tokens(body[first:end]) <= passage_tokens
            if heading or in_word:
                spans[-1] = (first, end)
                continue
            head = _entry_head(body, first, before, start)
            if head is not None and count_tokens(body[head:end]) <= passage_tokens:
                spans[-1] = (first, len(body[:head].rstrip()))
                spans.append((head, end))
                continue
        spans.append((start, end))
    return [
        _Block(
            offset + start,
            offset + end,
            count_tokens(body[start:end]),
            section.kind,
            _bound(body[spans[number - 1][1] : start]) if number else "section",
        )
        for number, (start, end) in enumerate(spans)
    ]


def _entry_head(body: str, first: int, before: int, start: int) -> int | None:
    """Return where the dated lines at the end of a block start: they head the block after it."""
    # A blank line may part an employer's line and its dates from what they head.
    head = body.rfind("\n\n", first, before) + 2
    if head < first + 2 or "\n\n" not in body[before:start]:
        return None
    last = body[head:before]
    return head if len(last) <= _LONGEST_ENTRY_HEAD and _DATED.search(last) else None


def _bound(before: str) -> str:
    return "paragraph" if "\n\n" in before else "line" if "\n" in before else "inside"


def _group_blocks(blocks: Sequence[_Block], passage_tokens: int) -> list[tuple[int, int]]:
    """Return the ranges of blocks that become passages: the cheapest way through (Viterbi)."""
    ends = [0, *accumulate(block.tokens for block in blocks)]
    # Blocks 0..n: cost of the best way to end there, and where its last passage starts.
    best: list[tuple[float, int]] = [(0.0, 0)]
    for last in range(1, len(blocks) + 1):
        choices = []
        for first in range(last - 1, max(-1, last - 1 - _MOST_BLOCKS), -1):
            tokens = ends[last] - ends[first]
            if tokens > passage_tokens and first < last - 1:
                break
            slack = max(0.0, 1 - tokens / passage_tokens)
            # One for each passage: few passages come before even ones.
            cost = 1.0 + slack**2 + _BOUND_COSTS[blocks[first].bound]
            cost += 1.0 if tokens < _TINY_TOKENS else 0.0
            choices.append((best[first][0] + cost, first))
        best.append(min(choices))
    ranges = []
    last = len(blocks)
    while last:
        ranges.append((best[last][1], last))
        last = best[last][1]
    return ranges[::-1]
