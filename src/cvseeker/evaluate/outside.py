"""Systems that were run elsewhere: TREC run files, and vectors made by other programs."""

import time
from pathlib import Path
from tokenize import TokenError

import numpy as np

from cvseeker.core.errors import InputError, ModelError
from cvseeker.evaluate.collection import Collection
from cvseeker.evaluate.results import SystemResult
from cvseeker.evaluate.trec import read_run
from cvseeker.retrieval.dense import nearest
from cvseeker.retrieval.metrics import query_metrics
from cvseeker.retrieval.windows import FloatArray

PASSAGES_FILE = "corpus.npy"
QUERIES_FILE = "queries.npy"

# Vectors that are checked at once.
_BLOCK = 8192
# float32 of unit length is off by 1e-6, bfloat16 by 4e-3.
_LENGTH_TOLERANCE = 0.01


def run_file(collection: Collection, name: str, path: Path) -> SystemResult:
    """Take a TREC run file as a system; a query that it leaves out scores 0."""
    dataset = collection.dataset
    known = [*dataset.queries, *dataset.left_out]
    run = read_run(path, query_ids=known, candidate_ids=collection.candidates.ids)
    result = SystemResult(name)
    kept = {}
    for query_id in dataset.queries:
        ranked = run.get(query_id, [])
        kept[query_id] = ranked[: collection.depth]
        result.per_query[query_id] = query_metrics(
            [key for key, _ in ranked], dataset.qrels[query_id], unjudged=collection.unjudged
        )
    result.run = kept
    return result


def run_vectors(collection: Collection, name: str, folder: Path) -> SystemResult:
    """Rank by vectors made elsewhere, read from the disk as they are used.

    The folder holds ``corpus.npy``, shape (n_passages, dim), and ``queries.npy``, shape (n_queries,
    dim), of unit length, in the data set's order.
    """
    started = time.perf_counter()
    passages = _read(folder / PASSAGES_FILE, len(collection.dataset.corpus), "passages")
    queries = _read(folder / QUERIES_FILE, len(collection.dataset.queries), "queries")
    if passages.shape[1] != queries.shape[1]:
        raise ModelError(
            f"{folder}: vectors of {queries.shape[1]} dimensions for queries and of "
            f"{passages.shape[1]} for passages; expected one model for both"
        )
    asked = np.asarray(queries, dtype=np.float32)
    positions, scores = nearest(
        asked, passages, collection.ranking_depth, owners=collection.candidates.owners
    )
    result = collection.open(name)
    collection.record(result, 0, positions, scores)
    result.seconds = time.perf_counter() - started
    result.bytes_per_passage = passages.nbytes / len(passages)
    return result


def _read(path: Path, count: int, what: str) -> FloatArray:
    """Open a table of vectors and check it, a block at a time."""
    try:
        if not path.is_file():
            raise InputError(
                f"{path}: no such file; expected {PASSAGES_FILE} and {QUERIES_FILE} in the folder"
            )
        # Reads arrays alone: numpy.load would open archives, too.
        vectors: FloatArray = np.lib.format.open_memmap(path, mode="r")
    except InputError:
        raise
    except (OSError, ValueError, OverflowError, SyntaxError, TokenError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: not readable as a NumPy array ({reason})") from error
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise InputError(
            f"{path}: an array of shape {vectors.shape} and type {vectors.dtype}; expected one row "
            "of floats a text"
        )
    if len(vectors) != count:
        raise InputError(
            f"{path}: {len(vectors)} vectors for {count} {what}; expected one each, in the data "
            "set's order"
        )
    for begin in range(0, count, _BLOCK):
        lengths = np.linalg.norm(np.asarray(vectors[begin : begin + _BLOCK], np.float32), axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) < _LENGTH_TOLERANCE))
        if len(wrong):
            raise ModelError(
                f"{path}: row {begin + wrong[0]} is of length {lengths[wrong[0]]:.3g}; expected "
                "vectors of unit length and no NaN"
            )
    return vectors
