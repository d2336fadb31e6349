"""Short excerpts of queries and passages, without anyone's e-mail address or phone number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cvseeker.evaluate.wording import masked
from cvseeker.retrieval.bm25 import matched_spans

SNIPPET_CHARACTERS = 260
# Lines that people draw with the keyboard.
_RULE = re.compile(r"([-=_*~#.])\1{3,}")
# A font's own bullets, which print as empty boxes elsewhere.
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A stretch of a passage: (text, whether it is one of the query's words), in reading order."""

    key: str
    pieces: tuple[tuple[str, bool], ...]


def snippet(query: str, key: str, text: str) -> Snippet:
    """Cut the stretch of a passage that shares most words with a query; ``key`` is kept as it is.

    It has about 260 characters, white space folded, contacts masked and the query's words marked by
    their stems.

    Examples
    --------
    >>> snippet("nursing", "a", "Intensive-care nurse, nights").pieces
    (('Intensive-care ', False), ('nurse', True), (', nights', False))
    """
    text = " ".join(_PRIVATE_USE.sub("•", _RULE.sub(" ", masked(text))).split())
    spans = matched_spans(query, text)
    begin, end = _best_stretch(text, spans)
    pieces: list[tuple[str, bool]] = [("… ", False)] if begin else []
    at = begin
    for start, stop in spans:
        if start < begin or stop > end:
            continue
        pieces += [(text[at:start], False), (text[start:stop], True)]
        at = stop
    pieces += [(text[at:end], False), ("\u00a0…" if end < len(text) else "", False)]
    return Snippet(key, tuple(piece for piece in pieces if piece[0]))


def _best_stretch(text: str, spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the ends of the stretch that holds most different words of the query."""
    best, most = 0, 0
    for start, _ in spans:
        inside = [
            text[one:other].lower()
            for one, other in spans
            if start <= one and other <= start + SNIPPET_CHARACTERS - 40
        ]
        # Different words first, then all of them.
        worth = len(set(inside)) * 1000 + len(inside)
        if worth > most:
            best, most = start, worth
    begin = max(best - 40, 0)
    end = min(begin + SNIPPET_CHARACTERS, len(text))
    begin = max(end - SNIPPET_CHARACTERS, 0)
    # Whole words only.
    if begin and (space := text.find(" ", begin, best + 1)) >= 0:
        begin = space + 1
    if end < len(text) and (space := text.rfind(" ", begin, end)) > best:
        end = space
    return begin, end
