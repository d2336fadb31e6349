"""What an index holds and finds, and what an engine that finds neighbours has to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cvseeker.core.hashes import text_hash
from cvseeker.core.records import Passage
from cvseeker.retrieval.windows import FloatArray, IntArray

if TYPE_CHECKING:
    from cvseeker.search.index.segments import Segment


@dataclass(frozen=True, slots=True)
class Candidate:
    """A résumé as it is indexed.

    Attributes
    ----------
    number
        Its own for ever: what filters and engines know it by.
    passages
        In reading order, one at least.
    """

    number: int
    passages: tuple[Passage, ...]

    @property
    def digest(self) -> int:
        """What changes when a passage does, below 2⁶³."""
        parts = [part for one in self.passages for part in (one.passage_id, one.text)]
        return int(text_hash(*parts, *(one.resume_id for one in self.passages)), 16) >> 1


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate that was found.

    Attributes
    ----------
    number
        The candidate's.
    passage
        Its best passage.
    position
        That passage's in the index as it is now.
    score
        In [0, 1], comparable within one search only.
    parts
        The passage's own scores: BM25, the best window's cosine, and the mean of the best token
        cosines, 0 where late interaction has not looked at it.
    shares
        What each of the three has added to ``score``.
    """

    number: int
    passage: Passage
    position: int
    score: float
    parts: tuple[float, float, float]
    shares: tuple[float, float, float]


class Engine(Protocol):
    """Finds the candidates whose best window is nearest to a query.

    It may miss some: what it finds is scored anew from the index's own files, whose segments it is
    derived from. Its own copy, if any, is rebuilt wherever it does not fit them.
    """

    def sync(self, segments: Mapping[str, "Segment"]) -> None:
        """Hold these segments' candidates and no others, on the disk too once it returns."""
        ...

    def nearest(self, vector: FloatArray, allowed: IntArray | None, limit: int) -> IntArray:
        """Return the numbers of candidates, best first; ``allowed``, ascending: only of these."""
        ...

    def close(self) -> None:
        """Let go of files and processes."""
        ...
