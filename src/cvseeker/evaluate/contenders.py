"""What an evaluation compares, how a data set is put to it, and what is written of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import path_hashes, write_json
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import Settings
from cvseeker.resumes import Ingested
from cvseeker.retrieval.models import choose_model, model_identity

if TYPE_CHECKING:
    from cvseeker.evaluate.evaluation import EvaluatedSet
    from cvseeker.retrieval.remote import RemoteEncoder

Announce = Callable[[str], None]

# Beside the vectors of local models; it holds what was paid for.
REMOTE_CACHE = "embeddings.sqlite"


def nothing_said(line: str) -> None:
    """Announce nothing."""


@dataclass(frozen=True, slots=True)
class Contenders:
    """What is compared, BM25 aside.

    Attributes
    ----------
    models
        Name to show → folder or name of a local model; ``None``: the default base model.
    remote
        Embedding models behind the endpoint of the settings.
    runs, vectors
        Name to show → a TREC run file, or a folder with ``corpus.npy`` and ``queries.npy``.
    """

    models: Mapping[str, str | None] = field(default_factory=dict)
    remote: Sequence[str] = ()
    runs: Mapping[str, Path] = field(default_factory=dict)
    vectors: Mapping[str, Path] = field(default_factory=dict)

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.models or self.remote or self.runs or self.vectors)

    def hashes(self) -> dict[str, str]:
        """Return what changes when a local model, a run or vectors do."""
        hashes = {name: model_identity(choose_model(model)) for name, model in self.models.items()}
        for option, kind in (("run", self.runs), ("vectors", self.vectors)):
            for name, path in kind.items():
                hashes |= {
                    f"{name}/{key}": value for key, value in path_hashes(option, path).items()
                }
        return hashes

    def folders(self) -> dict[str, Path | None]:
        """Return the folders that models are loaded from, ``None`` where a hub has one."""
        places = {name: Path(choose_model(model).location) for name, model in self.models.items()}
        return {name: place if place.is_dir() else None for name, place in places.items()}

    def flags(self) -> str:
        """Return the options that name them; a folder elsewhere is told by its last name."""
        options = [
            ("--model", name if model in {None, name} else f"{name}={Path(str(model)).name}")
            for name, model in self.models.items()
        ]
        options += [("--openai", name) for name in self.remote]
        for option, kind in (("--run", self.runs), ("--vectors", self.vectors)):
            options += [(option, f"{name}={path.name}") for name, path in kind.items()]
        return "".join(f" {option} {quote(value)}" for option, value in options)


@dataclass(frozen=True, slots=True)
class People:
    """What is known of the people in the résumés; nothing on files of one's own."""

    resume_of: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] | None = None
    occupations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_workspace(cls, ingested: Path) -> "People":
        """Read what the ingest stage knows."""
        from cvseeker.evaluate.cuts import occupations_of

        found = Ingested(ingested)
        return cls(
            {passage.passage_id: passage.resume_id for passage in found.passages()},
            found.names(),
            occupations_of(list(found.resumes())),
        )


@dataclass(frozen=True)
class Comparing:
    """How the systems of an evaluation are run, whatever the data set.

    Attributes
    ----------
    settings
        All stages' settings.
    contenders
        What is compared.
    cache
        Folder in which vectors are kept from run to run.
    announce
        Told what an endpoint will be sent and what that costs, before it is.
    progress
        Called while corpora are encoded.
    """

    settings: Settings
    contenders: Contenders
    cache: Path
    announce: Announce = nothing_said
    progress: Progress = silent

    @cached_property
    def encoders(self) -> "dict[str, RemoteEncoder]":
        """Name → encoder behind the endpoint."""
        from cvseeker.retrieval.remote import RemoteEncoder

        made = [
            RemoteEncoder(model, self.settings.embedding, cache=self.cache / REMOTE_CACHE)
            for model in dict.fromkeys(self.contenders.remote)
        ]
        return {encoder.name: encoder for encoder in made}

    def inputs(self) -> dict[str, str]:
        """Return what changes when a contender does."""
        remote = {f"openai/{name}": encoder.identity for name, encoder in self.encoders.items()}
        return {**self.contenders.hashes(), **remote}

    def fingerprint(self, formats: Sequence[str]) -> dict[str, Any]:
        """Return the settings that an evaluation depends on, JSON-ready."""
        settings = self.settings.evaluate.model_dump(mode="json")
        return {**settings, "formats": list(formats)}

    def evaluate(
        self,
        name: str,
        dataset: RetrievalDataset,
        people: People,
        *,
        level: str = "passage",
        validation: RetrievalDataset | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> "EvaluatedSet":
        """Run every system over a data set; ``level`` says what is ranked."""
        from cvseeker.evaluate.compare import compare_systems
        from cvseeker.evaluate.evaluation import EvaluatedSet

        queries, passages = list(dataset.queries.values()), list(dataset.corpus.values())
        for encoder in self.encoders.values():
            self.announce(encoder.estimate(queries=queries, passages=passages).line())
        results = compare_systems(
            dataset,
            {**self.contenders.models, **self.encoders},
            settings=self.settings.evaluate,
            resume_of=people.resume_of if level == "resume" else None,
            runs=self.contenders.runs,
            vectors=self.contenders.vectors,
            validation=validation,
            cache=self.cache,
            progress=self.progress,
        )
        return EvaluatedSet(
            name=name,
            dataset=dataset,
            results=results,
            level=level,
            resume_of=people.resume_of,
            facts={**(facts or {}), "unjudged": self.settings.evaluate.unjudged},
            occupations=people.occupations,
        )

    def write(
        self,
        folder: Path,
        sets: "Sequence[EvaluatedSet]",
        people: People,
        *,
        dataset: Path,
        formats: Sequence[str],
        training: RetrievalDataset | None,
        **told: Any,
    ) -> dict[str, Any]:
        """Write metrics, runs, the analysis and the report; return the content of metrics.json.

        Parameters
        ----------
        folder
            Where they go.
        sets
            What was evaluated.
        people
            For queries that name a candidate.
        dataset
            The first set's file or folder, for its hash.
        formats
            Of the report.
        training
            What a model was trained on, to look for leaks.
        **told
            What the report tells besides; see :func:`~cvseeker.evaluate.report.write.write_report`.
        """
        from cvseeker.evaluate.evaluation import write_evaluation
        from cvseeker.evaluate.further import look_further
        from cvseeker.evaluate.report.provenance import provenance
        from cvseeker.evaluate.report.write import write_report

        self.progress("tests, slices and leaks", 0, 0, "")
        further = {
            one.name: look_further(one, training=training, names=people.names) for one in sets
        }
        metrics = write_evaluation(folder, sets)
        analysis = {name: one.to_dict() for name, one in further.items()}
        write_json(folder / "analysis.json", analysis)
        self.progress("report", 0, 0, "")
        write_report(
            folder / "report.html",
            sets,
            formats=formats,
            made_with=provenance(dataset=dataset, models=self.contenders.folders()),
            further={name: one.context() for name, one in further.items()},
            **told,
        )
        return metrics
