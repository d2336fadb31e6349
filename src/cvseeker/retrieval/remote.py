"""Any OpenAI-compatible embedding endpoint as an encoder."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.core.hashes import text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import EmbeddingSettings
from cvseeker.llm import EmbeddingClient, dollars
from cvseeker.retrieval.encoder import WindowEmbeddings
from cvseeker.retrieval.windows import FloatArray, Window, window_bounds

_TRILLION = 10**12
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class EmbeddingCost:
    """What encoding texts would cost with the encoder ``name``, whose texts go to ``url``.

    Of ``texts`` different ones, ``unknown`` are in no cache and would be sent: ``tokens`` of them
    (counted by the model's own vocabulary if ``exact``) for ``usd``, ``None`` where no price is
    known. ``cut`` texts are too long for the model and lose their end.
    """

    name: str
    url: str
    texts: int
    unknown: int
    tokens: int
    exact: bool
    cut: int
    usd: Decimal | None

    def line(self) -> str:
        """Say it in one line.

        Examples
        --------
        >>> cost = EmbeddingCost("m", "http://[::1]/v1", 9, 3, 120, True, 0, Decimal("0.1"))
        >>> cost.line()
        'm: 3 of 9 texts are sent to http://[::1]/v1, the others are cached: 120 tokens, $0.1000'
        """
        cut = f"; {self.cut:,} too long for the model, cut at their end" if self.cut else ""
        if not self.unknown:
            return f"{self.name}: all {self.texts:,} texts are cached, nothing is sent{cut}"
        about = "" if self.exact else "about "
        cached = ", the others are cached" if self.unknown < self.texts else ""
        money = "price not known, see --embedding-price"
        if self.usd is not None:
            money = dollars(int(self.usd * _TRILLION))
        return (
            f"{self.name}: {self.unknown:,} of {self.texts:,} texts are sent to {self.url}{cached}:"
            f" {about}{self.tokens:,} tokens, {money}{cut}"
        )


class RemoteEncoder:
    """An embedding model behind an OpenAI-compatible endpoint; made as an `EmbeddingClient` is.

    A passage is one window, cut at what the model sees, unless ``settings.window_words`` splits it.
    """

    def __init__(self, model: str, settings: EmbeddingSettings, *, cache: Path) -> None:
        self.settings = settings
        self.client = EmbeddingClient(model, settings, cache=cache)
        self.name = model if settings.dimensions is None else f"{model}@{settings.dimensions}"

    @property
    def identity(self) -> str:
        """What changes when the vectors may: a hash of the address, the model and what it sees."""
        elsewhere = {"key_env", "price", "batch_texts", "batch_tokens", "max_concurrency"}
        seen = self.settings.model_dump_json(exclude={*elsewhere, "timeout_seconds"})
        return text_hash(self.client.endpoint.url, self.client.endpoint.model, seen)

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
        """Say what encoding these queries and passages would cost; nothing is sent."""
        sent = self._sent(queries, passages)
        client = self.client
        unknown = client.unknown(sent.values())
        tokens = sum(client.counter.count(unknown))
        return EmbeddingCost(
            name=self.name,
            url=client.endpoint.url,
            texts=len(sent),
            unknown=len(unknown),
            tokens=tokens,
            exact=client.counter.exact,
            cut=sum(len(fitting) < len(whole) for whole, fitting in sent.items()),
            usd=None if client.price is None else client.price.cost(tokens),
        )

    def fetch(
        self,
        *,
        queries: Sequence[str] = (),
        passages: Sequence[str] = (),
        progress: Progress = silent,
    ) -> None:
        """Get the vectors of queries and passages that are not in the cache yet, all in one run."""
        sent = self._sent(queries, passages).values()
        self.client.fetch(sent, name=f"encode with {self.name}", progress=progress)

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Encode n queries, (n, dim), of unit length; those in the cache are not sent."""
        self.fetch(queries=texts)
        return self._read(self.settings.query_prompt, texts)

    def encode_passages(
        self, texts: Sequence[str], progress: Progress = silent
    ) -> WindowEmbeddings:
        """Encode passages; what is in the cache is not sent.

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
        counter = self.client.counter
        while len(text.encode()) > limit and (count := counter.count([text])[0]) > limit:
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

    def _read(self, prompt: str, texts: Sequence[str]) -> FloatArray:
        return self.client.read([self._fit(prompt + text) for text in texts])
