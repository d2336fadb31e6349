"""Any OpenAI-compatible embedding endpoint as an encoder: batched, cached, never paid for twice."""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np

from cvseeker.core.errors import InputError, LlmError
from cvseeker.core.files import text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import EmbeddingSettings
from cvseeker.llm import (
    OPENAI_URL,
    ChatRequest,
    ChatTask,
    Endpoint,
    Ledger,
    Price,
    SendCounts,
    SendSettings,
    TokenCounter,
    check_url,
    dollars,
    find_price,
    send_all,
)
from cvseeker.retrieval.encoder import WindowEmbeddings
from cvseeker.retrieval.remote.cache import EmbeddingCache, model_key, text_key
from cvseeker.retrieval.remote.cost import EmbeddingCost, batch_requests
from cvseeker.retrieval.windows import FloatArray, Window, window_bounds

COURIER = "cvseeker.retrieval.remote.courier"
# A reply with rows missing is asked for again, for those rows alone.
_REPLY_ATTEMPTS = 5
_MILLION = 10**6
_WORD = re.compile(r"\S+")
# Embeddings write nothing back: the reply's JSON is an empty object.
_TASK = ChatTask(name="embed", system="", schema={"type": "object"}, max_tokens=0)


class RemoteEncoder:
    """An embedding model behind an OpenAI-compatible endpoint.

    A passage is one window, cut at what the model sees, unless ``settings.window_words`` splits it.

    Parameters
    ----------
    model
        Its name, such as ``text-embedding-3-large``.
    settings
        Address, price, batches.
    cache
        SQLite file that keeps every vector paid for, and what was paid.

    Raises
    ------
    InputError
        If the address is none, or there is no key for one that is not on this machine.
    """

    def __init__(self, model: str, settings: EmbeddingSettings, *, cache: Path) -> None:
        self.settings = settings
        self.cache = cache
        self.name = model if settings.dimensions is None else f"{model}@{settings.dimensions}"
        try:
            self.endpoint = Endpoint(
                model=model,
                url=check_url(settings.url or OPENAI_URL),
                key_env=settings.key_env,
                timeout_seconds=settings.timeout_seconds,
            )
            self.endpoint.key()  # complain of a missing one before anything is read or sent
        except InputError as error:
            other = "" if settings.url else "; or name a server of your own with --embedding-url"
            raise InputError(_in_our_words(str(error)) + other) from None
        self._model = model_key(self.endpoint.url, model, settings.dimensions)

    @property
    def identity(self) -> str:
        """What changes when the vectors may: a hash of the address, the model and what it sees."""
        elsewhere = {"key_env", "price", "batch_texts", "batch_tokens", "max_concurrency"}
        seen = self.settings.model_dump_json(exclude={*elsewhere, "timeout_seconds"})
        return text_hash(self.endpoint.url, self.endpoint.model, seen)

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

    def split(self, texts: Sequence[str]) -> list[Window]:
        """Split passages into windows of words, or leave each as one window."""
        size = self.settings.window_words
        if size is None:
            return [Window(position, text) for position, text in enumerate(texts)]
        windows = []
        for position, text in enumerate(texts):
            words = [match.span() for match in _WORD.finditer(text)]
            bounds = window_bounds(words, text, size=size, overlap=size // 4) or [(0, len(text))]
            windows += [Window(position, text[start:end], start) for start, end in bounds]
        return windows

    def estimate(
        self, *, queries: Sequence[str] = (), passages: Sequence[str] = ()
    ) -> EmbeddingCost:
        """Say what encoding would cost; nothing is sent.

        Parameters
        ----------
        queries, passages
            As they would be encoded.
        """
        sent = self._sent(queries, passages)
        unknown = self._unknown(sent.values())
        tokens = sum(self.counter.count(list(unknown.values())))
        return EmbeddingCost(
            name=self.name,
            url=self.endpoint.url,
            texts=len(sent),
            unknown=len(unknown),
            tokens=tokens,
            exact=self.counter.exact,
            cut=sum(len(fitting) < len(whole) for whole, fitting in sent.items()),
            usd=None if self.price is None else self.price.cost(tokens),
        )

    def fetch(
        self,
        *,
        queries: Sequence[str] = (),
        passages: Sequence[str] = (),
        progress: Progress = silent,
    ) -> None:
        """Get the vectors that are not in the cache yet, all in one run.

        Interrupted at any moment, even by ``kill -9``, nothing that was answered is lost.

        Parameters
        ----------
        queries, passages
            What will be encoded.
        progress
            Called with the texts done, tokens and money.

        Raises
        ------
        LlmError
            If the endpoint cannot be used, or sends no usable vectors; what came is kept.
        """
        unknown = self._unknown(self._sent(queries, passages).values())
        if not unknown:
            return
        texts = list(unknown.values())
        requests = batch_requests(texts, self.counter.count(texts), self.settings)
        try:
            send_all(
                requests,
                endpoint=self.endpoint,
                task=_TASK,
                settings=self._sending(),
                ledger=self.cache,
                changed=self._reporter(progress, len(unknown), len(requests)),
                courier=COURIER,
            )
        except LlmError as error:
            raise LlmError(_in_our_words(str(error))) from None
        self._refuse_gaps(requests, list(unknown))

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Encode queries; those in the cache are not sent.

        Parameters
        ----------
        texts
            n queries.

        Returns
        -------
        ndarray
            Shape (n, dim), float32, unit length.
        """
        self.fetch(queries=texts)
        return self._read(self.settings.query_prompt, texts)

    def encode_passages(
        self, texts: Sequence[str], progress: Progress = silent
    ) -> WindowEmbeddings:
        """Encode passages; what is in the cache is not sent.

        Parameters
        ----------
        texts
            The passages.
        progress
            Called with the texts done.

        Returns
        -------
        WindowEmbeddings
            A window's text is whole even where the model saw its beginning only.
        """
        self.fetch(passages=texts, progress=progress)
        windows = self.split(texts)
        vectors = self._read(self.settings.passage_prompt, [window.text for window in windows])
        owners = np.array([window.passage for window in windows], dtype=np.int64)
        return WindowEmbeddings(windows, vectors, owners)

    def _fit(self, text: str) -> str:
        """Cut a text to the tokens that the model sees; a token has a byte at least."""
        # Half a surrogate pair could not be sent.
        text = text.encode("utf-8", "replace").decode()
        limit = self.settings.max_tokens
        while len(text.encode()) > limit and (count := self.counter.count([text])[0]) > limit:
            text = text[: len(text) * limit // count]
        return text

    def _sent(self, queries: Sequence[str], passages: Sequence[str]) -> dict[str, str]:
        """Return the different texts with their prompts, each with what fits into the model."""
        settings = self.settings
        texts = [settings.query_prompt + text for text in queries]
        texts += [settings.passage_prompt + window.text for window in self.split(passages)]
        if not all(map(str.strip, texts)):
            raise InputError(f"{self.name}: a text to encode is empty; remove it or fill it in")
        return {text: self._fit(text) for text in dict.fromkeys(texts)}

    def _unknown(self, texts: Iterable[str]) -> dict[bytes, str]:
        """Return the texts that have no vector yet, by their keys."""
        keys = {text_key(self._model, text): text for text in texts}
        with EmbeddingCache(self.cache) as cache:
            known = cache.known(list(keys))
        return {key: text for key, text in keys.items() if key not in known}

    def _read(self, prompt: str, texts: Sequence[str]) -> FloatArray:
        with EmbeddingCache(self.cache) as cache:
            return cache.read([text_key(self._model, self._fit(prompt + text)) for text in texts])

    def _sending(self) -> SendSettings:
        per_token = None if self.price is None else int(self.price.input * _MILLION)
        return SendSettings(
            model=self.endpoint.model,
            url=self.endpoint.url,
            most=self.settings.max_concurrency,
            reply_attempts=_REPLY_ATTEMPTS,
            price=None if per_token is None else (per_token, per_token, 0),
        )

    def _reporter(
        self, progress: Progress, texts: int, requests: int
    ) -> Callable[[SendCounts, str], None]:
        """Return what turns counts of requests into progress in texts."""

        def changed(counts: SendCounts, waiting: str) -> None:
            money = "" if self.price is None else f", {dollars(counts.spent)}"
            note = waiting or f"{counts.prompt_tokens:,} tokens{money}"
            progress(f"encode with {self.name}", texts * counts.done // requests, texts, note)

        return changed

    def _refuse_gaps(self, requests: Sequence[ChatRequest], keys: Sequence[bytes]) -> None:
        """Refuse to go on where a text got no vector, and say why."""
        with EmbeddingCache(self.cache) as cache:
            missing = len(keys) - len(cache.known(keys))
        if not missing:
            return
        with Ledger(self.cache) as ledger:
            rows = [row for request in requests if (row := ledger.get(request.key))]
        reasons = [row.raw or row.reason for row in rows if row.outcome != "ok"]
        raise LlmError(
            f"{self.endpoint.url}: no usable vectors from {self.endpoint.model!r} for {missing:,} "
            f"of {len(keys):,} texts ({reasons[0] if reasons else 'the run was stopped'}); what "
            "came is kept, and the same command asks for the others alone"
        )


def _in_our_words(message: str) -> str:
    """Name our settings where a message of the LLM's machinery names the LLM's."""
    message = message.replace("--llm-url", "--embedding-url")
    return message.replace("--llm-key-env", "key_env under [embedding] in the settings file")
