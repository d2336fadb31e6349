"""Each stage of a workspace: its inputs, its settings, its work, its files."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cvseeker.config import Settings
from cvseeker.dataset import (
    RetrievalDataset,
    read_dataset,
    read_judgements,
)
from cvseeker.encoder.base_models import choose_model, model_identity
from cvseeker.errors import DatasetError
from cvseeker.files import file_hash, write_json
from cvseeker.progress import Progress, silent
from cvseeker.records import Passage
from cvseeker.resumes.ingest import (
    ingest,
    input_hashes,
    load_names,
    load_passages,
    load_resumes,
)
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


def evaluate_stage(
    workspace: Workspace,
    settings: Settings,
    progress: Progress = silent,
    *,
    judgements: Path | None = None,
) -> StageResult:
    """Test split, and hand-written queries where there are some → metrics, runs and a report."""
    from cvseeker.evaluate.evaluation import write_evaluation
    from cvseeker.evaluate.report import write_report

    def work(folder: Path) -> dict[str, Any]:
        sets = [_test_set(workspace, settings, progress)]
        if judgements is not None:
            sets.append(_judged_set(workspace, judgements, settings, progress))
        further = _look_further(workspace, sets)
        metrics = write_evaluation(folder, sets)
        write_json(
            folder / "analysis.json", {name: one.to_dict() for name, one in further.items()}
        )
        write_report(
            folder / "report.html",
            sets,
            title=workspace.path.name,
            facts=(workspace.manifest("ingest") or {}).get("counts"),
            stages=finished_stages(workspace),
            settings=settings.model_dump(),
            further={name: one.context() for name, one in further.items()},
        )
        return {"systems": list(metrics["systems"]), "labels": labels}

    labels = workspace.labels_stage()
    inputs = {
        **workspace.output_hashes("ingest"),
        **workspace.output_hashes(labels),
        **workspace.output_hashes("model"),
    }
    if judgements is not None:
        inputs |= {
            f"judgements/{path.name}": file_hash(path)
            for path in sorted(judgements.rglob("*"))
            if path.is_file()
        }
    return workspace.run_stage("evaluation", settings.evaluate.model_dump(), inputs, work)


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


def finished_stages(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the finished stages' names, seconds and counts, in their order."""
    # Labels of queries that have changed since are none of the present story.
    judged = ["judged"] if workspace.labels_stage() == "judged" else []
    stages = ["ingest", "queries", *judged, "model"]
    manifests = [workspace.manifest(stage) for stage in stages]
    return [
        {key: manifest[key] for key in ("stage", "seconds", "counts")}
        for manifest in manifests
        if manifest is not None
    ]


def _models(workspace: Workspace, settings: Settings) -> dict[str, str | None]:
    """Return the two systems that every workspace compares: the true base and the tuned model."""
    base = settings.finetune.base or (workspace.manifest("model") or {})["counts"]["base"]
    return {"base": base, "tuned": str(workspace.require("model"))}


def _test_set(workspace: Workspace, settings: Settings, progress: Progress) -> Any:
    from cvseeker.evaluate.compare import compare_systems
    from cvseeker.evaluate.evaluation import EvaluatedSet

    labels = workspace.labels_stage()
    dataset = read_dataset(workspace.require(labels) / "beir" / "test")
    passages = load_passages(workspace.require("ingest"))
    ingested = (workspace.manifest("ingest") or {})["counts"]
    return EvaluatedSet(
        name="test",
        dataset=dataset,
        results=compare_systems(
            dataset,
            _models(workspace, settings),
            settings=settings.evaluate,
            cache=workspace.path / "cache",
            progress=progress,
        ),
        resume_of={passage.passage_id: passage.resume_id for passage in passages},
        facts={
            "labels": labels,
            "leakage": ingested.get("leakage", {}),
            "unjudged": settings.evaluate.unjudged,
        },
    )


def _look_further(workspace: Workspace, sets: Sequence[Any]) -> dict[str, Any]:
    """Compare, slice and look for leaks, with what the workspace knows of training and people."""
    from cvseeker.evaluate.cuts import occupations_of
    from cvseeker.evaluate.further import look_further

    ingested = workspace.require("ingest")
    training = read_dataset(
        workspace.require(workspace.labels_stage()) / "beir" / "train", split="train"
    )
    names, occupations = load_names(ingested), occupations_of(load_resumes(ingested))
    return {
        one.name: look_further(one, training=training, names=names, occupations=occupations)
        for one in sets
    }


def _judged_set(
    workspace: Workspace, judgements: Path, settings: Settings, progress: Progress
) -> Any:
    from cvseeker.evaluate.compare import compare_systems
    from cvseeker.evaluate.evaluation import EvaluatedSet

    passages = load_passages(workspace.require("ingest"))
    resume_of = {passage.passage_id: passage.resume_id for passage in passages}
    dataset = _judged_dataset(judgements, passages)
    trained_on = {passage.resume_id for passage in passages if passage.split == "train"}
    return EvaluatedSet(
        name="handwritten",
        dataset=dataset,
        results=compare_systems(
            dataset,
            _models(workspace, settings),
            settings=settings.evaluate,
            resume_of=resume_of,
            cache=workspace.path / "cache",
            progress=progress,
        ),
        level="resume",
        resume_of=resume_of,
        facts={
            "resumes": len(set(resume_of.values())),
            "resumes_trained_on": len(trained_on),
            "unjudged": settings.evaluate.unjudged,
        },
    )


def _judged_dataset(judgements: Path, passages: Sequence[Passage]) -> RetrievalDataset:
    """Read judgements whose qrels name résumés, over the passages of a workspace."""
    queries, kinds, qrels = read_judgements(judgements)
    if not queries:
        raise DatasetError(
            f"{judgements}: no judged queries; expected queries.jsonl and qrels/test.tsv with a "
            "grade above 0 for each query"
        )
    known = {passage.resume_id for passage in passages}
    for query_id, grades in qrels.items():
        for resume_id in grades:
            if resume_id not in known:
                raise DatasetError(
                    f"{judgements}: query {query_id!r} names the résumé {resume_id!r}, which is "
                    f"not among the {len(known)} ingested; expected paths within the source folder"
                )
    return RetrievalDataset(
        corpus={passage.passage_id: passage.text for passage in passages},
        queries=queries,
        qrels=qrels,
        kinds=kinds,
        person_groups={passage.passage_id: passage.person_group for passage in passages},
    )
