"""Key phrases: what a passage says that most others do not, in sound words that belong together."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cvseeker.queries.offline.chunks import Chunk
from cvseeker.queries.offline.lexicon import INNER_WORDS
from cvseeker.queries.offline.rarity import CorpusStatistics, Word, grams

_MAX_WORDS = 4
_SHORT = 3
_LARGE = 100


class Fact(NamedTuple):
    """Something short that a passage says, as recruiters write it: where, how much it tells."""

    text: str
    stems: tuple[str, ...]
    position: int
    rarity: float


def key_phrases(
    lines: Iterable[str],
    statistics: CorpusStatistics,
    *,
    banned: frozenset[str] = frozenset(),
    limit: int = 40,
) -> list[Fact]:
    """Return a passage's key phrases, the most telling first, none inside another."""
    found: dict[tuple[str, ...], Fact] = {}
    counts: dict[tuple[str, ...], int] = {}
    for chunk in statistics.chunks(lines):
        if len(chunk.words) == 1 and not chunk.alone and chunk.words[0][1:].islower():
            continue
        words = [statistics.word(word) for word in chunk.words]
        for start, stop in _candidates(chunk, words, statistics):
            stems = tuple(chunk.stems[start:stop])
            counts[stems] = counts.get(stems, 0) + 1
            if counts[stems] > 1 or not statistics.is_specific(stems):
                continue
            if banned.isdisjoint(stems):
                text = " ".join([word.surface for word in words[start:stop]])
                score = _score(words[start:stop])
                found[stems] = Fact(text, stems, chunk.position + start, score)
    ranked = sorted(
        found.values(), key=lambda phrase: -phrase.rarity * (1 + math.log(counts[phrase.stems]))
    )
    return _apart(ranked, limit)


def _candidates(
    chunk: Chunk, words: Sequence[Word], statistics: CorpusStatistics
) -> Iterator[tuple[int, int]]:
    """Yield the whole of a short chunk and its endings; of a long one, what the corpus repeats."""
    stems = chunk.stems
    joints = [at for at, word in enumerate(stems) if word == "and"]
    begin = 0
    for after in (*joints, len(stems)):
        if after - begin <= _MAX_WORDS and words[after - 1].ends:
            yield from _endings(chunk, words, begin, after, statistics)
        begin = after + 1
    if len(stems) > _SHORT or joints:
        for start, stop in grams(stems):
            if (
                stop - start > 1
                and words[start].starts
                and words[stop - 1].ends
                and statistics.frequency(stems[start:stop]) > 1
                and all(word.sound for word in words[start:stop])
            ):
                yield start, stop


def _endings(
    chunk: Chunk, words: Sequence[Word], begin: int, stop: int, statistics: CorpusStatistics
) -> Iterator[tuple[int, int]]:
    """Yield the phrases that end where the words do."""
    for start in range(stop - 1, begin - 1, -1):
        if not words[start].sound:
            break
        if start < stop - 1:
            if words[start].starts:
                yield start, stop
        elif _stands_alone(chunk, words[start], start, statistics):
            yield start, stop


def _stands_alone(chunk: Chunk, word: Word, at: int, statistics: CorpusStatistics) -> bool:
    """Whether one word is a phrase: a proper name, a short form, an item of a list."""
    if not chunk.words[at][1:].islower():
        return word.names
    # Alone and met once in a large corpus, a word is as often misspelt as it is rare.
    known = statistics.passages < _LARGE or statistics.frequency((chunk.stems[at],)) > 1
    return chunk.alone and known and word.names


def _score(words: Sequence[Word]) -> float:
    """Average what the words tell; two words say it best."""
    content = [word.weight for word in words if word.surface not in INNER_WORDS]
    return sum(content) / len(content) * (0.7, 1.0, 0.95, 0.8)[len(content) - 1]


def _apart(ranked: list[Fact], limit: int) -> list[Fact]:
    """Keep each phrase that shares at most half of its words with the better ones."""
    kept: list[Fact] = []
    taken: set[str] = set()
    for phrase in ranked:
        words = set(phrase.stems) - INNER_WORDS
        if len(words & taken) * 2 <= len(words) - (len(words) == 1):
            kept.append(phrase)
            taken |= words
            if len(kept) == limit:
                break
    return kept
