"""What search says of résumés, and of the same résumés with another name in them.

A part's score is put on the scale that the stripped résumés set, query by query, and stays on it.
Windows are laid over the stripped text once, so that nothing but the name differs, and only those
that hold it are encoded again.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cvseeker.core.errors import ModelError
from cvseeker.core.progress import Progress, silent
from cvseeker.evaluate.audit.names import PLACEHOLDER, give_name
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.codec import TokenCodes
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.late import inverse_frequencies, token_shares
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

# Tokens by which a window may grow when a name takes the placeholder's place.
ROOM = 32
# Below every cosine: the score of what has no windows left.
_NOTHING = np.float32(-2)


class SearchScores:
    """The fused scores of texts for queries, (n_queries, n_passages)."""

    def __init__(
        self,
        encoder: LocalEncoder,
        texts: Sequence[str],
        queries: Sequence[str],
        progress: Progress = silent,
    ) -> None:
        self.encoder, self.texts = encoder, list(texts)
        self.corpus = VectorStore().encode_corpus(encoder, texts, progress)
        self.codes = token_codes(self.corpus)
        encoder.codec = self.codes.codec
        self.queries = EncodedQueries.from_texts(queries, encoder)
        self._asked = asked = encoded_tokens(self.queries)
        idf = inverse_frequencies(self.codes.frequencies, len(texts))
        self._token_shares = token_shares(idf, asked.ids, asked.bounds)
        self.projected = self.codes.project(asked.vectors)
        parts = [
            BM25Ranker(self.texts).scores(self.queries),
            self.corpus.dense().scores(self.queries),
            self.corpus.late().scores(self.queries),
        ]
        self._low = [part.min(axis=1, keepdims=True) for part in parts]
        self._span = [np.ptp(part, axis=1, keepdims=True) for part in parts]
        self.passages = self.fused(parts)

    def fused(self, parts: Sequence[FloatArray]) -> FloatArray:
        """Fuse scores of some passages by BM25, pooled vectors and late interaction."""
        fused = np.zeros_like(parts[0])
        shares = self.encoder.hybrid.shares
        for part, low, span, share in zip(parts, self._low, self._span, shares, strict=True):
            fused += np.float32(share / sum(shares)) * np.divide(
                part - low, span, out=np.zeros_like(part), where=span > 0
            )
        return fused

    def keywords(self, texts: Mapping[int, str]) -> FloatArray:
        """Score passages by BM25 with other texts, (n_queries, n_texts).

        All change at once, so that none is longer than others by the words of a name.
        """
        changed = [texts.get(at, text) for at, text in enumerate(self.texts)]
        return BM25Ranker(changed).scores(self.queries)[:, list(texts)]

    def best_cosines(self, codes: TokenCodes, tokens: IntArray) -> FloatArray:
        """Return each query token's best cosine with some tokens, (n_query_tokens,)."""
        if not len(tokens):
            return np.full(len(self._asked.ids), -1, dtype=np.float32)
        factors, offsets = self.projected
        best: FloatArray = (codes.rows(tokens) @ factors.T + offsets).max(axis=0)
        return best

    def late(self, best: FloatArray) -> FloatArray:
        """Weigh the best cosines, (n_texts, n_query_tokens): scores, (n_queries, n_texts)."""
        starts, ends = self._asked.bounds[:-1], self._asked.bounds[1:]
        filled = np.flatnonzero(ends > starts)
        scores = np.zeros((len(self.queries), len(best)), dtype=np.float32)
        if len(filled):
            weighed = best * self._token_shares
            scores[filled] = np.add.reduceat(weighed, starts[filled], axis=1).T
        return scores

    def with_texts(self, texts: Mapping[int, str], passages: FloatArray) -> FloatArray:
        """Return passages' scores, some of which have other texts, by their places."""
        if not texts:
            return passages
        part = VectorStore().encode_corpus(self.encoder, list(texts.values()))
        codes = token_codes(part)
        bounds = codes.bounds
        best = [
            self.best_cosines(codes, np.arange(bounds[at], bounds[at + 1]))
            for at in range(len(texts))
        ]
        parts = [
            self.keywords(texts),
            part.dense().scores(self.queries),
            self.late(np.stack(best)),
        ]
        return _replaced(passages, list(texts), self.fused(parts))


