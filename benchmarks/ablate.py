"""Ablate fine-tuning's recipe: change one setting at a time, over seeds, on one fold by person.

    python benchmarks/ablate.py --data FILE [--folds 3] [--fold 0] [--seeds 3]
        [--only NAME]... [--json FILE]

Each recipe below differs from the defaults in what its name says. The best step's weights rank the
queries about the persons left out, through windows; α, the gate and late interaction, which are
chosen after the training, are left out. The differences to the defaults are paired by query,
averaged over seeds; their 95 % intervals resample whole persons.
With --json, what is already in the file is not run again.
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from crossvalidate import folds, with_known_persons, with_queries

from cvseeker.core.datasets import RetrievalDataset, read_dataset
from cvseeker.core.progress import silent
from cvseeker.core.settings import Settings
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.fusion import fuse
from cvseeker.retrieval.holdout import hold_out, with_distractors
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.significance import bootstrap_interval
from cvseeker.retrieval.validation import ranked_metrics
from cvseeker.retrieval.windows import FloatArray
from cvseeker.train.adapters import prepare_model
from cvseeker.train.pairs import build_pairs
from cvseeker.train.trainer import build_trainer

DEFAULT = "defaults"

# Name → the training queries, and the settings that differ from the defaults.
RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    DEFAULT: ("own", {}),
    "queries: own and offline": ("both", {}),
    "queries: offline only": ("offline", {}),
    "windows 128/32": ("own", {"windows": {"window_tokens": 128, "overlap_tokens": 32}}),
    "windows 32/8": ("own", {"windows": {"window_tokens": 32, "overlap_tokens": 8}}),
    "learning rate 1e-4": ("own", {"learning_rate": 1e-4}),
    "learning rate 4e-4": ("own", {"learning_rate": 4e-4}),
    "temperature 0.02": ("own", {"temperature": 0.02}),
    "temperature 0.1": ("own", {"temperature": 0.1}),
    "batch 16": ("own", {"batch_size": 16}),
    "batch 64": ("own", {"batch_size": 64}),
    "1 epoch": ("own", {"epochs": 1}),
    "4 epochs": ("own", {"epochs": 4}),
    "dropout 0.1": ("own", {"dropout": 0.1}),
    "arithmetic fp32": ("own", {"precision": "fp32"}),
}
SHOWN = (
    ("dense", "hit_rate@5"),
    ("dense", "mrr@10"),
    ("dense", "ndcg@10"),
    ("dense and BM25", "mrr@10"),
    ("dense and BM25", "ndcg@10"),
)

Scores = dict[str, dict[str, dict[str, float]]]


def main() -> None:
    """Run what has not been run, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=RECIPES, help="beside the defaults")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    dataset = read_dataset(options.data)
    train, held_out = list(folds(dataset, options.folds))[options.fold]
    test = dataset.subset(held_out)
    found: dict[str, dict[str, Any]] = {}
    if options.json and options.json.is_file():
        found = json.loads(options.json.read_text(encoding="utf-8"))
    for seed in range(options.seeds):
        for name in [DEFAULT, *(options.only or list(RECIPES)[1:])]:
            key = f"{name}, fold {options.fold} of {options.folds}, seed {seed}"
            if key not in found:
                found[key] = run(train, test, name, seed)
                if options.json:
                    options.json.write_text(json.dumps(found), encoding="utf-8")
            print(f"{key}: {found[key]['seconds']:.0f} s", file=sys.stderr, flush=True)
        print_table(found, test)


def run(train: RetrievalDataset, test: RetrievalDataset, name: str, seed: int) -> dict[str, Any]:
    """Train by one recipe and evaluate on the fold."""
    kind, changes = RECIPES[name]
    settings = Settings().override("finetune", {**changes, "seed": seed}).finetune
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    began = time.perf_counter()
    train_encoder(encoder, with_queries(train, kind), settings)
    seconds = time.perf_counter() - began
    corpus, asked = list(test.corpus.values()), list(test.queries.values())
    queries = EncodedQueries.from_texts(asked, encoder, tokens=False)
    windows = encoder.encode_passages(corpus)
    bm25 = BM25Ranker(corpus).scores(queries)
    dense = DenseRanker(windows.vectors, windows.owners).scores(queries)
    hybrid: FloatArray = fuse([bm25, dense], (0.5, 0.5))
    systems = {"dense": dense, "dense and BM25": hybrid}
    return {
        "recipe": name,
        "seconds": seconds,
        "scores": {system: ranked_metrics(test, scores) for system, scores in systems.items()},
    }


def train_encoder(
    encoder: LocalEncoder, data: RetrievalDataset, settings: FinetuneSettings
) -> None:
    """Train on all but a fifth of the persons; the step that validates best stays loaded."""
    data, val = hold_out(data, share=settings.val_share, seed=settings.seed)
    val = with_distractors(val, data, passages=settings.val_passages)
    windows = encoder.split(list(data.corpus.values()))
    pairs = build_pairs(data, windows, max_pairs=settings.max_pairs, seed=settings.seed)
    encoder.model.float()
    prepare_model(encoder.model, settings)
    folder = Path(mkdtemp(prefix="cvseeker-ablation-"))
    trainer = build_trainer(encoder, pairs, val, settings, checkpoints=folder, progress=silent)
    trainer.train()
    encoder.model.eval()
    shutil.rmtree(folder)


def print_table(found: dict[str, dict[str, Any]], test: RetrievalDataset) -> None:
    """Print a Markdown table: the defaults' scores, and every recipe's difference to them."""
    groups = with_known_persons(test).person_groups
    people = [groups[next(iter(test.qrels[query_id]))] for query_id in test.queries]
    heads = " | ".join(f"{system} {metric}" for system, metric in SHOWN)
    print(f"| recipe | seeds | seconds | {heads} |\n|---|{'---:|' * (len(SHOWN) + 2)}")
    for name in RECIPES:
        runs = [row for row in found.values() if row["recipe"] == name]
        if not runs:
            continue
        seconds = statistics.fmean(row["seconds"] for row in runs)
        cells = []
        for system, metric in SHOWN:
            own = means(found, name, system, metric, test)
            if name == DEFAULT:
                cells.append(f"{statistics.fmean(own):.3f}")
                continue
            default = means(found, DEFAULT, system, metric, test)
            deltas = [mine - theirs for mine, theirs in zip(own, default, strict=True)]
            low, high = bootstrap_interval(deltas, groups=people)
            cells.append(f"{statistics.fmean(deltas):+.3f} [{low:+.3f}, {high:+.3f}]")
        print(f"| {name} | {len(runs)} | {seconds:.0f} | {' | '.join(cells)} |", flush=True)


def means(
    found: dict[str, dict[str, Any]], name: str, system: str, metric: str, test: RetrievalDataset
) -> list[float]:
    """Return each query's metric, averaged over the runs of a recipe."""
    runs = [row["scores"][system] for row in found.values() if row["recipe"] == name]
    return [
        statistics.fmean(scores[query_id][metric] for scores in runs) for query_id in test.queries
    ]


if __name__ == "__main__":
    main()
