"""Which texts repeat each other: word n-grams, and repetitions but for case and punctuation."""

import re
from collections.abc import Mapping
from zlib import crc32

import numpy as np

from cvseeker.core.hashes import text_hash

_WORD = re.compile(r"[^\W_]+")
# Odd and large, so that the order of the words counts in every bit.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def word_ngrams(text: str, size: int) -> set[int]:
    """Return the hashes of a text's word n-grams, letters and digits only, lower case.

    Parameters
    ----------
    text
        Any text; one shorter than ``size`` words has no n-gram.
    size
        Words in an n-gram.

    Returns
    -------
    set of int
        64-bit hashes that are the same in every process.
    """
    words = _WORD.findall(text.lower())
    count = len(words) - size + 1
    if count < 1:
        return set()
    codes = np.fromiter((crc32(word.encode("utf-8", "replace")) for word in words), np.uint64)
    hashes = np.zeros(count, np.uint64)
    for place in range(size):
        hashes = hashes * _MULTIPLIER + codes[place : place + count]  # (count,), modulo 2**64
    return set(hashes.tolist())


def exact_duplicates(texts: Mapping[str, str]) -> dict[str, str]:
    """Find texts that repeat an earlier one but for case, punctuation and whitespace.

    Parameters
    ----------
    texts
        Id → text.

    Returns
    -------
    dict of str to str
        Id of each repetition → id of the first text that says the same.
    """
    first: dict[str, str] = {}
    repeated: dict[str, str] = {}
    for key, text in texts.items():
        words = " ".join(_WORD.findall(text.lower()))
        original = first.setdefault(text_hash(words or text), key)
        if original != key:
            repeated[key] = original
    return repeated
