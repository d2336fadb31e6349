"""What an evaluation reads: test queries, judged ones, and what weights are learnt on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cvseeker.core.datasets import RetrievalDataset, read_dataset, read_judgements, read_split
from cvseeker.core.errors import DatasetError
from cvseeker.core.records import Passage
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.evaluate.cuts import occupations_of
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.resumes import Ingested
from cvseeker.retrieval.holdout import joined, with_cross_sections, with_persons


@dataclass(frozen=True, slots=True)
class Material:
    """What an evaluation reads: query sets without results, and what the report tells besides."""

    sets: Sequence[EvaluatedSet]
    dataset: Path
    validation: Sequence[RetrievalDataset] = ()
    training: RetrievalDataset | None = None
    names: Mapping[str, str] | None = None
    facts: Mapping[str, Any] | None = None
    stages: Sequence[Mapping[str, Any]] = field(default_factory=list)


def workspace_material(
    workspace: Workspace, settings: Settings, judgements: Path | None
) -> Material:
    """Read the test queries, among the test passages, and judged ones, among all résumés.

    Cross-section queries have passages of their own: résumés without what the queries were made of.
    """
    ingested, labels = Ingested(workspace.require("ingest")), workspace.labels_stage()
    beir = workspace.require(labels) / "beir"
    sections = workspace.sections_folder()
    counts = (workspace.manifest("ingest") or {})["counts"]
    training = read_dataset(beir / "train", split="train")
    validation = read_dataset(beir / "val", split="val", needs_queries=False)
    passages = list(ingested.passages())
    test = EvaluatedSet(
        "test",
        read_dataset(beir / "test"),
        resume_of={passage.passage_id: passage.resume_id for passage in passages},
        occupations=occupations_of(list(ingested.resumes())),
        facts={"labels": labels, "leakage": counts.get("leakage", {})},
    )
    sets = [test]
    if sections.is_dir():
        dataset = read_split(sections / "test", "test")
        if dataset.queries:
            sets.append(replace(test, name="sections", dataset=dataset, facts={}))
    if judgements is not None:
        trained_on = {passage.resume_id for passage in passages if passage.split == "train"}
        facts = {
            "resumes": len(set(test.resume_of.values())),
            "resumes_trained_on": len(trained_on),
        }
        judged = _judged_dataset(judgements, passages)
        sets.append(replace(test, name="handwritten", dataset=judged, level="resume", facts=facts))
    # What was trained on and judged by, among as many passages.
    sources, _, judges = with_cross_sections(
        training,
        validation,
        sections=sections if sections.is_dir() else settings.generate,
        passages=settings.finetune.val_passages,
    )
    return Material(
        sets,
        beir / "test",
        judges,
        joined(sources),
        names=ingested.names(),
        facts=counts,
        stages=finished_stages(workspace),
    )


def validation_sets(validation: Path, settings: Settings) -> tuple[RetrievalDataset, ...]:
    """Read the queries that the hybrid's weights are learnt on."""
    val = with_persons(
        read_dataset(validation, split="dev"), similarity=settings.ingest.duplicate_similarity
    )
    nobody = RetrievalDataset({}, {}, {})
    return with_cross_sections(nobody, val, sections=settings.generate, passages=0, given=True)[2]


def _judged_dataset(judgements: Path, passages: Sequence[Passage]) -> RetrievalDataset:
    """Read judgements whose qrels name résumés, over the passages of a workspace."""
    judged = read_judgements(judgements)
    known = {passage.resume_id for passage in passages}
    for query_id, grades in judged.qrels.items():
        for resume_id in grades:
            if resume_id not in known:
                raise DatasetError(
                    f"{judgements}: query {query_id!r} names the résumé {resume_id!r}, which is "
                    f"not among the {len(known)} ingested; expected paths within the source folder"
                )
    return replace(
        judged,
        corpus={passage.passage_id: passage.text for passage in passages},
        person_groups={passage.passage_id: passage.person_group for passage in passages},
    )


def finished_stages(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the finished stages' names, seconds and counts, in their order."""
    # Labels of queries that have changed since are none of the present story.
    judged = ["judged"] if workspace.labels_stage() == "judged" else []
    manifests = [workspace.manifest(stage) for stage in ["ingest", "queries", *judged, "model"]]
    return [
        {key: manifest[key] for key in ("stage", "seconds", "counts")}
        for manifest in manifests
        if manifest is not None
    ]
