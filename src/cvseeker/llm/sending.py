"""How requests are sent, and what a run of them comes to."""

from dataclasses import asdict, dataclass, field
from typing import Any

BUDGET = "budget"
"""Why a run stopped that could not afford another request."""


@dataclass(frozen=True, slots=True)
class SendSettings:
    """How requests are sent.

    Attributes
    ----------
    model, url
        For the ledger.
    most
        Requests in flight at most.
    broken_attempts
        Attempts that a request gets where the server fails.
    reply_attempts
        Attempts that a request gets where the reply cannot be used; each is paid for.
    patience_seconds
        Without any answer for so long, a server that says "too many requests" is given up.
    dead_seconds
        Without any answer for so long, a server that breaks every attempt of a request is given up.
    price
        Trillionths of a dollar per token: prompt, cached prompt, completion; ``None``: not known.
    budget
        In trillionths of a dollar, for everything in the ledger; ``None``: no limit.
    """

    model: str
    url: str
    most: int = 32
    broken_attempts: int = 6
    reply_attempts: int = 3
    patience_seconds: float = 600.0
    dead_seconds: float = 60.0
    price: tuple[int, int, int] | None = None
    budget: int | None = None

    def cost(
        self, prompt_tokens: int, completion_tokens: int, *, cached_tokens: int = 0
    ) -> int | None:
        """Return what tokens cost, in trillionths of a dollar, ``None`` if the price is unknown."""
        if self.price is None:
            return None
        prompt, cached, completion = self.price
        fresh = prompt_tokens - cached_tokens
        return fresh * prompt + cached_tokens * cached + completion_tokens * completion


@dataclass(slots=True)
class SendCounts:
    """What a run of requests has come to so far.

    ``known`` were final in the ledger and not sent. ``spent`` is of this run, in trillionths of a
    dollar. ``stopped`` says why requests are left that were not sent, empty where none are.
    """

    known: int = 0
    sent: int = 0
    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    spent: int = 0
    in_flight: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    stopped: str = ""
    fatal: bool = False

    @property
    def done(self) -> int:
        """Requests that have an outcome."""
        return self.known + sum(self.outcomes.values())

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)
