"""Training and evaluation on files of one's own, without a workspace."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvseeker.config import Settings
from cvseeker.dataset import read_dataset
from cvseeker.encoder.base_models import choose_model, model_identity
from cvseeker.errors import InputError
from cvseeker.files import file_hash
from cvseeker.progress import Progress, silent
from cvseeker.train.distributed import Work, is_main, run_together
from cvseeker.workspace import StageResult, Workspace

if TYPE_CHECKING:
    pass


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
        **_hashes("train", train),
        **(_hashes("val", val) if val else {}),
    }
    out = out.resolve()

    def run(work: Work) -> StageResult:
        return Workspace(out.parent).run_stage(
            out.name, settings.finetune.recipe, inputs, work, resumable=True
        )

    return run_together(run, work)


def evaluate_files(
    dataset: Path, models: Sequence[str], out: Path, settings: Settings, progress: Progress = silent
) -> StageResult:
    """Evaluate models on a data set and write metrics, runs and a report to ``out``.

    Parameters
    ----------
    dataset
        LlamaIndex JSON or a BEIR folder.
    models
        Folders or names; ``base`` is the default base model. They name the systems.
    out
        The evaluation's folder.
    settings
        All stages' settings.
    progress
        Called while corpora are encoded.

    Returns
    -------
    StageResult
        Its counts are the content of ``metrics.json``.
    """

    def work(folder: Path) -> dict[str, Any]:
        from cvseeker.evaluate.compare import compare_systems
        from cvseeker.evaluate.evaluation import EvaluatedSet, write_evaluation
        from cvseeker.evaluate.report import write_report

        content = read_dataset(dataset)
        results = compare_systems(
            content, {name: name for name in models}, settings=settings.evaluate, progress=progress
        )
        evaluated = EvaluatedSet(name="test", dataset=content, results=results)
        metrics = write_evaluation(folder, [evaluated])
        write_report(
            folder / "report.html",
            [evaluated],
            title=dataset.name,
            settings=settings.model_dump(include={"evaluate"}),
        )
        return metrics

    inputs = {name: model_identity(choose_model(name)) for name in models}
    out = out.resolve()
    return Workspace(out.parent).run_stage(
        out.name, settings.evaluate.model_dump(), {**inputs, **_hashes("dataset", dataset)}, work
    )


def _hashes(name: str, path: Path) -> dict[str, str]:
    """Return the hash of a file, or of every file of a folder."""
    if not path.exists():
        raise InputError(f"{path}: no such file; expected a LlamaIndex JSON file or a BEIR folder")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {f"{name}/{file.relative_to(path).as_posix()}": file_hash(file) for file in files}
