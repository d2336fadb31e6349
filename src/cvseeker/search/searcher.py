"""Find candidates: BM25 and dense scores fused, the best passage of each résumé shown."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cvseeker.encoder.local import Encoder
from cvseeker.encoder.windows import FloatArray, IntArray
from cvseeker.errors import InputError
from cvseeker.rank.base import top_k
from cvseeker.rank.bm25 import BM25Ranker
from cvseeker.rank.dense import DenseRanker
from cvseeker.rank.hybrid import fuse
from cvseeker.rank.matches import matched_spans
from cvseeker.search.index import Index


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
    """

    resume_id: str
    score: float
    passage_id: str
    snippet: str
    spans: tuple[tuple[int, int], ...]

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
        }


class Searcher:
    """Hybrid search over an index.

    Parameters
    ----------
    index
        The index.
    encoder
        The encoder that built it.
    lexical_weight
        Share of BM25 in the score, from 0 (dense only) to 1 (BM25 only).
    """

    def __init__(self, index: Index, encoder: Encoder, *, lexical_weight: float = 0.5) -> None:
        self._index = index
        self._encoder = encoder
        self._lexical_weight = lexical_weight
        self._bm25 = BM25Ranker([passage.text for passage in index.passages])
        self._dense = DenseRanker(encoder, index.embeddings)

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
            If the query is empty.
        """
        if not query.strip():
            raise InputError('the query is empty; expected words, such as "icu nurse night shifts"')
        scores = fuse(
            self._bm25.scores([query]), self._dense.scores([query]), weight=self._lexical_weight
        )[0]  # (n_passages,)
        best = self._best_passages(scores)  # (n_resumes,)
        order = top_k(scores[best][None], top_k_resumes)[0]
        vector = self._encoder.encode_queries([query])[0]  # (dim,)
        return [self._hit(query, vector, int(best[at]), float(scores[best[at]])) for at in order]

    def _best_passages(self, scores: FloatArray) -> IntArray:
        """Return the position of each résumé's best passage, in the résumés' order."""
        best: dict[str, int] = {}
        for at, passage in enumerate(self._index.passages):
            leader = best.get(passage.resume_id)
            if leader is None or scores[at] > scores[leader]:
                best[passage.resume_id] = at
        return np.array(list(best.values()), dtype=np.int64)

    def _hit(self, query: str, vector: FloatArray, at: int, score: float) -> Hit:
        passage = self._index.passages[at]
        snippet = self._best_window(query, vector, at)
        return Hit(
            resume_id=passage.resume_id,
            score=round(score, 4),
            passage_id=passage.passage_id,
            snippet=snippet,
            spans=tuple(matched_spans(query, snippet)),
        )

    def _best_window(self, query: str, vector: FloatArray, at: int) -> str:
        """Return the text of the passage's window that fits the query best."""
        begin, end = np.searchsorted(self._index.embeddings.owners, [at, at + 1])
        cosines = self._index.embeddings.vectors[begin:end] @ vector
        texts = [window.text for window in self._index.embeddings.windows[begin:end]]
        lexical = BM25Ranker(texts).scores([query])
        fused = fuse(lexical, cosines[None].astype(np.float32), weight=self._lexical_weight)
        return texts[int(fused[0].argmax())]
