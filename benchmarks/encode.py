"""Encoding: windows a second beside sentence-transformers in full precision, and what it costs.

    python benchmarks/encode.py --data test.json [--passages 60] [--repeats 3]

Both encode the same windows, in turn, in one process; the fastest turn counts. Then every metric of
pooled vectors and late interaction, in full precision and in the one that this machine encodes in.
Late interaction keeps signs, of which the last digits turn some: with 160 queries a codec of
another seed moves its metrics by .01.
"""

import argparse
import os
import time
from pathlib import Path

from machine import machine

from cvseeker.core.datasets import RetrievalDataset, read_dataset
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.machine import VARIABLE, encoding_dtype
from cvseeker.retrieval.metrics import QrelsTable
from cvseeker.retrieval.ranker import EncodedQueries, top_k
from cvseeker.retrieval.store import VectorStore


def metrics(encoder: LocalEncoder, dataset: RetrievalDataset, precision: str) -> dict[str, float]:
    """Return every metric of the model in one precision."""
    os.environ[VARIABLE] = precision
    corpus = VectorStore().encode_corpus(encoder, list(dataset.corpus.values()))
    queries = EncodedQueries.from_texts(list(dataset.queries.values()), encoder)
    table = QrelsTable.from_qrels(dataset.qrels, list(dataset.queries), list(dataset.corpus))
    found = {}
    for name, ranker in (("dense", corpus.dense()), ("late", corpus.late())):
        values = table.metrics(top_k(ranker.scores(queries), 100))
        found |= {f"{name} {metric}": float(value.mean()) for metric, value in values.items()}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", default=None)
    parser.add_argument("--passages", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    dataset = read_dataset(options.data)
    encoder = LocalEncoder.from_name(options.base, windows=FinetuneSettings().windows)
    texts = list(dataset.corpus.values())[: options.passages]
    windows = [window.text for window in encoder.split(texts)]
    ways = {
        "sentence-transformers, fp32": lambda: encoder.model.encode(windows, batch_size=32),
        "CVSeeker, pooled": lambda: encoder.encode_passages(texts),
        "CVSeeker, pooled and tokens": lambda: VectorStore().encode_corpus(encoder, texts),
    }
    fastest: dict[str, float] = {}
    for _ in range(options.repeats):
        for name, encode in ways.items():
            started = time.perf_counter()
            encode()
            seconds = time.perf_counter() - started
            fastest[name] = min(seconds, fastest.get(name, seconds))
    print(machine(), encoder.name, encoding_dtype(encoder.model.device.type), sep="\n")
    for name, seconds in fastest.items():
        speed = len(windows) / seconds
        print(f"{name}: {speed:.1f} windows/s, {fastest[next(iter(ways))] / seconds:.2f}x")
    full, used = metrics(encoder, dataset, "fp32"), metrics(encoder, dataset, "auto")
    for name, value in full.items():
        print(f"{name}: {value:.4f} -> {used[name]:.4f} ({used[name] - value:+.4f})")


if __name__ == "__main__":
    main()
