"""The words of all résumés, looked up in the record's full text without reading the résumés.

Where FTS5's idea of a word may be another than that of queries, and only there, the texts are read.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache

from cvseeker.core.record import Record
from cvseeker.retrieval.bm25 import stems
from cvseeker.retrieval.boolean import Leaf, SearchedText

_SIGNS = re.compile(r"[+#]")
# Résumés whose spelling of a word is looked at.
_SPELLINGS = 20
# Beyond every word that begins like one.
_LAST = "\U0010ffff"


class FullText:
    """The words of a record's résumés."""

    def __init__(self, record: Record) -> None:
        self._record = record
        record.write(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary "
            "USING fts5vocab(main, full_text, row)"
        )

    def having(self, leaf: Leaf) -> set[int]:
        """Return the numbers of those whose text has a word, a phrase or a beginning of words."""
        odd = {number for (number,) in self._record.rows("SELECT number FROM odd_candidates")}
        found = {number for number, text in self._texts(odd) if _read(text).has(leaf)}
        plain = self._by_stems if leaf.kind == "word" else self._by_phrase
        return found | plain(leaf, odd)

    def _by_stems(self, leaf: Leaf, odd: set[int]) -> set[int]:
        """Return who has each of a word's stems, among texts of plain ASCII."""
        wanted = stems(leaf.text)
        if not wanted:  # a stop word is everywhere
            return {number for (number,) in self._record.rows("SELECT number FROM candidates")}
        if not all(map(str.isascii, wanted)):
            return set()
        found = set.intersection(*(self._matching(_any(self._terms(one))) - odd for one in wanted))
        # "C" is another word than "C++", and no other letter is one.
        if all(len(one) > 1 and one.isalnum() for one in wanted):
            return found
        return {number for number, text in self._texts(found) if _read(text).has(leaf)}

    def _by_phrase(self, leaf: Leaf, odd: set[int]) -> set[int]:
        """Return who has words in a row, the last one perhaps cut short, among plain texts."""
        words = SearchedText.words_of(leaf.text).split()
        if not all(map(str.isascii, words)):
            return set()
        bare = [_SIGNS.sub("", word) for word in words]
        is_prefix = leaf.kind == "prefix"
        found = self._matching(f'"{" ".join(bare)}"{" *" if is_prefix else ""}') - odd
        whole = bare[:-1] if is_prefix else bare
        # "Java" in quotes is another word than "Java#".
        doubtful = found
        if bare == words:
            signed = [f"%{word}{sign}%" for word in whole for sign in "+#"]
            doubtful = {
                number
                for like in signed
                for (number,) in self._record.rows(
                    f"SELECT number FROM candidates WHERE {Record.among('number')} AND text LIKE ?",
                    (str(sorted(found)), like),
                )
            }
        wanted = SearchedText.words_of(leaf.text)[: -1 if is_prefix else None]
        checked = {
            number
            for number, text in self._texts(doubtful)
            if wanted in SearchedText.words_of(text)
        }
        return (found - doubtful) | checked

    def _matching(self, query: str) -> set[int]:
        """Return the numbers that FTS5 finds."""
        if not query:
            return set()
        rows = self._record.rows("SELECT rowid FROM full_text WHERE full_text MATCH ?", (query,))
        return {number for (number,) in rows}

    def _texts(self, numbers: Collection[int]) -> Iterator[tuple[int, str]]:
        if numbers:
            query = f"SELECT number, text FROM candidates WHERE {Record.among('number')}"
            yield from self._record.rows(query, (str(sorted(numbers)),))

    def _terms(self, stem: str) -> list[str]:
        """Return the words that have a stem: they begin like it, but for its last two letters."""
        begin = _SIGNS.sub("", stem)
        begin = begin[: max(1, len(begin) - 2)]
        rows = self._record.rows(
            "SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ?", (begin, begin + _LAST)
        )
        bare = _SIGNS.sub("", stem)
        return [term for (term,) in rows if term == bare or stem in stems(term)]

    def knows(self, word: str) -> bool:
        """Tell whether a résumé has a word, in any form of it."""
        return any(self._terms(stem) for stem in stems(_folded(word)))

    def beginning(self, letter: str) -> dict[str, int]:
        """Return in how many résumés each word stands that begins with a letter, without accents.

        A word that only one has is left out.
        """
        first = _folded(letter)
        query = "SELECT term, doc FROM temp.vocabulary WHERE term >= ? AND term < ? AND doc > 1"
        return dict(self._record.rows(query, (first, first + _LAST)))

    def spelt(self, term: str) -> str:
        """Return how a word without its accents is spelt mostly."""
        numbers = sorted(self._matching(_any([term])))[:_SPELLINGS]
        counts = Counter(
            word
            for _, text in self._texts(numbers)
            for word in SearchedText.words_of(text).split()
            if _folded(word) == term
        )
        return max(counts, key=lambda word: (counts[word], word), default=term)


# Of plain texts none is kept.
@lru_cache(maxsize=2000)
def _read(text: str) -> SearchedText:
    return SearchedText.from_text(text)


def _any(terms: Collection[str]) -> str:
    return " OR ".join(f'"{term}"' for term in terms)


def _folded(word: str) -> str:
    """Return a word in lower case without accents, as FTS5 keeps it."""
    letters = unicodedata.normalize("NFKD", word.lower())
    return "".join(one for one in letters if not unicodedata.combining(one))
