"""The nearest candidates by Qdrant Edge: its own copy of the vectors, in eight bits each.

The copy is the property of the one process that has it open, and may be deleted. It is written
from the index's segments whenever it does not hold what they do.
"""

import fcntl
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from cvseeker.core.errors import InputError, MissingExtraError, WorkspaceError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.places import make_folder
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.index.segments import Segment

# Candidates that are handed over at once, as lists of Python's numbers: 30 MB of them.
AT_ONCE = 128
VECTOR = "windows"


class EdgeEngine:
    """A shard in a folder of its own; a point is a candidate, its windows a multivector.

    Parameters
    ----------
    folder
        Where the shard lies; nothing else does.

    Raises
    ------
    MissingExtraError
        If Qdrant Edge is not installed.
    WorkspaceError
        If another process has the shard open.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import qdrant_edge
        except ImportError as error:
            raise MissingExtraError(
                "Qdrant Edge is not installed; run: pip install 'cvseeker[qdrant]'"
            ) from error
        self._edge: Any = qdrant_edge
        self._folder = folder
        self._shard: Any = None
        make_folder(folder)
        self._lock = _locked(folder / "lock")

    def sync(self, segments: Mapping[str, Segment]) -> None:
        """Bring the shard to what the segments hold; a torn one is made again."""
        wanted = {name: segment.numbers.tolist() for name, segment in segments.items()}
        try:
            held = self._held()
            if self._shard is None and held and wanted:
                self._shard = self._edge.EdgeShard.load(str(self._folder / "shard"), None)
            self._change(held, wanted, segments)
        except BaseException as error:  # a panic of the engine's is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            self._forget()
            self._change({}, wanted, segments)

    def _change(
        self,
        held: Mapping[str, Collection[int]],
        wanted: Mapping[str, Collection[int]],
        segments: Mapping[str, Segment],
    ) -> None:
        new = [name for name in wanted if name not in held]
        staying = {number for numbers in wanted.values() for number in numbers}
        gone = {number for numbers in held.values() for number in numbers} - staying
        operation = self._edge.UpdateOperation
        if wanted and self._shard is None:
            dim = next(iter(segments.values())).vectors.shape[1]
            make_folder(self._folder / "shard")
            self._shard = self._edge.EdgeShard.create(
                str(self._folder / "shard"), _config(self._edge, dim)
            )
        if gone and self._shard is not None:
            self._shard.update(operation.delete_points(sorted(gone)))
        for name in new:
            segment = segments[name]
            for begin in range(0, len(segment.numbers), AT_ONCE):
                points = [
                    self._edge.Point(number, {VECTOR: vectors})
                    for number, vectors in points_of(segment, begin, begin + AT_ONCE)
                ]
                self._shard.update(operation.upsert_points(points))
        if new or gone:
            self._shard.optimize()
            self._shard.flush()
            # Only what is on the disk is remembered: after a kill the rest is written once more.
            write_json(self._folder / "held.json", wanted)
        if wanted and self._shard.count(self._edge.CountRequest(exact=True)) != len(staying):
            raise ValueError("the shard holds others than the segments")

    def nearest(self, vector: FloatArray, allowed: IntArray | None, limit: int) -> IntArray:
        """Return the numbers of the candidates whose best window is nearest, best first."""
        edge = self._edge
        if self._shard is None or (allowed is not None and not len(allowed)):
            return np.zeros(0, np.int64)
        only = None
        if allowed is not None:
            only = edge.Filter(must=[edge.HasIdCondition(set(allowed.tolist()))])
        found = self._shard.query(
            edge.QueryRequest(
                limit=limit,
                query=edge.Query.Nearest(vector.tolist(), using=VECTOR),
                filter=only,
                params=edge.SearchParams(quantization=edge.QuantizationSearchParams(rescore=False)),
            )
        )
        return np.array([point.id for point in found], np.int64)

    def close(self) -> None:
        """Close the shard, and let others open it."""
        if self._shard is not None:
            self._shard.close()
            self._shard = None
        self._lock.close()

    def _held(self) -> dict[str, list[int]]:
        try:
            return dict(read_json(self._folder / "held.json"))
        except (InputError, TypeError, ValueError):
            return {}

    def _forget(self) -> None:
        if self._shard is not None:
            self._shard.close()
        self._shard = None
        (self._folder / "held.json").unlink(missing_ok=True)
        shutil.rmtree(self._folder / "shard", ignore_errors=True)


def points_of(segment: Segment, begin: int, end: int) -> list[tuple[int, list[list[float]]]]:
    """Return some candidates' numbers, and their windows' vectors as lists."""
    bounds = segment.window_bounds
    return [
        (number, segment.vectors[bounds[row] : bounds[row + 1]].tolist())
        for row, number in enumerate(segment.numbers[begin:end].tolist(), start=begin)
    ]


def _locked(path: Path) -> IO[bytes]:
    """Open a file that one process at a time holds."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise WorkspaceError(
            f"{path.parent}: open in another process, and Qdrant Edge serves one; search there, "
            "or with the engine 'auto'"
        ) from error
    return file


def _config(edge: Any, dim: int) -> Any:
    """Return a shard's settings: all candidates looked at in eight bits, no graph, no log.

    The log is for what is nowhere else; here everything is.
    """
    maximum = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)
    vectors = edge.EdgeVectorParams(
        size=dim,
        distance=edge.Distance.Dot,
        multivector_config=maximum,
        datatype=edge.VectorStorageDatatype.Float16,
        memory=edge.Memory.Cold,
    )
    return edge.EdgeConfig(
        vectors={VECTOR: vectors},
        hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=10),
        quantization_config=edge.ScalarQuantizationConfig(
            edge.ScalarType.Int8, quantile=0.99, memory=edge.Memory.Pinned
        ),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=1000),
        wal_enabled=False,
    )
