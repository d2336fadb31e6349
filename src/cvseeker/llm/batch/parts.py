"""Cutting requests into the files that batches are made of."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import IO

from cvseeker.llm.account import Job
from cvseeker.llm.batch.ledger import BatchLedger
from cvseeker.llm.dialect import Dialect, request_body
from cvseeker.llm.request import ChatRequest, ChatTask

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

    The job has the prices of batches. ``miscount`` is how far our count of a prompt's tokens
    falls short of the server's, at worst. ``most_tokens`` is how many of them the provider lets
    wait at a time, which it tells only by refusing more.
    """

    job: Job[ChatTask]
    dialect: Dialect
    miscount: float
    ledger: BatchLedger
    most_tokens: float = math.inf

    def cut(
        self, requests: Iterator[ChatRequest], file: IO[bytes], *, waiting: int
    ) -> tuple[Cut, Iterator[ChatRequest]]:
        """Write the lines of the next part; return it and the requests left.

        ``waiting`` is the number of prompt tokens in batches that have not ended. A part without
        requests says that no other fits, or that none are left.
        """
        cut, size = Cut(), 0
        keys: set[str] = set()
        money: float = math.inf
        if self.job.settings.budget is not None:
            money = self.job.settings.budget - self.ledger.spent() - self.ledger.reserved()
        for request in requests:
            if request.key in keys:
                continue  # two items with one text
            line = self._line(request)
            prompt = math.ceil(request.prompt_tokens * self.miscount)
            most = self.job.settings.cost(prompt, self.job.task.max_tokens)
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
        body = request_body(self.job.task, self.job.endpoint.model, request.text, self.dialect)
        row = {
            "custom_id": request.key,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": body,
        }
        return f"{json.dumps(row)}\n".encode()
