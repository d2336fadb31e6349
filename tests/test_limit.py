"""The limit: requests in flight and a second, by a clock that the test moves."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from cvseeker.llm import limit as module
from cvseeker.llm.limit import FLOOR, START, AdaptiveLimit


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time is the test's: it jumps to whatever is due next."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled  # type: ignore[attr-defined]
        if not ready and scheduled:
            self.now = max(self.now, scheduled[0]._when)
        super()._run_once()  # type: ignore[misc]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    loop = Clock()
    monkeypatch.setattr(module.time, "monotonic", loop.time)
    yield loop
    loop.close()


def run(clock: Clock, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    clock.run_until_complete(work())


async def exchange(limit: AdaptiveLimit, learn: Callable[[], None], seconds: float = 0.0) -> None:
    await limit.acquire()
    try:
        await asyncio.sleep(seconds)
        learn()
    finally:
        limit.release()


def test_no_more_are_in_flight_than_the_limit(clock: Clock) -> None:
    limit = AdaptiveLimit(3)
    seen: list[int] = []

    def learn() -> None:
        seen.append(limit.in_flight)
        limit.answered()

    async def work() -> None:
        await asyncio.gather(*(exchange(limit, learn, 1.0) for _ in range(30)))

    run(clock, work)
    assert max(seen) == 3
    assert limit.in_flight == 0
    assert clock.now - 1000.0 == pytest.approx(10.0)


def test_a_sound_server_is_filled_within_a_few_round_trips(clock: Clock) -> None:
    limit = AdaptiveLimit(256)
    assert int(limit.limit) == 64
    assert int(AdaptiveLimit(32).limit) == START

    async def work() -> None:
        await asyncio.gather(*(exchange(limit, limit.answered, 1.0) for _ in range(1500)))

    run(clock, work)
    assert limit.limit == 256
    # At 256 in flight 1,500 take 5.9 seconds; the start costs three round trips.
    assert clock.now - 1000.0 <= 9.0


def test_a_failing_server_gets_fewer_and_fewer_but_never_none(clock: Clock) -> None:
    limit = AdaptiveLimit(64)

    async def work() -> None:
        await asyncio.gather(*(exchange(limit, limit.broken, 0.1) for _ in range(600)))

    run(clock, work)
    assert limit.limit == FLOOR


def test_a_few_failures_are_no_reason_to_shrink(clock: Clock) -> None:
    limit = AdaptiveLimit(16)

    async def work() -> None:
        for number in range(400):
            await exchange(limit, limit.broken if number % 20 == 0 else limit.answered)

    run(clock, work)
    assert limit.limit == 16


def test_a_recovered_server_is_filled_again(clock: Clock) -> None:
    limit = AdaptiveLimit(64)

    async def work() -> None:
        await asyncio.gather(*(exchange(limit, limit.broken, 0.1) for _ in range(600)))
        await asyncio.gather(*(exchange(limit, limit.answered, 0.1) for _ in range(1500)))

    run(clock, work)
    assert limit.limit == 64


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_small_limit_is_never_exceeded_nor_emptied(clock: Clock, most: int) -> None:
    limit = AdaptiveLimit(most)

    async def work() -> None:
        for learn in (limit.broken, limit.answered) * 30:
            await exchange(limit, learn)
            assert 1 <= int(limit.limit) <= most

    run(clock, work)


@pytest.mark.parametrize(("seconds", "at_once"), [(70.0, 1), (45.0, 1), (15.0, 4), (1.0, 60)])
def test_a_server_with_one_slot_gets_no_more_than_it_answers_in_time(
    clock: Clock, seconds: float, at_once: int
) -> None:
    limit, slot = AdaptiveLimit(64, in_time=60.0), asyncio.Lock()
    took: list[float] = []

    async def deliver() -> None:
        await limit.acquire()
        began, beside = clock.now, limit.in_flight
        async with slot:
            await asyncio.sleep(seconds)
        took.append(clock.now - began)
        limit.took(took[-1], of=beside)
        limit.release()
        limit.answered()

    async def work() -> None:
        await asyncio.gather(*(deliver() for _ in range(200)))

    run(clock, work)
    assert max(took) <= max(1.1 * 60.0, seconds)
    assert int(limit.limit) == at_once
    assert clock.now - 1000.0 == pytest.approx(200 * seconds)  # its slot was never empty


def test_a_server_of_many_slots_that_is_slow_is_filled_all_the_same(clock: Clock) -> None:
    limit, limits = AdaptiveLimit(32, in_time=60.0), set()

    async def deliver() -> None:
        await limit.acquire()
        beside = limit.in_flight
        await asyncio.sleep(20.0)
        limit.took(20.0, of=beside)
        limit.release()
        limit.answered()
        limits.add(limit.limit)

    async def work() -> None:
        await asyncio.gather(*(deliver() for _ in range(400)))

    run(clock, work)
    assert max(limits) == 32
    assert clock.now - 1000.0 < 25 * 20.0


class Bucket:
    """A server that lets so many requests a second through, the others get a 429."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self.clock, self.rate, self.burst = clock, rate, burst
        self.allowance, self.at = burst, clock.now
        self.taken = self.refused = 0

    def ask(self) -> bool:
        now = self.clock.now
        self.allowance = min(self.burst, self.allowance + (now - self.at) * self.rate)
        self.at = now
        taken = self.allowance >= 1
        self.allowance -= taken
        self.taken += taken
        self.refused += not taken
        return taken


@pytest.mark.parametrize(("burst", "share"), [(0.0, 0.75), (0.5, 0.95), (1.0, 0.95)])
@pytest.mark.parametrize("rate", [5, 20, 100])
def test_a_servers_rate_is_found_and_held(
    clock: Clock, rate: float, burst: float, share: float
) -> None:
    """Without any burst, whatever comes a moment early is refused, and the moment lost."""
    limit, bucket = AdaptiveLimit(64), Bucket(clock, rate, max(1.0, burst * rate))
    count = int(rate * 60)

    async def deliver() -> None:
        while True:
            await limit.acquire()
            await asyncio.sleep(0.05)
            taken = bucket.ask()
            if taken:
                limit.answered()
            else:
                limit.busy(0.05)
            limit.release()
            if taken:
                return
            await asyncio.sleep(0.3)

    async def work() -> None:
        await asyncio.gather(*(deliver() for _ in range(count)))

    run(clock, work)
    throughput = count / (clock.now - 1000.0)
    assert share * rate <= throughput <= 1.05 * rate
    assert bucket.refused <= 0.3 * count


def test_a_stray_429_is_no_limit(clock: Clock) -> None:
    limit = AdaptiveLimit(32)

    async def work() -> None:
        for number in range(1000):
            learn = lambda: limit.busy(0.1) if number % 20 == 10 else limit.answered()  # noqa: B023, E731
            await exchange(limit, learn, 0.01)

    run(clock, work)
    assert clock.now - 1000.0 == pytest.approx(10.0)


def test_a_long_pause_is_kept_by_all(clock: Clock) -> None:
    limit = AdaptiveLimit(8)

    async def work() -> None:
        await exchange(limit, limit.answered)
        await exchange(limit, lambda: limit.busy(30.0))
        began = clock.now
        await exchange(limit, limit.answered)
        assert clock.now - began >= 30.0

    run(clock, work)
