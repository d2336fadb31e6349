"""Finding texts of the same person: copies, versions of one résumé, and shared contact details."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING

from cvseeker.core.overlap import exact_duplicates, word_ngrams
from cvseeker.resumes.contacts import find_emails, find_phones
from cvseeker.resumes.labels import find_labels
from cvseeker.resumes.lexicon import NOT_IN_NAMES
from cvseeker.resumes.name_forms import fold
from cvseeker.resumes.names import PersonName

if TYPE_CHECKING:
    from datasketch import MinHash

_WORD = re.compile(r"[^\W_]+")
SHINGLE_WORDS = 5
COPY_WORDS = 8
_PERMUTATIONS = 64
# MinHash only proposes pairs, so its threshold lies under the one that decides.
_PROPOSAL_MARGIN = 0.15
# An 8-gram of more texts than this is boilerplate, a watermark or a template, and says nothing.
MOST_SHARERS = 20
# A text with fewer 8-grams than this can be contained in another by chance.
FEWEST_GRAMS = 8

# Addresses and numbers are looked for so far into a text.
_FARTHEST = 100_000
_FEW, _MOST_NAMESAKES = 5, 50
_LETTERS = re.compile(r"[^a-z]")
# Addresses of offices, not of people.
_ROLES = frozenset(
    "info contact contacto kontakt office jobs job hr recruiting recruitment recruiter career "
    "careers bewerbung cv resume resumes admin mail sales support hello team post service talent "
    "noreply".split()
)


def person_groups(texts: Mapping[str, str], *, similarity: float) -> dict[str, str]:
    """Group texts that are, by their wording or their contact details, of one person.

    Two texts belong together if the Jaccard similarity of their word 5-grams reaches
    ``similarity``, if one holds that share of the other's word 8-grams, or if both have the same
    e-mail address or telephone number, anywhere, and do not name different people.

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
    group_texts(texts, groups, similarity=similarity)
    return groups.ids()


def group_texts(texts: Mapping[str, str], groups: "Groups", *, similarity: float) -> None:
    """Group texts as :func:`person_groups` does, and keep the reasons."""
    for copy, original in exact_duplicates(texts).items():
        groups.join(copy, original, "the same text")
    shingles = {key: word_ngrams(text, SHINGLE_WORDS) for key, text in texts.items()}
    for one, other in _similar_pairs(shingles, similarity):
        own, others = shingles[one], shingles[other]
        if len(own & others) >= similarity * len(own | others):
            groups.join(one, other, "nearly the same text")
    _join_copies(texts, groups, share=similarity)
    join_by_contacts(texts, groups)


class Groups:
    """Union-find over ids, with the reason of every union."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._parent = {key: key for key in keys}
        self._reasons: list[tuple[str, str, str]] = []

    def root(self, key: str) -> str:
        """Return the id that stands for the group for now."""
        while self._parent[key] != key:
            self._parent[key] = self._parent[self._parent[key]]
            key = self._parent[key]
        return key

    def join(self, one: str, other: str, reason: str = "") -> None:
        """Put two ids, and all that go with them, into one group."""
        smaller, larger = sorted((self.root(one), self.root(other)))
        if smaller != larger:
            self._parent[larger] = smaller
            self._reasons.append((one, other, reason))

    def ids(self) -> dict[str, str]:
        """Return id → smallest id of its group."""
        return {key: self.root(key) for key in self._parent}

    def reasons(self) -> dict[str, dict[str, str]]:
        """Return id → the ids that it was joined with, and why."""
        known: dict[str, dict[str, str]] = defaultdict(dict)
        for one, other, reason in self._reasons:
            known[one].setdefault(other, reason)
            known[other].setdefault(one, reason)
        return dict(known)


def _join_copies(texts: Mapping[str, str], groups: Groups, *, share: float) -> None:
    """Join texts of which one holds at least ``share`` of the other's word 8-grams."""
    grams, holders = _grams_and_holders(texts.items())
    for key, own in grams:
        if len(own) < FEWEST_GRAMS:
            continue
        shared: dict[str, int] = defaultdict(int)
        for gram in own:
            if len(holders[gram]) <= MOST_SHARERS:
                for other in holders[gram]:
                    shared[other] += 1
        for other, count in shared.items():
            if other != key and count >= share * len(own):
                groups.join(key, other, "a text that holds the other's")


