"""One contender of ``finetune.py``, in a process of its own: trains and writes down what it took.

    python benchmarks/finetune_contender.py JOB.json

The clock runs from the data in memory to the weights in their folder: loading the base, pairs,
validation and all. One clock serves all contenders, as a callback of the trainer that all of them
have underneath; the tokens are counted where the transformer meets them.
"""

import json
import os
import resource
import sys
import time
import types
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from finetune_clock import Clock
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)

Job = dict[str, Any]
# Trains and returns what there is to say beside the figures.
Training = Callable[[Clock], str]

LIBRARIES = ("sentence-transformers", "transformers", "torch", "llama-index-finetuning", "cvseeker")


def prepare_llama_index(job: Job) -> Training:
    """Set LlamaIndex's engine up: its defaults, but for the batch size where one is given."""
    _stub_mistralai()
    from llama_index.finetuning import (
        EmbeddingQAFinetuneDataset,
        SentenceTransformersFinetuneEngine,
    )
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
    from transformers import trainer

    dataset = EmbeddingQAFinetuneDataset.from_json(job["train"])
    val = EmbeddingQAFinetuneDataset.from_json(job["val"])
    validate = InformationRetrievalEvaluator.__call__

    def train(clock: Clock) -> str:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            scores = validate(*args, **kwargs)
            clock.validation_seconds += time.perf_counter() - began
            return scores

        InformationRetrievalEvaluator.__call__ = timed
        # The engine passes no callbacks on.
        trainer.DEFAULT_CALLBACKS.append(clock)
        engine = SentenceTransformersFinetuneEngine(
            dataset,
            model_id=job["base"],
            model_output_path=job["folder"],
            batch_size=job["batch_size"],
            val_dataset=val,
            epochs=job["epochs"],
            show_progress_bar=False,
        )
        engine.finetune()
        with clock.paused():
            engine.model.save_pretrained(job["last"], create_model_card=False)
        return "mistralai stubbed; val_dataset given"

    return train


def prepare_sentence_transformers(job: Job) -> Training:
    """Set the plain trainer up: its defaults, but for the loss and what the job says."""
    from datasets import Dataset
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    content = json.loads(Path(job["train"]).read_text(encoding="utf-8"))
    relevant = content["relevant_docs"]
    columns = {
        "anchor": list(content["queries"].values()),
        "positive": [content["corpus"][relevant[key][0]] for key in content["queries"]],
    }

    def train(clock: Clock) -> str:
        model = SentenceTransformer(job["base"])
        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(Path(job["folder"]).parent / "checkpoints"),
            per_device_train_batch_size=job["batch_size"],
            num_train_epochs=job["epochs"],
            max_steps=job.get("max_steps") or -1,
            bf16=job.get("bf16", False),
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(columns),
            loss=MultipleNegativesRankingLoss(model),
            callbacks=[clock],
        )
        trainer.train()
        model.save_pretrained(job["folder"])
        return "bf16" if arguments.bf16 else "fp32"

    return train


def prepare_cvseeker(job: Job) -> Training:
    """Set our own fine-tuning up: the defaults, but for what the job says."""
    from cvseeker.core.datasets import read_dataset
    from cvseeker.core.settings import Settings
    from cvseeker.train import trainer  # noqa: F401  (imports are no part of the call)
    from cvseeker.train.stage import finetune

    dataset = read_dataset(Path(job["train"]), split="train")
    chosen = {"base": job["base"], **job["settings"]}
    settings = Settings().override("finetune", chosen).finetune
    folder = Path(job["folder"])

    def train(clock: Clock) -> str:
        folder.mkdir(parents=True)
        result = finetune(
            dataset, folder, settings=settings, scratch=folder / ".training", callbacks=(clock,)
        )
        return f"kept: {result.verdict.kept}, step {result.best_step} of {result.steps}"

    return train


CONTENDERS = {
    "llama-index": prepare_llama_index,
    "sentence-transformers": prepare_sentence_transformers,
    "cvseeker": prepare_cvseeker,
}


def peak_mib() -> float:
    """Return the most memory that this process has had resident, in MiB."""
    # Unlike getrusage's, Linux's own figure does not begin with that of the process before exec.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> int:
    """Train as the job says, and write the figures where it says."""
    warnings.simplefilter("ignore")
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    train = CONTENDERS[job["contender"]](job)
    clock = Clock(Path(job["snapshots"]), every=job["snapshot_every"], skip=job["skip_steps"])
    import_seconds = time.time() - job["spawned"]
    load = os.getloadavg()[0]
    clock.start()
    note = train(clock)
    seconds = clock.elapsed()
    figures = clock.figures()
    result = {
        "seconds": seconds,
        "import_seconds": import_seconds,
        "validation_seconds": clock.validation_seconds,
        "pairs_per_second": figures["pairs"] / seconds,
        **figures,
        "peak_mib": peak_mib(),
        "gpu_peak_mib": torch.cuda.max_memory_allocated() / 2**20,
        "load": [load, os.getloadavg()[0]],
        "threads": torch.get_num_threads(),
        "note": note,
        "snapshots": clock.snapshots,
        "versions": {name: _version(name) for name in LIBRARIES},
    }
    Path(job["result"]).write_text(json.dumps(result), encoding="utf-8")
    return 0


def _stub_mistralai() -> None:
    """Stand in for a module that lacks a name which LlamaIndex imports and does not use here."""

    def stand_in(name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})

    for name in ("mistralai", "mistralai.models"):
        module: Any = types.ModuleType(name)
        module.__path__, module.__getattr__ = [], stand_in
        sys.modules[name] = module


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
