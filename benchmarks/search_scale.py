"""What a search costs in an index of many candidates, by each engine and, beside it, by LanceDB.

    python benchmarks/search_scale.py --windows 100000
    python benchmarks/search_scale.py --windows 1000000 --engines signs

Candidates are made up: clustered vectors, words by Zipf's law, random token codes, twelve and a
half windows and two passages each. A fifth of them pass the filter. Times are of the whole search
in its process, BM25, vectors and late interaction, without the encoder's pass, which is told apart.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from cvseeker.core.records import Passage
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.bm25 import tokenize
from cvseeker.retrieval.codec import TokenCodec, TokenCodes
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.encoder import WindowEmbeddings
from cvseeker.retrieval.models import choose_model
from cvseeker.retrieval.query_encoder import QueryEncoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.search.index import Candidate, CandidateIndex, open_engine

DIM, TOPICS, VOCABULARY, TOKENS = 384, 300, 30_000, 48
PASSAGES, CHUNK, FILTER = 2, 1024, 5


class Made:
    """Candidates and queries about the same topics, the same at every run."""

    def __init__(self, windows: int) -> None:
        self.rng = np.random.default_rng(13)
        self.topics = _unit(self.rng.normal(size=(TOPICS, DIM)))
        ranks = np.arange(1, VOCABULARY + 1)
        self.shares = (1 / ranks) / (1 / ranks).sum()
        self.words = np.array([f"w{rank:x}q" for rank in ranks])
        self.codec = TokenCodec.fit(_unit(self.rng.normal(size=(2000, DIM))))
        self.candidates = windows * 2 // 25

    def chunks(self) -> Iterator[tuple[list[Candidate], EncodedCorpus]]:
        """Yield candidates and their vectors, as many at once as an index is built by."""
        for begin in range(0, self.candidates, CHUNK):
            yield self._chunk(range(begin, min(begin + CHUNK, self.candidates)))

    def _chunk(self, numbers: range) -> tuple[list[Candidate], EncodedCorpus]:
        sizes = self.rng.integers(5, 9, (len(numbers), PASSAGES))
        sizes[:, 0] += np.array(numbers) % 2 - 1  # twelve and a half windows on average
        counts = sizes.ravel()
        owners = np.repeat(np.arange(len(counts)), counts)
        about = self.topics[self.rng.integers(TOPICS, size=len(numbers))].repeat(PASSAGES, axis=0)
        person = about + self.rng.normal(size=about.shape) * (0.7 / np.sqrt(DIM))
        noise = self.rng.normal(size=(len(owners), DIM)) * (1 / np.sqrt(DIM))
        words = counts * 35
        drawn = self.rng.choice(self.words, size=int(words.sum()), p=self.shares)
        texts = [" ".join(part) for part in np.split(drawn, np.cumsum(words)[:-1])]
        tokens = counts * TOKENS
        total = int(tokens.sum())
        arrays: dict[str, Any] = {
            "windows": counts,
            "window_starts": np.zeros(len(owners), np.int64),
            "window_ends": np.full(len(owners), 200),
            "vectors": _unit(person[owners] + noise),
            "tokens": tokens,
            "codes": self.rng.integers(0, 256, (total, self.codec.center.size // 8), np.uint8),
            "token_starts": np.zeros(total, np.int64),
            "token_lengths": np.ones(total, np.int64),
            "distinct": np.full(len(counts), 150),
            "ids": self.rng.integers(0, 30_000, 150 * len(counts)),
        }
        candidates = [
            Candidate(
                number,
                tuple(
                    Passage(f"{number}#{at}", str(number), texts[row * PASSAGES + at])
                    for at in range(PASSAGES)
                ),
            )
            for row, number in enumerate(numbers)
        ]
        codes = TokenCodes(
            self.codec,
            arrays["codes"],
            np.zeros(total, np.uint32),
            np.ones(total, np.uint16),
            np.append(0, np.cumsum(tokens)),
            np.zeros(1, np.int64),
        )
        embeddings = WindowEmbeddings([], arrays["vectors"], owners)
        return candidates, EncodedCorpus(embeddings, codes, 0.0, arrays)

    def queries(self, count: int) -> list[EncodedQueries]:
        """Return queries about the topics; of a new instance always the same."""
        made = []
        for _ in range(count):
            about = self.topics[self.rng.integers(TOPICS)]
            vector = _unit((about + self.rng.normal(size=DIM) * (0.8 / np.sqrt(DIM)))[None])
            # Words as people ask for: neither the most common nor those that nobody has.
            text = " ".join(self.words[self.rng.integers(20, 5000, 6)])
            ids = self.rng.integers(0, 30_000, 10)
            tokens = TokenVectors(
                _unit(self.rng.normal(size=(10, DIM))),
                ids,
                np.zeros((10, 2), np.int64),
                np.array([0, 10]),
            )
            made.append(EncodedQueries([text], tokenize([text]), vector, tokens))
        return made


def _unit(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def build(windows: int, folder: Path) -> dict[str, Any]:
    """Build an index chunk by chunk; encoding, which takes much longer, is left out."""
    made = Made(windows)
    started = time.perf_counter()
    index = CandidateIndex(folder=folder)
    for candidates, corpus in made.chunks():
        index.upsert(candidates, corpus)
        index.flush(1)
    index.choose_engine()
    index.flush(1)
    facts = {**index.counts, "build_s": _since(started), "recall@10": index.recall}
    return {**facts, "build_peak_gib": peak_gib(), "disk_gib": size_gib(folder)}


def measured(search: Callable[[EncodedQueries], Any], queries: list[EncodedQueries]) -> Any:
    """Return milliseconds on the clock, and of the processor's time in this thread."""
    walls, works = [], []
    for query in queries:
        wall, work = time.perf_counter(), time.process_time()
        search(query)
        walls.append((time.perf_counter() - wall) * 1e3)
        works.append((time.process_time() - work) * 1e3)
    return {
        "p50_ms": _at(walls, 50),
        "p99_ms": _at(walls, 99),
        "cpu_p50_ms": _at(works, 50),
        "cpu_p99_ms": _at(works, 99),
    }


