"""The files of an index: opened, written, and changed all at once or not at all."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from cvseeker.core.errors import CVSeekerError, ModelError, WorkspaceError
from cvseeker.core.files import read_json, write_json
from cvseeker.retrieval.codec import TokenCodec
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.ragged import bounds_of
from cvseeker.retrieval.windows import IntArray
from cvseeker.search.index.base import Candidate, Engine
from cvseeker.search.index.engines import ENOUGH, choose_engine, measured_recall
from cvseeker.search.index.exact import ExactEngine
from cvseeker.search.index.postings import Postings
from cvseeker.search.index.segments import SIZE, Segment, name_of
from cvseeker.search.index.signs import SignsEngine

FORMAT = 1
HEADER = "index.json"


class CandidateFiles:
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
