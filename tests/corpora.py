"""Made-up candidates and their vectors, any number of them, without a model."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from cvseeker.core.records import Passage
from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.codec import TokenCodec, TokenCodes
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.encoder import WindowEmbeddings
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.retrieval.windows import FloatArray, Window
from cvseeker.search.index import Candidate

DIM = 64
WORDS = [
    f"{a}{b}"
    for a in "Ber Kal Mon Tir Vos Dra Lum Pek".split()
    for b in "da lin mor tas gen rud fil ost".split()
]
WINDOW = 8


def candidate(number: int, *, version: int = 0, passages: int = 2, words: int = 40) -> Candidate:
    """Return somebody, always the same by that number and version."""
    rng = random.Random(f"{number} {version}")
    theme = rng.sample(WORDS, 8)
    texts = [
        " ".join(rng.choice(theme if rng.random() < 0.6 else WORDS) for _ in range(words))
        for _ in range(1 + number % passages)
    ]
    resume_id = f"resume-{number}"
    return Candidate(
        number,
        tuple(Passage(f"{resume_id}#{at}", resume_id, text) for at, text in enumerate(texts)),
    )


@cache
def _vector(word: str) -> FloatArray:
    vector = np.random.default_rng(sum(word.encode()) * 7919 + len(word)).normal(size=DIM)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@cache
def _codec() -> TokenCodec:
    return TokenCodec.fit(np.stack([_vector(word) for word in WORDS]), dims=DIM)


def _tokens(texts: Sequence[str]) -> TokenVectors:
    """Return a vector a word, and where it stands."""
    spans, ids, bounds = [], [], [0]
    for text in texts:
        start = 0
        for word in text.split():
            spans.append((start, start + len(word)))
            ids.append(WORDS.index(word))
            start += len(word) + 1
        bounds.append(len(ids))
    vectors = np.stack([_vector(WORDS[at]) for at in ids])
    return TokenVectors(vectors, np.array(ids), np.array(spans), np.array(bounds))


def _pooled(text: str) -> FloatArray:
    total = np.sum([_vector(word) for word in text.split()], axis=0)
    pooled: FloatArray = (total / np.linalg.norm(total)).astype(np.float32)
    return pooled


@dataclass(frozen=True, slots=True)
class Encoded(EncodedCorpus):
    """A corpus that encodes queries, too."""

    @staticmethod
    def queries(text: str) -> EncodedQueries:
        """Return one query, encoded."""
        return EncodedQueries([text], tokenize([text]), _pooled(text)[None], _tokens([text]))


def encoded(candidates: Sequence[Candidate]) -> Encoded:
    """Encode candidates' passages, window by window."""
    texts = [passage.text for one in candidates for passage in one.passages]
    windows = []
    for at, text in enumerate(texts):
        words, start = text.split(), 0
        for begin in range(0, len(words), WINDOW):
            window = " ".join(words[begin : begin + WINDOW])
            windows.append(Window(at, window, start))
            start += len(window) + 1
    owners = np.array([window.passage for window in windows])
    vectors = np.stack([_pooled(window.text) for window in windows])
    tokens = _tokens(texts)
    codes = TokenCodes.from_vectors(tokens, _codec())
    which, ids = tokens.occurrences
    arrays = {
        "windows": np.bincount(owners),
        "window_starts": np.array([window.start for window in windows]),
        "window_ends": np.array([window.start + len(window.text) for window in windows]),
        "vectors": vectors,
        "tokens": np.diff(tokens.bounds),
        "codes": codes.codes,
        "token_starts": codes.starts.astype(np.int64),
        "token_lengths": codes.lengths.astype(np.int64),
        "distinct": np.bincount(which, minlength=len(texts)),
        "ids": ids,
    }
    return Encoded(WindowEmbeddings(windows, vectors, owners), codes, 0.0, arrays)
