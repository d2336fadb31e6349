"""The part of ``finetune.py`` for a GPU: how fast a model of BERT-large's size is trained.

The weights are random and of mxbai-embed-large-v1's shape, for speed does not depend on them. Every
passage is a window of --train's, so that all contenders train on the same texts of their real
lengths, and none is cut off.
"""

import argparse
import json
import re
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from finetune_process import about, run_contender
from finetune_tables import gpu_table

from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.retrieval.models import choose_model
from cvseeker.retrieval.windows import split_windows

# BERT-large: Devlin et al. 2018, https://arxiv.org/abs/1810.04805; mxbai-embed-large-v1 has it.
SHAPE: dict[str, Any] = {
    "num_hidden_layers": 24,
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
}
# Part of a device's name → its peak in bfloat16 without sparsity, in FLOP/s, from NVIDIA's data
# sheets. The first that fits counts, so a variant stands before its family.
PEAKS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H200 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
}
# Steps that only warm the device up.
SKIPPED = 5
PLAIN = "sentence-transformers, bf16"


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Weights that every token passes (no embeddings, no pooler), layers, and their width."""

    weights: int
    layers: int
    hidden: int

    @classmethod
    def of_model(cls, model: Any) -> "ModelSize":
        """Measure a model with a transformer of the usual kind."""
        from torch import nn

        transformer = model.transformers_model
        if transformer is None:
            raise ValueError("the model has no transformer; expected one of BERT's kind")
        embeddings = {
            id(weight)
            for module in transformer.modules()
            if isinstance(module, nn.Embedding)
            for weight in module.parameters()
        }
        weights = sum(
            weight.numel()
            for name, weight in transformer.named_parameters()
            if id(weight) not in embeddings and not name.startswith("pooler.")
        )
        config = transformer.config
        return cls(weights, int(config.num_hidden_layers), int(config.hidden_size))

    def training_flops(self, *, tokens: float, squares: float) -> float:
        """Return the FLOPs of a forward and a backward pass over texts.

        ``squares`` is the sum of their squared lengths. Padding counts for nothing, nor does what
        is computed twice to save memory.

        References
        ----------
        6 N for each token and 12 L d T for each token of a text of T tokens: Chowdhery et al. 2022,
        PaLM, appendix B, https://arxiv.org/abs/2204.02311.
        """
        return 6 * self.weights * tokens + 12 * self.layers * self.hidden * squares


def peak_flops(device: str) -> float | None:
    """Return a GPU's peak in bfloat16, in FLOP/s, by its name; ``None`` where it is unknown."""
    named = (peak for name, peak in PEAKS.items() if re.search(rf"\b{name}\b", device))
    return next(named, None)


def run_on_gpu(options: argparse.Namespace, folder: Path) -> int:
    """Train for some steps with each contender and print a table."""
    import torch

    if not torch.cuda.is_available():
        print("not measured: --gpu needs a CUDA device, and this machine has none")
        return 0
    facts = {**about(options), "device": torch.cuda.get_device_name(), "plain": PLAIN}
    return measure(options, folder, facts, SHAPE)


def measure(
    options: argparse.Namespace, folder: Path, facts: dict[str, Any], shape: dict[str, Any]
) -> int:
    """Make the model and the data, run the contenders and print what they came to."""
    tokenizer = choose_model(options.base).location
    size = write_random_model(folder / "base", shape, tokenizer)
    pairs = write_windows(options, folder / "train.json", tokenizer)
    peak = peak_flops(facts["device"])
    rows: dict[str, dict[str, Any]] = {}
    for name, job in jobs(options, folder).items():
        row = run_contender(name, job, options)
        if row is None:
            return 1
        flops = size.training_flops(
            tokens=row["tokens_per_second"], squares=row["squares_per_second"]
        )
        rows[name] = {**row, "flops_per_second": flops, "mfu": flops / peak if peak else None}
    facts |= {"weights": size.weights, "shape": shape, "pairs": pairs, "contenders": rows}
    print(gpu_table(rows, facts))
    if options.json:
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


def write_random_model(folder: Path, shape: dict[str, Any], tokenizer: str) -> ModelSize:
    """Write a model with random weights and the base's tokenizer; return its size."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(13)
    parts = folder.with_name("bert")
    BertModel(BertConfig(**shape)).save_pretrained(parts)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(parts)
    transformer = Transformer(str(parts), max_seq_length=512)
    pooling = Pooling(shape["hidden_size"], pooling_mode="cls")
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return ModelSize.of_model(model)


def write_windows(options: argparse.Namespace, path: Path, tokenizer: str) -> int:
    """Write the windows of the training passages with a query each; return their number."""
    from transformers import AutoTokenizer

    train = read_dataset(options.train, split="train")
    asked: dict[str, list[str]] = {}
    for query_id, grades in train.qrels.items():
        asked.setdefault(next(iter(grades)), []).append(train.queries[query_id])
    texts = [train.corpus[passage_id] for passage_id in asked]
    questions = [cycle(queries) for queries in asked.values()]
    splitter = AutoTokenizer.from_pretrained(tokenizer)
    windows = split_windows(texts, splitter, FinetuneSettings().windows)[: options.limit]
    names = [f"w{number}" for number in range(len(windows))]
    written = RetrievalDataset(
        corpus={name: window.text for name, window in zip(names, windows, strict=True)},
        queries={
            name: next(questions[window.passage])
            for name, window in zip(names, windows, strict=True)
        },
        qrels={name: {name: 1} for name in names},
    )
    write_dataset(written, path)
    return len(windows)


def jobs(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what each contender is to do."""
    common = {
        "train": str(folder / "train.json"),
        "base": str(folder / "base"),
        "batch_size": options.gpu_batch,
        "epochs": 1,
        "max_steps": options.gpu_steps,
        "snapshots": "",
        "snapshot_every": 0,
        "skip_steps": SKIPPED,
        "settings": {
            "batch_size": options.gpu_batch,
            "max_steps": options.gpu_steps,
            "evaluations_per_epoch": 1,
            "patience": options.gpu_steps,
        },
    }
    chosen: dict[str, dict[str, Any]] = {
        "sentence-transformers, fp32 (its default)": {"contender": "sentence-transformers"},
        PLAIN: {"contender": "sentence-transformers", "bf16": True},
        "cvseeker": {"contender": "cvseeker"},
    }
    return {
        name: {**common, **own, "folder": str(folder / f"contender-{number}" / "model")}
        for number, (name, own) in enumerate(chosen.items())
    }
