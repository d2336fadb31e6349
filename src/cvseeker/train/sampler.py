"""Which pairs share a batch: those of one length, and no two of one person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler
from transformers import TrainerCallback

from cvseeker.train.batches import LABEL_COLUMN, LENGTH_COLUMN

IndexArray = NDArray[np.int64]

# Batches sorted by length together, at most: enough to leave little padding.
BUCKET = 50
# Buckets of an epoch, at least: with fewer, the same pairs would meet in every epoch.
LEAST_BUCKETS = 4
# Batches that are looked through for one to exchange a pair with.
REACH = 200


class BucketSampler(DefaultBatchSampler):
    """The batches of an epoch, as :func:`epoch_batches` puts them together.

    The order follows from the seed and the epoch alone, so that a run resumed in the middle of an
    epoch goes on as it would have. Only the last batch may be smaller than the others, as those who
    divide the batches among several processes expect.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        by_length: bool = True,
    ) -> None:
        super().__init__(dataset, batch_size, drop_last, valid_label_columns, generator, seed)
        self._lengths = np.array(dataset[LENGTH_COLUMN], dtype=np.int64)
        self._groups = _groups(dataset)
        self._by_length = by_length

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of the present epoch."""
        batches = epoch_batches(
            self._lengths,
            self._groups,
            batch_size=self.batch_size,
            rng=np.random.default_rng((self.seed, self.epoch)),
            by_length=self._by_length,
        )
        for batch in batches:
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch.tolist()

    def __len__(self) -> int:
        """Return the number of batches."""
        whole, rest = divmod(len(self._lengths), self.batch_size)
        return whole + bool(rest and not self.drop_last)


class FollowEpoch(TrainerCallback):
    """Tells the sampler the epoch, however deep it is wrapped.

    The trainer does so itself with one process, but with several a run that is resumed in the
    middle of an epoch would start over with the first epoch's order.
    """

    def on_epoch_begin(self, *positional: Any, **kwargs: Any) -> None:
        """Set the sampler's epoch."""
        _, state, _ = positional
        sampler = kwargs["train_dataloader"].batch_sampler
        while hasattr(sampler, "batch_sampler"):
            sampler = sampler.batch_sampler
        sampler.set_epoch(int(state.epoch or 0))


def epoch_batches(
    lengths: IndexArray,
    groups: Sequence[Any],
    *,
    batch_size: int,
    rng: np.random.Generator,
    by_length: bool = True,
) -> list[IndexArray]:
    """Return the rows of each batch of an epoch; what is left over makes a smaller one, the last.

    The rows, of whose tokens ``lengths`` tells, shape (n,), are shuffled and cut into buckets of
    some batches; each bucket is sorted by length, if wanted, and cut into batches. Two rows of a
    group in one batch, which are no negatives of each other, are set apart by exchanging one with
    a row of like length in another batch, where there is one. The order of the batches is shuffled.
    """
    order = rng.permutation(len(lengths))
    whole = len(order) // batch_size
    body = order[: whole * batch_size]
    if by_length:
        size = max(1, min(BUCKET, whole // LEAST_BUCKETS)) * batch_size
        buckets = (body[begin : begin + size] for begin in range(0, len(body), size))
        parts = [bucket[np.argsort(lengths[bucket], kind="stable")] for bucket in buckets]
        body = np.concatenate(parts) if parts else body
    batches = list(body.reshape(whole, batch_size))
    if len(order) > len(body):
        batches.append(order[len(body) :])
    _set_apart(batches, groups, lengths)
    return [batches[at] for at in rng.permutation(whole)] + batches[whole:]


def _groups(dataset: Dataset) -> list[Any]:
    """Return the group of each row; without labels, each is its own."""
    if LABEL_COLUMN not in dataset.column_names:
        return list(range(len(dataset)))
    labels = np.array(dataset[LABEL_COLUMN])  # (n,) or (n, width)
    groups: list[Any] = labels.reshape(len(labels), -1)[:, 0].tolist()
    return groups


def _set_apart(batches: list[IndexArray], groups: Sequence[Any], lengths: IndexArray) -> None:
    """Exchange rows between batches, in place, until few share one with a row of their group."""
    by_length = np.argsort([lengths[batch].mean() for batch in batches], kind="stable")
    ranked = [batches[at] for at in by_length]
    counts = [Counter(groups[row] for row in batch) for batch in ranked]
    for at, batch in enumerate(ranked):
        for slot, row in enumerate(batch):
            if counts[at][groups[row]] > 1:
                for other in _nearest(at, len(ranked)):
                    if _exchange(at, slot, other, ranked, counts, groups, lengths):
                        break


def _nearest(at: int, count: int) -> Iterator[int]:
    """Yield the places around one, the nearest first."""
    for distance in range(1, REACH // 2 + 1):
        for other in (at - distance, at + distance):
            if 0 <= other < count:
                yield other


def _exchange(
    at: int,
    slot: int,
    other: int,
    batches: list[IndexArray],
    counts: list[Counter[Any]],
    groups: Sequence[Any],
    lengths: IndexArray,
) -> bool:
    """Exchange a row with the one most like it in length of a batch that lacks its group."""
    row = batches[at][slot]
    if counts[other][groups[row]]:
        return False
    partners = [
        place for place, theirs in enumerate(batches[other]) if not counts[at][groups[theirs]]
    ]
    if not partners:
        return False
    place = min(partners, key=lambda place: abs(lengths[batches[other][place]] - lengths[row]))
    theirs = batches[other][place]
    batches[at][slot], batches[other][place] = theirs, row
    for moved, left, entered in ((row, at, other), (theirs, other, at)):
        counts[left][groups[moved]] -= 1
        counts[entered][groups[moved]] += 1
    return True
