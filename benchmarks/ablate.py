"""Ablate fine-tuning's recipe: change one thing at a time, over seeds, and judge the search.

    python benchmarks/ablate.py -w WORKSPACE --judged RESUMES JUDGEMENTS [--judged …]
        [--seeds 3] [--only NAME]... [--json FILE]

WORKSPACE has queries and cross-section pairs (cvseeker generate); its training split trains, and
its validation split chooses the best step. Each JUDGEMENTS is a folder of queries with graded qrels
over a folder RESUMES. Each recipe below differs from the defaults in what its name says; α and the
gate, which come after the training, are left out, and so are learnt shares: search is fused by the
default ones. The differences to the defaults are paired by query and averaged over seeds; their
95 % intervals resample the queries. With --json, what is already in the file is not run again.
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
from unittest.mock import patch

from dev_queries import rank, read_judged

from cvseeker.core.datasets import RetrievalDataset, read_dataset
from cvseeker.core.progress import silent
from cvseeker.core.settings import EvaluateSettings, Settings
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.core.workspace import Workspace
from cvseeker.evaluate.collection import Collection
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.holdout import balanced, joined, with_cross_sections
from cvseeker.retrieval.significance import bootstrap_interval
from cvseeker.train.adapters import prepare_model
from cvseeker.train.pairs import build_pairs, mask_rivals
from cvseeker.train.trainer import build_trainer

UNTUNED, DEFAULT = "untuned", "defaults"

# Name → the sources of queries, the settings that differ, and the share of the own positive's
# cosine from which another is no negative.
RECIPES: dict[str, tuple[str, dict[str, Any], float]] = {
    DEFAULT: ("both", {}, 0.95),
    "queries alone": ("own", {}, 0.95),
    "cross-section pairs alone": ("sections", {}, 0.95),
    "loss of pooled vectors alone": ("both", {"late_weight": 0}, 0.95),
    "late interaction weighs 3": ("both", {"late_weight": 3}, 0.95),
    "anybody else is a negative": ("both", {}, float("inf")),
    "no negatives from .85": ("both", {}, 0.85),
    "learning rate 1e-4": ("both", {"learning_rate": 1e-4}, 0.95),
    "learning rate 3e-4": ("both", {"learning_rate": 3e-4}, 0.95),
    "1 epoch": ("both", {"epochs": 1}, 0.95),
    "4 epochs": ("both", {"epochs": 4}, 0.95),
    "batch 64": ("both", {"batch_size": 64}, 0.95),
    "windows 128/32": ("both", {"windows": {"window_tokens": 128, "overlap_tokens": 32}}, 0.95),
    "arithmetic fp32": ("both", {"precision": "fp32"}, 0.95),
}
PARTS = ("dense", "late", "search")
Found = dict[str, dict[str, Any]]
Judged = dict[str, tuple[RetrievalDataset, dict[str, str]]]


def main() -> None:
    """Run what has not been run, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    parser.add_argument("--judged", type=Path, nargs=2, action="append", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=RECIPES, help="beside the defaults")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    judged = {str(folder): read_judged(resumes, folder) for resumes, folder in options.judged}
    found: Found = {}
    if options.json and options.json.is_file():
        found = json.loads(options.json.read_text(encoding="utf-8"))
    for seed in range(options.seeds):
        for name in [UNTUNED, DEFAULT, *(options.only or list(RECIPES)[1:])]:
            key = f"{name}, seed {0 if name == UNTUNED else seed}"
            if key not in found:
                found[key] = run(options.workspace, judged, name, seed)
                if options.json:
                    options.json.write_text(json.dumps(found), encoding="utf-8")
                print(f"{key}: {found[key]['seconds']:.0f} s", file=sys.stderr, flush=True)
        print_table(found, list(judged))


def run(workspace: Path, judged: Judged, name: str, seed: int) -> dict[str, Any]:
    """Train by one recipe and rank the judged résumés."""
    sources, changes, rival = RECIPES.get(name, ("", {}, 0))
    settings = Settings().override("finetune", {**changes, "seed": seed}).finetune
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    began = time.perf_counter()
    if sources:
        with patch("cvseeker.train.pairs.RIVAL", rival):
            train(encoder, Workspace(workspace), sources, settings)
    seconds = time.perf_counter() - began
    scores: dict[str, Any] = {}
    for folder, (dataset, resume_of) in judged.items():
        collection = Collection.from_dataset(dataset, EvaluateSettings(), resume_of)
        results = rank(collection, BM25Ranker(list(dataset.corpus.values())), "model", encoder)
        scores[folder] = {
            part: {key: row["ndcg@10"] for key, row in results[f"model {part}"].per_query.items()}
            for part in PARTS
        }
    return {"recipe": name, "seconds": seconds, "scores": scores}


def train(
    encoder: LocalEncoder, workspace: Workspace, sources: str, settings: FinetuneSettings
) -> None:
    """Train on a workspace's sources; the step that validates best stays loaded."""
    queries = workspace.require("queries")
    data, val = (
        read_dataset(queries / "beir" / split, split=split, needs_queries=False)
        for split in ("train", "val")
    )
    (own, crossed), _, judges = with_cross_sections(
        data, val, sections=queries / "sections" / "beir", passages=settings.val_passages
    )
    chosen = {
        "own": [own],
        "sections": [crossed],
        "both": balanced(own, crossed, seed=settings.seed),
    }
    joint = joined(chosen[sources])
    windows = encoder.split(list(joint.corpus.values()))
    pairs = build_pairs(joint, windows, max_pairs=settings.max_pairs, seed=settings.seed)
    pairs = mask_rivals(pairs, encoder)
    encoder.model.float()
    prepare_model(encoder.model, settings)
    folder = Path(mkdtemp(prefix="cvseeker-ablation-"))
    trainer = build_trainer(encoder, pairs, judges, settings, checkpoints=folder, progress=silent)
    trainer.train()
    encoder.model.eval()
    shutil.rmtree(folder)


def print_table(found: Found, folders: list[str]) -> None:
    """Print a Markdown table: the defaults' nDCG@10, and every recipe's difference to them."""
    for folder in folders:
        print(f"\n{folder}\n\n| recipe | seeds | seconds | {' | '.join(PARTS)} |")
        print(f"|---|{'---:|' * (len(PARTS) + 2)}")
        for name in (UNTUNED, *RECIPES):
            rows = [row for row in found.values() if row["recipe"] == name]
            if rows:
                seconds = statistics.fmean(row["seconds"] for row in rows)
                cells = [cell(found, name, folder, part) for part in PARTS]
                print(f"| {name} | {len(rows)} | {seconds:.0f} | {' | '.join(cells)} |", flush=True)


def cell(found: Found, name: str, folder: str, part: str) -> str:
    """Return the defaults' mean, or the mean difference to it with its interval."""
    own, default = (means(found, one, folder, part) for one in (name, DEFAULT))
    if name == DEFAULT or not default:
        return f"{statistics.fmean(own):.3f}"
    deltas = [mine - theirs for mine, theirs in zip(own, default, strict=True)]
    low, high = bootstrap_interval(deltas)
    return f"{statistics.fmean(deltas):+.3f} [{low:+.3f}, {high:+.3f}]"


def means(found: Found, name: str, folder: str, part: str) -> list[float]:
    """Return each query's nDCG@10, averaged over the runs of a recipe."""
    runs = [row["scores"][folder][part] for row in found.values() if row["recipe"] == name]
    return [statistics.fmean(run[query_id] for run in runs) for query_id in (runs or [{}])[0]]


if __name__ == "__main__":
    main()