def engine_row(windows: int, folder: Path, cache: Path, name: str, count: int) -> dict[str, Any]:
    """Search by one engine, in a process that does nothing else."""
    queries, candidates = Made(windows).queries(count), windows * 2 // 25
    started, work = time.perf_counter(), time.process_time()
    index = CandidateIndex.open(folder)
    opened = _since(started)
    engine = open_engine(name, cache=cache, workspace=folder, identity="")
    recall = index.use(engine) if engine else index.recall
    index.close()
    copied = _since(started) - opened
    started, work = time.perf_counter(), time.process_time()
    index = CandidateIndex.open(
        folder, engine=open_engine(name, cache=cache, workspace=folder, identity="")
    )
    index.search(queries[0], weights=WEIGHTS)
    first = _since(started), round(time.process_time() - work, 3)
    allowed = list(range(0, candidates, FILTER))
    filtered = measured(lambda q: index.search(q, weights=WEIGHTS, allowed=allowed), queries)
    everybody = measured(lambda q: index.search(q, weights=WEIGHTS), queries)
    only = HybridWeights(bm25=0.5, dense=0.5, late=0)
    two = measured(lambda q: index.search(q, weights=only, allowed=allowed), queries)
    index.close()
    return {
        "engine": name,
        "recall@10": recall,
        "copy_s": round(copied, 2),
        "open_s": first[0],
        "open_cpu_s": first[1],
        "filtered": filtered,
        "everybody": everybody,
        "filtered_without_late": two,
        "peak_gib": peak_gib(),
    }


