"""How much of each text stands word for word in other texts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.overlap import word_ngrams

# As the splits are checked by: shared by copying, hardly ever by chance.
NGRAM_WORDS = 8
# A text with fewer 8-grams than this can be held by another by chance.
FEWEST_NGRAMS = 8


@dataclass(frozen=True, slots=True)
class Copy:
    """The share of a text's 8-grams that stand in the other texts, and which of them has most."""

    share: float
    source: str


def find_copies(texts: Mapping[str, str], others: Mapping[str, str]) -> dict[str, Copy]:
    """Measure how much of each text's wording stands in other texts.

    Parameters
    ----------
    texts
        Id → text; all their 8-grams are held at once, 8 bytes each.
    others
        Id → text, read one at a time.

    Returns
    -------
    dict
        Id → copy, for the texts of which at least one 8-gram stands elsewhere, and which have
        enough of them to tell.

    Examples
    --------
    >>> text = "one two three four five six seven eight nine ten eleven twelve thirteen 14 15 16"
    >>> find_copies({"a": text}, {"b": f"{text} and more"})["a"]
    Copy(share=1.0, source='b')
    """
    keys = list(texts)
    grams = [_ngrams(texts[key]) for key in keys]
    lengths = np.array([len(one) for one in grams])
    if not lengths.sum():
        return {}
    every = np.concatenate(grams)
    order = np.argsort(every, kind="stable")
    owners = np.repeat(np.arange(len(keys)), lengths)[order]
    every = every[order]
    seen = np.zeros(len(every), dtype=bool)
    most = np.zeros(len(keys), dtype=np.int64)
    source = [""] * len(keys)
    for other, text in others.items():
        found = _ngrams(text)
        begins = np.searchsorted(every, found, "left")
        ends = np.searchsorted(every, found, "right")
        held = begins < ends
        places = [np.arange(a, b) for a, b in zip(begins[held], ends[held], strict=True)]
        if not places:
            continue
        at = np.concatenate(places)
        seen[at] = True
        for owner, count in zip(*np.unique(owners[at], return_counts=True), strict=True):
            if count > most[owner]:
                most[owner], source[owner] = count, other
    shared = np.bincount(owners, weights=seen, minlength=len(keys))
    return {
        key: Copy(float(shared[at] / lengths[at]), source[at])
        for at, key in enumerate(keys)
        if shared[at] and lengths[at] >= FEWEST_NGRAMS
    }


def _ngrams(text: str) -> NDArray[np.uint64]:
    return np.sort(np.fromiter(word_ngrams(text, NGRAM_WORDS), np.uint64))