class RenamedPassages:
    """Passages that hold a name, under any name."""

    def __init__(self, scores: SearchScores, held: Collection[int]) -> None:
        self._scores = scores
        self._windows = [
            window
            for window in scores.corpus.embeddings.windows
            if window.passage in held and PLACEHOLDER in window.text
        ]
        self._held = list(dict.fromkeys(window.passage for window in self._windows))
        place = {at: row for row, at in enumerate(self._held)}
        self._owners = np.array([place[window.passage] for window in self._windows], dtype=np.int64)
        self._wide = with_windows(scores.encoder, scores.encoder.windows.window_tokens + ROOM, 0)
        self._wide.codec = scores.encoder.codec
        self._dense, self._best = self._rest()

    def _rest(self) -> tuple[FloatArray, FloatArray]:
        """Score what the windows that hold the name leave: by vectors, and by token."""
        scores, embeddings = self._scores, self._scores.corpus.embeddings
        holding = {(window.passage, window.start) for window in self._windows}
        cosines = scores.queries.vectors @ embeddings.vectors.T  # (n_queries, n_windows)
        named = [(one.passage, one.start) in holding for one in embeddings.windows]
        cosines[:, np.array(named, dtype=bool)] = _NOTHING
        dense = max_over_windows(cosines, embeddings.owners)[:, self._held]
        best = []
        for at in self._held:
            begin, end = scores.codes.bounds[at : at + 2]
            starts = scores.codes.starts[begin:end].astype(np.int64)
            free = np.ones(len(starts), dtype=bool)
            for window in self._windows:
                if window.passage == at:
                    last = window.start + len(window.text)
                    free &= (starts < window.start) | (starts >= last)
            best.append(scores.best_cosines(scores.codes, begin + np.flatnonzero(free)))
        return dense, np.stack(best)

    def with_name(self, name: str, passages: FloatArray) -> FloatArray:
        """Return passages' scores with a name in those that hold one, (n_queries, n_passages)."""
        scores = self._scores
        texts = [give_name(window.text, name) for window in self._windows]
        part = VectorStore().encode_corpus(self._wide, texts)
        codes, owners = token_codes(part), self._owners
        cosines = scores.queries.vectors @ part.embeddings.vectors.T
        dense = max_over_windows(cosines, owners[part.embeddings.owners])
        best = self._best.copy()
        for at, row in enumerate(owners):
            tokens = np.arange(codes.bounds[at], codes.bounds[at + 1])
            best[row] = np.maximum(best[row], scores.best_cosines(codes, tokens))
        given = {at: give_name(scores.texts[at], name) for at in self._held}
        parts = [scores.keywords(given), np.maximum(self._dense, dense), scores.late(best)]
        return _replaced(passages, self._held, scores.fused(parts))


def with_windows(encoder: LocalEncoder, size: int, overlap: int) -> LocalEncoder:
    """Return the encoder with windows of another size."""
    windows = encoder.windows.model_copy(update={"window_tokens": size, "overlap_tokens": overlap})
    return LocalEncoder(encoder.model, name=encoder.name, windows=windows, hybrid=encoder.hybrid)


def _replaced(passages: FloatArray, places: Sequence[int], scores: FloatArray) -> FloatArray:
    replaced = passages.copy()
    replaced[:, list(places)] = scores
    return replaced


def token_codes(corpus: EncodedCorpus) -> TokenCodes:
    """Return a corpus's token vectors, which every local model gives."""
    if corpus.codes is None:
        raise ModelError("no token vectors of the corpus; expected a local model's")
    return corpus.codes


def encoded_tokens(queries: EncodedQueries) -> TokenVectors:
    """Return queries' token vectors, which every local model gives."""
    if queries.tokens is None:
        raise ModelError("queries without token vectors; expected a local model's")
    return queries.tokens
