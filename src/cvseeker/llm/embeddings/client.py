"""An embedding model behind an endpoint: batched, cached, never paid for twice."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cvseeker.core.errors import InputError, LlmError
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import EmbeddingSettings
from cvseeker.llm.account import Job, SendCounts, SendSettings
from cvseeker.llm.endpoint import OPENAI_URL, Endpoint, check_url
from cvseeker.llm.ledger import Ledger
from cvseeker.llm.prices import Price, dollars, find_price
from cvseeker.llm.request import EmbeddingRequest, EmbeddingTask
from cvseeker.llm.tokens import TokenCounter
from cvseeker.llm.worker import send_all

if TYPE_CHECKING:  # NumPy is for those who read vectors
    from cvseeker.llm.embeddings.transport import EmbeddingTransport
    from cvseeker.llm.embeddings.vectors import FloatArray, VectorCache

_URL_OPTION = "--embedding-url"
_KEY_OPTION = "key_env under [embedding] in the settings file"
_TIMEOUT_OPTION = "timeout_seconds under [embedding] in the settings file"
# A reply with rows missing is asked for again, for those rows alone.
_REPLY_ATTEMPTS = 5


class EmbeddingClient:
    """An embedding model behind an OpenAI-compatible endpoint, and the vectors it was paid for.

    ``cache`` is a SQLite file that keeps every vector paid for, and what was paid. Without a key
    for an endpoint that is not on this machine it is refused.
    """

    def __init__(self, model: str, settings: EmbeddingSettings, *, cache: Path) -> None:
        self.settings = settings
        self.cache = cache
        url = check_url(settings.url or OPENAI_URL, url_option=_URL_OPTION, key_option=_KEY_OPTION)
        self.endpoint = Endpoint(
            model=model,
            url=url,
            key_env=settings.key_env,
            timeout_seconds=settings.timeout_seconds,
            url_option=_URL_OPTION,
            key_option=_KEY_OPTION,
            timeout_option=_TIMEOUT_OPTION,
        )
        try:
            self.endpoint.key()  # complain of a missing one before anything is read or sent
        except InputError as error:
            other = "" if settings.url else f"; or name a server of your own with {_URL_OPTION}"
            raise InputError(f"{error}{other}") from None

    @cached_property
    def price(self) -> Price | None:
        """What tokens cost: as set, else as known for OpenAI's own models at OpenAI."""
        if self.settings.price is not None:
            return Price(input=Decimal(str(self.settings.price)), output=Decimal(0))
        return find_price(self.endpoint.model) if self.endpoint.url == OPENAI_URL else None

    @cached_property
    def counter(self) -> TokenCounter:
        """What counts tokens as the model does, or nearly."""
        return TokenCounter(self.endpoint.model)

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Return the texts that have no vector yet, each once."""
        keys = {key: text for text, key in self._keys(texts).items()}
        with self._open_cache() as cache:
            known = cache.known(list(keys))
        return [text for key, text in keys.items() if key not in known]

    def fetch(self, texts: Iterable[str], *, name: str, progress: Progress = silent) -> None:
        """Get the vectors that are not in the cache yet, all in one run; no text may be empty.

        Interrupted at any moment, even by ``kill -9``, nothing that was answered is lost. An
        `LlmError` says that the endpoint cannot be used, or sends no usable vectors.
        """
        unknown = self.unknown(texts)
        if not unknown:
            return
        requests = self._requests(unknown)

        def changed(counts: SendCounts, waiting: str) -> None:
            money = "" if self.price is None else f", {dollars(counts.spent)}"
            note = waiting or f"{counts.prompt_tokens:,} tokens{money}"
            progress(name, len(unknown) * counts.done // len(requests), len(unknown), note)

        sending = SendSettings(
            most=self.settings.max_concurrency,
            reply_attempts=_REPLY_ATTEMPTS,
            price=None if self.price is None else self.price.per_token(),
        )
        task = EmbeddingTask(self.settings.dimensions)
        send_all(requests, Job(self.endpoint, task, sending, self.cache), changed=changed)
        self._refuse_gaps(requests, unknown)

    def read(self, texts: Sequence[str]) -> "FloatArray":
        """Return the vectors of texts that were fetched.

        Shape (n, dim), float32, unit length; (0, 0) for no texts.
        """
        keys = self._keys(texts)
        with self._open_cache() as cache:
            return cache.read([keys[text] for text in texts])

    def _open_cache(self) -> "VectorCache":
        from cvseeker.llm.embeddings.vectors import VectorCache

        return VectorCache(self.cache)

    def _keys(self, texts: Iterable[str]) -> dict[str, bytes]:
        from cvseeker.llm.embeddings.vectors import model_key, text_key

        model = model_key(self.endpoint.url, self.endpoint.model, self.settings.dimensions)
        return {text: text_key(model, text) for text in texts}

    def _requests(self, texts: Sequence[str]) -> list[EmbeddingRequest]:
        """Return requests of so many texts, and about so many tokens, as one may have.

        Which texts are known is for the cache to say, so a request's key is never met again.
        """
        settings = self.settings
        cuts = cut_batches(
            self.counter.count(texts),
            most_texts=settings.batch_texts,
            most_tokens=settings.batch_tokens,
        )
        return [
            EmbeddingRequest(uuid.uuid4().hex, f"{end - begin} texts", texts[begin:end])
            for begin, end in cuts
        ]

    def _refuse_gaps(self, requests: Sequence[EmbeddingRequest], texts: Sequence[str]) -> None:
        """Refuse to go on where a text got no vector, and say why."""
        missing = len(self.unknown(texts))
        if not missing:
            return
        with Ledger(self.cache) as ledger:
            rows = [row for request in requests if (row := ledger.get(request.key))]
        reasons = [row.reason for row in rows if row.outcome != "ok"]
        raise LlmError(
            f"{self.endpoint.url}: no usable vectors from {self.endpoint.model!r} for {missing:,} "
            f"of {len(texts):,} texts ({reasons[0] if reasons else 'the run was stopped'}); what "
            "came is kept, and the same command asks for the others alone"
        )


def cut_batches(
    tokens: Sequence[int], *, most_texts: int, most_tokens: int
) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each batch of a row of texts, given the tokens of each.

    A text with more tokens than a batch may have is a batch of its own.

    Examples
    --------
    >>> list(cut_batches([5, 5, 9, 30, 1], most_texts=2, most_tokens=12))
    [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    begin = total = 0
    for position, count in enumerate(tokens):
        if position > begin and (position - begin == most_texts or total + count > most_tokens):
            yield begin, position
            begin, total = position, 0
        total += count
    if begin < len(tokens):
        yield begin, len(tokens)


def open_transport(
    endpoint: Endpoint, task: EmbeddingTask, *, cache: Path, connections: int
) -> "EmbeddingTransport":
    """Open the way to an embedding endpoint, and the cache that it fills."""
    from cvseeker.llm.embeddings.transport import EmbeddingTransport
    from cvseeker.llm.embeddings.vectors import VectorCache

    return EmbeddingTransport(endpoint, task, VectorCache(cache), connections=connections)
