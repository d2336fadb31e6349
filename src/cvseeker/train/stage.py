"""The stage ``model``: queries and qrels → a tuned encoder."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cvseeker.core.datasets import read_dataset
from cvseeker.core.files import path_hashes
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.retrieval.models import choose_model, model_identity
from cvseeker.train.distributed import Work, is_main, run_together


def finetune_files(
    train: Path, val: Path | None, out: Path, settings: Settings, progress: Progress = silent
) -> StageResult:
    """Fine-tune on a data set and write the tuned model to ``out``.

    Parameters
    ----------
    train, val
        LlamaIndex JSON or BEIR folders; without ``val``, a share of the persons is held out.
    out
        The model's folder. Interrupted, the same call continues where it was.
    settings
        All stages' settings.
    progress
        Called at each step.

    Returns
    -------
    StageResult
        Its counts are a :class:`~cvseeker.train.finetune.FinetuneResult`.
    """

    def work(folder: Path) -> dict[str, Any]:
        from cvseeker.train.finetune import finetune

        result = finetune(
            read_dataset(train, split="train"),
            folder,
            settings=settings.finetune,
            val=read_dataset(val, split="dev") if val else None,
            scratch=folder / ".training",
            progress=progress,
        )
        if is_main():
            shutil.rmtree(folder / ".training")
        return asdict(result)

    inputs = {
        "base": model_identity(choose_model(settings.finetune.base)),
        **path_hashes("train", train),
        **(path_hashes("val", val) if val else {}),
    }
    out = out.resolve()

    def run(work: Work) -> StageResult:
        return Workspace(out.parent).run_stage(
            out.name, settings.finetune.recipe, inputs, work, resumable=True
        )

    return run_together(run, work)


def finetune_stage(
    workspace: Workspace, settings: Settings, progress: Progress = silent
) -> StageResult:
    """Train on queries and qrels: → a tuned encoder."""

    def work(folder: Path) -> dict[str, Any]:
        from cvseeker.train.finetune import finetune

        beir = workspace.require(labels) / "beir"
        train = read_dataset(beir / "train", split="train")
        val = read_dataset(beir / "val", split="val", needs_queries=False)
        result = finetune(
            train,
            folder,
            settings=settings.finetune,
            val=val if val.queries else None,
            scratch=folder / ".training",
            progress=progress,
        )
        if is_main():
            shutil.rmtree(folder / ".training")
        return {**asdict(result), "labels": labels}

    labels = workspace.labels_stage()
    inputs = {
        "base": model_identity(choose_model(settings.finetune.base)),
        **workspace.output_hashes(labels),
    }

    def run(work: Work) -> StageResult:
        return workspace.run_stage("model", settings.finetune.recipe, inputs, work, resumable=True)

    return run_together(run, work)
