"""Finding texts of the same person: copies, versions of one résumé, and shared contact details."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from cvseeker.core.overlap import exact_duplicates, word_ngrams

if TYPE_CHECKING:
    from datasketch import MinHash

_WORD = re.compile(r"[^\W_]+")
_SHINGLE_WORDS = 5
_COPY_WORDS = 8
_PERMUTATIONS = 64
# MinHash only proposes pairs, so its threshold lies under the one that decides.
_PROPOSAL_MARGIN = 0.15
# An 8-gram of more texts than this is boilerplate, a watermark or a template, and says nothing.
_MOST_SHARERS = 20
# A text with fewer 8-grams than this can be contained in another by chance.
_FEWEST_GRAMS = 8

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d ().-]{7,17}\d(?![\w])")


def person_groups(texts: Mapping[str, str], *, similarity: float) -> dict[str, str]:
    """Group texts that are, by their wording or their contact details, of one person.

    Two texts belong together if the Jaccard similarity of their word 5-grams reaches
    ``similarity``, if one holds that share of the other's word 8-grams, or if they name the same
    e-mail address, or the same telephone number and the same first line.

    Parameters
    ----------
    texts
        Id → text: résumés, or the passages of a data set.
    similarity
        Share from 0 to 1.

    Returns
    -------
    dict of str to str
        Id → group id, the smallest id of the group; in the order given.
    """
    groups = Groups(texts)
    for copy, original in exact_duplicates(texts).items():
        groups.join(copy, original)
    shingles = {key: word_ngrams(text, _SHINGLE_WORDS) for key, text in texts.items()}
    for one, other in _similar_pairs(shingles, similarity):
        own, others = shingles[one], shingles[other]
        if len(own & others) >= similarity * len(own | others):
            groups.join(one, other)
    _join_copies(texts, groups, share=similarity)
    for key_of in (_emails, _phones):
        _join_by_key(texts, groups, key_of)
    return groups.ids()


class Groups:
    """Union-find over ids."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._parent = {key: key for key in keys}

    def root(self, key: str) -> str:
        """Return the id that stands for the group for now."""
        while self._parent[key] != key:
            self._parent[key] = self._parent[self._parent[key]]
            key = self._parent[key]
        return key

    def join(self, one: str, other: str) -> None:
        """Put two ids, and all that go with them, into one group."""
        smaller, larger = sorted((self.root(one), self.root(other)))
        self._parent[larger] = smaller

    def ids(self) -> dict[str, str]:
        """Return id → smallest id of its group."""
        return {key: self.root(key) for key in self._parent}


def _join_copies(texts: Mapping[str, str], groups: Groups, *, share: float) -> None:
    """Join texts of which one holds at least ``share`` of the other's word 8-grams."""
    grams, holders = _grams_and_holders(texts.items())
    for key, own in grams:
        if len(own) < _FEWEST_GRAMS:
            continue
        shared: dict[str, int] = defaultdict(int)
        for gram in own:
            if len(holders[gram]) <= _MOST_SHARERS:
                for other in holders[gram]:
                    shared[other] += 1
        for other, count in shared.items():
            if other != key and count >= share * len(own):
                groups.join(key, other)


def _grams_and_holders(
    texts: Iterable[tuple[str, str]],
) -> tuple[list[tuple[str, set[int]]], dict[int, list[str]]]:
    """Return the word 8-grams of each text, and whose texts have each of them."""
    grams = [(key, word_ngrams(text, _COPY_WORDS)) for key, text in texts]
    holders: dict[int, list[str]] = defaultdict(list)
    for key, own in grams:
        for gram in own:
            holders[gram].append(key)
    return grams, holders


def join_overlapping(texts: Iterable[tuple[str, str]], groups: Groups, *, share: float) -> None:
    """Join the groups that hold more than ``share`` of a text's 8-grams, boilerplate or not.

    Of each text comes first whose it is: several may be of one.
    """
    # Afterwards no text has more than that share in all the other groups together, so that no
    # split by group can leak more.
    grams, holders = _grams_and_holders(texts)
    changed = True
    while changed:
        changed = False
        for key, own in grams:
            while own:
                root = groups.root(key)
                counts: dict[str, int] = defaultdict(int)
                foreign = 0
                for gram in own:
                    if len(holders[gram]) == 1:
                        continue
                    others = {groups.root(other) for other in holders[gram]} - {root}
                    foreign += bool(others)
                    for other in others:
                        counts[other] += 1
                if foreign <= share * len(own):
                    break
                groups.join(key, min(counts, key=lambda other: (-counts[other], other)))
                changed = True


def _similar_pairs(
    shingles: Mapping[str, set[int]], similarity: float
) -> Iterator[tuple[str, str]]:
    """Propose pairs whose MinHash signatures agree well enough."""
    from datasketch import MinHashLSH

    threshold = max(0.1, similarity - _PROPOSAL_MARGIN)
    index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS)
    for key, own in shingles.items():
        if own:
            signature = _signature(own)
            for other in sorted(index.query(signature)):
                yield str(other), key
            index.insert(key, signature)


def _signature(shingles: set[int]) -> "MinHash":
    from datasketch import MinHash

    signature = MinHash(num_perm=_PERMUTATIONS, seed=1, hashfunc=_as_hash)
    signature.update_batch(sorted(shingles))
    return signature


def _as_hash(value: int) -> int:
    # datasketch permutes hashes of 32 bits; the upper ones are mixed best.
    return value >> 32


def _join_by_key(
    texts: Mapping[str, str], groups: Groups, key_of: Callable[[str], Iterable[str]]
) -> None:
    holders: dict[str, list[str]] = defaultdict(list)
    for key, text in texts.items():
        for contact in set(key_of(text)):
            holders[contact].append(key)
    for keys in holders.values():
        # What many share is an agency's or a placeholder.
        if 1 < len(keys) <= 5:
            for one, other in pairwise(keys):
                groups.join(one, other)


def _emails(text: str) -> Iterator[str]:
    """Yield the addresses on a text's first lines: further down they are referees'."""
    for match in _EMAIL.finditer(text[:600].lower()):
        if "xx" not in match[0]:
            yield match[0]


def _phones(text: str) -> Iterator[str]:
    """Yield the telephone numbers on a text's first lines, each with the text's first words."""
    first_words = " ".join(_WORD.findall(text[:80].lower())[:2])
    for match in _PHONE.finditer(text[:600]):
        digits = "".join(char for char in match[0] if char.isdigit())
        if len(digits) >= 9 and len(set(digits)) > 2:
            yield f"{digits[-9:]} {first_words}"
