"""Corpus statistics: how rare a word or a phrase is, how it is written, and whether it is sound."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cvseeker.queries.chunks import chunks, stem, unwrap
from cvseeker.queries.lexicon import GENERIC_WORDS, INNER_WORDS, STOP_WORDS


def grams(stems: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the (start, stop) of the 1–3-grams that neither begin nor end with "of" or "and".

    Parameters
    ----------
    stems
        Of a chunk.

    Yields
    ------
    tuple of int
    """
    size = len(stems)
    for start in range(size):
        if stems[start] in INNER_WORDS:
            continue
        yield start, start + 1
        for stop in (start + 2, start + 3):
            if stop <= size and stems[stop - 1] not in INNER_WORDS:
                yield start, stop


GENERIC_STEMS = frozenset(map(stem, GENERIC_WORDS)) | INNER_WORDS

# The words that text without spaces most often swallows.
_SMALL = words(
    """
    the of and to in for with from by our or are any that this is be etc
    """
)


class Word(NamedTuple):
    """Whether a word is fit for a query (no code, not glued, no mask), its spelling, its weight."""

    sound: bool
    surface: str
    weight: float


@dataclass(slots=True)
class CorpusStatistics:
    """In how many passages a stem, or a phrase of up to three, occurs.

    Attributes
    ----------
    passages
        How many passages were counted.
    frequencies
        Stems joined by spaces → passages that contain them.
    lower, capital
        Word in lower case → how often it stands in lower case, and how often otherwise.
    """

    passages: int = 0
    frequencies: dict[str, int] = field(default_factory=dict)
    lower: dict[str, int] = field(default_factory=dict)
    capital: dict[str, int] = field(default_factory=dict)
    _words: dict[str, Word] = field(default_factory=dict, repr=False)

    # Phrases met once in so many passages are forgotten: rare is all that matters about them.
    _BATCH = 4000

    def add(self, text: str) -> None:
        """Count one passage."""
        seen: set[str] = set()
        lower, capital = self.lower, self.capital
        self._words.clear()
        for chunk in chunks(unwrap(text)):
            stems = chunk.stems
            seen.update(stems)
            if len(stems) > 1:
                seen.update([" ".join(stems[start:stop]) for start, stop in grams(stems)])
            for word in chunk.words:
                if word.islower():
                    lower[word] = lower.get(word, 0) + 1
                else:
                    low = word.lower()
                    capital[low] = capital.get(low, 0) + 1
        frequencies = self.frequencies
        for gram in seen:
            frequencies[gram] = frequencies.get(gram, 0) + 1
        self.passages += 1
        if self.passages % self._BATCH == 0:
            self.frequencies = {
                gram: count for gram, count in frequencies.items() if count > 1 or " " not in gram
            }

    def frequency(self, stems: Sequence[str]) -> int:
        """Return how many passages contain a phrase; of a longer one, its rarest three words."""
        if len(stems) <= 3:
            return self.frequencies.get(" ".join(stems), 1)
        ends = range(len(stems) - 2)
        return min(self.frequencies.get(" ".join(stems[at : at + 3]), 1) for at in ends)

    def rarity(self, stems: Sequence[str]) -> float:
        """Return the logarithm of how many times more passages there are than have the phrase."""
        return math.log((self.passages + 1) / self.frequency(stems))

    def surface(self, word: str) -> str:
        """Return a word in lower case where the corpus mostly writes it so."""
        low = word.lower()
        small, large = self.lower.get(low, 0), self.capital.get(low, 0)
        if small > 0.5 * large or (word.isupper() and len(word) > 5 and "/" not in word):
            return low
        return word

    def word(self, word: str) -> Word:
        """Return what is known of a word; remembered until the next passage is added."""
        known = self._words.get(word)
        if known is None:
            root = stem(word)
            weight = 0.3 if root in GENERIC_STEMS else 1.0
            sound = _is_well_formed(word) and not self.is_glued(word)
            known = Word(sound, self.surface(word), self.rarity((root,)) * weight)
            self._words[word] = known
        return known

    def is_specific(self, stems: Sequence[str]) -> bool:
        """Whether few passages hold a phrase, and it says more than any résumé does."""
        if GENERIC_STEMS.issuperset(stems):
            return False
        return self.frequency(stems) <= max(2.0, 0.05 * self.passages)

    def is_glued(self, word: str) -> bool:
        """Whether a word is two or more that have lost the space between them."""
        base = word.replace("’", "'").removesuffix("'s")
        if len(base) < 5 or not base.isalpha():
            return False
        return self._splits(base, self.frequency((stem(base),)))

    def _splits(self, word: str, own: int) -> bool:
        low = word.lower()
        for cut in range(2, len(low) - 1):
            left, right = low[:cut], low[cut:]
            first, second = self._count(left), self._count(right)
            if first and second and self._is_joint(left, right, min(first, second), own):
                return True
            if first and second and own <= 2 and word[cut - 1].islower() and word[cut].isupper():
                return True
            if own <= 2 and first > 5 and len(left) > 3 and self._splits(word[cut:], own):
                return True
        return False

    def _is_joint(self, left: str, right: str, known: int, own: int) -> bool:
        """Whether two words that the corpus knows are likelier than the one they make."""
        if left in _SMALL or right in _SMALL:
            return own <= 3 and known >= own and max(len(left), len(right)) > 3
        if self.frequencies.get(f"{stem(left)} {stem(right)}", 0) >= max(own, 2):
            return True
        return own <= 2 and known > 10 and min(len(left), len(right)) > 3

    def _count(self, word: str) -> int:
        if word in _SMALL or (len(word) > 3 and word in STOP_WORDS):
            return self.passages
        return self.frequencies.get(stem(word), 0) if len(word) > 2 else 0


def _is_well_formed(word: str) -> bool:
    if len(word) > 18 or sum(map(str.isdigit, word)) > 3 or _CODE.search(word):
        return False
    return len(word) < 5 or word.isupper() or not word.isascii() or bool(_VOWEL.search(word))


_CODE = re.compile(
    r"[a-z]{7}\d|^\d+[a-z]$|^\d[KLM]$|\d(?:yrs?|years?|months?|st|nd|rd|th)$|['’-]\d\d?$",
    re.IGNORECASE,
)
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
