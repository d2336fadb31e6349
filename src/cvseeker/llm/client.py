"""From settings to an LLM that requests can be sent to, with what that costs."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Self

from cvseeker.core.errors import LlmError, SettingsError
from cvseeker.core.progress import Progress, silent
from cvseeker.core.query_settings import LlmSettings
from cvseeker.llm.account import BUDGET, Changed, Job, SendCounts, SendSettings
from cvseeker.llm.batch import refuse_batched, send_batches
from cvseeker.llm.dialect import Dialect, request_body
from cvseeker.llm.endpoint import (
    OPENAI_URL,
    PATIENCE,
    PATIENCE_AT_HOME,
    Endpoint,
    check_url,
    is_own,
)
from cvseeker.llm.in_process import ObjectTransport, send_in_process
from cvseeker.llm.ledger import Ledger
from cvseeker.llm.prices import TRILLION, Price, dollars, find_price
from cvseeker.llm.request import ChatRequest, ChatTask, request_key
from cvseeker.llm.tokens import TokenCounter
from cvseeker.llm.worker import send_all


@dataclass(frozen=True)
class ChatClient:
    """An LLM, the task it is given, and what it costs.

    ``attempts`` are those that a request gets, ``None``: as many as are usual; ``secrets``
    environment variables of the sending process alone, such as an object's key; ``transport``
    somebody else's client object, which is asked in this process, ``None``: over HTTP.
    """

    endpoint: Endpoint
    task: ChatTask
    settings: LlmSettings
    price: Price | None = None
    attempts: int | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    transport: ObjectTransport | None = None

    @classmethod
    def open(cls, model: str, settings: LlmSettings, task: ChatTask) -> Self:
        """Find out where and at which price a model is asked; nothing is sent.

        An address that is none is refused, and so is a budget without a known price.
        """
        price = find_price(model, table=settings.prices)
        if price is None and settings.budget is not None:
            raise SettingsError(
                f"--budget {settings.budget:g}: no price is known for {model!r}; give one with "
                f"--prices FILE, which says: models.'{model}' = {{ input = 0.15, output = 0.60 }}, "
                "in USD per million tokens"
            )
        url = check_url(settings.url or OPENAI_URL)
        patience = PATIENCE_AT_HOME if is_own(url) else PATIENCE
        endpoint = Endpoint(
            model=model,
            url=url,
            key_env=settings.key_env,
            timeout_seconds=settings.timeout_seconds or patience,
        )
        return cls(endpoint, task, settings, price)

    @classmethod
    def of_object(
        cls,
        name: str,
        complete: Callable[[str], Awaitable[str]],
        task: ChatTask,
        *,
        model: str,
        settings: LlmSettings,
        reshape: Callable[[str], str] = str,
    ) -> Self:
        """Ask somebody else's client object, which gives the reply to a prompt, in this process.

        ``name`` stands for the address in the ledger; the task's schema is asked for in words.
        ``reshape`` makes the JSON asked for of a reply in another form; returns what it cannot read
        as it is.
        """
        transport = ObjectTransport(complete, task, reshape)
        return cls(Endpoint(model, name), task, settings, transport=transport)

    @cached_property
    def counter(self) -> TokenCounter:
        """What counts tokens as the model does, or nearly."""
        return TokenCounter(self.endpoint.model, tokenizer=self.settings.tokenizer)

    def key(self, text: str) -> str:
        """Return the ledger's key of a request about a text."""
        return request_key(self.task, model=self.endpoint.model, url=self.endpoint.url, text=text)

    def prompt_tokens(self, text: str) -> int:
        """Return the tokens of a request's prompt: instructions, message and schema."""
        body = request_body(self.task, self.endpoint.model, text, Dialect())
        return self.counter.count_chat(body["messages"]) + self._schema_tokens

    @cached_property
    def _schema_tokens(self) -> int:
        spelled_out = self.task.system_with_schema().removeprefix(self.task.system)
        return self.counter.count([spelled_out])[0]

    def send(
        self,
        requests: Callable[[], Iterable[ChatRequest]],
        *,
        ledger: Path,
        total: int,
        name: str,
        progress: Progress = silent,
    ) -> SendCounts:
        """Send the requests that the ledger has no final outcome for, about ``total`` items.

        ``requests`` makes them all, those with an outcome included or not. An `LlmError` says that
        the LLM cannot be used, or that the budget does not suffice; what was answered is kept.
        """
        began = time.monotonic()

        def changed(counts: SendCounts, waiting: str) -> None:
            answered = sum(counts.outcomes.values())
            note = waiting or self._note(counts, answered / max(time.monotonic() - began, 0.001))
            progress(name, min(counts.done, total), total, note)

        counts = self._send(requests, ledger, changed)
        if counts.stopped == BUDGET:
            with Ledger(ledger) as book:
                spent = dollars(book.spent())
            raise LlmError(
                f"--budget {self.settings.budget:g}: the next request could exceed it; spent so "
                f"far: {spent}, answered: {counts.done:,} of {total:,}. Nothing is lost: the same "
                "command with a larger --budget goes on from here"
            )
        return counts

    def sending(self) -> SendSettings:
        """Return how requests are sent, with money in trillionths of a dollar."""
        budget = self.settings.budget
        sending = SendSettings(
            most=self.settings.max_concurrency,
            price=None if self.price is None else self.price.per_token(),
            budget=None if budget is None else int(Decimal(str(budget)) * TRILLION),
        )
        if self.attempts is None:
            return sending
        return replace(sending, broken_attempts=self.attempts, reply_attempts=self.attempts)

    def _send(
        self, requests: Callable[[], Iterable[ChatRequest]], ledger: Path, changed: Changed
    ) -> SendCounts:
        """Send through the client object, the Batch API, or the worker."""
        job = Job(self.endpoint, self.task, self.sending(), ledger)
        if self.transport is not None:
            return send_in_process(requests(), self.transport, job, changed=changed)
        if self.settings.batch:
            discount = Decimal(0) if self.price is None else self.price.batch_discount
            return send_batches(requests, job, discount=discount, changed=changed)
        refuse_batched(requests, ledger=ledger)
        return send_all(requests(), job, changed=changed, secrets=self.secrets)

    def _note(self, counts: SendCounts, rate: float) -> str:
        tokens = counts.prompt_tokens + counts.completion_tokens
        money = f", {dollars(counts.spent)}" if self.price is not None else ""
        return f"{rate:.1f}/s, {tokens:,} tokens{money}, {counts.in_flight} in flight"
