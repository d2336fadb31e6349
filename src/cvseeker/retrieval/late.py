"""Late interaction: every token of a query looks for its best answer in a passage.

A pooled vector says what a window is about; the tokens' own vectors, which the encoder computes
anyway, also say whether this tool or that town is in it, and where.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cvseeker.core.errors import ModelError
from cvseeker.retrieval.codec import TokenCodes, differing, sign_words
from cvseeker.retrieval.ragged import rows_of
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.retrieval.windows import FloatArray, IntArray

# Tokens of passages and of queries that are compared at once: 4 MB of cosines.
PASSAGE_TOKENS = 4096
QUERY_TOKENS = 256
# What tells a token's place among four million; the rest of 32 bits counts signs, 511 at most.
PLACE_BITS = 22


@dataclass(frozen=True, slots=True)
class WordMatch:
    """A word of a query and the word of a passage that answered it best.

    The spans are in characters of the query and of the passage; ``similarity`` is their cosine,
    averaged over the query word's tokens; ``weight`` is the query word's share in the passage's
    score, and the shares of a query add up to 1.
    """

    query_span: tuple[int, int]
    passage_span: tuple[int, int]
    similarity: float
    weight: float


class LateInteractionRanker:
    """Passages ranked by the mean, over a query's tokens, of the best cosine with their tokens.

    Rare tokens weigh more, by their IDF among the passages. Special tokens, punctuation and the
    query prompt take no part.

    Parameters
    ----------
    passages
        The corpus's token vectors, as codes.
    count
        Of how many passages the codes' frequencies are; ``None``: of these.

    References
    ----------
    Khattab & Zaharia 2020, "ColBERT", https://arxiv.org/abs/2004.12832: the sum of each query
    token's best similarity (MaxSim). Robertson & Zaragoza 2009,
    https://doi.org/10.1561/1500000019: the IDF.
    """

    def __init__(self, passages: TokenCodes, *, count: int | None = None) -> None:
        self._passages = passages
        count = len(passages.bounds) - 1 if count is None else count
        self._idf = inverse_frequencies(passages.frequencies, count)

    @property
    def tokens(self) -> int:
        """How many tokens the passages have."""
        return len(self._passages.codes)

    def scores(self, queries: EncodedQueries, *, among: IntArray | None = None) -> FloatArray:
        """Score passages by the queries' token vectors.

        Parameters
        ----------
        queries
            Encoded by the model that the corpus was encoded by.
        among
            Positions of the passages to score, such as another ranker's best; ``None``: all.

        Returns
        -------
        ndarray
            Shape (n_queries, n_passages), float32, the columns in the order of ``among``: means
            of cosines, which codes give about. A query without words scores 0 everywhere; a
            passage without words -1.
        """
        asked = _tokens(queries)
        bounds = asked.bounds
        if among is None:
            among = np.arange(len(self._passages.bounds) - 1)
        scores = np.zeros((len(queries), len(among)), dtype=np.float32)
        if not len(asked.ids):
            return scores
        factors, offsets = self._passages.project(asked.vectors)
        weights = token_shares(self._idf, asked.ids, bounds)
        blocks = list(_blocks(bounds, np.arange(len(queries)), QUERY_TOKENS))
        for columns in _blocks(self._passages.bounds, among, PASSAGE_TOKENS):
            tokens, first, filled = _gather(self._passages.bounds, among[columns])
            there = self._passages.rows(tokens)  # (n_tokens, k)
            for block in blocks:
                rows, row_first, rows_filled = _gather(bounds, block)
                best = np.full((len(columns), len(rows)), -1, dtype=np.float32)
                if len(tokens):
                    # (n_tokens, n_query_tokens)
                    cosines = there @ factors[rows].T + offsets[rows]
                    best[filled] = np.maximum.reduceat(cosines, first, axis=0)
                best *= weights[rows]
                if len(rows):
                    summed = np.add.reduceat(best, row_first, axis=1)  # (n_columns, n_filled)
                    scores[np.ix_(block[rows_filled], columns)] = summed.T
        return scores

    def quick_scores(self, query: EncodedQueries) -> FloatArray:
        """Score every passage for one query, in a fifth of the time: shape (n_passages,).

        Of a passage only that token counts, for a query's token, whose signs differ least from its
        own, so that a score may fall short of the mean of the best cosines.
        """
        asked, passages = _tokens(query), self._passages
        scores = np.full(len(passages.bounds) - 1, -1 if len(asked.ids) else 0, np.float32)
        first, filled = passages.bounds[:-1], np.flatnonzero(np.diff(passages.bounds))
        if not len(asked.ids) or not len(filled):
            return scores
        factors, offsets = passages.project(asked.vectors)
        there = sign_words(passages.codes)  # (n_words, n_tokens)
        wanted = sign_words(passages.codec.encode(asked.vectors))  # (n_words, n_query_tokens)
        places = np.arange(there.shape[1], dtype=np.uint32)
        shares = token_shares(self._idf, asked.ids, asked.bounds)
        scores[filled] = 0
        for at, share in enumerate(shares):
            counts = differing(there, wanted[:, at]).astype(np.uint32)
            # The place beside the count, so that the least of both tells which token it was.
            least = np.minimum.reduceat(counts << PLACE_BITS | places, first[filled])
            rows = passages.rows((least & (1 << PLACE_BITS) - 1).astype(np.int64))
            scores[filled] += share * (rows @ factors[at] + offsets[at])
        return scores

    def explain(self, query: EncodedQueries, positions: Sequence[int]) -> list[list[WordMatch]]:
        """Say which words of some passages answered which words of a query.

        Words are runs of tokens that touch, so that the pieces a tokenizer cuts a word into are
        whole again; "C++" is found as "C".

        Returns
        -------
        list of list of WordMatch
            For each passage, one for each word of the one query, in its order; empty where either
            has no words.
        """
        asked = _tokens(query)
        if not len(asked.ids):
            return [[] for _ in positions]
        projected = self._passages.project(asked.vectors)
        weights = token_shares(self._idf, asked.ids, asked.bounds)
        words = _words(asked.spans)
        return [self._matches(projected, weights, words, position) for position in positions]

    def _matches(
        self,
        projected: tuple[FloatArray, FloatArray],
        weights: FloatArray,
        words: tuple[IntArray, list[tuple[int, int]]],
        position: int,
    ) -> list[WordMatch]:
        """Match the words of a query with those of one passage."""
        begin, end = self._passages.bounds[position : position + 2]
        if begin == end:
            return []
        factors, offsets = projected
        there = self._passages.rows(np.arange(begin, end))
        cosines = factors @ there.T + offsets[:, None]  # (n_query_tokens, n)
        query_first, query_spans = words
        first, spans = _words(self._passages.spans[begin:end])
        best = np.maximum.reduceat(cosines, first, axis=1)  # (n_query_tokens, n_words)
        pieces = np.diff(query_first, append=len(cosines))
        similarities = np.add.reduceat(best, query_first, axis=0) / pieces[:, None]
        shares = np.add.reduceat(weights, query_first)
        return [
            WordMatch(span, spans[answer], float(row[answer]), float(share))
            for span, row, answer, share in zip(
                query_spans, similarities, similarities.argmax(axis=1), shares, strict=True
            )
        ]


def _tokens(queries: EncodedQueries) -> TokenVectors:
    if queries.tokens is None:
        raise ModelError("queries without token vectors; expected a local model's")
    return queries.tokens


def inverse_frequencies(frequencies: IntArray, count: int) -> FloatArray:
    """Return the IDF of each token id, log(1 + (N - n + 0.5) / (n + 0.5)), float32.

    ``frequencies``, shape (highest id + 1,), says in how many of the N = ``count`` passages each id
    occurs; one more value at the end is that of every id beyond.
    """
    n = np.append(frequencies, 0)
    return np.log1p((count - n + 0.5) / (n + 0.5)).astype(np.float32)


def token_shares(idf: FloatArray, ids: IntArray, bounds: IntArray) -> FloatArray:
    """Return each query token's share in its query's score, shape (n_tokens,), by its IDF.

    Query i has the tokens from ``bounds[i]`` to ``bounds[i + 1]``; their shares add up to 1.
    """
    weights = idf[np.minimum(ids, len(idf) - 1)]
    owners = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    sums = np.bincount(owners, weights=weights, minlength=len(bounds) - 1)
    return (weights / sums[owners]).astype(np.float32)


def _blocks(bounds: IntArray, chosen: IntArray, limit: int) -> Iterator[IntArray]:
    """Cut ``chosen`` into runs of about ``limit`` tokens; yield positions in ``chosen``."""
    ends = np.cumsum(bounds[chosen + 1] - bounds[chosen])
    cuts = np.flatnonzero(np.diff(ends // limit)) + 1
    return (run for run in np.split(np.arange(len(chosen)), cuts) if len(run))


def _gather(bounds: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the tokens of the chosen texts, where each text's begin, and which texts have any."""
    sizes = bounds[chosen + 1] - bounds[chosen]
    filled = np.flatnonzero(sizes)
    return rows_of(bounds, chosen), (np.cumsum(sizes) - sizes)[filled], filled


def _words(spans: IntArray) -> tuple[IntArray, list[tuple[int, int]]]:
    """Return the first token of each word, and the words' spans."""
    apart = spans[1:, 0] > spans[:-1, 1]
    first = np.concatenate([[0], np.flatnonzero(apart) + 1])
    last = np.append(first[1:], len(spans)) - 1
    return first, list(zip(spans[first, 0].tolist(), spans[last, 1].tolist(), strict=True))
