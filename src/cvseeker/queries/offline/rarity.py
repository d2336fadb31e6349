"""Corpus statistics: how rare a word or a phrase is, how it is written, and whether it is sound."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, TypeVar

from cvseeker.queries.offline.chunks import Chunk, chunks, stem
from cvseeker.queries.offline.glue import is_glued
from cvseeker.queries.offline.lexicon import (
    ADJECTIVE_ENDINGS,
    GENERIC_WORDS,
    INNER_WORDS,
    NOUN_STARTS,
)
from cvseeker.queries.offline.verbs import LEMMAS, NOUN_LIKE
from cvseeker.retrieval.lines import unwrap

_T = TypeVar("_T")


def grams(stems: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the (start, stop) of the 1–3-grams that neither begin nor end with "of" or "and"."""
    size = len(stems)
    for start in range(size):
        if stems[start] in INNER_WORDS:
            continue
        yield start, start + 1
        for stop in (start + 2, start + 3):
            if stop <= size and stems[stop - 1] not in INNER_WORDS:
                yield start, stop


def _joined(stems: Sequence[str]) -> Iterator[str]:
    """Yield the 2- and 3-grams of :func:`grams` as they are counted."""
    for first, second in pairwise(stems):
        if first not in INNER_WORDS and second not in INNER_WORDS:
            yield f"{first} {second}"
    for first, second, third in zip(stems, stems[1:], stems[2:], strict=False):
        if first not in INNER_WORDS and third not in INNER_WORDS:
            yield f"{first} {second} {third}"


GENERIC_STEMS = frozenset(map(stem, GENERIC_WORDS)) | INNER_WORDS


class Word(NamedTuple):
    """What is known of a word."""

    # Fit for a query: no code, not glued.
    sound: bool
    # Its spelling, in lower case where the corpus mostly writes it so.
    surface: str
    # How much it tells.
    weight: float
    # Whether a phrase may start with it, end with it, or consist of it.
    starts: bool
    ends: bool
    names: bool


def may_start_end_name(word: str) -> tuple[bool, bool, bool]:
    """Tell whether a phrase may start with a word, end with it, or consist of it."""
    low = word.lower()
    verb = low in LEMMAS
    noun = not verb or low in NOUN_LIKE
    if low in INNER_WORDS:
        return False, False, False
    if low in NOUN_STARTS:
        return True, True, True
    past = len(low) > 4 and low.endswith("ed") and not low.endswith("eed")
    clause = past or (len(low) > 5 and low.endswith("ing"))
    ends = noun and not past
    names = not verb and not clause and not (word.islower() and low.endswith(ADJECTIVE_ENDINGS))
    return noun and not clause, ends, names


@dataclass(slots=True)
class CorpusStatistics:
    """In how many passages a stem, or a phrase of up to three, occurs."""

    passages: int = 0
    # Stems joined by spaces → passages that contain them.
    frequencies: Counter[str] = field(default_factory=Counter)
    # Word in lower case → how often it stands in lower case, and how often otherwise.
    lower: Counter[str] = field(default_factory=Counter)
    capital: Counter[str] = field(default_factory=Counter)
    _words: dict[str, Word] = field(default_factory=dict, repr=False)
    _sound: dict[str, bool] = field(default_factory=dict, repr=False)
    _lines: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _chunks: dict[str, list[Chunk]] = field(default_factory=dict, repr=False)

    # Phrases met once in so many passages are forgotten: rare is all that matters about them.
    _BATCH = 4000
    # Passages that need not be cut up again for their queries: some 50 MB at most.
    _REMEMBERED = 1500

    def add(self, text: str) -> None:
        """Count one passage."""
        seen: set[str] = set()
        spellings: list[str] = []
        self._words.clear()
        self._sound.clear()
        for chunk in self.chunks(self.lines(text)):
            stems = chunk.stems
            seen.update(stems)
            if len(stems) > 1:
                seen.update(_joined(stems))
            spellings += chunk.words
        for word, count in Counter(spellings).items():
            case = self.lower if word.islower() else self.capital
            case[word.lower()] += count
        self.frequencies.update(seen)
        self.passages += 1
        if self.passages % self._BATCH == 0:
            common = {
                gram: count
                for gram, count in self.frequencies.items()
                if count > 1 or " " not in gram
            }
            self.frequencies = Counter(common)

    def lines(self, text: str) -> list[str]:
        """Return a text's lines as :func:`unwrap` does; remembered for the first passages."""
        return self._remembered(self._lines, text, unwrap)

    def chunks(self, lines: Iterable[str]) -> list[Chunk]:
        """Return the chunks of lines as :func:`chunks` does; remembered for the first passages."""
        return self._remembered(self._chunks, "\n".join(lines), lambda key: chunks(key.split("\n")))

    def _remembered(self, known: dict[str, _T], key: str, make: Callable[[str], _T]) -> _T:
        if key in known:
            return known[key]
        made = make(key)
        if len(known) < self._REMEMBERED:
            known[key] = made
        return made

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
            rarity = math.log((self.passages + 1) / self.frequencies.get(root, 1))
            known = Word(
                self._is_sound(word),
                self.surface(word),
                rarity * weight,
                *may_start_end_name(word),
            )
            self._words[word] = known
        return known

    def _is_sound(self, word: str) -> bool:
        """Whether a word is well formed and not glued; "Word" is where "word" is."""
        key = word.lower() if word.isascii() and word[1:].islower() else word
        sound = self._sound.get(key)
        if sound is None:
            sound = _is_well_formed(word) and not is_glued(word, self.frequencies)
            self._sound[key] = sound
        return sound

    def is_specific(self, stems: Sequence[str]) -> bool:
        """Whether few passages hold a phrase, and it says more than any résumé does."""
        if GENERIC_STEMS.issuperset(stems):
            return False
        return self.frequency(stems) <= max(2.0, 0.05 * self.passages)


def _is_well_formed(word: str) -> bool:
    if word.isascii() and word.isalpha():
        return len(word) <= 18 and (len(word) < 5 or word.isupper() or bool(_VOWEL.search(word)))
    if len(word) > 18 or sum(map(str.isdigit, word)) > 3 or _CODE.search(word):
        return False
    if _MOJIBAKE.search(word):
        return False
    return len(word) < 5 or word.isupper() or not word.isascii() or bool(_VOWEL.search(word))


_CODE = re.compile(
    r"[a-z]{7}\d|^\d+[a-z]$|^\d[KLM]$|\d(?:yrs?|years?|months?|st|nd|rd|th)$|['’-]\d\d?$",
    re.IGNORECASE,
)
_MOJIBAKE = re.compile("[ÂÃ¼½]|â€|ï$|â$")
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
