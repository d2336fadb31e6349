"""The nearest candidates by looking at every window: no copy, nothing missed."""

from collections.abc import Mapping

import numpy as np

from cvseeker.retrieval.ragged import rows_of
from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.index.segments import Segment

# Of fewer candidates their vectors are gathered; of more, all are multiplied and some left out.
GATHERED = 0.25


class ExactEngine:
    """Reads the segments' own vectors."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []

    def sync(self, segments: Mapping[str, Segment]) -> None:
        """Look at these segments from now on."""
        self._segments = list(segments.values())

    def nearest(self, vector: FloatArray, allowed: IntArray | None, limit: int) -> IntArray:
        """Return the numbers of the candidates whose best window is nearest, best first."""
        numbers, scores = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for segment in self._segments:
            rows = np.arange(len(segment.numbers))
            if allowed is not None:
                rows = np.flatnonzero(np.isin(segment.numbers, allowed, assume_unique=True))
            numbers.append(segment.numbers[rows])
            scores.append(_best_windows(segment, vector, rows))
        found = np.concatenate(scores)
        chosen: IntArray = np.concatenate(numbers)[top_k(found[None], limit)[0]]
        return chosen

    def close(self) -> None:
        """Let go of the segments."""
        self._segments = []


def _best_windows(segment: Segment, vector: FloatArray, rows: IntArray) -> FloatArray:
    """Return the cosine of each chosen candidate's best window, shape (n_rows,)."""
    if not len(rows):
        return np.zeros(0, np.float32)
    bounds = segment.window_bounds
    if len(rows) < GATHERED * len(segment.numbers):
        sizes = bounds[rows + 1] - bounds[rows]
        cosines = segment.vectors[rows_of(bounds, rows)] @ vector
        return np.maximum.reduceat(cosines, np.cumsum(sizes) - sizes)
    best = np.maximum.reduceat(segment.vectors @ vector, bounds[:-1])
    chosen: FloatArray = best[rows]
    return chosen
