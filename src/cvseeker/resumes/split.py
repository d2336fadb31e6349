"""Splitting passages into train, val and test by person, and proof that nothing leaks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from cvseeker.core.errors import DatasetError
from cvseeker.core.hashes import text_hash
from cvseeker.core.overlap import UIntArray, ngram_hashes
from cvseeker.core.records import Passage, Split

BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

# Word n-grams this long are shared by copying, hardly ever by chance.
NGRAM_WORDS = 8
_NOTABLE_OVERLAP = 0.1
_LISTED = 10


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """How much of the val and test passages' wording stands in another split."""

    # Val and test passages compared, and those with more than a tenth of their 8-grams elsewhere.
    passages: int
    over_10_percent: int
    worst_overlap: float
    # Passage id, its split, the other split and the share, the largest first, up to ten.
    worst: tuple[tuple[str, str, str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {**asdict(self), "worst": [list(row) for row in self.worst]}


def assign_splits(
    group_of: Mapping[str, str],
    *,
    val_share: float,
    test_share: float,
    seed: int,
    known: Mapping[str, Split] = MappingProxyType({}),
) -> dict[str, Split]:
    """Assign every item to a split, all of a group to the same one.

    Groups are put in the order of a hash of their names and the seed; the first are for testing,
    the next for validation. So the shares are exact however few groups there are, and a group
    added later moves hardly any other.

    Parameters
    ----------
    group_of
        Item id → group id.
    val_share, test_share
        Shares of the groups, between 0 and 1, together under 1.
    seed
        Another seed gives another split.
    known
        Group id → the split that it stays in; the others fill up what the shares leave.

    Returns
    -------
    dict of str to Split
        Item id → ``train``, ``val`` or ``test``, in the order given.

    Raises
    ------
    DatasetError
        If the two shares leave nothing to train on.
    """
    if val_share + test_share >= 1:
        raise DatasetError(
            f"val_share {val_share} and test_share {test_share} leave nothing to train on; "
            "give shares that add up to less than 1"
        )
    groups = set(group_of.values())
    tests = _count(test_share, len(groups))
    # Rounding up must leave somebody to train on.
    vals = min(_count(val_share, len(groups)), max(len(groups) - tests - 1, 0))
    split_of_group = {group: split for group, split in known.items() if group in groups}
    taken = Counter(split_of_group.values())
    for group in sorted(groups - known.keys(), key=lambda group: text_hash(str(seed), group)):
        split: Split = (
            "test" if taken["test"] < tests else "val" if taken["val"] < vals else "train"
        )
        taken[split] += 1
        split_of_group[group] = split
    return {item: split_of_group[group] for item, group in group_of.items()}


def _count(share: float, groups: int) -> int:
    """Return how many groups a share comes to; at least one, if there are three to share out."""
    if share == 0 or groups < 3:
        return 0
    return min(max(1, round(share * groups)), groups - 1)


def split_overlap(
    passages: Sequence[Passage], grams: Sequence[UIntArray] | None = None
) -> list[tuple[str, str, str, float]]:
    """Return passage id, its split, another, the share of its 8-grams there; largest first.

    ``grams`` are the passages' 8-grams where they are known.
    """
    if grams is None:
        grams = [ngram_hashes(passage.text, NGRAM_WORDS) for passage in passages]
    pairs = list(zip(passages, grams, strict=True))
    seen = {
        name: np.unique(_joined(own for one, own in pairs if one.split == name))
        for name in ("train", "test")
    }
    rows = []
    for split, others in _OTHERS.items():
        chosen = [at for at, one in enumerate(passages) if one.split == split and len(grams[at])]
        sizes = np.array([len(grams[at]) for at in chosen], dtype=np.int64)  # (n_chosen,)
        owners = np.repeat(np.arange(len(chosen)), sizes)
        own = _joined(grams[at] for at in chosen)
        for other in others:
            shared = np.bincount(owners[_is_in(own, seen[other])], minlength=len(chosen))
            rows += [
                (passages[at].passage_id, split, str(other), float(share))
                for at, share in zip(chosen, shared / sizes, strict=True)
            ]
    return sorted(rows, key=lambda row: (-row[3], row[0], row[2]))


def _joined(arrays: Iterable[UIntArray]) -> UIntArray:
    return np.concatenate([np.zeros(0, np.uint64), *arrays])


def _is_in(values: UIntArray, among: UIntArray) -> BoolArray:
    """Tell which values are in a sorted array; shape of ``values``."""
    if not len(among):
        return np.zeros(len(values), dtype=bool)
    places = np.minimum(np.searchsorted(among, values), len(among) - 1)
    found: BoolArray = among[places] == values
    return found


def check_leakage(
    passages: Sequence[Passage],
    grams: Sequence[UIntArray] | None = None,
    *,
    max_overlap: float,
) -> LeakageReport:
    """Refuse a split whose val or test passages repeat another split's wording."""
    rows = split_overlap(passages, grams)
    leaking = [row for row in rows if row[3] > max_overlap]
    if leaking:
        named = "; ".join(
            f"{passage_id} ({split}) shares {share:.0%} with {other}"
            for passage_id, split, other, share in leaking[:3]
        )
        count = len({row[0] for row in leaking})
        raise DatasetError(
            f"{count} passages repeat more than {max_overlap:.0%} of their wording in another "
            f"split: {named}; lower duplicate_similarity, or remove one of the two résumés"
        )
    return LeakageReport(
        passages=len({row[0] for row in rows}),
        over_10_percent=len({row[0] for row in rows if row[3] > _NOTABLE_OVERLAP}),
        worst_overlap=round(rows[0][3], 4) if rows else 0.0,
        worst=tuple((*row[:3], round(row[3], 4)) for row in rows[:_LISTED] if row[3] > 0),
    )


_OTHERS: dict[Split, tuple[Split, ...]] = {
    "train": (),
    "val": ("train", "test"),
    "test": ("train",),
}
