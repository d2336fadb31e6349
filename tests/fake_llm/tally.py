"""What the server counts: attempts, faults and deliveries, by content."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Record:
    """What happened to one content; ``times`` are its deliveries' (seconds since 1970)."""

    attempts: int = 0
    draws: int = 0
    abandoned: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)


class Tally:
    """The counts of one endpoint.

    Parameters
    ----------
    count_abandoned
        Whether a reply to a client that went away counts as delivered.
    """

    def __init__(self, *, count_abandoned: bool) -> None:
        self.count_abandoned = count_abandoned
        self.records: dict[str, Record] = {}
        self.requests = 0
        self.refused: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.billed: Counter[str] = Counter()
        self.delivered = 0
        self.abandoned = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.first_request = 0.0
        self.first = 0.0
        self.last = 0.0

    def enter(self) -> None:
        """Count a request that came in."""
        self.requests += 1
        self.first_request = self.first_request or time.time()
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self) -> None:
        """Count a request that is over."""
        self.in_flight -= 1

    def attempt(self, key: str) -> None:
        """Count an attempt at a content."""
        self.records.setdefault(key, Record()).attempts += 1

    def refuse(self, reason: str, key: str = "") -> None:
        """Count a request that the server's rules turn away."""
        self.refused[reason] += 1
        if key:
            counts = self.records[key].refused
            counts[reason] = counts.get(reason, 0) + 1

    def draw(self, key: str) -> int:
        """Return which attempt this is of those that the server's rules let through, from 1."""
        record = self.records[key]
        record.draws += 1
        return record.draws

    def fault(self, key: str, fault: str) -> None:
        """Count a fault."""
        self.faults[fault] += 1
        counts = self.records[key].faults
        counts[fault] = counts.get(fault, 0) + 1

    def answer(self, key: str, usage: dict[str, int], *, arrived: bool, usable: bool) -> None:
        """Count a 200: whether it reached its client, and whether it was worth having."""
        if not arrived:
            self.abandoned += 1
            self.records[key].abandoned += 1
            if not self.count_abandoned:
                return
        self.billed["requests"] += 1
        self.billed.update(usage)
        if usable:
            now = time.time()
            self.delivered += 1
            self.records[key].times.append(now)
            self.first = self.first or now
            self.last = now

    def to_dict(self, *, by_key: bool) -> dict[str, Any]:
        """Return the counts, with those of each content where they are wanted."""
        seconds = self.last - self.first_request
        delivered = sum(1 for record in self.records.values() if record.times)
        counts: dict[str, Any] = {
            "requests": self.requests,
            "attempts": sum(record.attempts for record in self.records.values()),
            "distinct": len(self.records),
            "delivered": self.delivered,
            "delivered_distinct": delivered,
            "repeated": self.delivered - delivered,
            "abandoned": self.abandoned,
            "refused": dict(self.refused),
            "faults": dict(self.faults),
            "billed": {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0, **self.billed},
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "first_request": self.first_request,
            "first_delivery": self.first,
            "last_delivery": self.last,
            "successes_per_second": self.delivered / seconds if seconds > 0 else 0.0,
        }
        if by_key:
            counts["by_key"] = {key: _row(record) for key, record in self.records.items()}
        return counts


def _row(record: Record) -> dict[str, Any]:
    """Return one content's counts."""
    return {
        "attempts": record.attempts,
        "delivered": len(record.times),
        "abandoned": record.abandoned,
        "faults": record.faults,
        "refused": record.refused,
        "times": record.times,
    }
