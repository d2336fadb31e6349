"""Windows: the stretches of tokens that an encoder sees at once.

Passages are longer than what an encoder sees. Cut off, their tail is lost; averaged over their
windows, they blur. So a passage is split into overlapping windows, each is encoded, and the
passage's score for a query is the **maximum** over its windows (MaxP: Dai & Callan 2019,
https://arxiv.org/abs/1905.09217). Training, evaluation and search all use this one module.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.training_settings import WindowSettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a passage.

    Attributes
    ----------
    passage
        The passage's position in the corpus.
    text
        The stretch.
    start
        Where it begins, in characters of the passage.
    """

    passage: int
    text: str
    start: int = 0


def window_bounds(
    offsets: Sequence[tuple[int, int]], text: str, *, size: int, overlap: int
) -> list[tuple[int, int]]:
    """Place windows of ``size`` tokens over a tokenised text: (start, end) in characters.

    ``offsets`` are the tokens' in the text. Every token is in a window, none but an overlong word
    is cut, and the last window reaches back so that it is as full as the others; neighbours share
    about ``overlap`` tokens, at most half of ``size``.
    """
    count = len(offsets)
    starts_word = [
        position == 0 or start == 0 or text[start - 1].isspace() or text[start].isspace()
        for position, (start, _) in enumerate(offsets)
    ]

    def first_start(candidates: Iterable[int], otherwise: int) -> int:
        """Return the first of the positions at which a word starts."""
        return next((at for at in candidates if starts_word[at]), otherwise)

    bounds: list[tuple[int, int]] = []
    begin = 0
    while begin < count:
        end = min(begin + size, count)
        if end < count:
            end = first_start(range(end, begin + size // 2, -1), end)
        bounds.append((offsets[begin][0], offsets[end - 1][1]))
        if end == count:
            break
        # Begin with the word that the overlap falls into, but not so early that the next window
        # ends where this one does; else with the next word, at this window's end at the latest.
        wanted = end - overlap
        near = (*range(wanted, end - size // 2 - 1, -1), *range(wanted, end + 1))
        begin = first_start(near, wanted)
        if count - begin <= size:
            reach = count - size
            begin = first_start(range(reach, min(begin, count - size // 2) + 1), reach)
    return bounds


def split_windows(
    texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase", settings: WindowSettings
) -> list[Window]:
    """Split passages into windows, in their order; every passage has one at least, be it empty.

    The tokenizer is the encoder's own, a fast one; its special tokens count towards the size.
    """
    size = max(settings.window_tokens - tokenizer.num_special_tokens_to_add(), 8)
    overlap = min(settings.overlap_tokens, size // 2)
    windows: list[Window] = []
    for begin in range(0, len(texts), 256):
        batch = list(texts[begin : begin + 256])
        tokens = tokenizer(
            batch, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        for position, (text, offsets) in enumerate(
            zip(batch, tokens["offset_mapping"], strict=True), start=begin
        ):
            bounds = window_bounds(offsets, text, size=size, overlap=overlap) or [(0, len(text))]
            windows += [Window(position, text[start:end], start) for start, end in bounds]
    return windows


def max_over_windows(scores: FloatArray, owners: IntArray) -> FloatArray:
    """Reduce scores of windows to scores of what they belong to, by their maximum.

    Parameters
    ----------
    scores
        Shape (n_queries, n_windows), float32.
    owners
        Shape (n_windows,): the owner of each window, ascending from 0 with none left out.

    Returns
    -------
    ndarray
        Shape (n_queries, n_owners), float32.
    """
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    return np.maximum.reduceat(scores, first, axis=1)
