"""The name-swap audit in a workspace, and on a data set of one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset, read_dataset, read_judgements
from cvseeker.core.errors import DatasetError
from cvseeker.core.files import path_hashes
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import AuditSettings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.resumes import Ingested, extract_profile
from cvseeker.retrieval.models import choose_model, model_identity

if TYPE_CHECKING:
    from cvseeker.evaluate.audit.material import AuditMaterial
    from cvseeker.evaluate.audit.names import NameLists


def audit_stage(
    workspace: Workspace,
    models: Sequence[str],
    settings: AuditSettings,
    progress: Progress = silent,
    *,
    names: Path | None = None,
    judgements: Path | None = None,
) -> StageResult:
    """Swap the names of a workspace's résumés and write ``audit/``.

    Parameters
    ----------
    workspace
        At least its résumés must have been ingested.
    models
        Folders or names; none: the base, and the tuned model where there is one.
    settings
        How many names and résumés, and how deep a selection goes.
    progress
        Called at each step.
    names
        A file of names; ``None``: the bundled lists.
    judgements
        Hand-written queries, asked of all résumés; ``None``: the test queries, asked of the
        résumés of the test split.

    Returns
    -------
    StageResult

    Raises
    ------
    InputError
        If the queries or names cannot be used.
    """
    from cvseeker.evaluate.audit.material import prepare_audit
    from cvseeker.evaluate.audit.names import read_names

    lists = read_names(names, names_per_group=settings.names_per_group)
    folder = workspace.require("ingest")
    chosen = {name: name for name in models} or _own_models(workspace)
    inputs = {
        **workspace.output_hashes("ingest"),
        **{f"model/{name}": model_identity(choose_model(chosen[name])) for name in chosen},
    }
    if judgements is None:
        inputs |= workspace.output_hashes(workspace.labels_stage())
    else:
        inputs |= path_hashes("judgements", judgements)

    def work(out: Path) -> dict[str, Any]:
        passages = list(Ingested(folder).passages())
        resume_of = {passage.passage_id: passage.resume_id for passage in passages}
        if judgements is None:
            test = read_dataset(workspace.require(workspace.labels_stage()) / "beir" / "test")
            corpus, queries = test.corpus, test.queries
        else:
            corpus = {passage.passage_id: passage.text for passage in passages}
            queries = _judged_queries(judgements)
        material = prepare_audit(
            corpus,
            list(queries.values()),
            lists,
            settings=settings,
            resume_of=resume_of,
            name_of=Ingested(folder).names(),
        )
        return _audit(out, material, chosen, settings, progress, title, command)

    title = workspace.path.resolve().name
    judged = "" if judgements is None else f" --judgements {quote(str(judgements))}"
    command = _command(f"-w {quote(title)}{judged}", models, settings, names)
    return workspace.run_stage("audit", _fingerprint(settings, lists), inputs, work)


def audit_files(
    dataset: Path,
    models: Sequence[str],
    out: Path,
    settings: AuditSettings,
    progress: Progress = silent,
    *,
    names: Path | None = None,
) -> StageResult:
    """Swap the names in a data set's passages, each taken for a résumé, and write ``out``.

    Parameters
    ----------
    dataset
        LlamaIndex JSON or a BEIR folder.
    models
        Folders or names; none: the default base model.
    out
        The audit's folder.
    settings, progress, names
        As for :func:`audit_stage`.

    Returns
    -------
    StageResult

    Raises
    ------
    InputError
        If the data set or the names cannot be used.
    """
    from cvseeker.evaluate.audit.material import prepare_audit
    from cvseeker.evaluate.audit.names import read_names

    lists = read_names(names, names_per_group=settings.names_per_group)
    chosen = {name: name for name in models or ["base"]}
    inputs = {
        **{f"model/{name}": model_identity(choose_model(name)) for name in chosen},
        **path_hashes("dataset", dataset),
    }

    def work(folder: Path) -> dict[str, Any]:
        content = read_dataset(dataset)
        material = prepare_audit(
            content.corpus,
            list(content.queries.values()),
            lists,
            settings=settings,
            name_of=_profile_names(content),
        )
        return _audit(folder, material, chosen, settings, progress, dataset.name, command)

    command = _command(
        f"--dataset {quote(dataset.name)} --out {quote(out.name)}", models, settings, names
    )
    out = out.resolve()
    return Workspace(out.parent).run_stage(out.name, _fingerprint(settings, lists), inputs, work)


def _audit(
    folder: Path,
    material: "AuditMaterial",
    models: Mapping[str, str],
    settings: AuditSettings,
    progress: Progress,
    title: str,
    command: str,
) -> dict[str, Any]:
    from cvseeker.evaluate.audit.report import write_audit
    from cvseeker.evaluate.audit.run import audit_model
    from cvseeker.retrieval.encoder import LocalEncoder

    audits = {
        label: audit_model(
            LocalEncoder.from_name(name), material, settings=settings, progress=progress
        )
        for label, name in models.items()
    }
    write_audit(folder, material, audits, settings=settings, title=title, command=command)
    return {
        "models": list(models),
        "resumes": len(material.subjects),
        "queries": len(material.queries),
        "names": len(material.names.full_names),
    }


def _own_models(workspace: Workspace) -> dict[str, str]:
    """Return the true base and the tuned model, or the default base where nothing is tuned."""
    manifest = workspace.manifest("model")
    if manifest is None:
        return {"base": "base"}
    return {"base": manifest["counts"]["base"], "tuned": str(workspace.require("model"))}


def _judged_queries(folder: Path) -> dict[str, str]:
    queries = read_judgements(folder).queries
    if not queries:
        raise DatasetError(
            f"{folder}: no judged queries; expected queries.jsonl and qrels/test.tsv with a grade "
            "above 0 for each query"
        )
    return queries


def _profile_names(dataset: RetrievalDataset) -> dict[str, str]:
    found = {key: extract_profile(text).name for key, text in dataset.corpus.items()}
    return {key: name for key, name in found.items() if name}


def _fingerprint(settings: AuditSettings, lists: "NameLists") -> dict[str, Any]:
    """Return what the outcome depends on besides its inputs, JSON-ready."""
    return {**settings.model_dump(), "names": lists.model_dump(mode="json")}


def _command(
    source: str, models: Sequence[str], settings: AuditSettings, names: Path | None
) -> str:
    """Return the command that does it again."""
    flags = "".join(f" --model {quote(name)}" for name in models)
    flags += "" if names is None else f" --names {quote(str(names))}"
    return (
        f"cvseeker audit {source}{flags} --top-k {settings.top_k} "
        f"--names-per-group {settings.names_per_group} --max-resumes {settings.max_resumes}"
    )
