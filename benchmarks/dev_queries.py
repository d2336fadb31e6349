"""Measure search on queries of your own with graded qrels, untuned and tuned, to develop with.

    python benchmarks/dev_queries.py --resumes FOLDER --judgements FOLDER
        [--model NAME=MODEL]... [--pool]

The résumés are ingested; the judgements are ``queries.jsonl`` and ``qrels/test.tsv`` naming them by
their paths within the folder, as ``cvseeker evaluate --judgements`` reads them, which also tells
how a workspace's own models do on them. What this adds are models without a workspace, so several
trainings on other persons can be laid side by side, and search at the best fixed shares of BM25,
pooled vectors and late interaction, in tenths. Those are found on the very queries that they are
measured on: an upper bound, to be beaten or to be reached, and no setting.

Every row's nDCG@10 is paired by query with that of the untuned search as shipped, and at its best
shares; the 95 % intervals resample the queries. With --pool, the résumés among any system's first
ten that have no grade yet are printed instead, one pair a line, to be read and graded.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from cvseeker.core.datasets import RetrievalDataset, read_judgements
from cvseeker.core.settings import EvaluateSettings, Settings
from cvseeker.core.workspace import Workspace
from cvseeker.evaluate.collection import Collection
from cvseeker.evaluate.encoded import encode_dataset
from cvseeker.evaluate.results import SystemResult
from cvseeker.resumes import Ingested, ingest_stage
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.fusion import STEPS, fuse
from cvseeker.retrieval.significance import bootstrap_interval
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.windows import FloatArray

SHOWN = ("ndcg@10", "mrr@10", "hit_rate@5", "judged@10")
UNTUNED = "base"
# How deep a pool is: as deep as nDCG looks.
DEPTH = 10
Results = dict[str, SystemResult]


def main() -> None:
    """Rank the résumés by every system and print the table, or what is to be graded."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--resumes", type=Path, required=True)
    parser.add_argument("--judgements", type=Path, required=True)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=MODEL")
    parser.add_argument("--pool", action="store_true")
    options = parser.parse_args()
    models = {UNTUNED: None, **dict(item.split("=", 1) for item in options.model)}
    dataset, resume_of = read_judged(options.resumes, options.judgements)
    collection = Collection.from_dataset(dataset, EvaluateSettings(), resume_of)
    bm25 = BM25Ranker(list(dataset.corpus.values()))
    results: Results = {}
    for name, model in models.items():
        results |= rank(collection, bm25, name, LocalEncoder.from_name(model))
    lines = ungraded(results, dataset) if options.pool else table(results)
    print("\n".join(lines))


def read_judged(resumes: Path, judgements: Path) -> tuple[RetrievalDataset, dict[str, str]]:
    """Return the queries over the passages of a folder, and which résumé each passage is of."""
    with TemporaryDirectory(prefix="cvseeker-judged-") as folder:
        workspace = Workspace(Path(folder))
        ingest_stage(workspace, [resumes], Settings())
        passages = list(Ingested(workspace.require("ingest")).passages())
    judged = read_judgements(judgements)
    resume_of = {passage.passage_id: passage.resume_id for passage in passages}
    for query_id, grades in judged.qrels.items():
        if missing := grades.keys() - resume_of.values():
            sys.exit(f"query {query_id!r} names {min(missing)!r}, which is not among the résumés")
    corpus = {passage.passage_id: passage.text for passage in passages}
    return replace(judged, corpus=corpus), resume_of


def rank(collection: Collection, bm25: BM25Ranker, name: str, encoder: LocalEncoder) -> Results:
    """Rank by a model's parts, by search with its own shares, and with the best ones."""
    encoded = encode_dataset(encoder, name, collection.dataset, VectorStore())
    parts = [
        bm25.scores(encoded.queries),
        encoded.corpus.dense().scores(encoded.queries),
        encoded.corpus.late().scores(encoded.queries),
    ]

    def run(scores: FloatArray, label: str) -> SystemResult:
        result = collection.open(label)
        collection.record_scores(result, 0, scores)
        return result

    def search(shares: tuple[float, ...], label: str) -> SystemResult:
        rounded = "/".join(f"{share:.2f}".lstrip("0") for share in shares)
        return run(fuse(parts, shares), f"{label} ({rounded})")

    grid = [
        (first / STEPS, second / STEPS, (STEPS - first - second) / STEPS)
        for first, second in product(range(STEPS + 1), repeat=2)
        if first + second <= STEPS
    ]
    return {
        "BM25": run(parts[0], "BM25"),
        f"{name} dense": run(parts[1], f"{name}: dense"),
        f"{name} late": run(parts[2], f"{name}: late interaction"),
        f"{name} search": search(encoder.hybrid.shares, f"{name}: search as shipped"),
        f"{name} best": max(
            (search(shares, f"{name}: search at its best") for shares in grid),
            key=lambda result: mean(result, "ndcg@10"),
        ),
    }


def mean(result: SystemResult, metric: str) -> float:
    """Return the mean over all queries."""
    return statistics.fmean(row[metric] for row in result.per_query.values())


def difference(result: SystemResult, other: SystemResult) -> str:
    """Return the mean paired difference of nDCG@10 and its interval over queries."""
    deltas = [
        row["ndcg@10"] - other.per_query[query_id]["ndcg@10"]
        for query_id, row in result.per_query.items()
    ]
    low, high = bootstrap_interval(deltas)
    return f"{statistics.fmean(deltas):+.3f} [{low:+.3f}, {high:+.3f}]"


def table(results: Results) -> Iterator[str]:
    """Yield a Markdown table of the systems."""
    heads = " | ".join((*SHOWN, "over untuned as shipped", "over untuned at its best"))
    yield f"| system | {heads} |"
    yield f"|---|{'---:|' * (len(SHOWN) + 2)}"
    for result in results.values():
        cells = [f"{mean(result, metric):.3f}" for metric in SHOWN]
        cells += [difference(result, results[f"{UNTUNED} {way}"]) for way in ("search", "best")]
        yield f"| {result.name} | {' | '.join(cells)} |"


def ungraded(results: Results, dataset: RetrievalDataset) -> Iterator[str]:
    """Yield the pairs of query and résumé that are still to be graded."""
    for query_id, text in dataset.queries.items():
        first = {key for result in results.values() for key, _ in result.run[query_id][:DEPTH]}
        for resume_id in sorted(first - dataset.qrels[query_id].keys()):
            yield f"{query_id}\t{resume_id}\t{text}"


if __name__ == "__main__":
    main()
