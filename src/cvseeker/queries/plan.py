"""What a run would send and what that would cost, before anything is sent."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from cvseeker.core.progress import Progress, silent
from cvseeker.llm import ChatClient, Ledger
from cvseeker.queries.asking import Asking

_REPORT_EVERY = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that has not begun; ``items`` are what requests are about: ``passages`` or ``pairs``.

    ``answered`` are those that the ledger has an answer for, ``requests`` those left. Prompt tokens
    are counted with ``vocabulary``, the model's own if ``exact``; those of replies are expected by
    the mean in the ledger, or by a sample, and at most as long as is allowed. Costs are in USD,
    ``None`` where no price is known. ``system`` and ``message`` would go first, to the letter.
    """

    model: str
    url: str
    items: str
    total: int
    answered: int
    requests: int
    prompt_tokens: int
    expected_tokens: int
    most_tokens: int
    vocabulary: str
    exact: bool
    expected_cost: Decimal | None
    most_cost: Decimal | None
    masked: dict[str, int]
    system: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; money as text, to lose nothing."""
        values = {
            key: str(value) if isinstance(value, Decimal) else value
            for key, value in asdict(self).items()
        }
        items = values.pop("items")
        return {items if key == "total" else key: value for key, value in values.items()}


def plan_requests(asking: Asking[Any], ledger: Path, progress: Progress = silent) -> Plan:
    """Count what a run would send; no file is made, and the ledger need not be there."""
    client, total = asking.client, sum(1 for _ in asking.items())
    prompt_tokens = requests = 0
    masked: Counter[str] = Counter()
    first, mean = "", None
    with ExitStack() as stack:
        book = stack.enter_context(Ledger(ledger)) if ledger.is_file() else None
        for requests, item in enumerate(asking.unanswered(book), start=1):
            message, found = asking.message(item)
            first = first or message
            masked += found
            prompt_tokens += client.prompt_tokens(message)
            if requests % _REPORT_EVERY == 0:
                progress("count", requests, total, f"{prompt_tokens:,} tokens")
        if book is not None:
            mean = book.mean_reply_tokens(client.task.name)
    expected = round(requests * (mean or asking.reply_tokens()))
    most = requests * client.task.max_tokens
    return Plan(
        model=client.endpoint.model,
        url=client.endpoint.url,
        items=asking.about,
        total=total,
        answered=total - requests,
        requests=requests,
        prompt_tokens=prompt_tokens,
        expected_tokens=expected,
        most_tokens=most,
        vocabulary=client.counter.name,
        exact=client.counter.exact,
        expected_cost=_cost(client, prompt_tokens, expected),
        most_cost=_cost(client, prompt_tokens, most),
        masked=dict(sorted(masked.items())),
        system=client.task.system_with_word(),
        message=first,
    )


def _cost(client: ChatClient, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
    price, batch = client.price, client.settings.batch
    return price.cost(prompt_tokens, completion_tokens, batch=batch) if price else None
