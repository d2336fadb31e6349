"""Texts → one unit-length vector a token, from the same forward pass as the pooled vectors.

A passage is seen through overlapping windows, so many of its tokens are seen twice. Each is kept
once, from the window in which more text stands around it: neighbouring windows share out their
overlap at its middle.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.codec import unit
from cvseeker.retrieval.encoder import LocalEncoder, WindowEmbeddings
from cvseeker.retrieval.windows import FloatArray, IntArray, Window


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The token vectors of several texts; special tokens and pure punctuation have none.

    Attributes
    ----------
    vectors
        Shape (n_tokens, dim), float32, unit length; a text's tokens in reading order.
    ids
        Shape (n_tokens,), int64: the tokens' numbers in the tokenizer's vocabulary.
    spans
        Shape (n_tokens, 2), int64: start and end of each token, in characters of its text.
    bounds
        Shape (n_texts + 1,), int64: text i has the rows from ``bounds[i]`` to ``bounds[i + 1]``;
        none where it has no words.
    """

    vectors: FloatArray
    ids: IntArray
    spans: IntArray
    bounds: IntArray

    @property
    def occurrences(self) -> IntArray:
        """Which text has which token id, each pair once: shape (2, n_distinct), by text."""
        owners = np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))
        return np.unique(np.stack([owners, self.ids]), axis=1)

    @property
    def frequencies(self) -> IntArray:
        """In how many texts each token id occurs, shape (highest id + 1,), int64."""
        return np.bincount(self.occurrences[1]).astype(np.int64)

    def __getitem__(self, rows: slice) -> "TokenVectors":
        """Return those of some neighbouring texts."""
        first, last, _ = rows.indices(len(self.bounds) - 1)
        bounds = self.bounds[first : max(first, last) + 1]
        tokens = slice(int(bounds[0]), int(bounds[-1]))
        return TokenVectors(
            self.vectors[tokens], self.ids[tokens], self.spans[tokens], bounds - bounds[0]
        )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A text for the model, where it begins, and the ends of the tokens that are kept of it."""

    text: str
    start: int = 0
    low: int = 0
    high: int | None = None


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What is kept of one stretch; spans are in characters of the whole text."""

    vectors: FloatArray
    ids: IntArray
    spans: IntArray


def encode_queries_with_tokens(
    encoder: LocalEncoder, texts: Sequence[str]
) -> tuple[FloatArray, TokenVectors]:
    """Encode queries, with the model's query prompt: pooled, shape (n, dim), and token vectors.

    The prompt's tokens are left out.
    """
    pooled, parts = _encode(encoder, [_Stretch(text) for text in texts], encoder.query_prompt)
    return pooled, _join(parts, np.arange(len(texts)), len(texts))


def join_queries(
    texts: Sequence[str],
    prompt: str,
    states: Sequence[FloatArray],
    tokens: Sequence[tuple[list[int], list[tuple[int, int]], list[int]]],
) -> TokenVectors:
    """Keep the words of queries whose last states, (tokens, dim) each, were found elsewhere.

    ``tokens`` are each query's ids, offsets and marks of special tokens, the prompt's included.
    """
    parts = [
        _kept(_Stretch(text), prompt, state, *found)
        for text, state, found in zip(texts, states, tokens, strict=True)
    ]
    return _join(parts, np.arange(len(texts)), len(texts))


def encode_passages_with_tokens(
    encoder: LocalEncoder, texts: Sequence[str], progress: Progress = silent
) -> tuple[WindowEmbeddings, TokenVectors]:
    """Encode passages, window by window, in one pass: pooled and token vectors.

    Token vectors take 1 MB a passage of 750 tokens and 384 dimensions: of a large corpus hand over
    some hundreds at a time.
    """
    windows = encoder.split(texts)
    owners = np.array([window.passage for window in windows], dtype=np.int64)
    pooled, parts = _encode(encoder, _share_out(windows), encoder.document_prompt, progress)
    return WindowEmbeddings(windows, pooled, owners), _join(parts, owners, len(texts))


