"""Whom a few new résumés belong to, told by what is kept of the many that are known."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from cvseeker.core.hashes import text_hash
from cvseeker.core.overlap import UIntArray, ngram_hashes
from cvseeker.resumes.persons import (
    COPY_WORDS,
    FEWEST_GRAMS,
    MOST_SHARERS,
    SHINGLE_WORDS,
    Groups,
    contacts,
    join_foreign,
)

IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is compared of a résumé: hashes of its word n-grams and contacts, each sorted."""

    shingles: UIntArray
    copies: UIntArray
    contacts: UIntArray
    # Of each passage.
    grams: tuple[UIntArray, ...]

    @classmethod
    def of(cls, text: str, passages: Iterable[str]) -> Self:
        """Hash a résumé's text and its passages' texts."""
        found = sorted(int(text_hash(*contact), 16) for contact in contacts(text))
        return cls(
            ngram_hashes(text, SHINGLE_WORDS),
            ngram_hashes(text, COPY_WORDS),
            np.array(found, dtype=np.uint64),
            tuple(ngram_hashes(passage, COPY_WORDS) for passage in passages),
        )


class _Hashes:
    """All hashes of a sort, and who has each: ``values[at]`` is of ``owners[at]``."""

    def __init__(self, arrays: Sequence[UIntArray]) -> None:
        self.sizes = np.array([len(array) for array in arrays], dtype=np.int64)
        self.values: UIntArray = np.concatenate([np.zeros(0, np.uint64), *arrays])
        self.owners: IntArray = np.repeat(np.arange(len(arrays)), self.sizes)

    def among(self, wanted: UIntArray) -> tuple[UIntArray, IntArray]:
        """Return the hashes that are wanted, and their owners; shapes (n_found,)."""
        found = np.isin(self.values, wanted)
        return self.values[found], self.owners[found]


def join_newcomers(
    sketches: Mapping[str, Sketch],
    newcomers: Sequence[str],
    groups: Groups,
    *,
    similarity: float,
    share: float,
) -> None:
    """Join new résumés to the groups of those that are known, and these where they connect them.

    By their wording; for contacts, see :func:`sharers`. What makes one person of two résumés is
    what :func:`person_groups` and
    :func:`join_overlapping` say; pairs of known ones are not compared again.
    """
    keys = list(sketches)
    places = {key: place for place, key in enumerate(keys)}
    new = [places[key] for key in newcomers]
    shingles = _Hashes([sketch.shingles for sketch in sketches.values()])
    for at, shared in _shared(shingles, new):
        union = shingles.sizes + shingles.sizes[at] - shared
        alike = shared >= similarity * np.maximum(union, 1)
        _join(at, alike, keys, groups, "nearly the same text")
    copies = _Hashes([sketch.copies for sketch in sketches.values()])
    long_enough = copies.sizes >= FEWEST_GRAMS
    for at, shared in _shared(copies, new, most=MOST_SHARERS):
        holds = long_enough & (shared >= similarity * copies.sizes)
        lies_within = long_enough[at] & (shared >= similarity * copies.sizes[at])
        _join(at, holds | lies_within, keys, groups, "a text that holds the other's")
    _join_passages(sketches, set(newcomers), groups, share=share)


def _shared(
    hashes: _Hashes, new: Sequence[int], *, most: int = 0
) -> Iterable[tuple[int, IntArray]]:
    """Yield each new owner and how many hashes it shares with every owner, shape (n_owners,).

    With ``most``, hashes that more owners than that have do not count.
    """
    count = len(hashes.sizes)
    wanted = np.unique(hashes.values[np.isin(hashes.owners, new)])
    values, owners = hashes.among(wanted)
    if most:
        places = np.searchsorted(wanted, values)
        common = np.bincount(places, minlength=len(wanted)) > most
        values, owners = values[~common[places]], owners[~common[places]]
    for at in new:
        mine = np.isin(values, values[owners == at])
        shared = np.bincount(owners[mine], minlength=count)
        shared[at] = 0
        yield at, shared


def _join(
    at: int, alike: np.ndarray[Any, Any], keys: Sequence[str], groups: Groups, reason: str
) -> None:
    for other in np.flatnonzero(alike).tolist():
        if other != at:
            groups.join(keys[at], keys[other], reason)


def sharers(sketches: Mapping[str, Sketch], newcomers: Sequence[str]) -> list[str]:
    """Return all who have a contact that a newcomer has, newcomers included."""
    hashes = _Hashes([sketch.contacts for sketch in sketches.values()])
    _, found = hashes.among(_all_of([sketches[key].contacts for key in newcomers]))
    keys = list(sketches)
    return [keys[at] for at in np.unique(found).tolist()]


def _join_passages(
    sketches: Mapping[str, Sketch], newcomers: set[str], groups: Groups, *, share: float
) -> None:
    """Join until no passage, new or known, has too much of its wording in other groups."""
    owners = [key for key, sketch in sketches.items() for _ in sketch.grams]
    arrays = [grams for sketch in sketches.values() for grams in sketch.grams]
    hashes = _Hashes(arrays)
    new = [at for at, key in enumerate(owners) if key in newcomers]
    _, touched = hashes.among(_all_of([arrays[at] for at in new]))
    looked_at = np.union1d(touched, np.array(new, dtype=np.int64)).tolist()
    values, found = hashes.among(_all_of([arrays[at] for at in looked_at]))
    holders = _holders(values, found, owners)
    grams = [(owners[at], set(arrays[at].tolist())) for at in looked_at]
    join_foreign(grams, holders, groups, share=share)


def _holders(values: UIntArray, found: IntArray, keys: Sequence[str]) -> dict[int, list[str]]:
    """Return each hash → the keys of those that have it."""
    holders: dict[int, list[str]] = defaultdict(list)
    for value, owner in zip(values.tolist(), found.tolist(), strict=True):
        holders[value].append(keys[owner])
    return holders


def _all_of(arrays: Sequence[UIntArray]) -> UIntArray:
    """Return the different hashes of arrays, sorted."""
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *arrays]))
