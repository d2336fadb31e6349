"""Run every system over a data set: BM25, models, what is made of them, what was run elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import EvaluateSettings
from cvseeker.evaluate.cache import VectorCache
from cvseeker.evaluate.candidates import Candidates
from cvseeker.evaluate.outside import run_file, run_vectors
from cvseeker.evaluate.results import Contest, SystemResult
from cvseeker.evaluate.systems import Lexical, run_bm25, run_model
from cvseeker.retrieval.encoder import Encoder, LocalEncoder

__all__ = ["Candidates", "SystemResult", "compare_systems"]


def compare_systems(
    dataset: RetrievalDataset,
    models: Mapping[str, str | Encoder | None],
    *,
    settings: EvaluateSettings,
    resume_of: Mapping[str, str] | None = None,
    runs: Mapping[str, Path] | None = None,
    vectors: Mapping[str, Path] | None = None,
    validation: RetrievalDataset | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> dict[str, SystemResult]:
    """Evaluate BM25, every model with what is made of it, and what was run elsewhere.

    Parameters
    ----------
    dataset
        Corpus, queries and qrels; a query without a relevant passage must not be in it. Where its
        passages have no texts, only runs and vectors can be evaluated.
    models
        Name to show → folder or hub name (``None``: the default base model), or an encoder.
    settings
        Windows, depth, the hybrids' weights, variants, and what unjudged passages count as.
    resume_of
        Passage id → résumé id, where the qrels name résumés: a résumé's score is its best
        passage's.
    runs
        Name to show → TREC run file.
    vectors
        Name to show → folder of precomputed vectors; see
        :func:`~cvseeker.evaluate.outside.run_vectors`.
    validation
        Other queries, to learn the hybrid's weights of an encoder that was saved with none.
    cache
        Folder in which vectors are kept from run to run; ``None``: they are not.
    progress
        Called while corpora are encoded.

    Returns
    -------
    dict
        Name of the system → result: ``bm25``; of each model ``<model>``, ``late(<model>)``,
        ``hybrid(<model>)``, ``<model>@<dimensions>``, ``<model>[<quantisation>]``; then the runs
        and the vectors.

    Raises
    ------
    InputError
        If two systems have one name, or a run or vectors do not fit the data set.
    ModelError
        If a model cannot be found or loaded, or gives no numbers.
    """
    outside = {**(runs or {}), **(vectors or {})}
    _refuse_same_names([*models, *(runs or {}), *(vectors or {})])
    contest = Contest.from_dataset(dataset, settings, resume_of)
    # What was run elsewhere takes little time and is often wrong: it is read first.
    read = {
        name: run_file(contest, name, path)
        if name in (runs or {})
        else run_vectors(contest, name, path)
        for name, path in outside.items()
    }
    results: dict[str, SystemResult] = {}
    if dataset.has_texts:
        lexical = Lexical.from_dataset(dataset)
        results["bm25"] = run_bm25(contest, lexical)
        for label, model in models.items():
            results |= run_model(
                contest,
                lexical,
                label,
                _encoder(model, settings),
                settings=settings,
                cache=VectorCache(cache),
                validation=validation,
                progress=progress,
            )
    elif models:
        raise InputError(
            f"no texts of passages for {next(iter(models))!r} to rank; expected corpus.jsonl or "
            "corpus.tsv beside the qrels, or runs alone: --run NAME=FILE"
        )
    _refuse_same_names([*results, *read])
    return results | read


def _encoder(model: str | Encoder | None, settings: EvaluateSettings) -> Encoder:
    if model is None or isinstance(model, str):
        return LocalEncoder.from_name(model, windows=settings.windows)
    return model


def _refuse_same_names(names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two systems are called {twice!r}; expected a name of its own for each")
