"""Find candidates by a query in one's own words, and show the best passage of each."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.bm25 import matched_spans, tokenize
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.fusion import fuse
from cvseeker.retrieval.late import WordMatch
from cvseeker.retrieval.query_encoder import QueryEncoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.search.index import CandidateIndex, Scored


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
        index: CandidateIndex,
        encoder: Encoder | QueryEncoder,
        *,
        weights: HybridWeights | None = None,
    ) -> None:
        self._index = index
        self._encoder = encoder
        learnt = getattr(encoder, "hybrid", None)
        self._weights = weights or learnt or HybridWeights()

    def search(
        self, query: str, *, top_k_resumes: int = 10, allowed: Collection[int] | None = None
    ) -> list[Hit]:
        """Return the best résumés for a query, best first.

        Parameters
        ----------
        query
            What a recruiter types.
        top_k_resumes
            How many at most.
        allowed
            The numbers of those who may be found; ``None``: everybody.

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
        found = self._index.search(
            encoded, weights=self._weights, allowed=allowed, limit=top_k_resumes
        )
        answers = self._index.explain(encoded, [one.position for one in found])
        return [self._hit(encoded, *pair) for pair in zip(found, answers, strict=True)]

    def _hit(self, query: EncodedQueries, found: Scored, answers: Sequence[WordMatch]) -> Hit:
        snippet = self._best_window(query, found)
        return Hit(
            resume_id=found.passage.resume_id,
            score=round(found.score, 4),
            passage_id=found.passage.passage_id,
            snippet=snippet,
            spans=tuple(matched_spans(query.texts[0], snippet)),
            answers=tuple(
                Answer(
                    query.texts[0][slice(*match.query_span)],
                    found.passage.text[slice(*match.passage_span)],
                    round(match.similarity, 3),
                )
                for match in answers
            ),
        )

    def _best_window(self, query: EncodedQueries, found: Scored) -> str:
        """Return the text of the passage's window that fits the query best.

        Half of it is the cosine, half the share of the query's words that the window has.
        """
        spans, vectors = self._index.windows(found.position)
        cosines = query.vectors @ vectors.T  # (1, n_windows)
        texts = [found.passage.text[start:end] for start, end in spans]
        wanted = set(query.words[0])
        shared = [len(wanted.intersection(words)) for words in tokenize(texts)]
        fused = fuse([np.array([shared], dtype=np.float32), cosines], (1, 1))
        return texts[int(fused[0].argmax())]
