"""What an endpoint would charge for texts, and the batches that they are sent in."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cvseeker.core.settings import EmbeddingSettings
from cvseeker.llm import TRILLION, ChatRequest, dollars


@dataclass(frozen=True, slots=True)
class EmbeddingCost:
    """What encoding texts would cost.

    Attributes
    ----------
    name, url
        Which encoder, and where its texts go.
    texts
        Different texts, those that are in the cache included.
    unknown
        Those of them that would be sent.
    tokens
        Tokens of these.
    exact
        Whether they were counted by the model's own vocabulary.
    cut
        Texts that are too long for the model and lose their end.
    usd
        What the tokens cost; ``None`` where no price is known.
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
            money = dollars(int(self.usd * TRILLION))
        return (
            f"{self.name}: {self.unknown:,} of {self.texts:,} texts are sent to {self.url}{cached}:"
            f" {about}{self.tokens:,} tokens, {money}{cut}"
        )


def batch_requests(
    texts: Sequence[str], tokens: Sequence[int], settings: EmbeddingSettings
) -> list[ChatRequest]:
    """Return requests of so many texts, and about so many tokens, as one may have.

    Which texts are known is for the cache to say, so a request's key is never met again.

    Parameters
    ----------
    texts, tokens
        The texts and their tokens; one with more tokens than a request may have is sent alone.
    settings
        Says how many.
    """
    return [
        ChatRequest(
            key=uuid.uuid4().hex,
            item=f"{end - begin} texts",
            text=json.dumps({"input": texts[begin:end], "dimensions": settings.dimensions}),
        )
        for begin, end in cut_batches(
            tokens, most_texts=settings.batch_texts, most_tokens=settings.batch_tokens
        )
    ]


def cut_batches(
    tokens: Sequence[int], *, most_texts: int, most_tokens: int
) -> Iterator[tuple[int, int]]:
    """Cut a row of texts into batches.

    Parameters
    ----------
    tokens
        Tokens of each text.
    most_texts, most_tokens
        What a batch may have at most; a text with more tokens is a batch of its own.

    Yields
    ------
    begin, end
        Positions of a batch's first text and of the one after its last.

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
