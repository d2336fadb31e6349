"""Cutting requests into the files that batches are made of."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain
from typing import IO

from cvseeker.llm.batch.ledger import BatchLedger
from cvseeker.llm.chat import ChatRequest, ChatTask
from cvseeker.llm.dialect import Dialect, request_body
from cvseeker.llm.sending import SendSettings

# OpenAI takes 50,000 requests and 200 MB.
MOST_REQUESTS, MOST_BYTES = 50_000, 190_000_000


@dataclass(slots=True)
class Cut:
    """Requests that fit into one batch, without their texts.

    ``tokens`` are of their prompts; ``reserved`` is what they may cost at most, in trillionths of
    a dollar.
    """

    requests: list[ChatRequest] = field(default_factory=list)
    tokens: int = 0
    reserved: int = 0


@dataclass(slots=True)
class Cutter:
    """Cuts requests into parts that the provider takes and the budget covers.

    Attributes
    ----------
    task
        What all requests share.
    settings
        With the prices of batches.
    dialect
        How requests are written.
    miscount
        How far our count of a prompt's tokens falls short of the server's, at worst.
    book
        Knows what was spent.
    most_tokens
        Prompt tokens that the provider lets wait at a time; it tells only by refusing more.
    """

    task: ChatTask
    settings: SendSettings
    dialect: Dialect
    miscount: float
    book: BatchLedger
    most_tokens: float = math.inf

    def cut(
        self, requests: Iterator[ChatRequest], file: IO[bytes], *, waiting: int
    ) -> tuple[Cut, Iterator[ChatRequest]]:
        """Write the lines of the next part; return it and the requests left.

        Parameters
        ----------
        requests
            Taken as they are needed.
        file
            Gets the lines.
        waiting
            Prompt tokens in batches that have not ended.

        Returns
        -------
        Cut, iterator
            A cut without requests: no other request fits, or none are left.
        """
        cut, size = Cut(), 0
        keys: set[str] = set()
        money: float = math.inf
        if self.settings.budget is not None:
            money = self.settings.budget - self.book.spent() - self.book.reserved()
        for request in requests:
            if request.key in keys:
                continue  # two items with one text
            line = self._line(request)
            prompt = math.ceil(request.prompt_tokens * self.miscount)
            most = self.settings.cost(prompt, self.task.max_tokens) or 0
            full = len(keys) >= MOST_REQUESTS or (bool(keys) and size + len(line) > MOST_BYTES)
            # One request alone always fits; if it does not, the provider says so.
            crowded = bool(waiting or keys) and waiting + cut.tokens + prompt > self.most_tokens
            if full or crowded or cut.reserved + most > money:
                return cut, chain([request], requests)
            file.write(line)
            keys.add(request.key)
            cut.requests.append(replace(request, text=""))
            size += len(line)
            cut.tokens += prompt
            cut.reserved += most
        return cut, iter(())

    def _line(self, request: ChatRequest) -> bytes:
        body = request_body(self.task, self.settings.model, request.text, self.dialect)
        row = {
            "custom_id": request.key,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": body,
        }
        return f"{json.dumps(row)}\n".encode()


def pending(
    requests: Iterable[ChatRequest], book: BatchLedger, *, began: float
) -> Iterator[ChatRequest]:
    """Yield the requests that are to be submitted: none twice in a run, none that is under way.

    Parameters
    ----------
    requests
        All of them.
    book
        Knows what became of each.
    began
        When the run did, in seconds since 1970; what has failed since then is left to the next.
    """
    for request in requests:
        row = book.get(request.key)
        tried = row is not None and (row.at >= began or book.is_final(request.key))
        if not tried and not book.is_under_way(request.key):
            yield request


def discounted(settings: SendSettings, discount: Decimal) -> SendSettings:
    """Return the settings with the prices of batches, which take this share off."""
    if settings.price is None:
        return settings
    prompt, cached, completion = (int(price * (1 - discount)) for price in settings.price)
    return replace(settings, price=(prompt, cached, completion))
