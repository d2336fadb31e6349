"""Text that gives orders to a machine instead of telling of a person."""

import re
from functools import cache

from cvseeker.core.wordlists import read_lines

# Written where nobody sees them: zero width, directions, and letters that are tags.
INVISIBLE = re.compile("[\u00ad\u200b\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")

_NAMES = {
    "{machine}": (
        r"(?:ai|a\.i\.|llm|chatgpt|gpt|claude|gemini|copilot|chatbot|(?:large )?language model)s?"
    ),
    "{me}": r"(?:candidate|resume|résumé|applicant|cv)",
}
# A reply, ready to be handed on; and where a turn of a chat begins.
_MARKUP = (
    r"\{\s*[\"'](?:queries|questions?|facts|keywords|grade)[\"']\s*:"
    r"|^[^\S\n]*+#{2,}\s*(?:system|assistant|user|human|instructions?)\b"
)
_SENTENCE_END = re.compile(r"[.!?\n]|\Z")


def find_orders(text: str) -> list[tuple[int, int]]:
    """Find the sentences that give orders to a ranker or a model, see ``words/orders.txt``.

    Returns start and end of each in characters, in their order; none overlaps another. A line end
    goes with an order that has a line of its own.
    """
    spans: list[tuple[int, int]] = []
    done = 0
    for order in _orders().finditer(text):
        if order.start() < done:
            continue
        begin = max(done, *(text.rfind(mark, done, order.start()) + 1 for mark in ".!?\n"))
        end = _SENTENCE_END.search(text, order.end())
        stop = len(text) if end is None else end.end()
        alone = begin == 0 or text[begin - 1] == "\n"
        if not alone and text[stop - 1 : stop] == "\n":
            stop -= 1
        elif alone and text[stop - 1 : stop] != "\n" and text[stop : stop + 1] in ("\n", ""):
            stop += 1
        done = min(stop, len(text))
        spans.append((begin, done))
    return spans


def without_orders(text: str) -> tuple[str, int]:
    """Return a text without what it orders a machine to do, and how many sentences that were.

    Characters that nobody sees go first, as they may part the words of an order. Nothing stands in
    an order's place: the text is as if it had not been there.
    """
    text = INVISIBLE.sub("", text)
    spans = find_orders(text)
    starts = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(text)]
    parts = (text[start:end] for start, end in zip(starts, ends, strict=True))
    return "".join(parts), len(spans)


@cache
def _orders() -> re.Pattern[str]:
    lines = "|".join(map(_pattern, read_lines("cvseeker.core", "orders")))
    return re.compile(rf"\b(?:{lines})|{_MARKUP}", re.IGNORECASE | re.MULTILINE)


def _pattern(line: str) -> str:
    """Return the regular expression that a line of the list stands for."""
    for name, pattern in _NAMES.items():
        line = line.replace(name, pattern)
    return line.replace("…", r"[^.!?]{0,40}").replace(" ", r"\s+")
