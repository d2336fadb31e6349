"""Splitting passages into train, val and test by person, and proof that nothing leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cvseeker.core.errors import DatasetError
from cvseeker.core.hashes import text_hash
from cvseeker.core.overlap import word_ngrams
from cvseeker.core.records import Passage, Split

# Word n-grams this long are shared by copying, hardly ever by chance.
_NGRAM_WORDS = 8
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
    group_of: Mapping[str, str], *, val_share: float, test_share: float, seed: int
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
    order = sorted(set(group_of.values()), key=lambda group: text_hash(str(seed), group))
    tests = _count(test_share, len(order))
    # Rounding up must leave somebody to train on.
    vals = min(_count(val_share, len(order)), max(len(order) - tests - 1, 0))
    split_of_group: dict[str, Split] = {
        group: "test" if place < tests else "val" if place < tests + vals else "train"
        for place, group in enumerate(order)
    }
    return {item: split_of_group[group] for item, group in group_of.items()}


def _count(share: float, groups: int) -> int:
    """Return how many groups a share comes to; at least one, if there are three to share out."""
    if share == 0 or groups < 3:
        return 0
    return min(max(1, round(share * groups)), groups - 1)


def split_overlap(passages: Sequence[Passage]) -> list[tuple[str, str, str, float]]:
    """Return passage id, its split, another, the share of its 8-grams there; largest first."""
    grams = {passage.passage_id: word_ngrams(passage.text, _NGRAM_WORDS) for passage in passages}
    seen: dict[Split, set[int]] = {
        name: set().union(*(grams[one.passage_id] for one in passages if one.split == name))
        for name in ("train", "test")
    }
    rows = [
        (passage.passage_id, passage.split, other, len(own & seen[other]) / len(own))
        for passage in passages
        for other in _OTHERS[passage.split]
        if (own := grams[passage.passage_id])
    ]
    return sorted(rows, key=lambda row: (-row[3], row[0], row[2]))


def check_leakage(passages: Sequence[Passage], *, max_overlap: float) -> LeakageReport:
    """Refuse a split whose val or test passages repeat another split's wording."""
    rows = split_overlap(passages)
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