def _share_out(windows: Sequence[Window]) -> list[_Stretch]:
    """Cut the overlap of neighbouring windows at its middle."""
    middles = [
        (left.start + len(left.text) + right.start) // 2 if left.passage == right.passage else None
        for left, right in pairwise(windows)
    ]
    return [
        _Stretch(window.text, window.start, low or 0, high)
        for window, low, high in zip(windows, [None, *middles], [*middles, None], strict=False)
    ]


def _encode(
    encoder: LocalEncoder, stretches: Sequence[_Stretch], prompt: str, progress: Progress = silent
) -> tuple[FloatArray, list[_Tokens]]:
    """Return the stretches' pooled vectors, shape (n, dim), and what is kept of their tokens."""
    dim = encoder.model.get_embedding_dimension() or 0
    pooled = np.zeros((len(stretches), dim), np.float32)
    parts: dict[int, _Tokens] = {}
    texts = [stretch.text for stretch in stretches]
    for chosen, features in encoder.forward(texts, prompt=prompt, offsets=True, progress=progress):
        pooled[chosen] = unit(_array(features["sentence_embedding"])[:, :dim])
        chunk = [stretches[position] for position in chosen]
        parts |= zip(chosen, _kept_tokens(chunk, prompt, features), strict=True)
    return pooled, [parts[position] for position in range(len(stretches))]


def _kept_tokens(
    stretches: Sequence[_Stretch], prompt: str, features: Mapping[str, Any]
) -> Iterator[_Tokens]:
    """Tell which rows of the model's output are which characters, and keep the words'."""
    names = ("token_embeddings", "input_ids", "offset_mapping", "special_tokens_mask")
    arrays = [_array(features[name]) for name in names]  # (b, tokens, …)
    seen = _array(features["attention_mask"]) > 0  # (b, tokens)
    for row, stretch in enumerate(stretches):
        yield _kept(stretch, prompt, *(array[row][seen[row]] for array in arrays))


def _kept(
    stretch: _Stretch,
    prompt: str,
    states: FloatArray,
    token_ids: ArrayLike,
    offsets: ArrayLike,
    special: ArrayLike,
) -> _Tokens:
    """Keep the words' tokens of one stretch."""
    text = prompt + stretch.text
    spans = _without_space(text, np.array(offsets, dtype=np.int64).reshape(-1, 2))
    words = [any(map(str.isalnum, text[start:end])) for start, end in spans.tolist()]
    spans += stretch.start - len(prompt)
    kept = np.array(words, dtype=bool) & ~np.array(special, dtype=bool)
    kept &= spans[:, 1] > stretch.low
    if stretch.high is not None:
        kept &= spans[:, 1] <= stretch.high
    return _Tokens(unit(states[kept]), np.array(token_ids, dtype=np.int64)[kept], spans[kept])


def _without_space(text: str, spans: IntArray) -> IntArray:
    """Move starts past the space that some tokenizers count towards the word after it."""
    starts = [
        end - len(text[start:end].lstrip()) if start < end else start
        for start, end in spans.tolist()
    ]
    return np.stack([np.array(starts, dtype=np.int64), spans[:, 1]], axis=1)


def _join(parts: Sequence[_Tokens], owners: IntArray, count: int) -> TokenVectors:
    """Join the stretches' tokens, in the order of their ``count`` owners."""
    sizes = np.zeros(count, dtype=np.int64)
    np.add.at(sizes, owners, [len(part.ids) for part in parts])
    empty = _Tokens(np.zeros((0, 0), np.float32), np.zeros(0, np.int64), np.zeros((0, 2), np.int64))
    parts = parts or [empty]
    return TokenVectors(
        vectors=np.concatenate([part.vectors for part in parts]),
        ids=np.concatenate([part.ids for part in parts]),
        spans=np.concatenate([part.spans for part in parts]),
        bounds=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
    )


def _array(tensor: Any) -> NDArray[Any]:
    """Return a tensor as an array; one of half precision becomes float32."""
    array: NDArray[Any] = (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()
    return array
