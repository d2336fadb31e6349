"""Training and evaluation on files of one's own, without a workspace."""

import shutil
from collections.abc import Mapping, Sequence
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
    from cvseeker.dataset import RetrievalDataset
    from cvseeker.encoder.embedding_cost import EmbeddingCost
    from cvseeker.encoder.local import Encoder
    from cvseeker.encoder.remote import RemoteEncoder
    from cvseeker.evaluate.compare import SystemResult


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


def remote_encoders(
    models: Sequence[str], out: Path, settings: Settings
) -> "dict[str, RemoteEncoder]":
    """Make the encoders behind an endpoint; their vectors are kept beside ``out``."""
    from cvseeker.encoder.remote import RemoteEncoder

    cache = out.with_name(f"{out.name}.embeddings.sqlite")
    encoders = [
        RemoteEncoder(model, settings.embedding, cache=cache) for model in dict.fromkeys(models)
    ]
    return {encoder.name: encoder for encoder in encoders}


def embedding_costs(dataset: Path, encoders: "Sequence[RemoteEncoder]") -> "list[EmbeddingCost]":
    """Return what encoding a data set costs with each remote encoder; nothing is sent."""
    if not encoders:
        return []
    content = read_dataset(dataset)
    queries, passages = list(content.queries.values()), list(content.corpus.values())
    return [encoder.estimate(queries=queries, passages=passages) for encoder in encoders]


def evaluate_files(
    dataset: Path,
    models: Sequence[str],
    out: Path,
    settings: Settings,
    progress: Progress = silent,
    *,
    encoders: "Mapping[str, Encoder] | None" = None,
    runs: Mapping[str, Path] | None = None,
    vectors: Mapping[str, Path] | None = None,
    validation: Path | None = None,
) -> StageResult:
    """Evaluate models on a data set and write metrics, runs and a report to ``out``.

    Parameters
    ----------
    dataset
        LlamaIndex JSON, a BEIR folder, a data set of MTEB's, or TREC's qrels.
    models
        Folders or names; ``base`` is the default base model. They name the systems.
    out
        The evaluation's folder. Vectors are kept beside it, in ``<out>.cache``.
    settings
        All stages' settings.
    progress
        Called while corpora are encoded.
    encoders
        Name to show → an encoder that is no local model, such as an endpoint's.
    runs, vectors
        Name to show → a TREC run file, or a folder with ``corpus.npy`` and ``queries.npy``.
    validation
        A data set to learn the weights of the encoders' hybrids on.

    Returns
    -------
    StageResult
        Its counts are the content of ``metrics.json``.
    """
    encoders, outside = encoders or {}, (runs or {}, vectors or {})
    out = out.resolve()

    def work(folder: Path) -> dict[str, Any]:
        from cvseeker.evaluate.evaluation import EvaluatedSet, write_evaluation
        from cvseeker.evaluate.report import write_report
        from cvseeker.evaluate.trec import with_run_ids

        content = with_run_ids(read_dataset(dataset), outside[0].values())
        systems: dict[str, str | Encoder] = {**{name: name for name in models}, **encoders}
        results = _compare(content, systems, out, settings, progress, outside, validation)
        facts = {"unjudged": settings.evaluate.unjudged}
        evaluated = EvaluatedSet(name="test", dataset=content, results=results, facts=facts)
        metrics = write_evaluation(folder, [evaluated])
        write_report(
            folder / "report.html",
            [evaluated],
            title=dataset.name,
            settings=settings.model_dump(include={"evaluate"}),
        )
        return metrics

    inputs = {
        **{name: model_identity(choose_model(name)) for name in models},
        **{name: getattr(encoder, "identity", encoder.name) for name, encoder in encoders.items()},
        **_outside_hashes(outside, validation),
    }
    return Workspace(out.parent).run_stage(
        out.name, settings.evaluate.model_dump(), {**inputs, **_hashes("dataset", dataset)}, work
    )


def _compare(
    content: "RetrievalDataset",
    systems: "Mapping[str, str | Encoder]",
    out: Path,
    settings: Settings,
    progress: Progress,
    outside: tuple[Mapping[str, Path], Mapping[str, Path]],
    validation: Path | None,
) -> "dict[str, SystemResult]":
    """Run every system, with vectors kept beside the evaluation."""
    from cvseeker.evaluate.compare import compare_systems

    return compare_systems(
        content,
        systems,
        settings=settings.evaluate,
        runs=outside[0],
        vectors=outside[1],
        validation=read_dataset(validation, split="dev") if validation else None,
        cache=out.with_name(f"{out.name}.cache"),
        progress=progress,
    )


def _outside_hashes(
    outside: tuple[Mapping[str, Path], ...], validation: Path | None
) -> dict[str, str]:
    """Return the hashes of runs and vectors made elsewhere, and of validation data."""
    hashes = _hashes("validation", validation) if validation else {}
    for kind in outside:
        for name, path in kind.items():
            hashes |= _hashes(f"outside/{name}", path)
    return hashes


def _hashes(name: str, path: Path) -> dict[str, str]:
    """Return the hash of a file, or of every file of a folder."""
    if not path.exists():
        raise InputError(f"{path}: no such file; expected a data set, a run or vectors")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {f"{name}/{file.relative_to(path).as_posix()}": file_hash(file) for file in files}
