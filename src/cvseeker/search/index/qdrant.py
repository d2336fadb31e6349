"""The nearest candidates by a Qdrant server, which several processes and machines share.

Its vectors lie in the server's memory; words, token codes and passages stay in each process's
files. Every point says which segment it is of, so that whoever comes sees what is missing.
"""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from cvseeker.core.errors import InputError, MissingExtraError
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.index.edge import AT_ONCE, VECTOR, points_of
from cvseeker.search.index.segments import Segment

# The environment variable of the server's key, if it asks for one.
KEY = "QDRANT_API_KEY"
# Parts of a collection, which so many machines at most can share: it cannot be cut anew later.
SHARDS = 12


class QdrantEngine:
    """A collection of a Qdrant server; a point is a candidate, its windows a multivector.

    Parameters
    ----------
    url
        The server's, whose key the environment variable ``QDRANT_API_KEY`` holds if it asks for
        one; or ``:memory:``.
    collection
        The collection's name: one for each workspace and model.

    Raises
    ------
    MissingExtraError
        If the client is not installed.
    """

    def __init__(self, url: str, collection: str) -> None:
        try:
            from qdrant_client import QdrantClient, models
        except ImportError as error:
            raise MissingExtraError(
                "the Qdrant client is not installed; run: pip install 'cvseeker[qdrant]'"
            ) from error
        self._url, self._collection, self._models = url, collection, models
        if url == ":memory:":
            self._client: Any = QdrantClient(location=url)
            return
        with warnings.catch_warnings():
            # That a key goes over plain HTTP, which its address says.
            warnings.simplefilter("ignore")
            # Whether versions fit is asked in a thread, which complains on stderr.
            self._client = QdrantClient(
                url=url, api_key=os.environ.get(KEY), check_compatibility=False
            )

    def sync(self, segments: Mapping[str, Segment]) -> None:
        """Write the segments that the collection lacks, and delete what is of no segment."""
        try:
            self._sync(segments)
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"{self._url}: no Qdrant server that can be used ({reason}); start one, or search "
                "with the engine 'auto'"
            ) from error

    def _sync(self, segments: Mapping[str, Segment]) -> None:
        models, name = self._models, self._collection
        if segments and not self._client.collection_exists(name):
            dim = next(iter(segments.values())).vectors.shape[1]
            self._client.create_collection(name, **_settings(models, dim))
        if not self._client.collection_exists(name):
            return
        for key, segment in segments.items():
            held = self._client.count(name, count_filter=self._of([key]), exact=True).count
            if held != len(segment.numbers):
                self._write(key, segment)
        others = models.Filter(must_not=self._of(list(segments)).must)
        self._client.delete(name, points_selector=models.FilterSelector(filter=others), wait=True)

    def _write(self, key: str, segment: Segment) -> None:
        for begin in range(0, len(segment.numbers), AT_ONCE):
            points = [
                self._models.PointStruct(
                    id=number, vector={VECTOR: vectors}, payload={"segment": key}
                )
                for number, vectors in points_of(segment, begin, begin + AT_ONCE)
            ]
            self._client.upsert(self._collection, points=points, wait=True)

    def _of(self, segments: list[str]) -> Any:
        models = self._models
        match = models.MatchAny(any=segments)
        return models.Filter(must=[models.FieldCondition(key="segment", match=match)])

    def nearest(self, vector: FloatArray, allowed: IntArray | None, limit: int) -> IntArray:
        """Return the numbers of the candidates whose best window is nearest, best first."""
        models = self._models
        only = None
        if allowed is not None:
            only = models.Filter(must=[models.HasIdCondition(has_id=allowed.tolist())])
        found = self._client.query_points(
            self._collection,
            query=[vector.tolist()],
            using=VECTOR,
            query_filter=only,
            limit=limit,
            with_payload=False,
            search_params=models.SearchParams(
                quantization=models.QuantizationSearchParams(rescore=False)
            ),
        )
        return np.array([point.id for point in found.points], np.int64)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _settings(models: Any, dim: int) -> dict[str, Any]:
    """Return a collection's settings: all candidates looked at in eight bits, in memory."""
    maximum = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    vectors = models.VectorParams(
        size=dim,
        distance=models.Distance.DOT,
        multivector_config=maximum,
        datatype=models.Datatype.FLOAT16,
        on_disk=True,
    )
    eight_bits = models.ScalarQuantizationConfig(
        type=models.ScalarType.INT8, quantile=0.99, always_ram=True
    )
    return {
        "vectors_config": {VECTOR: vectors},
        "hnsw_config": models.HnswConfigDiff(m=0),
        "shard_number": SHARDS,
        "quantization_config": models.ScalarQuantization(scalar=eight_bits),
    }
