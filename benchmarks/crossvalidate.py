"""Cross-validate fine-tuning by person: base, BM25, tuned, late interaction and hybrid.

Each fold's persons are left out of training; their queries are then ranked against the passages of
the fold, or, with --whole-corpus, of the whole data set. Figures are means over all queries of all
folds; the intervals of the gains resample whole persons.

    python benchmarks/crossvalidate.py --data FILE [--folds 5] [--seeds 1]
        [--queries own|offline|both] [--set NAME=VALUE]... [--whole-corpus]
        [--only FOLD]... [--json FILE]

FILE is a LlamaIndex JSON file or a BEIR folder. --set changes a setting of fine-tuning, such as
--set temperature=0.02 or --set windows.window_tokens=128.
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from cvseeker.core.datasets import RetrievalDataset, read_dataset
from cvseeker.core.settings import EvaluateSettings, Settings
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.evaluate.run import run_systems
from cvseeker.queries.offline import generate_offline
from cvseeker.resumes.split import assign_splits
from cvseeker.retrieval.holdout import with_persons
from cvseeker.retrieval.significance import bootstrap_interval
from cvseeker.train.sources import read_sources
from cvseeker.train.stage import finetune

SHOWN = ("accuracy@1", "hit_rate@5", "mrr@10", "ndcg@10")


def with_known_persons(dataset: RetrievalDataset) -> RetrievalDataset:
    """Return a data set that says whose every passage is, by the default similarity."""
    return with_persons(dataset, similarity=Settings().ingest.duplicate_similarity)


def folds(dataset: RetrievalDataset, count: int) -> Iterator[tuple[RetrievalDataset, set[str]]]:
    """Yield each fold's training data and the passages left out; persons are never split."""
    dataset = with_known_persons(dataset)
    groups = dataset.person_groups
    fold_of = fold_numbers(sorted(set(groups.values())), count)
    for fold in range(count):
        held_out = {key for key, group in groups.items() if fold_of[group] == fold}
        yield dataset.subset(set(dataset.corpus) - held_out), held_out


def fold_numbers(groups: list[str], count: int) -> dict[str, int]:
    """Deal persons out to folds by a seeded shuffle."""
    splits: dict[str, int] = {}
    left = groups
    for fold in range(count - 1):
        share = 1 / (count - fold)
        dealt = assign_splits(
            {group: group for group in left}, val_share=share, test_share=0.0, seed=fold
        )
        splits |= {group: fold for group, split in dealt.items() if split == "val"}
        left = [group for group in left if group not in splits]
    return splits | dict.fromkeys(left, count - 1)


def with_queries(train: RetrievalDataset, kind: str) -> RetrievalDataset:
    """Return the training data with its own queries, offline ones, or both."""
    if kind == "own":
        return train
    written = generate_offline(train.corpus, settings=Settings().generate)
    queries = {query.query_id: query.text for query in written}
    qrels = {query.query_id: {query.passage_id: 1} for query in written}
    if kind == "both":
        queries, qrels = {**train.queries, **queries}, {**train.qrels, **qrels}
    return replace(train, queries=queries, qrels=qrels, kinds={})


def run_fold(
    train: RetrievalDataset, test: RetrievalDataset, settings: FinetuneSettings, seed: int
) -> tuple[dict[str, dict[str, dict[str, float]]], float]:
    """Train on one side of a fold and evaluate on the other: system → query id → metrics."""
    folder = Path(mkdtemp(prefix="cvseeker-fold-"))
    began = time.perf_counter()
    finetune(
        train,
        folder / "model",
        settings=settings.model_copy(update={"seed": seed}),
        scratch=folder / "scratch",
    )
    seconds = time.perf_counter() - began
    models = {"base": settings.base, "tuned": str(folder / "model")}
    # The base's search gets shares by the same queries as the tuned one's.
    judges = read_sources(train, None, settings.model_copy(update={"seed": seed})).judges
    evaluate = EvaluateSettings(windows=settings.windows)
    results = run_systems(test, models, settings=evaluate, validation=judges)
    shutil.rmtree(folder)
    return {name: result.per_query for name, result in results.items()}, seconds


def summarise(
    scores: dict[str, dict[tuple[Any, ...], dict[str, float]]], groups: dict[str, str]
) -> dict[str, Any]:
    """Return every system's means, and its gains over base and BM25 with 95 % intervals."""
    table: dict[str, Any] = {}
    for name, found in scores.items():
        means = {
            metric: statistics.fmean(row[metric] for row in found.values()) for metric in SHOWN
        }
        gains = {}
        for other in ("base", "bm25"):
            for metric in SHOWN:
                deltas = [row[metric] - scores[other][key][metric] for key, row in found.items()]
                people = [groups[key[-1]] for key in found]
                low, high = bootstrap_interval(deltas, groups=people)
                gains[f"{metric} over {other}"] = [statistics.fmean(deltas), low, high]
        table[name] = {**means, **gains}
    return table


def main() -> None:
    """Run the folds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, action="append", help="run these folds only")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--queries", choices=["own", "offline", "both"], default="own")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--whole-corpus", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    flags: dict[str, Any] = {}
    for item in options.set:
        name, _, value = item.partition("=")
        group, _, inner = name.partition(".")
        flags[group] = {**flags.get(group, {}), inner: value} if inner else value
    settings = Settings().override("finetune", flags).finetune
    dataset = read_dataset(options.data)
    groups = with_known_persons(dataset).person_groups
    scores: dict[str, dict[tuple[Any, ...], dict[str, float]]] = {}
    about: dict[str, str] = {}
    for fold, (train, held_out) in enumerate(folds(dataset, options.folds)):
        if options.only and fold not in options.only:
            continue
        test = dataset.subset(held_out)
        if options.whole_corpus:
            test = replace(test, corpus=dataset.corpus)
        for query_id, grades in test.qrels.items():
            about[query_id] = groups[next(iter(grades))]
        for seed in range(options.seeds):
            found, seconds = run_fold(with_queries(train, options.queries), test, settings, seed)
            for name, rows in found.items():
                scores.setdefault(name, {}).update(
                    {(fold, seed, query_id): row for query_id, row in rows.items()}
                )
            print(f"fold {fold}, seed {seed}: {seconds:.0f} s", file=sys.stderr, flush=True)
            print_table(summarise(scores, about), sys.stderr)
    table = summarise(scores, about)
    print_table(table, sys.stdout)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1), encoding="utf-8")


def print_table(table: dict[str, Any], file: Any) -> None:
    """Print a Markdown table of the systems."""
    print("| system | " + " | ".join(SHOWN) + " | nDCG@10 over base |", file=file)
    print("|---|" + "---:|" * (len(SHOWN) + 1), file=file)
    for name, row in table.items():
        delta, low, high = row["ndcg@10 over base"]
        cells = " | ".join(f"{row[metric]:.3f}" for metric in SHOWN)
        print(
            f"| {name} | {cells} | {delta:+.3f} [{low:+.3f}, {high:+.3f}] |", file=file, flush=True
        )


if __name__ == "__main__":
    main()
