"""Fine-tune with LlamaIndex's engine, plain sentence-transformers and CVSeeker, in one run.

    python benchmarks/finetune.py --train FILE [--test FILE] [--base MODEL] [--json FILE]
        [--peer-python PYTHON] [--gpu]

Same base, same training data, same machine, as many threads; each contender runs alone, in a
process of its own. Their models are then evaluated on the test data both ways: truncated (a
passage is one vector, cut at the model's length, by sentence-transformers' own evaluator) and
windowed (the best window counts). FILE is a LlamaIndex JSON file or a BEIR folder; without --test,
a fifth of the persons of --train is held out.

While CVSeeker trains, snapshots of its weights are written off the clock; the first one that is as
good as a peer's final model says how long that took, loading, pairs and validations included.

LlamaIndex's engine wants an environment of its own, whose Python --peer-python names, with

    pip install llama-index-finetuning==0.4.2 sentence-transformers

Its package imports a name that ``mistralai`` no longer has: a stub stands in for that module. The
engine fails without validation data: it is given some of its training queries, and the time that it
spends on them is not held against it.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetune_gpu import run_on_gpu
from finetune_process import about, run_contender
from finetune_scores import BOTH_WAYS, Scores, bm25_scores, first_reaching, model_scores
from finetune_tables import table

from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.settings import Settings
from cvseeker.retrieval.holdout import hold_out, with_persons
from cvseeker.retrieval.models import CPU_BASE, choose_model

OURS = "cvseeker"
PEERS = ("llama-index", "sentence-transformers")
# Whose score is to be reached, and by which of ours: a user of windows searches through them.
COMPARED = (("windowed", "windowed"), ("truncated", "truncated"), ("truncated", "windowed"))


def main() -> int:
    """Train all contenders one after the other, evaluate them and print the tables."""
    options = read_options()
    with tempfile.TemporaryDirectory(prefix="cvseeker-benchmark-") as name:
        folder = Path(name)
        if options.gpu:
            return run_on_gpu(options, folder)
        train, test = read_data(options)
        write_dataset(train, folder / "train.json")
        write_dataset(first_queries(train, options.peer_val), folder / "val.json")
        rows: dict[str, dict[str, Any]] = {}
        for contender in options.only.split(","):
            row = run_contender(contender, job_of(contender, folder, options), options)
            if row is None:
                return 1
            rows[contender] = row
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
        baselines = {"bm25": bm25_scores(test), "base": model_scores(options.base, test)}
        for contender, row in rows.items():
            row["scores"] = best_scores(folder / contender, test)
            print(f"{contender}: evaluated", file=sys.stderr, flush=True)
        reached = reach(rows, baselines["base"], test)
        facts = {
            **about(options),
            "data": {"train": sizes(train), "test": sizes(test)},
            "baselines": baselines,
            "contenders": rows,
            "reached": reached,
        }
        print(table(baselines, rows, reached, facts))
        if options.json:
            options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--base", default=CPU_BASE, help="a folder or a name")
    parser.add_argument("--peer-python", default=sys.executable, help="has llama-index-finetuning")
    parser.add_argument("--only", default=f"{','.join(PEERS)},{OURS}", help="in this order")
    parser.add_argument("--epochs", type=int, default=2, help="of the peers")
    parser.add_argument("--llama-index-batch", type=int, default=10, help="its default is 10")
    parser.add_argument("--sentence-transformers-batch", type=int, default=64)
    parser.add_argument("--peer-val", type=int, default=50, help="queries it validates with")
    parser.add_argument("--snapshot-every", type=int, default=1, help="steps of CVSeeker")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, help="queries of each data set, for a short trial")
    parser.add_argument("--gpu", action="store_true", help="speed at BERT-large size, on a GPU")
    parser.add_argument("--gpu-batch", type=int, default=128)
    parser.add_argument("--gpu-steps", type=int, default=60)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


def read_data(options: argparse.Namespace) -> tuple[RetrievalDataset, RetrievalDataset]:
    """Return the training and the test data, cut to the limit."""
    train = read_dataset(options.train, split="train")
    if options.test:
        test = read_dataset(options.test)
    else:
        similarity = Settings().ingest.duplicate_similarity
        known = with_persons(train, similarity=similarity)
        train, test = hold_out(known, share=0.2, seed=13)
    if options.limit:
        return first_queries(train, options.limit), first_queries(test, options.limit)
    return train, test


def first_queries(dataset: RetrievalDataset, count: int) -> RetrievalDataset:
    """Return the first queries and the passages that answer them."""
    qrels = {key: dataset.qrels[key] for key in list(dataset.queries)[:count]}
    wanted = {passage_id for grades in qrels.values() for passage_id in grades}
    return replace(
        dataset,
        corpus={key: text for key, text in dataset.corpus.items() if key in wanted},
        queries={key: dataset.queries[key] for key in qrels},
        qrels=qrels,
    )


def job_of(contender: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what a contender is to do."""
    batches = {
        "llama-index": options.llama_index_batch,
        "sentence-transformers": options.sentence_transformers_batch,
    }
    base = choose_model(options.base).location
    return {
        "contender": contender,
        "train": str(folder / "train.json"),
        "val": str(folder / "val.json"),
        # Contenders run in a folder of their own.
        "base": str(Path(base).absolute()) if Path(base).is_dir() else base,
        "folder": str(folder / contender / "model"),
        "last": str(folder / contender / "last"),
        "batch_size": batches.get(contender),
        "epochs": options.epochs,
        "settings": {},
        "snapshots": str(folder / contender / "snapshots"),
        "snapshot_every": options.snapshot_every if contender == OURS else 0,
        "skip_steps": 0,
    }


def best_scores(place: Path, test: RetrievalDataset) -> Scores:
    """Score what a contender saved, and its last weights where they are better."""
    scores = model_scores(str(place / "model"), test)
    if not (place / "last").is_dir():
        return scores
    last = model_scores(str(place / "last"), test)
    return {way: max(scores[way], last[way], key=lambda row: row["ndcg@10"]) for way in BOTH_WAYS}


def reach(
    rows: dict[str, dict[str, Any]], base: Scores, test: RetrievalDataset
) -> list[dict[str, Any]]:
    """Find when ours was as good as each peer's final model."""
    if OURS not in rows:
        return []
    ours = rows[OURS]
    last = {"step": "the end", "seconds": ours["seconds"], "scores": ours["scores"]}
    snapshots = [*ours["snapshots"], last]
    found = []
    for peer in PEERS:
        if peer not in rows:
            continue
        spent = rows[peer]["seconds"] - rows[peer]["validation_seconds"]
        for theirs, way in COMPARED:
            target = rows[peer]["scores"][theirs]["ndcg@10"]
            first = first_reaching(snapshots, target, way, test)
            found.append(
                {
                    "peer": peer,
                    "its": theirs,
                    "ours": way,
                    "target": target,
                    "its_seconds": spent,
                    "base_suffices": base[way]["ndcg@10"] >= target,
                    "step": first and first["step"],
                    "seconds": first and first["seconds"],
                    "times_faster": first and spent / first["seconds"],
                }
            )
    return found


def sizes(dataset: RetrievalDataset) -> dict[str, int]:
    """Return the numbers of queries and passages."""
    return {"queries": len(dataset.queries), "passages": len(dataset.corpus)}


if __name__ == "__main__":
    sys.exit(main())
