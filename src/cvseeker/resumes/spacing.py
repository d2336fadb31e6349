"""Mending words that came out of a file broken apart or run together.

Only a vocabulary can decide what is a fault (``Tenso rFlow``, ``projectmanagement``) and what a
word: :class:`SpacingRepair` learns it from the collection itself, so that it needs no dictionary
and knows the trade's own words.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf, log
from typing import Any, Self

from cvseeker.core.wordlists import read_words

_WORD = re.compile(r"[^\W\d_]+")
_PAIR = re.compile(r"(?=(?<![^\W_])([^\W\d_]+) {1,2}([^\W\d_]+)(?![^\W_]))")
# A whole word, never a part of one: what fails at its start need not be tried at each letter.
_WHOLE = r"(?<![^\W\d_])([^\W\d_]++)"
_COMPOUND = re.compile(rf"{_WHOLE}(?:-[^\W\d_]++)+")
_BROKEN_COMPOUND = re.compile(rf"{_WHOLE}(?: -|- )([^\W\d_]++)")
_BROKEN_RUN = re.compile(r"(?<![\w-])[^\W\d_]++(?: [^\W\d_]+)+(?![\w-])")
_HYPHEN_BREAK = re.compile(rf"{_WHOLE}-\n([^\W\d_]++)[ ]?")
# A word counts as known once it stands in this many texts: a slip of one writer does not.
_KNOWN_TEXTS = 3
# The words of this many texts tell all; more would only cost memory.
_MOST_TEXTS = 5000
# A broken word must be well known as a whole.
_EVIDENT_TEXTS = 5
_LONGEST_WORD = 24
# Letters without a space: a line and more of words run together. Longer ones are no words.
_LONGEST_RUN = 200
# Parts this short are the debris of other words more often than words.
_SHORT_WORDS = frozenset(
    "a i am an as at be by do he if in is it me my no of on or so to up us we".split()
)
# Words of grammar that start or end no compound: gluing them on is always a fault.
_GLUE_WORDS = frozenset(
    "a an and are as for from has have into is of our that the their these they this those to was "
    "were which while who with".split()
)
_WHOLE_WORDS = read_words("cvseeker.resumes", "whole_words")
_AFFIXES = read_words("cvseeker.resumes", "affixes")
_COMMON = read_words("cvseeker.resumes", "frequent/en")
_LIGATURE_GAP = re.compile("f [fil]|f[fil] ")
_ADDRESS = re.compile(r"@|://|www\.|_|\\|\.(?:com|org|net|edu|io)\b", re.IGNORECASE)


class SpacingRepair:
    """Mend words that were broken apart or run together, by a vocabulary learnt from a collection.

    A repair needs evidence from the collection: broken pieces are joined when the whole is a
    word that many texts have and a piece is not; a run-together word is split when it is rare and
    its parts stand side by side, apart, clearly more often. What has no evidence stays.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        kept = texts[:: max(1, -(-len(texts) // _MOST_TEXTS))]
        # In how many texts each word, pair of neighbours and hyphenated compound stands.
        self._words: Counter[str] = Counter()
        pairs: Counter[tuple[str, str]] = Counter()
        compounds: Counter[str] = Counter()
        for text in kept:
            lower = text.lower()
            self._words.update(set(_WORD.findall(lower)))
            pairs.update(set(_PAIR.findall(lower)))
            compounds.update({match[0] for match in _COMPOUND.finditer(lower)})
        self._pairs = {pair: count for pair, count in pairs.items() if count > 1}
        self._compounds = {compound for compound, count in compounds.items() if count > 1}
        self._texts = len(kept)
        self._begin()

    @classmethod
    def from_learnt(cls, learnt: Mapping[str, Any]) -> Self:
        """Know what another has learnt."""
        repair = cls.__new__(cls)
        repair._words = Counter(learnt["words"])
        repair._pairs = {(one, other): count for one, other, count in learnt["pairs"]}
        repair._compounds = set(learnt["compounds"])
        repair._texts = learnt["texts"]
        repair._begin()
        return repair

    def learnt(self) -> dict[str, Any]:
        """Return what was learnt, JSON-ready."""
        return {
            "words": dict(sorted(self._words.items())),
            "pairs": [[*pair, count] for pair, count in sorted(self._pairs.items())],
            "compounds": sorted(self._compounds),
            "texts": self._texts,
        }

    def _begin(self) -> None:
        # Word → the words it is made of, found once.
        self._parts: dict[str, tuple[str, ...]] = {}
        self._spellings: dict[str, str] = {}
        self._common = max(_KNOWN_TEXTS, self._texts // 100)

    def repair(self, text: str) -> str:
        """Return ``text`` with broken and run-together words mended."""
        text = _HYPHEN_BREAK.sub(self._mend_line_end, text)
        return "\n".join(self._repair_line(line) for line in text.split("\n"))

    def _repair_line(self, line: str) -> str:
        # One repair can make way for the next.
        for _ in range(5):
            repaired = _BROKEN_RUN.sub(self._join_run, line)
            repaired = _BROKEN_COMPOUND.sub(self._join_compound, repaired)
            if _ADDRESS.search(repaired):
                repaired = " ".join(
                    chunk if _ADDRESS.search(chunk) else _WORD.sub(self._spaced, chunk)
                    for chunk in repaired.split(" ")
                )
            else:
                repaired = _WORD.sub(self._spaced, repaired)
            if repaired == line:
                break
            line = repaired
        return line

    def _mend_line_end(self, match: re.Match[str]) -> str:
        """Move the second half of a hyphenated word up to the first, if that makes a word."""
        first, second = match[1].lower(), match[2].lower()
        if f"{first}-{second}" in self._compounds:
            return f"{match[1]}-{match[2]}\n"
        if self._words.get(first + second, 0) >= _KNOWN_TEXTS:
            return f"{match[1]}{match[2]}\n"
        return match[0]

    def _join_compound(self, match: re.Match[str]) -> str:
        known = f"{match[1]}-{match[2]}".lower() in self._compounds
        return f"{match[1]}-{match[2]}" if known else match[0]

    def _join_run(self, match: re.Match[str]) -> str:
        pieces = match[0].split(" ")
        lower = match[0].lower().split(" ")
        joined: list[str] = []
        start = 0
        while start < len(pieces):
            end = start + 1
            for size in (4, 3, 2):
                whole = "".join(lower[start : start + size])
                if self._words.get(whole, 0) >= _KNOWN_TEXTS and self._is_broken(
                    pieces[start : start + size], whole
                ):
                    end = min(start + size, len(pieces))
                    break
            joined.append("".join(pieces[start:end]))
            start = end
        return " ".join(joined)

    def _is_broken(self, pieces: list[str], whole: str) -> bool:
        """Tell whether the pieces are one well-known word that came apart."""
        if len(pieces) < 2 or len(whole) < 4:
            return False
        if any(b[0].isupper() and a[-1].islower() for a, b in pairwise(pieces)):
            return False
        count = self._words[whole]
        lower = [piece.lower() for piece in pieces]
        if self._parts_ligature(lower):
            return True
        if count < _EVIDENT_TEXTS:
            return False
        if any(10 * self._pairs.get(pair, 0) > count for pair in pairwise(lower)):
            return False
        rare = max(1, count // 20)
        debris = any(len(piece) > 1 and self._words.get(piece, 0) <= rare for piece in lower)
        return debris and len(self._split(whole)) == 1

    def _parts_ligature(self, pieces: list[str]) -> bool:
        """Tell whether a gap stands inside a ligature or behind one, beside what is no word."""
        # Files break words there, so often that the debris passes for words.
        return any(
            _LIGATURE_GAP.search(" ".join(pair)) and any(self._is_debris(one, pair) for one in pair)
            for pair in pairwise(pieces)
        )

    def _is_debris(self, word: str, pair: tuple[str, str]) -> bool:
        """Tell what stands nowhere but beside the other half of its word."""
        if word in _COMMON:
            return False
        return len(word) < 3 or 2 * self._pairs.get(pair, 0) >= self._words.get(word, 0)

    def _spaced(self, match: re.Match[str]) -> str:
        """Return a word with its lost spaces."""
        word = match[0]
        if word not in self._spellings:
            self._spellings[word] = self._spell(word)
        return self._spellings[word]

    def _spell(self, word: str) -> str:
        if len(word) < 3 or (word.isupper() and len(word) < 5):
            return word
        if len(set(word)) < 3:  # a mask: XXXXXX
            return word
        parts = self._split(word.lower())
        if len(parts) == 1 or not self._fits_case(word, parts):
            return word
        spaced, start = [], 0
        for part in parts:
            spaced.append(word[start : start + len(part)])
            start += len(part)
        return " ".join(spaced)

    def _split(self, word: str) -> tuple[str, ...]:
        """Return the words that a lower-case word is made of, itself alone if it is one word."""
        if word not in self._parts:
            self._parts[word] = self._best_split(word)
        return self._parts[word]

    def _best_split(self, word: str) -> tuple[str, ...]:
        """Find the likeliest sequence of known neighbours that spells the word (Viterbi)."""
        if word in _WHOLE_WORDS or len(word) > _LONGEST_RUN:
            return (word,)
        count = self._words.get(word, 0)
        # Where a part may start → the last part before it → score and parts so far.
        paths: dict[int, dict[str, tuple[float, tuple[str, ...]]]] = {0: {"": (0.0, ())}}
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + _LONGEST_WORD) + 1):
                part = word[start:end]
                if start not in paths or part == word or not self._is_part(part):
                    continue
                score, parts = max(
                    (before + self._link(last, part, count), parts)
                    for last, (before, parts) in paths[start].items()
                )
                if score > -inf:
                    paths.setdefault(end, {})[part] = (score, (*parts, part))
        return max(paths[len(word)].values())[1] if len(word) in paths else (word,)

    def _is_part(self, part: str) -> bool:
        if len(part) < 3:
            return part in _SHORT_WORDS
        return self._words.get(part, 0) >= _KNOWN_TEXTS and len(self._split(part)) == 1

    def _link(self, last: str, part: str, count: int) -> float:
        """Score ``part`` after ``last``, glued in ``count`` texts; minus infinity: one word."""
        score = log(self._words.get(part, 1) / max(self._texts, 1)) - 1.0
        if not last:
            return score
        if self._parts_ligature([last, part]):
            return -inf
        # No English word starts with "of" and another word, bar "often".
        if last == "of" and part != "ten" and self._words.get(part, 0) >= self._common:
            return score
        apart = self._pairs.get((last, part), 0)
        glued = (last in _GLUE_WORDS) + (part in _GLUE_WORDS)
        if glued == 0 and count >= self._common:
            return -inf
        needed = (max(4, 3 * count), max(2, count), max(2, count // 2))[glued]
        if glued == 1 and len(last) < 3:
            needed = max(4, 4 * count)
        if apart >= needed:
            return score + log(apart)
        return score - self._penalty(last, part, count, glued)

    def _penalty(self, last: str, part: str, count: int, glued: int) -> float:
        """Return what a link without evidence costs; infinity but for one writer's slip."""
        if count > 1 or any(self._words.get(one, 0) < self._common for one in (last, part)):
            return inf
        if glued == 0:
            long = min(len(last), len(part)) > 5
            return 6.0 if long and not {last, part} & _AFFIXES else inf
        free, glue = (last, part) if part in _GLUE_WORDS else (part, last)
        return 4.0 if len(free) > 4 and len(glue) > 2 else inf

    def _fits_case(self, word: str, parts: tuple[str, ...]) -> bool:
        """Refuse to split a name: a capital inside a part, or parts that are seldom neighbours."""
        if word.isupper() or word.islower():
            return True
        starts = {0}
        for part in parts:
            starts.add(max(starts) + len(part))
        inner = [place for place in range(1, len(word)) if word[place].isupper()]
        if any(place not in starts and not word[place - 1].isupper() for place in inner):
            return False
        if len(inner) < len(parts) - 1 or _GLUE_WORDS & set(parts):
            return True
        count = self._words.get(word.lower(), 0)
        return all(self._pairs.get(pair, 0) >= max(4, 5 * count) for pair in pairwise(parts))
