"""Which texts repeat each other: word n-grams, and repetitions but for case and punctuation."""

import re
from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np

from cvseeker.core.hashes import text_hash

UIntArray = np.ndarray[Any, np.dtype[np.uint64]]

_WORD = re.compile(r"[^\W_]+")
# Odd and large, so that the order of the words counts in every bit.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def ngram_hashes(text: str, size: int) -> UIntArray:
    """Hash a text's word n-grams, letters and digits only, lower case.

    Returns shape (n_different,), uint64, sorted; the same in every process.
    """
    words = _WORD.findall(text.lower())
    count = len(words) - size + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    codes = np.fromiter((crc32(word.encode("utf-8", "replace")) for word in words), np.uint64)
    hashes = np.zeros(count, np.uint64)
    for place in range(size):
        hashes = hashes * _MULTIPLIER + codes[place : place + count]  # (count,), modulo 2**64
    return np.unique(hashes)


def word_ngrams(text: str, size: int) -> set[int]:
    """Return the hashes of a text's word n-grams as a set; see :func:`ngram_hashes`."""
    return set(ngram_hashes(text, size).tolist())


def wording_hash(text: str) -> str:
    """Return what is the same for texts that differ in case, punctuation and whitespace alone."""
    return text_hash(" ".join(_WORD.findall(text.lower())) or text)


def exact_duplicates(texts: Mapping[str, str]) -> dict[str, str]:
    """Return each text that repeats another but for case and punctuation → the first, by id."""
    return repetitions({key: wording_hash(text) for key, text in texts.items()})


def repetitions(hashes: Mapping[str, str]) -> dict[str, str]:
    """Return the id of each hash that an earlier id has → the first such id."""
    first: dict[str, str] = {}
    found = {key: first.setdefault(value, key) for key, value in hashes.items()}
    return {key: original for key, original in found.items() if original != key}
