"""Each stage of a workspace: its inputs, its settings, its work, its files."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cvseeker.config import Settings
from cvseeker.dataset import read_dataset
from cvseeker.encoder.base_models import choose_model, model_identity
from cvseeker.progress import Progress, silent
from cvseeker.resumes.ingest import ingest, input_hashes, load_passages
from cvseeker.train.distributed import Work, is_main, run_together
from cvseeker.workspace import StageResult, Workspace


def ingest_stage(
    workspace: Workspace, sources: Sequence[Path], settings: Settings, progress: Progress = silent
) -> StageResult:
    """Files → résumés, passages, person groups and splits."""
    return workspace.run_stage(
        "ingest",
        settings.ingest.model_dump(exclude={"workers"}),
        input_hashes(sources),
        lambda folder: ingest(sources, folder, settings=settings.ingest, progress=progress),
    )


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


def index_stage(
    workspace: Workspace, settings: Settings, progress: Progress = silent
) -> StageResult:
    """Passages → the search index, by the tuned model or, where there is none, by the base."""

    def work(folder: Path) -> dict[str, Any]:
        from cvseeker.encoder.local import LocalEncoder
        from cvseeker.search.index import Index

        encoder = LocalEncoder.from_name(str(model) if tuned else settings.finetune.base)
        passages = load_passages(workspace.require("ingest"))
        # The tuned model is named by its place in the workspace, which may be moved.
        name = "" if tuned else encoder.name
        index = Index.build(passages, encoder, model=name, progress=progress)
        index.save(folder)
        return {
            "passages": len(passages),
            "windows": len(index.embeddings.windows),
            "model": "tuned" if tuned else encoder.name,
        }

    model = workspace.stage_folder("model")
    tuned = workspace.manifest("model") is not None
    inputs = dict(workspace.output_hashes("ingest"))
    if tuned:
        inputs |= workspace.output_hashes("model")
    else:
        inputs["base"] = model_identity(choose_model(settings.finetune.base))
    return workspace.run_stage("index", {}, inputs, work)
