"""Putting placeholders in the place of what was found."""

import re
from collections.abc import Callable, Iterable


def mask(
    pattern: re.Pattern[str],
    text: str,
    placeholder: str,
    *,
    accept: Callable[[re.Match[str]], object] = bool,
) -> tuple[str, int]:
    """Replace every match, or its group ``value``, that is accepted; return how many were."""
    group = "value" if "value" in pattern.groupindex else 0
    spans = [match.span(group) for match in pattern.finditer(text) if accept(match)]
    return replace_spans(text, spans, placeholder), len(spans)


def replace_spans(text: str, spans: Iterable[tuple[int, int]], placeholder: str) -> str:
    """Replace stretches of a text, given in order; of two that overlap, the first."""
    pieces, end = [], 0
    for start, stop in spans:
        if start >= end:
            pieces += [text[end:start], placeholder]
            end = stop
    return "".join([*pieces, text[end:]])


def before(match: re.Match[str], characters: int) -> str:
    """Return what stands before a match, up to so many characters of it."""
    return match.string[max(0, match.start() - characters) : match.start()]
