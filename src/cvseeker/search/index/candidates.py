"""The index of candidates: searched by what an evaluation fuses."""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

import numpy as np

from cvseeker.core.errors import ModelError
from cvseeker.core.records import Passage
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.codec import TokenCodec, TokenCodes
from cvseeker.retrieval.fusion import fuse, min_max
from cvseeker.retrieval.late import LateInteractionRanker, WordMatch
from cvseeker.retrieval.ragged import bounds_of, rows_of
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.index.base import Scored
from cvseeker.search.index.engines import NEAREST
from cvseeker.search.index.files import CandidateFiles
from cvseeker.search.index.segments import Segment

# Passages that late interaction looks at: the best by BM25 and pooled vectors.
LATE = 300
# Up to so many of their tokens are all compared with the query's; of more, the likely ones.
EXACT_TOKENS = 60_000


class CandidateIndex(CandidateFiles):
    """Candidates by their numbers: written and deleted as ``CandidateFiles`` are, and found."""

    def search(
        self,
        query: EncodedQueries,
        *,
        weights: HybridWeights,
        allowed: Collection[int] | None = None,
        limit: int = 10,
    ) -> list[Scored]:
        """Find the candidates whose best passage scores highest, best first.

        Parameters
        ----------
        query
            One, encoded by the index's model.
        weights
            What BM25, pooled vectors and late interaction count.
        allowed
            The numbers of those who may be found; ``None``: everybody.
        limit
            How many at most.

        Raises
        ------
        ModelError
            If the query has other dimensions than the index.
        """
        if not len(self) or limit < 1:
            return []
        self._check_dimensions(query)
        among = None if allowed is None else np.unique(np.fromiter(allowed, np.int64))
        bm25 = self._postings.scores(query.words[0])  # (n_passages,)
        rows = self._pool(bm25, query.vectors[0], among, max(limit, NEAREST))
        positions = rows_of(self._bounds, rows)
        if not len(positions):
            return []
        parts, gained, first = self._score(query, bm25, positions, weights, max(LATE, 2 * limit))
        return self._best(positions, parts, gained, first, limit)

    def _score(
        self,
        query: EncodedQueries,
        bm25: FloatArray,
        positions: IntArray,
        weights: HybridWeights,
        looked_at: int,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Score passages by BM25, pooled vectors and, the best of them, by late interaction.

        Return the three scores and what each adds to the fused one, both (3, n_positions), and the
        fused score of the first two, (n_positions,).
        """
        parts = np.zeros((3, len(positions)), np.float32)
        parts[:2] = bm25[positions], self._cosines(query.vectors[0], positions)
        shares = np.array([*weights.shares[:2], 0])
        shares = shares if shares.any() else np.array([1, 1, 0])
        first = fuse([parts[:1], parts[1:2]], shares[:2].tolist())[0]
        looked = np.arange(len(positions))
        if weights.late and self._codec is not None and query.tokens is not None:
            shares = np.array(weights.shares)
            looked = np.sort(top_k(first[None], looked_at)[0])
            ranker = self._late(self._codec, positions[looked], places=False)
            few = ranker.tokens <= EXACT_TOKENS
            parts[2, looked] = ranker.scores(query)[0] if few else ranker.quick_scores(query)
        gained = np.zeros_like(parts)
        gained[:, looked] = min_max(parts[:, looked]) * (shares / shares.sum())[:, None]
        return parts, gained, first

    def explain(self, query: EncodedQueries, positions: Sequence[int]) -> list[list[WordMatch]]:
        """Say which words of some passages answered which words of a query, by late interaction."""
        if self._codec is None or query.tokens is None or not positions:
            return [[] for _ in positions]
        order = np.argsort(positions)
        ranker = self._late(self._codec, np.array(positions, np.int64)[order])
        return ranker.explain(query, np.argsort(order).tolist())

    def windows(self, position: int) -> tuple[list[tuple[int, int]], FloatArray]:
        """Return where a passage's windows begin and end in it, and their vectors."""
        ((segment, local),) = self._parts(np.array([position]))
        rows = rows_of(segment.bounds["windows"], local)
        ends = zip(
            segment.arrays["window_starts"][rows].tolist(),
            segment.arrays["window_ends"][rows].tolist(),
            strict=True,
        )
        return list(ends), segment.vectors[rows]

    def words(self, number: int) -> tuple[str, FloatArray, IntArray]:
        """Return a candidate's passages as one text, its token vectors, and where they begin.

        The vectors are as the codec projects them, (n_tokens, k); k is 0 where there are none. Of
        a candidate who is not there nothing is.
        """
        rows = self._rows(np.array([number]))
        positions = rows_of(self._bounds, rows)
        texts = [self.passage(position).text for position in positions.tolist()]
        text = "\n".join(texts)
        if self._codec is None or not texts:
            return text, np.zeros((0, 0), np.float32), np.zeros(0, np.int64)
        codes = self._codes(self._codec, positions)
        shifts = bounds_of(np.array([len(one) + 1 for one in texts]))[:-1]
        starts = codes.spans[:, 0] + np.repeat(shifts, np.diff(codes.bounds))
        return text, codes.codec.decode(codes.codes), starts

    def close(self) -> None:
        """Let go of files and of the engine."""
        self._engine.close()

    def _check_dimensions(self, query: EncodedQueries) -> None:
        dim = next(iter(self._segments.values())).vectors.shape[1]
        if query.vectors.shape[1] != dim:
            raise ModelError(
                f"queries of {query.vectors.shape[1]} dimensions for an index of {dim}; expected "
                "both encoded by one model"
            )

    def _pool(
        self, bm25: FloatArray, vector: FloatArray, allowed: IntArray | None, limit: int
    ) -> IntArray:
        """Return the rows of the best by vectors and of the best by words, ascending."""
        near = self._rows(self._engine.nearest(vector, allowed, limit))
        best = np.maximum.reduceat(bm25, self._bounds[:-1])  # (n_candidates,)
        if allowed is not None:
            may = np.zeros(len(best), dtype=bool)
            may[self._rows(allowed)] = True
            best, near = np.where(may, best, 0), near[may[near]]
        wordy = top_k(best[None], limit)[0]
        return np.union1d(near, wordy[best[wordy] > 0])

    def _rows(self, numbers: IntArray) -> IntArray:
        """Return the rows of candidates, of those that are there."""
        at = np.searchsorted(self._numbers, numbers, sorter=self._by_number)
        rows: IntArray = self._by_number[np.minimum(at, len(self) - 1)]
        there: IntArray = rows[self._numbers[rows] == numbers]
        return there

    def _parts(self, positions: IntArray) -> Iterator[tuple[Segment, IntArray]]:
        """Yield the segments that have some of the passages, which ascend, and which of theirs."""
        cuts = np.searchsorted(positions, self._firsts)
        for at, segment in enumerate(self._segments.values()):
            chosen = positions[cuts[at] : cuts[at + 1]] - self._firsts[at]
            if len(chosen):
                yield segment, chosen

    def _cosines(self, vector: FloatArray, positions: IntArray) -> FloatArray:
        """Return the cosine of each passage's best window, shape (n_positions,)."""
        best = []
        for segment, chosen in self._parts(positions):
            cosines = segment.vectors[rows_of(segment.bounds["windows"], chosen)] @ vector
            first = bounds_of(segment.arrays["windows"][chosen])[:-1]
            best.append(np.maximum.reduceat(cosines, first))
        return np.concatenate(best)

    def _late(
        self, codec: TokenCodec, positions: IntArray, *, places: bool = True
    ) -> LateInteractionRanker:
        """Return late interaction with some passages, which ascend; places are for explaining."""
        chosen = self._codes(codec, positions, places=places)
        return LateInteractionRanker(chosen, count=int(self._bounds[-1]))

    def _codes(self, codec: TokenCodec, positions: IntArray, *, places: bool = True) -> TokenCodes:
        """Return the token codes of some passages, which ascend."""
        names = ("token_starts", "token_lengths")
        taken = []
        for segment, chosen in self._parts(positions):
            rows = rows_of(segment.bounds["tokens"], chosen)
            sizes = segment.arrays["tokens"][chosen]
            where = rows if places else rows[:0]
            found = (segment.arrays[name][where] for name in names)
            taken.append([sizes, segment.arrays["codes"][rows], *found])
        sizes, codes, starts, lengths = map(np.concatenate, zip(*taken, strict=True))
        return TokenCodes(
            codec,
            codes,
            starts.astype(np.uint32),
            lengths.astype(np.uint16),
            bounds_of(sizes),
            self._frequencies,
        )

    @cached_property
    def _frequencies(self) -> IntArray:
        """In how many passages each token id occurs."""
        return np.bincount(np.concatenate([one.arrays["ids"] for one in self._segments.values()]))

    def _best(
        self,
        positions: IntArray,
        parts: FloatArray,
        gained: FloatArray,
        first: FloatArray,
        limit: int,
    ) -> list[Scored]:
        """Rank candidates by their best passage; those not looked at by their first scores."""
        scores = gained.sum(axis=0)
        order = np.lexsort((-first, -scores))
        owners = np.searchsorted(self._bounds, positions, side="right") - 1
        _, leaders = np.unique(owners[order], return_index=True)
        return [
            Scored(
                int(self._numbers[owners[at]]),
                self.passage(int(positions[at])),
                int(positions[at]),
                float(scores[at]),
                parts=(float(parts[0, at]), float(parts[1, at]), float(parts[2, at])),
                shares=(float(gained[0, at]), float(gained[1, at]), float(gained[2, at])),
            )
            for at in order[np.sort(leaders)[:limit]].tolist()
        ]

    def passage(self, position: int) -> Passage:
        """Return one of the passages."""
        ((segment, local),) = self._parts(np.array([position]))
        return segment.passage(int(local[0]))
