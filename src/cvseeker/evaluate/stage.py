"""Evaluation in a workspace, and on files of one's own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset, read_dataset, read_judgements
from cvseeker.core.errors import DatasetError, InputError
from cvseeker.core.files import path_hashes
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import Passage
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.evaluate.contenders import Announce, Comparing, Contenders, People, nothing_said
from cvseeker.resumes import Ingested
from cvseeker.retrieval.holdout import with_distractors

if TYPE_CHECKING:
    from cvseeker.evaluate.evaluation import EvaluatedSet


def evaluate_stage(
    workspace: Workspace,
    settings: Settings,
    progress: Progress = silent,
    *,
    judgements: Path | None = None,
    contenders: Contenders | None = None,
    formats: Sequence[str] = ("html",),
    announce: Announce = nothing_said,
) -> StageResult:
    """Test split, and hand-written queries where there are some → metrics, runs and a report.

    Parameters
    ----------
    workspace
        With queries and a model.
    settings
        All stages' settings.
    progress
        Called while corpora are encoded.
    judgements
        Queries and qrels that name résumés; ``None``: the test split alone.
    contenders
        What is compared besides the base, the tuned model and BM25.
    formats
        Of the report: some of html, md and json.
    announce
        Told what an endpoint will be sent and what that costs, before it is.
    """
    labels, title = workspace.labels_stage(), workspace.path.resolve().name
    asked = contenders or Contenders()
    comparing = Comparing(
        settings,
        _with_own_models(workspace, asked, settings),
        cache=workspace.path / "cache",
        announce=announce,
        progress=progress,
    )
    inputs = {
        **workspace.output_hashes("ingest"),
        **workspace.output_hashes(labels),
        **workspace.output_hashes("model"),
        **(path_hashes("judgements", judgements) if judgements else {}),
        **comparing.inputs(),
    }

    def work(folder: Path) -> dict[str, Any]:
        from cvseeker.evaluate.verdict import verdict_sentence

        people = People.of_workspace(workspace.require("ingest"))
        sets = [_test_set(workspace, comparing, people)]
        if judgements is not None:
            sets.append(_judged_set(workspace, comparing, people, judgements))
        beir = workspace.require(labels) / "beir"
        comparing.write(
            folder,
            sets,
            people,
            training=read_dataset(beir / "train", split="train"),
            dataset=beir / "test",
            title=title,
            command=_command(title, asked, judgements),
            formats=formats,
            facts=(workspace.manifest("ingest") or {}).get("counts"),
            stages=finished_stages(workspace),
            settings=settings.model_dump(),
        )
        return {
            "systems": list(sets[0].results),
            "queries": sum(len(one.dataset.queries) for one in sets),
            "labels": labels,
            # Of the queries that people wrote, where there are some.
            "verdict": verdict_sentence(sets[-1]),
        }

    return workspace.run_stage("evaluation", comparing.fingerprint(formats), inputs, work)


def evaluate_files(
    dataset: Path,
    out: Path,
    settings: Settings,
    progress: Progress = silent,
    *,
    contenders: Contenders,
    validation: Path | None = None,
    training: Path | None = None,
    formats: Sequence[str] = ("html",),
    announce: Announce = nothing_said,
) -> StageResult:
    """Evaluate on a data set and write metrics, runs and a report to ``out``.

    Parameters
    ----------
    dataset
        LlamaIndex JSON, a BEIR folder, a data set of MTEB's, or TREC's qrels.
    out
        The evaluation's folder. Vectors are kept beside it, in ``<out>.cache``.
    settings
        All stages' settings.
    progress
        Called while corpora are encoded.
    contenders
        What is compared; none: the default base model.
    validation
        A data set to learn the hybrids' weights of encoders on that were saved with none.
    training
        What a model was trained on, to look for leaks.
    formats, announce
        As for :func:`evaluate_stage`.

    Returns
    -------
    StageResult
        Its counts are the content of ``metrics.json``.
    """
    from cvseeker.evaluate.trec import with_run_ids

    if not contenders.any():
        contenders = Contenders({"base": "base"})
    out = out.resolve()
    cache = out.with_name(f"{out.name}.cache")
    comparing = Comparing(settings, contenders, cache, announce=announce, progress=progress)
    inputs = {**comparing.inputs(), **path_hashes("dataset", dataset)}
    for option, path in (("val", validation), ("train", training)):
        inputs |= path_hashes(option, path) if path else {}

    def work(folder: Path) -> dict[str, Any]:
        content = with_run_ids(read_dataset(dataset), contenders.runs.values())
        people = People()
        learnt = read_dataset(validation, split="dev") if validation else None
        evaluated = comparing.evaluate("test", content, people, validation=learnt)
        trained_on = read_dataset(training, split="train") if training else None
        return comparing.write(
            folder,
            [evaluated],
            people,
            training=trained_on,
            dataset=dataset,
            title=dataset.name,
            command=f"cvseeker evaluate --dataset {quote(dataset.name)}{contenders.flags()}"
            " --out DIR",
            formats=formats,
            settings=settings.model_dump(
                include={"evaluate", *(("embedding",) if contenders.remote else ())}
            ),
        )

    return Workspace(out.parent).run_stage(out.name, comparing.fingerprint(formats), inputs, work)


def _command(title: str, asked: Contenders, judgements: Path | None) -> str:
    """Return what evaluates a workspace again."""
    command = "evaluate" if asked.any() else "run SOURCE..."
    judged = " --judgements DIR" if judgements else ""
    return f"cvseeker {command} -w {quote(title)}{judged}{asked.flags()}"


def _with_own_models(workspace: Workspace, asked: Contenders, settings: Settings) -> Contenders:
    """Return what is compared in a workspace: its base and tuned model, then what is asked for."""
    if asked.runs or asked.vectors:
        place = workspace.path / workspace.labels_stage() / "beir" / "test"
        raise InputError(
            f"runs and vectors belong to one data set; try --dataset {place} --out DIR, not -w"
        )
    model = workspace.require("model")
    base = settings.finetune.base or (workspace.manifest("model") or {})["counts"]["base"]
    for name in ("base", "tuned"):
        if name in asked.models and asked.models[name] != name:
            raise InputError(
                f"--model {name}: a workspace has its own {name!r}; choose another name"
            )
    return Contenders({**asked.models, "base": base, "tuned": str(model)}, asked.remote)


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


def _test_set(workspace: Workspace, comparing: Comparing, people: People) -> "EvaluatedSet":
    """Put the queries about the test split to its passages."""
    labels = workspace.labels_stage()
    beir = workspace.require(labels) / "beir"
    leakage = (workspace.manifest("ingest") or {})["counts"].get("leakage", {})
    return comparing.evaluate(
        "test",
        read_dataset(beir / "test"),
        people,
        validation=_validation(workspace, comparing.settings),
        facts={"labels": labels, "leakage": leakage},
    )


def _validation(workspace: Workspace, settings: Settings) -> RetrievalDataset | None:
    """Return the validation queries, among as many passages as the tuned model learnt from."""
    beir = workspace.require(workspace.labels_stage()) / "beir"
    validation = read_dataset(beir / "val", split="val", needs_queries=False)
    if not validation.queries:
        return None
    train = read_dataset(beir / "train", split="train")
    return with_distractors(validation, train, passages=settings.finetune.val_passages)


def _judged_set(
    workspace: Workspace, comparing: Comparing, people: People, judgements: Path
) -> "EvaluatedSet":
    """Put hand-written queries to all résumés."""
    passages = list(Ingested(workspace.require("ingest")).passages())
    trained_on = {passage.resume_id for passage in passages if passage.split == "train"}
    return comparing.evaluate(
        "handwritten",
        _judged_dataset(judgements, passages),
        people,
        level="resume",
        validation=_validation(workspace, comparing.settings),
        facts={
            "resumes": len(set(people.resume_of.values())),
            "resumes_trained_on": len(trained_on),
        },
    )


def _judged_dataset(judgements: Path, passages: Sequence[Passage]) -> RetrievalDataset:
    """Read judgements whose qrels name résumés, over the passages of a workspace."""
    judged = read_judgements(judgements)
    if not judged.queries:
        raise DatasetError(
            f"{judgements}: no judged queries; expected queries.jsonl and qrels/test.tsv with a "
            "grade above 0 for each query"
        )
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
