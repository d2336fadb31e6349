"""Where sentences begin and end, in résumés and in job descriptions."""

import re

Span = tuple[int, int]

# A full stop after a word of two letters, a bracket or a number that is no list's; a question or
# exclamation mark; the full stops of other scripts; a line's end, unless small letters follow.
_END = re.compile(
    r"(?:(?<=[^\W_][^\W_])|(?<=[^\W_]['’][^\W_]))[.!?][)\"'”’]*(?=\s+\W?[^\W_a-z])|[)%\"”][.!?](?=\s)|[。！？।]"
    r"|\n(?=\s*[^\sa-zß-öø-ÿ])|\n\s*\n"
)
_ABBREVIATIONS = re.compile(
    r"(?:^|\W)(?:e\.?g|i\.?e|etc|incl|approx|min|max|no|st|dr|mr|mrs|ms|vs|dept|inc|ltd|co|corp"
    r"|ca|cf|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)$",
    re.IGNORECASE,
)


def sentence_spans(text: str) -> list[Span]:
    """Return where a text's sentences stand, in characters, without the spaces around them.

    A line's end is a sentence's, too, unless the next one begins with a small letter.

    Examples
    --------
    >>> text = "Ran a ward, e.g. at St. Olav's. Nights only."
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ["Ran a ward, e.g. at St. Olav's.", 'Nights only.']
    """
    spans: list[Span] = []
    begin = 0
    for match in _END.finditer(text):
        end = match.end()
        if match[0][0] != "\n" and _ABBREVIATIONS.search(
            text, max(0, match.start() - 8), match.start()
        ):
            continue
        _add(spans, text, begin, end)
        begin = end
    _add(spans, text, begin, len(text))
    return spans


def _add(spans: list[Span], text: str, begin: int, end: int) -> None:
    """Add a stretch without the spaces around it, unless nothing is left."""
    stretch = text[begin:end]
    start = begin + len(stretch) - len(stretch.lstrip())
    if stretch.strip():
        spans.append((start, start + len(stretch.strip())))