def _grams_and_holders(
    texts: Iterable[tuple[str, str]],
) -> tuple[list[tuple[str, set[int]]], dict[int, list[str]]]:
    """Return the word 8-grams of each text, and whose texts have each of them."""
    grams = [(key, word_ngrams(text, COPY_WORDS)) for key, text in texts]
    holders: dict[int, list[str]] = defaultdict(list)
    for key, own in grams:
        for gram in own:
            holders[gram].append(key)
    return grams, holders


def join_overlapping(texts: Iterable[tuple[str, str]], groups: Groups, *, share: float) -> None:
    """Join the groups that hold more than ``share`` of a text's 8-grams, boilerplate or not.

    Of each text comes first whose it is: several may be of one.
    """
    grams, holders = _grams_and_holders(texts)
    join_foreign(grams, holders, groups, share=share)


def join_foreign(
    grams: Sequence[tuple[str, set[int]]],
    holders: Mapping[int, Sequence[str]],
    groups: Groups,
    *,
    share: float,
) -> None:
    """Join the groups that hold more than ``share`` of a text's 8-grams, given who holds which."""
    # Afterwards no text has more than that share in all the other groups together, so that no
    # split by group can leak more.
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
                nearest = min(counts, key=lambda other: (-counts[other], other))
                groups.join(key, nearest, "passages in common")
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


def join_by_contacts(
    texts: Mapping[str, str], groups: Groups, *, newcomers: Set[str] | None = None
) -> None:
    """Join the texts that have an address or a number in common, unless they name others.

    With ``newcomers``, only by what one of them has.
    """
    names: dict[str, frozenset[str]] = {}
    for what, holders in _holders(texts):
        if newcomers is not None and newcomers.isdisjoint(holders):
            continue
        for key in holders:
            if key not in names:
                names[key] = _name_parts(texts[key])
        for one, other in _same_people(holders, names, strict="number" in what):
            groups.join(one, other, f"the same {what}")


def _holders(texts: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield what is shared, and the texts that share it, for every shared contact."""
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, text in texts.items():
        for contact in contacts(text):
            holders[contact].append(key)
    for (what, _), keys in holders.items():
        if len(keys) > 1:
            yield what, keys


def contacts(text: str) -> list[tuple[str, str]]:
    """Return a text's e-mail addresses, and the last nine digits of its telephone numbers."""
    return list(dict.fromkeys(_contacts(text[:_FARTHEST])))


def _contacts(text: str) -> Iterator[tuple[str, str]]:
    for mail in find_emails(text):
        local = mail.value.partition("@")[0]
        if "xx" not in mail.value and _LETTERS.split(local)[0] not in _ROLES:
            yield "e-mail address", mail.value
    for phone in find_phones(text, find_labels(text)):
        if len(phone.value) >= 9 and len(set(phone.value)) > 2:
            yield "telephone number", phone.value[-9:]


def _name_parts(text: str) -> frozenset[str]:
    """Return the parts of the candidate's name, or else of a text's first words."""
    name = PersonName.from_text(text).full or " ".join(_WORD.findall(text[:80])[:2])
    parts = (fold(run).lower() for run in _WORD.findall(name))
    return frozenset(part for part in parts if len(part) > 1 and part not in NOT_IN_NAMES)


def _same_people(
    keys: Sequence[str], names: Mapping[str, frozenset[str]], *, strict: bool
) -> Iterator[tuple[str, str]]:
    """Yield pairs among those who share a contact.

    Few may share it without a name that says who they are. What many share, or people of
    different names, is an agency's, a referee's or a placeholder, and joins only namesakes.
    """
    few = len(keys) <= _FEW
    # A family shares a name and a telephone.
    fewest = 2 if strict or not few else 1
    by_part: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        for part in sorted(names[key]):
            for other in by_part[part][:_MOST_NAMESAKES]:
                shared = names[key] & names[other]
                if len(shared) >= min(fewest, len(names[key]), len(names[other])):
                    yield other, key
            by_part[part].append(key)
    if few:
        unnamed = [key for key in keys if not names[key] or not _is_latin(names[key])]
        named = [key for key in keys if key not in unnamed]
        agree = all(names[one] & names[other] for one, other in pairwise(named))
        if unnamed and agree:
            yield from pairwise(keys)


def _is_latin(parts: frozenset[str]) -> bool:
    """Tell whether a name is written in letters in which others' can be compared with it."""
    return all(part.isascii() for part in parts)