def lancedb_row(windows: int, folder: Path, place: Path, count: int) -> dict[str, Any]:
    """Search windows by LanceDB: 200 by vector and 200 by words, fused, the best candidates."""
    queries = Made(windows).queries(count)
    started = time.perf_counter()
    import lancedb
    import pyarrow as pa

    imported = _since(started)
    index = CandidateIndex.open(folder)

    def batches() -> Iterator[Any]:
        for segment in index._segments.values():
            bounds = segment.window_bounds
            numbers = np.repeat(segment.numbers, np.diff(bounds))
            texts = []
            for position, size in enumerate(segment.arrays["windows"].tolist()):
                words = segment.passage(position).text.split()
                texts += [" ".join(words[at * 35 : at * 35 + 35]) for at in range(size)]
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(segment.vectors.ravel()), DIM)
            allowed = pa.array(numbers % FILTER == 0)
            yield pa.record_batch(
                [pa.array(numbers), allowed, pa.array(texts), vectors],
                names=["number", "allowed", "text", "vector"],
            )

    started = time.perf_counter()
    first, *rest = batches()
    table = lancedb.connect(place).create_table("windows", pa.Table.from_batches([first, *rest]))
    table.create_fts_index("text")
    table.create_scalar_index("allowed")
    built = _since(started)

    def search(query: EncodedQueries) -> Any:
        near = (
            table.search(query.vectors[0])
            .distance_type("dot")
            .where("allowed", prefilter=True)
            .select(["number", "_distance"])
            .limit(200)
            .to_arrow()
        )
        wordy = (
            table.search(query.texts[0], query_type="fts")
            .where("allowed", prefilter=True)
            .select(["number", "_score"])
            .limit(200)
            .to_arrow()
        )
        best: dict[int, float] = {}
        for part, name, sign in ((near, "_distance", -1), (wordy, "_score", 1)):
            scores = sign * part[name].to_numpy()
            scaled = (scores - scores.min()) / (np.ptp(scores) or 1) if len(scores) else scores
            for number, score in zip(part["number"].to_pylist(), scaled, strict=True):
                best[number] = best.get(number, 0) + score
        return sorted(best, key=best.__getitem__)[-10:]

    search(queries[0])
    return {
        "engine": "lancedb",
        "import_s": imported,
        "copy_s": built,
        "filtered_without_late": measured(search, queries),
        "peak_gib": peak_gib(),
    }


def encoder_row() -> dict[str, Any]:
    """Time a query's pass through the packaged model."""
    encoder = QueryEncoder.from_choice(choose_model(None, download=False))
    if encoder is None:
        return {}
    texts = ["icu nurse with night shifts, can teach juniors"] * 50
    return measured(lambda text: encoder.encode([text]), texts)  # type: ignore[arg-type]


def _at(values: list[float], percent: int) -> float:
    return round(float(np.percentile(values, percent)), 1)


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 2)


def peak_gib() -> float:
    """Return the most memory that this process has held, mapped files that were read included."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def size_gib(folder: Path) -> float:
    """Return what a folder takes on the disk."""
    return round(sum(path.stat().st_size for path in folder.rglob("*")) / 2**30, 2)


WEIGHTS = HybridWeights()


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a process of its own, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def main() -> None:
    """Print a line of JSON for the build, the encoder and each engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--engines", nargs="+", default=["exact", "signs", "edge", "lancedb"])
    parser.add_argument("--folder", type=Path, help="of an index built before, or to be kept")
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(dir=options.folder and options.folder.parent))
    folder = options.folder or scratch / "index"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "index.json").is_file():
        print(json.dumps({"built": alone(build, options.windows, folder)}), flush=True)
    print(json.dumps({"encoder": alone(encoder_row)}), flush=True)
    for name in options.engines:
        if name == "lancedb":
            row = alone(lancedb_row, options.windows, folder, scratch / "lance", options.queries)
        else:
            cache, count = scratch / "cache", options.queries
            row = alone(engine_row, options.windows, folder, cache, name, count)
        print(json.dumps(row), flush=True)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
