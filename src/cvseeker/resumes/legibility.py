"""How well a text was read: the share of its words that are common in some language.

The lists hold the commonest thousand words of a language or more, until they make up two thirds of
what is written in it, and of Chinese, Japanese and Korean the characters.
"""

import re
from collections import Counter
from functools import cache
from importlib import resources

from cvseeker.core.wordlists import read_words

_WORD = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3]|[^\W\d_]+|\ufffd+")
# Letters of scripts that the lists are in: Latin, Greek, Cyrillic, Hebrew, Arabic, Chinese,
# Japanese, Korean.
_LISTED = re.compile(
    "[a-zA-Z\u00c0-\u052f\u05d0-\u05ea\u0620-\u06ff\u1e00-\u1fff\u3041-\u30ff"
    "\u4e00-\u9fff\uac00-\ud7a3\ufffd]+"
)
# What this many words do not tell is not told by more.
_ENOUGH = 5_000
_FEWEST = 30
# All of 597 English résumés have .35 and more. The same with every seventh letter lost have .16,
# with no spaces .12, and with other letters in place of their own .03, by accident.
DOUBTFUL = 0.2
UNREADABLE = 0.06


def legibility(text: str) -> float | None:
    """Return the share of words that one language knows; ``None`` where that tells nothing."""
    words = [match[0] for match in _WORD.finditer(text[: 20 * _ENOUGH].lower())][:_ENOUGH]
    letters = sum(map(len, words))
    listed = sum(len(match) for match in _LISTED.findall(" ".join(words)))
    if len(words) < _FEWEST or listed < 0.5 * letters:
        return None
    counts = Counter(words)
    known = max(
        sum(count for word, count in counts.items() if word in common)
        for common in _common_words().values()
    )
    return known / len(words)


@cache
def _common_words() -> dict[str, frozenset[str]]:
    folder = resources.files("cvseeker.resumes") / "words" / "frequent"
    codes = sorted(file.name.removesuffix(".txt") for file in folder.iterdir())
    return {code: read_words("cvseeker.resumes", f"frequent/{code}") for code in codes}
