"""Find candidates: BM25, dense and late scores fused, the best passage of each résumé shown."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.bm25 import BM25Ranker, matched_spans, tokenize
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.fusion import fuse
from cvseeker.retrieval.late import LateInteractionRanker
from cvseeker.retrieval.query_encoder import QueryEncoder
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.index import Index

# Passages that late interaction looks at: the best by BM25 and pooled vectors.
CANDIDATES = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A word of the query, the word of a passage that answered it best, and their cosine."""

    query: str
    passage: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    Attributes
    ----------
    resume_id
        The résumé.
    score
        In [0, 1], comparable within one search only.
    passage_id
        Its best passage.
    snippet
        The window of that passage that fits the query best.
    spans
        Start and end, in characters of ``snippet``, of the words that the query shares.
    answers
        Which words of the passage answered the query's words, by late interaction.
    """

    resume_id: str
    score: float
    passage_id: str
    snippet: str
    spans: tuple[tuple[int, int], ...]
    answers: tuple[Answer, ...] = ()

    @property
    def matched(self) -> list[str]:
        """The snippet's words that the query shares, in reading order, each once."""
        words = (self.snippet[start:end].lower() for start, end in self.spans)
        return list(dict.fromkeys(words))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "resume_id": self.resume_id,
            "score": self.score,
            "passage_id": self.passage_id,
            "snippet": self.snippet,
            "matched": self.matched,
            "answers": [asdict(answer) for answer in self.answers],
        }


class Searcher:
    """Hybrid search over an index.

    Parameters
    ----------
    index
        The index.
    encoder
        The encoder that built it, or the part of it that encodes queries.
    weights
        What counts how much; ``None``: what the encoder has learnt, else the defaults.
    """

    def __init__(
        self,
        index: Index,
        encoder: Encoder | QueryEncoder,
        *,
        weights: HybridWeights | None = None,
    ) -> None:
        self._index = index
        self._encoder = encoder
        learnt = getattr(encoder, "hybrid", None)
        self._weights = weights or learnt or HybridWeights()
        self._bm25 = BM25Ranker([passage.text for passage in index.passages])
        self._dense = DenseRanker(index.embeddings.vectors, index.embeddings.owners)
        self._late: LateInteractionRanker | None = None
        if index.codes is not None and isinstance(encoder, LocalEncoder | QueryEncoder):
            self._late = LateInteractionRanker(index.codes)

    def search(self, query: str, *, top_k_resumes: int = 10) -> list[Hit]:
        """Return the best résumés for a query, best first.

        Parameters
        ----------
        query
            What a recruiter types.
        top_k_resumes
            How many at most.

        Raises
        ------
        InputError
            If the query has no words.
        """
        if not any(map(str.isalnum, query)):
            raise InputError(
                f'the query {query!r} has no words; expected some, such as "icu nurse night shifts"'
            )
        encoded = EncodedQueries.from_texts([query], self._encoder)
        scores = self._scores(encoded)  # (n_passages,)
        best = self._best_passages(scores)  # (n_resumes,)
        order = top_k(scores[best][None], top_k_resumes)[0]
        found = best[order].tolist()  # positions of passages
        answers = self._answers(encoded, found)
        return [
            self._hit(encoded, at, float(scores[at]), words)
            for at, words in zip(found, answers, strict=True)
        ]

    def _scores(self, query: EncodedQueries) -> FloatArray:
        """Fuse BM25 and pooled vectors for all passages, late interaction for the best of them."""
        bm25, dense, late = self._weights.shares
        parts = [self._bm25.scores(query), self._dense.scores(query)]
        first = fuse(parts, (bm25, dense) if bm25 + dense else (1, 1))
        if self._late is None or not late:
            alone: FloatArray = first[0]
            return alone
        among = np.sort(top_k(first, CANDIDATES)[0])
        scores: FloatArray = np.zeros(first.shape[1], dtype=np.float32)
        chosen = [part[:, among] for part in parts]
        fused = fuse([*chosen, self._late.scores(query, among=among)], self._weights.shares)
        scores[among] = fused[0]
        return scores

    def _best_passages(self, scores: FloatArray) -> IntArray:
        """Return the position of each résumé's best passage, in the résumés' order."""
        best: dict[str, int] = {}
        for at, passage in enumerate(self._index.passages):
            leader = best.get(passage.resume_id)
            if leader is None or scores[at] > scores[leader]:
                best[passage.resume_id] = at
        return np.array(list(best.values()), dtype=np.int64)

    def _hit(
        self, query: EncodedQueries, at: int, score: float, answers: tuple[Answer, ...]
    ) -> Hit:
        passage = self._index.passages[at]
        snippet = self._best_window(query, at)
        return Hit(
            resume_id=passage.resume_id,
            score=round(score, 4),
            passage_id=passage.passage_id,
            snippet=snippet,
            spans=tuple(matched_spans(query.texts[0], snippet)),
            answers=answers,
        )

    def _answers(self, query: EncodedQueries, found: list[int]) -> list[tuple[Answer, ...]]:
        """Say for each passage which words of it answered which words of the query."""
        if self._late is None:
            return [() for _ in found]
        texts = [self._index.passages[at].text for at in found]
        return [
            tuple(
                Answer(
                    query.texts[0][slice(*match.query_span)],
                    text[slice(*match.passage_span)],
                    round(match.similarity, 3),
                )
                for match in matches
            )
            for text, matches in zip(texts, self._late.explain(query, found), strict=True)
        ]

    def _best_window(self, query: EncodedQueries, at: int) -> str:
        """Return the text of the passage's window that fits the query best.

        Half of it is the cosine, half the share of the query's words that the window has.
        """
        begin, end = np.searchsorted(self._index.embeddings.owners, [at, at + 1])
        cosines = query.vectors @ self._index.embeddings.vectors[begin:end].T  # (1, n_windows)
        texts = [window.text for window in self._index.embeddings.windows[begin:end]]
        wanted = set(query.words[0])
        shared = [len(wanted.intersection(words)) for words in tokenize(texts)]
        fused = fuse([np.array([shared], dtype=np.float32), cosines], (1, 1))
        return texts[int(fused[0].argmax())]
