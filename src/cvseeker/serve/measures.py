"""What the server has done, for Prometheus; no query and no name is in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)


class Measures:
    """Requests by route and status, and how long things take."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "cvseeker_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "cvseeker_seconds",
            "How long it took.",
            ["what"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count(self, method: str, route: str, status: int) -> None:
        """Count a request; the route is the pattern, without what was asked for."""
        self._requests.labels(method, route, str(status)).inc()

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Time a piece of work."""
        with self._seconds.labels(what).time():
            yield

    def text(self) -> str:
        """Return all of it in Prometheus's form."""
        return generate_latest(self._registry).decode()
