"""BM25 over an index's segments: the scores that an evaluation's BM25 gives, from files.

Nothing is built when an index is opened, and a change costs only the segments that it touches.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cvseeker.retrieval.bm25 import K1, B
from cvseeker.retrieval.windows import FloatArray
from cvseeker.search.index.segments import Segment, term_key


class Postings:
    """Scores every passage of several segments by a query's words."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        words = np.concatenate([np.zeros(0), *(segment.arrays["words"] for segment in segments)])
        relative = words / max(words.mean(), 1e-9) if len(words) else words
        # What a word's count is weighed against: a long passage has many of all.
        self._norms = (K1 * (1 - B + B * relative)).astype(np.float32)

    def scores(self, words: Sequence[str]) -> FloatArray:
        """Return the passages' scores, shape (n_passages,), float32; 0: no word is shared.

        References
        ----------
        Kamphuis et al. 2020, https://doi.org/10.1007/978-3-030-45442-5_4: Lucene's variant.
        """
        scores = np.zeros(len(self._norms), dtype=np.float32)
        for stem, times in Counter(words).items():
            found = [segment.postings(term_key(stem)) for segment in self._segments]
            holders = sum(len(passages) for passages, _ in found)
            rarity = np.log1p((len(scores) - holders + 0.5) / (holders + 0.5))
            first = 0
            for segment, (passages, counts) in zip(self._segments, found, strict=True):
                at = passages + np.int64(first)
                gained = counts / (counts + self._norms[at])
                scores[at] += np.float32(times * rarity) * gained
                first += len(segment)
        return scores
