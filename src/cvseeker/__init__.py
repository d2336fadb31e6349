"""CVSeeker: turn a folder of résumés into an embedding model that knows them, and search with it.

::

    from cvseeker import Workspace

    workspace = Workspace("workspace")
    workspace.run("path/to/resumes", tune=False)
    for hit in workspace.search("icu nurse, night shifts"):
        print(hit.resume_id, hit.score)

Importing this package loads nothing else: what is needed is imported when it is first called, so
that the command line is ready for an interruption as soon as Python is.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from cvseeker.core import __version__
    from cvseeker.core.datasets import RetrievalDataset
    from cvseeker.core.errors import CVSeekerError
    from cvseeker.core.progress import Progress
    from cvseeker.core.records import Passage
    from cvseeker.core.workspace import StageResult
    from cvseeker.examples import demo_judgements, demo_resumes
    from cvseeker.search import CandidateHit, CandidateSearch

    Paths = str | Path | Iterable[str | Path]

__all__ = [
    "CVSeekerError",
    "StageResult",
    "Workspace",
    "__version__",
    "demo_judgements",
    "demo_resumes",
]

# Where the names are that are no class of this module.
_HOMES = {
    "CVSeekerError": "cvseeker.core.errors",
    "StageResult": "cvseeker.core.workspace",
    "__version__": "cvseeker.core",
    "demo_judgements": "cvseeker.examples",
    "demo_resumes": "cvseeker.examples",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


class Workspace:
    """A folder that holds one project: its résumés, queries, model, evaluation and index.

    Every stage is skipped while its inputs and settings are unchanged, and says in its result what
    it decided. Settings given to a stage hold for this object's later stages, too.

    Parameters
    ----------
    path
        The folder, which may not exist yet.
    config
        A TOML file of settings, one table a stage.
    progress
        Called as ``progress(task, done, total, note)`` while a stage works; ``total`` is 0 where it
        is not known.
    **tables
        Settings by table, as in the file: ``finetune={"base": "path/to/model"}``. They go before
        the file's.

    Raises
    ------
    CVSeekerError
        Here and in every method, where the input cannot be used; in one line that says what was
        expected.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        config: str | Path | None = None,
        progress: Progress | None = None,
        **tables: Mapping[str, Any],
    ) -> None:
        from pathlib import Path

        from cvseeker.core.errors import InputError
        from cvseeker.core.progress import silent
        from cvseeker.core.settings import Settings
        from cvseeker.core.workspace import Workspace as Stages
        from cvseeker.retrieval.models import keep_libraries_quiet

        if not str(path):
            raise InputError(
                "the workspace's path is empty; expected a folder, such as 'workspace'"
            )
        keep_libraries_quiet()
        self._stages = Stages(Path(path))
        self._progress = progress or silent
        self._settings = Settings.from_toml(Path(config)) if config else Settings()
        for table, values in tables.items():
            self._settings = self._settings.override(table, values)
        self._opened: dict[str, CandidateSearch] = {}

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The folder."""
        return self._stages.path

    def run(
        self,
        paths: Paths,
        *,
        tune: bool = True,
        judgements: str | Path | None = None,
    ) -> dict[str, StageResult]:
        """Make résumés searchable, then fine-tune, evaluate, and search with what is better.

        Parameters
        ----------
        paths
            Files and folders of résumés.
        tune
            Whether to go on once search works.
        judgements
            A folder of queries of your own with graded qrels that name résumés.

        Returns
        -------
        dict
            Stage → what it came to; of the two indexes, the last.
        """
        from cvseeker.pipeline import run

        results: dict[str, StageResult] = {}
        run(
            _as_paths(paths),
            self._stages,
            self._settings,
            tune=tune,
            judgements=_as_path(judgements),
            progress=self._progress,
            stage_done=results.__setitem__,
        )
        return results

    def ingest(self, paths: Paths, **settings: Any) -> StageResult:
        """Read files and folders of résumés, cut them into passages, and split them by person."""
        from cvseeker.resumes import ingest_stage

        self._set("ingest", settings)
        return ingest_stage(self._stages, _as_paths(paths), self._settings, self._progress)

    def generate(self, **settings: Any) -> StageResult:
        """Write queries that each passage answers, offline or by an LLM: ``llm="gpt-4o-mini"``."""
        from cvseeker.queries import generate_stage

        self._set("generate", settings)
        return generate_stage(self._stages, self._settings, self._progress)

    def judge(self, **settings: Any) -> StageResult:
        """Judge which passages of the whole corpus answer each query, not only its own."""
        from cvseeker.queries import judge_stage

        self._set("judge", settings)
        return judge_stage(self._stages, self._settings, self._progress)

    def finetune(self, **settings: Any) -> StageResult:
        """Fine-tune the base model, and keep the tuned one if it is shown to be better."""
        from cvseeker.train import TrainingData, finetune_stage

        self._set("finetune", settings)
        data = TrainingData.from_workspace(self._stages)
        return finetune_stage(data, self._settings, self._progress)

    def evaluate(
        self,
        *,
        judgements: str | Path | None = None,
        models: Mapping[str, str] | None = None,
        openai: Iterable[str] = (),
        announce: Callable[[str], None] = lambda line: None,
        **settings: Any,
    ) -> StageResult:
        """Compare BM25, the base, the tuned model and what is made of them, and write a report.

        Parameters
        ----------
        judgements
            A folder of queries of your own with graded qrels that name résumés.
        models
            Name to show → folder or name of another model.
        openai
            Embedding models behind an OpenAI-compatible address, which are sent all passages and
            queries.
        announce
            Told what will be sent and what that costs, before it is; ``print``, for instance.
        **settings
            Of the table ``evaluate``, such as the report's ``formats``.
        """
        from cvseeker.evaluate import Systems, evaluate_stage

        self._set("evaluate", settings)
        return evaluate_stage(
            self._stages,
            self._settings,
            self._progress,
            judgements=_as_path(judgements),
            systems=Systems(models=dict(models or {}), remote=list(openai)),
            announce=announce,
        )

    def index(self) -> StageResult:
        """Index the passages for search, by the kept model or, where there is none, by the base."""
        from cvseeker.search import index_stage

        return index_stage(self._stages, self._settings, self._progress)

    def search(
        self,
        query: str,
        *,
        top_k: int = 10,
        untuned: bool = False,
        weights: Mapping[str, float] | None = None,
    ) -> list[CandidateHit]:
        """Find the résumés that fit a query, best first, each with the passage that says why.

        Parameters
        ----------
        query
            What you look for: in your own words, Boolean, or with filters such as ``title:nurse``.
        top_k
            Résumés at most.
        untuned
            Search with the base in the kept model's place, to see what fine-tuning changed.
        weights
            Shares of ``bm25``, ``dense`` and ``late`` in the score, 0 where not named; ``None``: as
            the model has learnt them.

        Returns
        -------
        list of CandidateHit
            With ``resume_id``, ``score``, ``snippet``, ``matched`` and so on.
        """
        search = self._search(weights, untuned=untuned)
        return list(search.search(search.read(query), top_k=top_k).hits)

    def passages(self) -> list[Passage]:
        """Return the passages of all résumés."""
        from cvseeker.resumes import Ingested

        return list(Ingested(self._stages.require("ingest")).passages())

    def dataset(self, split: str) -> RetrievalDataset:
        """Return the queries of ``train``, ``val`` or ``test``, their qrels and their passages."""
        from cvseeker.core.datasets import read_dataset

        folder = self._stages.require(self._stages.labels_stage()) / "beir" / split
        return read_dataset(folder, split=split, needs_queries=False)

    def metrics(self) -> dict[str, Any]:
        """Return what the evaluation measured: ``metrics.json``."""
        from cvseeker.core.files import read_json

        metrics: dict[str, Any] = read_json(self._stages.require("evaluation") / "metrics.json")
        return metrics

    def _set(self, table: str, values: Mapping[str, Any]) -> None:
        self._settings = self._settings.override(table, values)

    def _search(self, weights: Mapping[str, float] | None, *, untuned: bool) -> CandidateSearch:
        """Open a search, or return the one that is open while the index stays the same."""
        from cvseeker.core.training_settings import HybridWeights
        from cvseeker.search import CandidateSearch

        self._stages.require("index")
        manifest = self._stages.manifest("index") or {}
        # A search that is open goes stale, too, once there are other résumés or another model.
        newer = self._stages.newer_than("index")
        key = repr((manifest["fingerprint"], newer, untuned, weights))
        if key not in self._opened:
            shares = dict.fromkeys(HybridWeights.model_fields, 0.0)
            chosen = None if weights is None else HybridWeights.validated({**shares, **weights})
            self._opened[key] = CandidateSearch.open(
                self.path,
                engine=self._settings.search.engine,
                weights=chosen,
                untuned=untuned,
                progress=self._progress,
            )
        return self._opened[key]


def _as_path(path: str | Path | None) -> Path | None:
    from pathlib import Path

    return None if path is None else Path(path)


def _as_paths(paths: Paths) -> list[Path]:
    from pathlib import Path

    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
