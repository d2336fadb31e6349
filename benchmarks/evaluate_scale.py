"""Evaluate many systems from precomputed vectors: how long it takes, and how much memory.

    python benchmarks/evaluate_scale.py --systems 20 --queries 10000 --passages 100000

Vectors are random and of unit length, so that rankings mean nothing and cost what any would. They
are written first, one float32 table a system, and read from the disk. Timed is all of the
evaluation but the report: rankings, metrics, run files.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.results import EvaluatedSet, write_evaluation
from cvseeker.evaluate.run import run_systems

SEED = 13
# Vectors that are drawn at once.
BLOCK = 10_000


def write_vectors(path: Path, count: int, dim: int, seed: int) -> None:
    """Write random vectors of unit length, shape (count, dim), float32."""
    generator = np.random.default_rng(seed)
    table = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dim))
    for begin in range(0, count, BLOCK):
        rows = min(BLOCK, count - begin)
        block = generator.standard_normal((rows, dim), dtype=np.float32)
        table[begin : begin + rows] = block / np.linalg.norm(block, axis=1, keepdims=True)
    table.flush()


def random_dataset(queries: int, passages: int) -> RetrievalDataset:
    """Return a data set of ids, each query with one to three relevant passages."""
    generator = np.random.default_rng(SEED)
    answers = generator.integers(0, passages, (queries, 3))
    counts = generator.integers(1, 4, queries)
    return RetrievalDataset(
        corpus={f"p{at}": f"p{at}" for at in range(passages)},
        queries={f"q{at}": f"q{at}" for at in range(queries)},
        qrels={
            f"q{at}": {f"p{key}": 1 + key % 3 for key in answers[at, : counts[at]].tolist()}
            for at in range(queries)
        },
        has_texts=False,
    )


def measure(systems: int, queries: int, passages: int, dim: int, folder: Path) -> dict[str, Any]:
    """Write vectors into a folder, evaluate them, and return seconds and peak memory."""
    folders: dict[str, Path] = {}
    for number in range(systems):
        name = f"system{number}"
        folders[name] = folder / name
        folders[name].mkdir(parents=True)
        write_vectors(folders[name] / "corpus.npy", passages, dim, 2 * number)
        write_vectors(folders[name] / "queries.npy", queries, dim, 2 * number + 1)
    dataset = random_dataset(queries, passages)
    started = time.perf_counter()
    results = run_systems(dataset, {}, settings=EvaluateSettings(), vectors=folders)
    ranked = time.perf_counter() - started
    metrics = write_evaluation(folder / "evaluation", [EvaluatedSet("test", dataset, results)])
    return {
        "systems": len(metrics["systems"]),
        "queries": queries,
        "passages": passages,
        "dimensions": dim,
        "seconds": round(time.perf_counter() - started, 1),
        "seconds_ranking": round(ranked, 1),
        # In KiB, on Linux.
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def main() -> None:
    """Measure once and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--systems", type=int, default=20)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--folder", type=Path, help="where vectors go [default: a temporary one]")
    options = parser.parse_args()
    sizes = (options.systems, options.queries, options.passages, options.dimensions)
    with TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(*sizes, Path(folder))
    json.dump(figures, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
