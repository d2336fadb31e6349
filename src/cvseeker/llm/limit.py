"""How much a server can take: requests in flight and requests a second, found out as we go."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

# In flight at first, or a quarter of the most: enough to fill a busy server within two round trips,
# and few for a laptop's.
START = 16
# … but one alone at a server of one's own: what waits for its only slot may wait until it is given
# up, and be computed for nobody.
FLOOR = 4
# A server that was slow once may be so again, for about so many answers.
_REMEMBERED = 0.95
# A window of requests of which more than this share broke shrinks the next window by the factor.
BROKEN_SHARE, SHRINK = 0.1, 0.7
# Windows until an emptied limit is back at the most.
WINDOWS_TO_MOST = 16
# After a 429 the rate becomes this share of what the server took of late, and grows again by a
# factor a second: large after the first 429, when hardly anything was sent yet, then small.
RATE_BACK_OFF, RATE_GROWTH_FIRST, RATE_GROWTH = 0.97, 2.0, 1.05
# … unless fewer than this share of the requests of late got one: a stray 429 is no limit.
BUSY_SHARE = 0.1
_MEASURED_SECONDS = 2.0
_LONG_WAIT = 2.0
_SLOWEST = 1.0
_LATE = 0.1
# After which a pause looks whether it is still wanted.
_MOMENT = 0.5
# A step of 1 doubles the limit every round trip; a run of an hour should not wait for that.
_SLOW_START_STEP = 2
_NEVER = float("-inf")


class AdaptiveLimit:
    """Bounds requests in flight and requests a second, additive up and multiplicative down (AIMD).

    Requests in flight: triples (doubles at a server of one's own) every round trip until the first
    window in which many broke
    (time-outs, resets, 5xx), then grows linearly and shrinks by a factor after each such window.

    Requests a second: unbounded until the first 429, then set to just below the rate of requests
    that were not refused in the last two seconds, and raised slowly until the next 429. (A rate of
    answers would lag behind by the time that an answer takes.) A limit on requests in
    flight alone cannot hold a rate where a reply takes less time than the pause the server wants.
    Once ``stopped`` says that nothing more is to be sent, nobody waits for the rate's sake.

    ``in_time`` (seconds, infinite at other people's servers) is within what answers should come,
    did the server compute one after the other: so many are in flight at most, one at first.

    References
    ----------
    Chiu and Jain 1989, "Analysis of the increase and decrease algorithms for congestion avoidance";
    the start is TCP's slow start.
    """

    def __init__(
        self,
        most: int,
        *,
        in_time: float = float("inf"),
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.most, self.in_time = most, in_time
        self._stopped = stopped
        careful = in_time < float("inf")
        self.limit = 1.0 if careful else float(min(max(START, most // 4), most))
        self._floor, self._step = (1, 1) if careful else (min(FLOOR, most), _SLOW_START_STEP)
        self._ceiling = float(most)
        self._seconds_each = 0.0
        self.in_flight = 0
        self.rate = float("inf")
        self._rate_growth = RATE_GROWTH_FIRST
        self._slow_start = True
        self._window = self._broken = 0
        self._not_before = self._sent_at = self._lowered_at = self._raised_at = _NEVER
        self._turnstile = asyncio.Lock()
        self._sent: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._began = time.monotonic()
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Wait until one more request may be sent, and count it as in flight."""
        if self._waiting or self.in_flight >= int(self.limit):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn  # whoever gives the turn counts it
        else:
            self.in_flight += 1
        await self._wait_for_rate()
        self._sent.append(time.monotonic())
        _forget(self._sent)

    def release(self) -> None:
        """Count one request less in flight and let the next ones go."""
        self.in_flight -= 1
        self._wake()

    def answered(self) -> None:
        """Learn that a request was answered."""
        if self._slow_start:
            self.limit = min(self.limit + self._step, self._ceiling)
        self._finish(broken=False)

    def took(self, seconds: float, *, of: int) -> None:
        """Learn how long a request took, answered or not, that was one of so many in flight."""
        self._seconds_each = max(seconds / of, _REMEMBERED * self._seconds_each)
        if self._seconds_each:
            self._ceiling = min(self.most, max(1.0, self.in_time / self._seconds_each))
            self.limit = min(self.limit, self._ceiling)

    def broken(self) -> None:
        """Learn that a request broke: a time-out, a reset, a 5xx."""
        self._finish(broken=True)

    def busy(self, retry_after: float) -> None:
        """Learn that the server wants fewer requests a second, for some seconds perhaps none."""
        now = time.monotonic()
        if retry_after >= _LONG_WAIT:
            self._not_before = max(self._not_before, now + retry_after)
        self._refused.append(now)
        _forget(self._refused)
        _forget(self._sent)
        if now - self._lowered_at < _MEASURED_SECONDS / 2:
            return
        measured = min(max(now - self._began, 0.5), _MEASURED_SECONDS)
        taken = max(0, len(self._sent) - len(self._refused))
        if len(self._refused) <= 1 + BUSY_SHARE * taken:
            return
        if self.rate != float("inf"):
            self._rate_growth = RATE_GROWTH
        self.rate = max(min(self.rate, RATE_BACK_OFF * taken / measured), _SLOWEST)
        self._lowered_at = self._raised_at = now

    def _finish(self, *, broken: bool) -> None:
        self._window += 1
        self._broken += broken
        if self._window < max(int(self.limit), 2 * FLOOR):
            return
        if self._broken > BROKEN_SHARE * self._window:
            self._slow_start = False
            self.limit = max(self.limit * SHRINK, float(self._floor))
        elif not self._slow_start:
            step = max(1.0, self.most / WINDOWS_TO_MOST)
            self.limit = min(self.limit + step, self._ceiling)
        self._window = self._broken = 0

    def _wake(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    async def _wait_for_rate(self) -> None:
        """Wait for this request's turn, one request after the other, at the rate of the moment."""
        if self.rate == float("inf") and self._not_before <= time.monotonic():
            return
        async with self._turnstile:
            now = time.monotonic()
            if self.rate != float("inf"):
                self.rate *= self._rate_growth ** (now - self._raised_at)
                self._raised_at = now
            at = max(self._sent_at + 1 / self.rate, self._not_before)
            while (left := at - time.monotonic()) > 0 and not self._stopped():
                await asyncio.sleep(min(left, _MOMENT))
            # Not the time of now: a late wake-up must not slow the next ones down.
            self._sent_at = max(at, now - _LATE)


def _forget(times: deque[float]) -> None:
    """Drop the times that are too long ago to measure by."""
    while times and times[0] < time.monotonic() - _MEASURED_SECONDS:
        times.popleft()
