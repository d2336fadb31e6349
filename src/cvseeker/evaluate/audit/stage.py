"""The name-swap audit as a stage: in a workspace, or on a data set of one's own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from cvseeker.core.datasets import read_dataset, read_judgements
from cvseeker.core.hashes import path_hashes
from cvseeker.core.insights import Profile
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import AuditSettings
from cvseeker.core.workspace import StageResult, Workspace, exclusive
from cvseeker.evaluate.audit.material import AuditMaterial, prepare_audit
from cvseeker.evaluate.audit.names import NameLists, read_names
from cvseeker.evaluate.audit.report import write_audit
from cvseeker.evaluate.audit.run import audit_model
from cvseeker.resumes import Ingested, read_insights
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.models import choose_model, model_identity


@exclusive
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
    settings, progress
        How many names and résumés, and how deep a selection goes; called at each step.
    names
        A file of names; ``None``: the bundled lists.
    judgements
        Hand-written queries, asked of all résumés; ``None``: the test queries, asked of the
        résumés of the test split.
    """
    lists = read_names(names, names_per_group=settings.names_per_group)
    ingested, title = Ingested(workspace.require("ingest")), workspace.path.resolve().name
    labels = workspace.labels_stage()

    def read() -> AuditMaterial:
        passages = list(ingested.passages())
        if judgements is None:
            test = read_dataset(workspace.require(labels) / "beir" / "test")
            corpus, queries = test.corpus, test.queries
        else:
            corpus = {passage.passage_id: passage.text for passage in passages}
            queries = read_judgements(judgements).queries
        return prepare_audit(
            corpus,
            list(queries.values()),
            lists,
            settings=settings,
            resume_of={passage.passage_id: passage.resume_id for passage in passages},
            name_of=ingested.names(),
        )

    judged = "" if judgements is None else f" --judgements {quote(str(judgements))}"
    return _audit(
        workspace,
        "audit",
        {name: name for name in models} or _own_models(workspace),
        inputs={
            **workspace.output_hashes("ingest"),
            **(
                path_hashes("judgements", judgements)
                if judgements
                else workspace.output_hashes(labels)
            ),
        },
        read=read,
        lists=lists,
        settings=settings,
        progress=progress,
        title=title,
        command=_command(f"-w {quote(title)}{judged}", models, settings, names),
    )


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

    The rest is as for :func:`audit_stage`; without ``models``, the default base is audited.
    """
    lists = read_names(names, names_per_group=settings.names_per_group)

    def read() -> AuditMaterial:
        content = read_dataset(dataset)
        found = {key: Profile.of(read_insights(text)).name for key, text in content.corpus.items()}
        return prepare_audit(
            content.corpus,
            list(content.queries.values()),
            lists,
            settings=settings,
            name_of={key: name for key, name in found.items() if name},
        )

    source = f"--dataset {quote(dataset.name)} --out {quote(out.name)}"
    given = {f"--model {name}": Path(name) for name in models}
    workspace = Workspace.around(out, {"--dataset": dataset, "--names": names, **given})
    return _audit(
        workspace,
        workspace.only,
        {name: name for name in models or ["base"]},
        inputs=path_hashes("dataset", dataset),
        read=read,
        lists=lists,
        settings=settings,
        progress=progress,
        title=dataset.name,
        command=_command(source, models, settings, names),
    )


def _audit(
    workspace: Workspace,
    stage: str,
    models: Mapping[str, str],
    *,
    inputs: Mapping[str, str],
    read: Callable[[], AuditMaterial],
    lists: NameLists,
    settings: AuditSettings,
    progress: Progress,
    title: str,
    command: str,
) -> StageResult:
    """Audit models into the stage's folder, unless nothing changed."""
    identities = {f"encoder/{name}": model_identity(choose_model(models[name])) for name in models}

    def work(folder: Path) -> dict[str, Any]:
        material = read()
        audits = {
            label: audit_model(LocalEncoder.from_name(name), material, progress=progress)
            for label, name in models.items()
        }
        write_audit(folder, material, audits, settings=settings, title=title, command=command)
        return {
            "models": list(models),
            "resumes": len(material.subjects),
            "queries": len(material.queries),
            "names": len(material.names.full_names),
        }

    how = {**settings.model_dump(), "names": lists.model_dump(mode="json")}
    return workspace.run_stage(
        stage, how, {**inputs, **identities}, work, kind="audit", progress=progress
    )


def _own_models(workspace: Workspace) -> dict[str, str]:
    """Return the true base and the tuned model, or the default base where nothing is tuned."""
    manifest = workspace.manifest("model")
    if manifest is None:
        return {"base": "base"}
    return {"base": manifest["counts"]["base"], "tuned": str(workspace.require("model"))}


def _command(
    source: str, models: Sequence[str], settings: AuditSettings, names: Path | None
) -> str:
    """Return the command that does it again."""
    flags = "".join(f" --model {quote(name)}" for name in models)
    flags += "" if names is None else f" --names {quote(str(names))}"
    top = "" if settings.top_k is None else f" --top-k {settings.top_k}"
    return (
        f"cvseeker audit {source}{flags}{top} --names-per-group {settings.names_per_group} "
        f"--max-resumes {settings.max_resumes}"
    )
