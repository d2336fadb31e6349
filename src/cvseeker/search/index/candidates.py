"""The index of candidates: written in segments, searched by what an evaluation fuses."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from cvseeker.core.errors import CVSeekerError, ModelError, WorkspaceError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.records import Passage
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.codec import TokenCodec, TokenCodes
from cvseeker.retrieval.fusion import fuse, min_max
from cvseeker.retrieval.late import LateInteractionRanker, WordMatch
from cvseeker.retrieval.ragged import bounds_of, rows_of
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.store import EncodedCorpus
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.index.base import Candidate, Engine, Scored
from cvseeker.search.index.engines import ENOUGH, NEAREST, choose_engine, measured_recall
from cvseeker.search.index.exact import ExactEngine
from cvseeker.search.index.postings import Postings
from cvseeker.search.index.segments import SIZE, Segment, name_of
from cvseeker.search.index.signs import SignsEngine

FORMAT = 1
HEADER = "index.json"
# Passages that late interaction looks at: the best by BM25 and pooled vectors.
LATE = 300
# Up to so many of their tokens are all compared with the query's; of more, the likely ones.
EXACT_TOKENS = 60_000


class CandidateIndex:
    """Candidates by their numbers: written, deleted, found.

    What is written or deleted is found, or not found, once it is flushed.

    Parameters
    ----------
    model
        How the encoder is loaded that made the vectors and must encode the queries.
    identity
        What changes when that encoder's vectors do.
    folder
        Where the files lie; ``None``: in memory only.
    engine
        Finds the nearest candidates; ``None``: exactly, by the index's own vectors.
    """

    def __init__(
        self,
        *,
        model: str = "",
        identity: str = "",
        folder: Path | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.model, self.identity, self.sequence = model, identity, 0
        # What suits the candidates, and the recall@10 of the signs, where it was measured.
        self.engine: str = "exact"
        self.recall: float | None = None
        self._folder, self._engine = folder, engine or ExactEngine()
        self._codec: TokenCodec | None = None
        self._written: list[Segment] = []
        self._gone: set[int] = set()
        self._show({})

    @classmethod
    def open(cls, folder: Path, *, engine: Engine | None = None) -> Self:
        """Open what is in a folder.

        Raises
        ------
        WorkspaceError
            If a file is missing or damaged, or one does not fit another.
        """
        try:
            facts: dict[str, Any] = read_json(folder / HEADER)
            if facts["format"] != FORMAT:
                raise ValueError(f"of format {facts['format']}, not {FORMAT}")
            model, identity = str(facts["model"]), str(facts["identity"])
            if engine is None and facts["engine"] == "signs":
                engine = SignsEngine()
            index = cls(model=model, identity=identity, folder=folder, engine=engine)
            index.sequence = int(facts["sequence"])
            index.engine, index.recall = str(facts["engine"]), facts["recall"]
            index._codec = TokenCodec.load(folder) if facts["codes"] else None
            names = [Path(name).name for name in facts["segments"]]
            index._show({name: index._load(folder, name) for name in names})
        except (OSError, LookupError, TypeError, ValueError, CVSeekerError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise WorkspaceError(
                f"{folder}: damaged ({reason}); make it again with: "
                f"cvseeker index -w {shlex.quote(str(folder.parent))}"
            ) from error
        return index

    def _load(self, folder: Path, name: str) -> Segment:
        codec = self._codec
        return Segment.load(_file(folder, name), codec.center.size // 8 if codec else 0)

    def _show(self, segments: Mapping[str, Segment]) -> None:
        """Let searches see these segments from now on."""
        self._segments = dict(segments)
        parts = list(self._segments.values())
        self._numbers = np.concatenate([np.zeros(0, np.int64), *(one.numbers for one in parts)])
        self._by_number = np.argsort(self._numbers, kind="stable")
        if len(np.unique(self._numbers)) != len(self._numbers):
            raise ValueError("a candidate stands twice")
        passages = [np.zeros(0, np.int64), *(one.arrays["passages"] for one in parts)]
        # Candidate i has the passages from [i] to [i + 1], segment i those from [i] to [i + 1].
        self._bounds = bounds_of(np.concatenate(passages))
        self._firsts = bounds_of(np.array([len(one) for one in parts], np.int64))
        self._postings = Postings(parts)
        self.__dict__.pop("_frequencies", None)
        self._engine.sync(self._segments)

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self._numbers)

    @property
    def counts(self) -> dict[str, int]:
        """How many candidates, passages and windows there are."""
        windows = sum(len(one.vectors) for one in self._segments.values())
        return {"candidates": len(self), "passages": int(self._bounds[-1]), "windows": windows}

    def choose_engine(self) -> None:
        """Measure which engine suits the candidates, for the next flush to remember."""
        self.engine, self.recall = choose_engine(self._segments)

    def use(self, engine: Engine) -> float:
        """Find the nearest by another engine, unless it misses too many; return its recall@10."""
        engine.sync(self._segments)
        recall = measured_recall(engine, self._segments) if self._segments else 1.0
        if recall >= ENOUGH:
            self._engine.close()
            self._engine = engine
        else:
            engine.close()
        return recall

    @property
    def codec(self) -> TokenCodec | None:
        """What the token codes are written by; ``None`` where there are none."""
        return self._codec

    def digests(self) -> dict[int, int]:
        """Return by each candidate's number what changes when its passages do."""
        return {
            number: digest
            for segment in self._segments.values()
            for number, digest in zip(
                segment.numbers.tolist(), segment.arrays["digests"].tolist(), strict=True
            )
        }

    def upsert(self, candidates: Sequence[Candidate], corpus: EncodedCorpus) -> None:
        """Write candidates, new or changed; their passages, in this order, are the corpus."""
        codec = corpus.codes.codec if corpus.codes else None
        self._codec = self._codec or codec
        if self._codec is not None and (codec is None or codec.identity != self._codec.identity):
            raise ModelError("token codes by two codecs; expected those of the index's")
        self.delete([candidate.number for candidate in candidates])
        self._written.append(Segment.from_corpus(candidates, corpus))

    def delete(self, numbers: Collection[int]) -> None:
        """Delete candidates, those that are there."""
        self._gone.update(numbers)
        self._written = list(_without(self._written, numbers))

    def flush(self, sequence: int) -> None:
        """Make what was written and deleted count, all of it or nothing.

        Segments that lose a candidate are written anew without them; so are those that are not
        full, so that only one is not.
        """
        if self._written or self._gone.intersection(self._numbers.tolist()):
            gone = np.array(sorted(self._gone), np.int64)
            full = {
                name: one
                for name, one in self._segments.items()
                if len(one.numbers) >= SIZE and not np.isin(one.numbers, gone).any()
            }
            rest = [one for name, one in self._segments.items() if name not in full]
            pool = [*_without(rest, gone), *self._written]
            self._show({**full, **dict(self._cut(pool))})
        self.sequence = sequence
        if self._folder is not None:
            self._write_header(self._folder)
        self._written, self._gone = [], set()

    def _cut(self, pool: Sequence[Segment]) -> Iterator[tuple[str, Segment]]:
        """Yield full segments of all candidates of some, the last of them perhaps not full."""
        if not pool:
            return
        joined = Segment.joined(pool)
        for begin in range(0, len(joined.numbers), SIZE):
            rows = np.arange(begin, min(begin + SIZE, len(joined.numbers)))
            part = joined.take(rows).derived()
            name = name_of(part, self.identity)
            if self._folder is not None:
                part.save(_file(self._folder, name))
                part = self._load(self._folder, name)
            yield name, part

    def _write_header(self, folder: Path) -> None:
        """Name the segments that count, then delete the others' files."""
        if self._codec is not None:
            self._codec.save(folder)
        facts = {"format": FORMAT, "model": self.model, "identity": self.identity}
        facts |= {"sequence": self.sequence, "codes": self._codec is not None}
        facts |= {"engine": self.engine, "recall": self.recall}
        write_json(folder / HEADER, {**facts, "segments": list(self._segments)})
        for path in folder.glob("*.segment"):
            if path.stem not in self._segments:
                with suppress(OSError):
                    path.unlink()

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
        names = ("token_starts", "token_lengths")
        taken = []
        for segment, chosen in self._parts(positions):
            rows = rows_of(segment.bounds["tokens"], chosen)
            sizes = segment.arrays["tokens"][chosen]
            where = rows if places else rows[:0]
            found = (segment.arrays[name][where] for name in names)
            taken.append([sizes, segment.arrays["codes"][rows], *found])
        sizes, codes, starts, lengths = map(np.concatenate, zip(*taken, strict=True))
        chosen_codes = TokenCodes(
            codec,
            codes,
            starts.astype(np.uint32),
            lengths.astype(np.uint16),
            bounds_of(sizes),
            self._frequencies,
        )
        return LateInteractionRanker(chosen_codes, count=int(self._bounds[-1]))

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


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.segment"


def _without(segments: Sequence[Segment], numbers: Collection[int] | IntArray) -> Iterator[Segment]:
    """Yield the segments without some candidates, those that have others."""
    gone = np.fromiter(numbers, np.int64)
    for segment in segments:
        rows = np.flatnonzero(~np.isin(segment.numbers, gone))
        if len(rows) == len(segment.numbers):
            yield segment
        elif len(rows):
            yield segment.take(rows)
