from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard, SkipBatchSampler
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import TrainerCallback

from cvseeker.train.batches import tokenise_columns
from cvseeker.train.sampler import BucketSampler, FollowEpoch, epoch_batches


def batches_of(
    lengths: Any, groups: Any = None, *, batch_size: int, seed: int = 0, **options: Any
) -> list[Any]:
    lengths = np.asarray(lengths, dtype=np.int64)
    groups = list(range(len(lengths))) if groups is None else groups
    rng = np.random.default_rng(seed)
    return epoch_batches(lengths, groups, batch_size=batch_size, rng=rng, **options)


def shared(batches: list[Any], groups: list[int]) -> int:
    """Count the rows that share a batch with an earlier row of their group."""
    return sum(len(batch) - len({groups[row] for row in batch}) for batch in batches)


def padding_share(batches: list[Any], lengths: Any) -> float:
    slots = sum(len(batch) * lengths[batch].max() for batch in batches)
    return float(1 - lengths.sum() / slots)


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9)), max_size=80),
    st.integers(1, 12),
    st.booleans(),
)
def test_every_row_is_in_one_batch_and_only_the_last_is_smaller(
    rows: list[tuple[int, int]], batch_size: int, by_length: bool
) -> None:
    lengths, groups = [length for length, _ in rows], [group for _, group in rows]
    batches = batches_of(lengths, groups, batch_size=batch_size, by_length=by_length)
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_texts_of_like_length_share_a_batch() -> None:
    lengths = np.random.default_rng(1).integers(8, 256, size=4000)
    bucketed = padding_share(batches_of(lengths, batch_size=32), lengths)
    shuffled = padding_share(batches_of(lengths, batch_size=32, by_length=False), lengths)
    assert shuffled > 0.4
    assert bucketed < 0.06


def test_persons_are_set_apart_where_that_is_possible() -> None:
    lengths = np.random.default_rng(2).integers(8, 64, size=640)
    groups = [row // 8 for row in range(640)]  # 80 persons of 8 pairs, in 20 batches of 32
    batches = batches_of(lengths, groups, batch_size=32)
    assert shared(batches_of(lengths, batch_size=32), groups) > 50
    assert shared(batches, groups) == 0
    assert padding_share(batches, lengths) < 0.2


def test_a_person_with_too_many_pairs_shares_no_more_batches_than_needed() -> None:
    groups = [0] * 10 + list(range(1, 31))
    batches = batches_of([5] * 40, groups, batch_size=10)
    assert Counter(groups[row] for batch in batches for row in batch)[0] == 10
    assert all(0 in {groups[row] for row in batch} for batch in batches)


def test_the_order_of_the_batches_says_nothing_of_their_length() -> None:
    lengths = np.arange(3200)
    means = [lengths[batch].mean() for batch in batches_of(lengths, batch_size=32)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5


def test_the_same_pairs_do_not_meet_in_every_epoch() -> None:
    lengths = np.arange(256)
    epochs = [batches_of(lengths, batch_size=32, seed=seed) for seed in (0, 1)]
    pairs = [
        {(a, b) for batch in batches for a in batch for b in batch if a < b} for batches in epochs
    ]
    assert len(pairs[0] & pairs[1]) < 0.5 * len(pairs[0])


def dataset(rows: int) -> Dataset:
    lengths = np.random.default_rng(3).integers(4, 90, size=rows).tolist()
    return Dataset.from_dict({"tokens": lengths, "label": [row // 2 for row in range(rows)]})


def test_the_order_follows_from_the_seed_and_the_epoch() -> None:
    rows = dataset(70)
    sampler = BucketSampler(rows, 8, drop_last=False, seed=5)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    again = BucketSampler(rows, 8, drop_last=False, seed=5)
    again.set_epoch(1)
    assert list(again) == second
    assert list(BucketSampler(rows, 8, drop_last=False, seed=6)) != first


@pytest.mark.parametrize(("drop_last", "count"), [(False, 9), (True, 8)])
def test_the_sampler_knows_how_many_batches_it_gives(drop_last: bool, count: int) -> None:
    sampler = BucketSampler(dataset(70), 8, drop_last=drop_last)
    assert len(sampler) == len(list(sampler)) == count


def test_rows_without_labels_can_be_batched() -> None:
    sampler = BucketSampler(Dataset.from_dict({"tokens": [3, 4, 5]}), 2, drop_last=False)
    assert [len(batch) for batch in sampler] == [2, 1]


def test_of_several_labels_the_first_is_the_group() -> None:
    rows = Dataset.from_dict({"tokens": [5] * 40, "label": [[row // 4, 7] for row in range(40)]})
    batches = list(BucketSampler(rows, 10, drop_last=False))
    assert shared(batches, [row // 4 for row in range(40)]) == 0


def test_two_processes_share_the_batches_of_an_epoch() -> None:
    sampler = BucketSampler(dataset(70), 8, drop_last=True)
    shards = [
        list(BatchSamplerShard(sampler, 2, process, even_batches=False)) for process in (0, 1)
    ]
    assert [len(shard) for shard in shards] == [4, 4]
    assert sorted(shards[0] + shards[1]) == sorted(sampler)


def test_the_epoch_reaches_a_sampler_that_is_wrapped_twice() -> None:
    sampler = BucketSampler(dataset(70), 8, drop_last=False)

    class Loader:
        batch_sampler = SkipBatchSampler(BatchSamplerShard(sampler, 2, 1), skip_batches=1)

    class State:
        epoch = 2.4

    FollowEpoch().on_epoch_begin(None, State(), None, train_dataloader=Loader())
    assert sampler.epoch == 2


class PlainTrainer(SentenceTransformerTrainer):
    """The trainer without its model card, which draws a bar."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None: ...


class Stop(TrainerCallback):
    """Stops the training after a step, and saves it."""

    def __init__(self, stop: int) -> None:
        self.stop = stop

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_save = state.global_step == self.stop
        control.should_training_stop = state.global_step == self.stop


def train(model_folder: Path, output: Path, *, stop: int, resume: bool) -> dict[str, Any]:
    model = SentenceTransformer(str(model_folder), device="cpu")
    model.model_card_data.local_files_only = True
    texts = [f"{word} {'engineer ' * (row % 5)}" for row, word in enumerate("abcdefghijklmn")]
    columns = {"anchor": texts, "positive": [f"{text} in SAP" for text in texts]}
    rows, collator = tokenise_columns(
        model, columns, prompts={}, labels=[row // 2 for row in range(len(texts))]
    )
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(output),
        max_steps=10,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        batch_sampler=BucketSampler,  # type: ignore[arg-type]
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        report_to=[],
        use_cpu=True,
        dataloader_pin_memory=False,
        seed=3,
        data_seed=3,
    )
    trainer = PlainTrainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        loss=MultipleNegativesRankingLoss(model),
        data_collator=collator,  # type: ignore[arg-type]
        callbacks=[Stop(stop), FollowEpoch()],
    )
    trainer.train(resume_from_checkpoint=str(output / "checkpoint-6") if resume else None)
    return model.state_dict()


def test_a_run_resumed_within_an_epoch_gives_the_same_weights(
    tiny_model: Path, tmp_path: Path
) -> None:
    whole = train(tiny_model, tmp_path / "whole", stop=10, resume=False)
    cut = train(tiny_model, tmp_path / "cut", stop=6, resume=False)
    resumed = train(tiny_model, tmp_path / "cut", stop=10, resume=True)
    assert any(not torch.equal(whole[name], cut[name]) for name in whole)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
