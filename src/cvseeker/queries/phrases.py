"""Key phrases: what a passage says that most others do not, in sound words that belong together."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cvseeker.queries.chunks import Chunk, chunks
from cvseeker.queries.lexicon import (
    ADJECTIVE_ENDINGS,
    INNER_WORDS,
    LEMMAS,
    NOUN_LIKE,
    NOUN_STARTS,
)
from cvseeker.queries.rarity import CorpusStatistics, Word, grams

MAX_WORDS = 4


@dataclass(frozen=True, slots=True)
class Phrase:
    """A key phrase as a recruiter would write it, its stems, and how much it tells."""

    text: str
    stems: tuple[str, ...]
    position: int
    score: float


def key_phrases(
    lines: Iterable[str],
    statistics: CorpusStatistics,
    *,
    banned: frozenset[str] = frozenset(),
    limit: int = 40,
) -> list[Phrase]:
    """Return a passage's key phrases, the most telling first, none inside another.

    Parameters
    ----------
    lines
        The passage's lines, as :func:`unwrap` returns them.
    statistics
        Of the passage's corpus.
    banned
        Stems that no phrase may hold: the candidate's name.
    limit
        How many at most.

    Returns
    -------
    list of Phrase
    """
    found: dict[tuple[str, ...], Phrase] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for chunk in chunks(lines):
        words = [statistics.word(word) for word in chunk.words]
        for start, stop in _candidates(chunk, statistics):
            stems = tuple(chunk.stems[start:stop])
            counts[stems] += 1
            if (
                counts[stems] > 1
                or not statistics.is_specific(stems)
                or not banned.isdisjoint(stems)
            ):
                continue
            if all(word.sound for word in words[start:stop]):
                text = " ".join(word.surface for word in words[start:stop])
                score = _score(words[start:stop])
                found[stems] = Phrase(text, stems, chunk.position + start, score)
    ranked = sorted(
        found.values(), key=lambda phrase: -phrase.score * (1 + math.log(counts[phrase.stems]))
    )
    return _apart(ranked, limit)


def _candidates(chunk: Chunk, statistics: CorpusStatistics) -> Iterator[tuple[int, int]]:
    """Yield the whole of a short chunk and its endings; of a long one, what the corpus repeats."""
    words, stems = chunk.words, chunk.stems
    bounds = [-1, *(at for at, word in enumerate(stems) if word == "and"), len(words)]
    for before, after in pairwise(bounds):
        part = range(before + 1, after)
        if len(part) <= MAX_WORDS:
            yield from ((start, after) for start in part if _may_start(chunk, start, after))
    if len(words) <= 3 and len(bounds) == 2:
        return
    for start, stop in grams(stems):
        if (
            stop - start > 1
            and _may_start(chunk, start, stop)
            and statistics.frequency(stems[start:stop]) > 1
        ):
            yield start, stop


def _may_start(chunk: Chunk, start: int, stop: int) -> bool:
    """Whether the words from ``start`` on make a phrase that can stand alone."""
    first, last = chunk.words[start].lower(), chunk.words[stop - 1].lower()
    if first in INNER_WORDS or last.endswith("ed") or last in LEMMAS and last not in NOUN_LIKE:
        return last in NOUN_STARTS and first not in LEMMAS
    if first.endswith(("ing", "ed")) and len(first) > 5 and first not in NOUN_STARTS:
        return False
    if stop - start > 1:
        return first not in LEMMAS or first in NOUN_LIKE and not chunk.alone or first in NOUN_STARTS
    # One common word says nothing in a sentence; alone between commas it is an item of a list.
    return (chunk.alone and is_name(first)) or not chunk.words[start][1:].islower()


def is_name(word: str) -> bool:
    """Whether a single word may name a skill: no verb, no adjective."""
    low = word.lower()
    return low not in LEMMAS and not (word.islower() and low.endswith(ADJECTIVE_ENDINGS))


def _score(words: Sequence[Word]) -> float:
    """Average what the words tell; two words say it best."""
    content = [word.weight for word in words if word.surface not in INNER_WORDS]
    return sum(content) / len(content) * (0.7, 1.0, 0.95, 0.8)[len(content) - 1]


def _apart(ranked: list[Phrase], limit: int) -> list[Phrase]:
    """Keep each phrase that shares at most half of its words with the better ones."""
    kept: list[Phrase] = []
    taken: set[str] = set()
    for phrase in ranked:
        words = set(phrase.stems) - INNER_WORDS
        if len(words & taken) * 2 <= len(words) - (len(words) == 1):
            kept.append(phrase)
            taken |= words
            if len(kept) == limit:
                break
    return kept
