from types import SimpleNamespace

import pytest

from cvseeker.train.trainer import StepClock

TEN_PAIRS = SimpleNamespace(train_batch_size=5, world_size=2)


class Clock:
    """A step clock whose time is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.steps = StepClock()
        monkeypatch.setattr("cvseeker.train.trainer.time.perf_counter", lambda: self.now)

    def take(self, seconds: float) -> None:
        self.steps.on_step_begin()
        self.now += seconds
        self.steps.on_step_end(TEN_PAIRS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_the_first_step_warms_up_and_the_rest_are_counted(clock: Clock) -> None:
    for seconds in (50.0, 2.0, 3.0):
        clock.take(seconds)
    assert clock.steps.pairs_per_second() == 20 / 5


def test_fetching_the_next_batch_is_part_of_training(clock: Clock) -> None:
    clock.take(1.0)
    clock.now += 0.5
    clock.take(1.0)
    assert clock.steps.pairs_per_second() == 10 / 1.5


def test_validations_and_checkpoints_are_left_out(clock: Clock) -> None:
    clock.take(1.0)
    clock.now += 60
    clock.steps.on_save()
    clock.now += 60
    clock.take(2.0)
    assert clock.steps.pairs_per_second() == 10 / 2


def test_a_single_step_is_better_than_none(clock: Clock) -> None:
    assert clock.steps.pairs_per_second() == 0
    clock.take(4.0)
    assert clock.steps.pairs_per_second() == 2.5
