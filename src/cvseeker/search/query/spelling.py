"""Typos: words that no résumé has, and that one letter or two turn into one that several have."""

import re
from collections.abc import Callable, Iterator, Mapping

from cvseeker.retrieval.bm25 import stems

_WORD = re.compile(r"[^\W\d_]+")
# Letters of a word that may have one typo, and of one that may have two.
_ONE, _TWO = 5, 9
# Résumés that must have a word, so that it is not somebody's typo.
_FEWEST = 2


def corrections(
    text: str, words: Mapping[str, int], *, is_known: Callable[[str], bool] = lambda _: False
) -> dict[str, str]:
    """Return word of a text → what it is a typo of.

    Parameters
    ----------
    text
        A query.
    words
        In how many résumés each word stands, in lower case.
    is_known
        Tells words that are none's typo though no résumé has them, such as those a model knows.

    Examples
    --------
    >>> corrections("Kuberntes and sparky", {"kubernetes": 3, "spark": 8})
    {'Kuberntes': 'kubernetes'}
    """
    known = {stem for word in words for stem in stems(word)}
    found = {}
    for word in dict.fromkeys(_WORD.findall(text)):
        if len(word) >= _ONE and not word.isupper() and known.isdisjoint(stems(word)):
            if is_known(word.lower()):
                continue
            meant = max(_meant(word.lower(), words), key=lambda one: (words[one], one), default="")
            if meant:
                found[word] = meant
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
