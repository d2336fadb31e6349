"""Typos: words that no résumé has, and that one letter or two turn into one that several have."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

_WORD = re.compile(r"[^\W\d_]+")
# Letters of a word that may have one typo, and of one that may have two.
_ONE, _TWO = 5, 9
# Résumés that must have a word, so that it is not somebody's typo.
_FEWEST = 2


class Vocabulary(Protocol):
    """The words that résumés have, in lower case."""

    def knows(self, word: str) -> bool:
        """Tell whether a résumé has a word, in any form of it."""
        ...

    def beginning(self, letter: str) -> Mapping[str, int]:
        """Return in how many résumés each word stands that begins with a letter."""
        ...

    def spelt(self, term: str) -> str:
        """Return how one of these words is spelt mostly."""
        ...


def corrections(
    text: str, words: Vocabulary, *, is_known: Callable[[str], bool] = lambda _: False
) -> dict[str, str]:
    """Return word of a text → what it is a typo of.

    ``is_known`` tells words that are none's typo though no résumé has them, such as those a model
    knows.
    """
    found = {}
    for word in dict.fromkeys(_WORD.findall(text)):
        lower = word.lower()
        if len(word) < _ONE or word.isupper() or is_known(lower) or words.knows(lower):
            continue
        counts = words.beginning(lower[0])
        meant = max(_meant(lower, counts), key=lambda one: (counts[one], one), default="")
        if meant:
            found[word] = words.spelt(meant)
    return found


def _meant(word: str, words: Mapping[str, int]) -> Iterator[str]:
    """Yield the words that a typo may stand for; an ending more or less makes another word."""
    most = 2 if len(word) >= _TWO else 1
    for other, count in words.items():
        if (
            count >= _FEWEST
            and other[0] == word[0]
            and abs(len(other) - len(word)) <= most
            and other.isalpha()
            and not word.startswith(other)
            and not other.startswith(word)
            and len(set(word) ^ set(other)) <= 2 * most
            and _distance(word, other) <= most
        ):
            yield other


def _distance(one: str, other: str) -> int:
    """Return how many letters are missing, too many, wrong, or in the place of their neighbour.

    References
    ----------
    Damerau 1964, https://doi.org/10.1145/363958.363994, each letter changed once at most.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            swapped = i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted
            row.append(min(cost, earlier[j - 2] + 1) if swapped else cost)
    return row[-1]
