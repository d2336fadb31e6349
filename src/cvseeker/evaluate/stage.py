"""The stage: query sets × systems → metrics, runs and a report, in a workspace or on files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset, read_dataset
from cvseeker.core.decisions import left_out_line
from cvseeker.core.errors import InputError
from cvseeker.core.files import write_json
from cvseeker.core.hashes import path_hashes
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import EvaluateSettings, Settings
from cvseeker.core.workspace import StageResult, Workspace, exclusive
from cvseeker.evaluate.analysis import Analysis, analyse
from cvseeker.evaluate.material import Material, validation_sets, workspace_material
from cvseeker.evaluate.report import provenance, write_report
from cvseeker.evaluate.results import EvaluatedSet, plain, write_evaluation
from cvseeker.evaluate.run import run_systems
from cvseeker.evaluate.systems import Systems
from cvseeker.evaluate.trec import with_run_ids
from cvseeker.evaluate.variants import check_cuts
from cvseeker.evaluate.verdict import decide, search_in_use
from cvseeker.retrieval.encoder import LocalEncoder

if TYPE_CHECKING:
    from cvseeker.retrieval.remote import RemoteEncoder

Announce = Callable[[str], None]

# Beside the vectors of local models; it holds what was paid for.
REMOTE_CACHE = "embeddings.sqlite"


def nothing_said(line: str) -> None:
    """Announce nothing."""


@exclusive
def evaluate_stage(
    workspace: Workspace,
    settings: Settings,
    progress: Progress = silent,
    *,
    judgements: Path | None = None,
    systems: Systems | None = None,
    announce: Announce = nothing_said,
) -> StageResult:
    """Test split, and hand-written queries where there are some → metrics, runs and a report.

    Parameters
    ----------
    workspace
        With queries and a model.
    settings, progress
        All stages' settings; called while corpora are encoded.
    judgements
        Queries and qrels that name résumés; ``None``: the test split alone.
    systems
        What is compared besides the base, the tuned model and BM25.
    announce
        Told what an endpoint will be sent and what that costs, before it is.
    """
    labels, title = workspace.labels_stage(), workspace.path.resolve().name
    asked = systems or Systems()
    evaluation = Evaluation(
        settings,
        _with_own_models(workspace, asked, settings),
        cache=workspace.cache,
        announce=announce,
        progress=progress,
    )
    command = "evaluate" if asked.any() else "run SOURCE..."
    judged = " --judgements DIR" if judgements else ""
    return evaluation.run(
        workspace,
        "evaluation",
        inputs={
            **workspace.output_hashes("ingest"),
            **workspace.output_hashes(labels),
            **workspace.output_hashes("model"),
            **(path_hashes("judgements", judgements) if judgements else {}),
        },
        read=lambda: workspace_material(workspace, settings, judgements),
        title=title,
        command=f"cvseeker {command} -w {quote(title)}{judged}{asked.flags()}",
        settings=settings.model_dump(),
    )


def check_evaluate(base: str | None, settings: EvaluateSettings) -> None:
    """Refuse what a base cannot be evaluated with; it is loaded only where that must be seen."""
    if settings.dimensions:
        encoder = LocalEncoder.from_name(base)
        check_cuts(encoder.name, encoder.model.get_embedding_dimension() or 0, settings)


def evaluate_files(
    dataset: Path,
    out: Path,
    settings: Settings,
    progress: Progress = silent,
    *,
    systems: Systems,
    validation: Path | None = None,
    training: Path | None = None,
    announce: Announce = nothing_said,
) -> StageResult:
    """Evaluate on a data set and write metrics, runs and a report to ``out``.

    Parameters
    ----------
    dataset
        LlamaIndex JSON, a BEIR folder, a data set of MTEB's, or TREC's qrels.
    out
        The evaluation's folder. Vectors are kept beside it, in ``<out>.cache``.
    settings, progress, announce
        As for :func:`evaluate_stage`.
    systems
        What is compared; none: the default base model.
    validation
        A data set to learn the hybrids' weights of encoders on that were saved with none.
    training
        What a model was trained on, to look for leaks.
    """
    systems = systems if systems.any() else Systems({"base": "base"})
    read_from = {"--dataset": dataset, "--val": validation, "--train": training}
    workspace = Workspace.around(out, {**read_from, **systems.places()})
    evaluation = Evaluation(
        settings,
        systems,
        cache=workspace.cache,
        announce=announce,
        progress=progress,
    )
    inputs: dict[str, str] = {}
    for option, path in read_from.items():
        inputs |= path_hashes(option.removeprefix("--"), path) if path else {}

    def read() -> Material:
        content = with_run_ids(read_dataset(dataset), systems.runs.values())
        return Material(
            [EvaluatedSet("test", content)],
            dataset,
            validation=validation_sets(validation, settings) if validation else (),
            training=read_dataset(training, split="train") if training else None,
        )

    told = {"evaluate", "embedding"} if systems.remote else {"evaluate"}
    return evaluation.run(
        workspace,
        workspace.only,
        inputs=inputs,
        read=read,
        title=dataset.name,
        command=f"cvseeker evaluate --dataset {quote(dataset.name)}{systems.flags()} --out DIR",
        settings=settings.model_dump(include=told),
    )


@dataclass(frozen=True)
class Evaluation:
    """How systems are run and told of, whatever the queries; vectors are kept in ``cache``."""

    settings: Settings
    systems: Systems
    cache: Path
    announce: Announce
    progress: Progress

    @cached_property
    def encoders(self) -> "dict[str, RemoteEncoder]":
        """Name → encoder behind the endpoint."""
        from cvseeker.retrieval.remote import RemoteEncoder

        made = [
            RemoteEncoder(model, self.settings.embedding, cache=self.cache / REMOTE_CACHE)
            for model in dict.fromkeys(self.systems.remote)
        ]
        return {encoder.name: encoder for encoder in made}

    def run(
        self,
        workspace: Workspace,
        folder: str,
        *,
        inputs: Mapping[str, str],
        read: Callable[[], Material],
        **told: Any,
    ) -> StageResult:
        """Evaluate into the stage's folder, unless nothing changed; ``told`` is the report's."""
        remote = {f"openai/{name}": encoder.identity for name, encoder in self.encoders.items()}

        def work(folder: Path) -> dict[str, Any]:
            material = read()
            left_out = dict(item for one in material.sets for item in one.dataset.left_out.items())
            if left_out:
                self.announce(left_out_line(left_out))
            sets = [self._evaluated(one, material.validation) for one in material.sets]
            analyses = self._write(folder, sets, material, told)
            facts = sets[0].facts
            verdict = decide(sets, analyses, in_use=search_in_use(material.stages))[1]
            return {
                **({"labels": facts["labels"]} if "labels" in facts else {}),
                "systems": list(sets[0].results),
                "queries": sum(len(one.dataset.queries) for one in sets),
                "left_out": left_out,
                "verdict": str(verdict),
                "use": verdict.use,
            }

        return workspace.run_stage(
            folder,
            self.settings.evaluate.model_dump(mode="json"),
            {**inputs, **self.systems.hashes(), **remote},
            work,
            kind="evaluation",
            progress=self.progress,
        )

    def _evaluated(
        self, queries: EvaluatedSet, validation: Sequence[RetrievalDataset]
    ) -> EvaluatedSet:
        """Run every system over a query set."""
        dataset = queries.dataset
        texts = {
            "queries": list(dataset.queries.values()),
            "passages": list(dataset.corpus.values()),
        }
        for encoder in self.encoders.values():
            self.announce(encoder.estimate(**texts).line())
        results = run_systems(
            dataset,
            {**self.systems.models, **self.encoders},
            settings=self.settings.evaluate,
            resume_of=queries.resume_of if queries.level == "resume" else None,
            runs=self.systems.runs,
            vectors=self.systems.vectors,
            validation=validation,
            cache=self.cache,
            progress=self.progress,
        )
        facts = {**queries.facts, "unjudged": self.settings.evaluate.unjudged}
        return replace(queries, results=results, facts=facts)

    def _write(
        self, folder: Path, sets: Sequence[EvaluatedSet], material: Material, told: dict[str, Any]
    ) -> dict[str, Analysis]:
        """Write metrics, runs, the analysis, which is returned, and the report."""
        self.progress("tests, slices and leaks", 0, 0, "")
        analyses = {
            one.name: analyse(one, training=material.training, names=material.names) for one in sets
        }
        write_evaluation(folder, sets)
        write_json(folder / "analysis.json", plain(analyses))
        self.progress("report", 0, 0, "")
        write_report(
            folder / "report.html",
            sets,
            formats=self.settings.evaluate.formats,
            made_with=provenance(material.dataset, self.systems.folders()),
            analyses=analyses,
            facts=material.facts,
            stages=material.stages,
            **told,
        )
        return analyses


def _with_own_models(workspace: Workspace, asked: Systems, settings: Settings) -> Systems:
    """Return what is compared in a workspace: its base and tuned model, then what is asked for.

    Where fine-tuning kept the base, that is the model as it is in use, and what was refused is the
    tuned one.
    """
    if asked.runs or asked.vectors:
        place = workspace.path / workspace.labels_stage() / "beir" / "test"
        raise InputError(
            f"runs and vectors belong to one data set; try --dataset {place} --out DIR, not -w"
        )
    model, counts = workspace.require("model"), (workspace.manifest("model") or {})["counts"]
    base, tuned = settings.finetune.base or counts["base"], str(model)
    if counts["verdict"]["kept"] == "base" and (model / "refused").is_dir():
        base, tuned = str(model), str(model / "refused")
    for name in ("base", "tuned"):
        if name in asked.models and asked.models[name] != name:
            raise InputError(
                f"--model {name}: a workspace has its own {name!r}; choose another name"
            )
    return Systems({**asked.models, "base": base, "tuned": tuned}, asked.remote)
