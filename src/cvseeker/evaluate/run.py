"""Run every system over a data set: BM25, models, what is made of them, what was run elsewhere."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import EvaluateSettings
from cvseeker.core.training_settings import HybridWeights
from cvseeker.evaluate.collection import Collection
from cvseeker.evaluate.encoded import EncodedDataset, encode_dataset
from cvseeker.evaluate.outside import run_file, run_vectors
from cvseeker.evaluate.results import SystemResult
from cvseeker.evaluate.truncated import truncated_metrics
from cvseeker.evaluate.variants import variants_of
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import nearest
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.fusion import fuse
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.validation import validate_search

# Queries whose scores over the whole corpus are held at once.
QUERY_BLOCK = 256


@dataclass(slots=True)
class Lexical:
    """BM25 over a corpus, which every hybrid needs, and the seconds and bytes it takes."""

    ranker: BM25Ranker
    seconds: float
    bytes_per_passage: float

    @classmethod
    def from_dataset(cls, dataset: RetrievalDataset) -> "Lexical":
        """Index a corpus."""
        started = time.perf_counter()
        ranker = BM25Ranker(list(dataset.corpus.values()))
        seconds = time.perf_counter() - started
        return cls(ranker, seconds, _index_bytes(ranker) / len(dataset.corpus))


@dataclass(frozen=True, slots=True)
class Model:
    """An encoder and what it is called; ``shares`` of BM25, dense and late in its hybrid."""

    label: str
    encoder: Encoder
    encoded: EncodedDataset
    shares: tuple[float, ...]


def run_systems(
    dataset: RetrievalDataset,
    models: Mapping[str, str | Encoder | None],
    *,
    settings: EvaluateSettings,
    resume_of: Mapping[str, str] | None = None,
    runs: Mapping[str, Path] | None = None,
    vectors: Mapping[str, Path] | None = None,
    validation: Sequence[RetrievalDataset] = (),
    cache: Path | None = None,
    progress: Progress = silent,
) -> dict[str, SystemResult]:
    """Rank a data set's corpus by BM25, by models and what is made of them, and by what is given.

    ``models``, ``runs`` and ``vectors`` are by name; ``resume_of`` is passage id → résumé id where
    the qrels name résumés, ``validation`` other queries to learn the hybrid's weights of an encoder
    on that was saved with none.
    """
    outside = {**(runs or {}), **(vectors or {})}
    _refuse_same_names([*models, *(runs or {}), *(vectors or {})])
    collection = Collection.from_dataset(dataset, settings, resume_of)
    # What was run elsewhere takes little time and is often wrong: it is read first.
    read = {
        name: run_file(collection, name, path)
        if name in (runs or {})
        else run_vectors(collection, name, path)
        for name, path in outside.items()
    }
    results: dict[str, SystemResult] = {}
    if dataset.has_texts:
        lexical = Lexical.from_dataset(dataset)
        results["bm25"] = run_bm25(collection, lexical)
        for label, model in models.items():
            results |= run_model(
                collection,
                lexical,
                label,
                _encoder(model, settings),
                settings=settings,
                cache=VectorStore(cache),
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


def run_bm25(collection: Collection, lexical: Lexical) -> SystemResult:
    """Rank by BM25."""
    result = collection.open("bm25")
    started = time.perf_counter()
    queries = EncodedQueries.from_texts(list(collection.dataset.queries.values()))
    for row, block in _blocks(queries):
        collection.record_scores(result, row, lexical.ranker.scores(block))
    result.seconds = lexical.seconds + time.perf_counter() - started
    result.bytes_per_passage = lexical.bytes_per_passage
    return result


def run_model(
    collection: Collection,
    lexical: Lexical,
    label: str,
    encoder: Encoder,
    *,
    settings: EvaluateSettings,
    cache: VectorStore,
    validation: Sequence[RetrievalDataset] = (),
    progress: Progress = silent,
) -> dict[str, SystemResult]:
    """Rank by a model, by late interaction where it gives token vectors, by its hybrid, and cut."""
    encoded = encode_dataset(encoder, label, collection.dataset, cache, progress)
    weights = settings.hybrid
    # A model that was tuned here was saved with shares learnt on validation; others get them now.
    saved = isinstance(encoder, LocalEncoder) and encoder.codec is not None
    if weights is None and validation and not saved:
        weights = validate_search(encoder, validation, cache).shares
    if weights is None:
        weights = encoder.hybrid if isinstance(encoder, LocalEncoder) else HybridWeights()
    late = encoded.corpus.codes is not None
    model = Model(label, encoder, encoded, weights.shares if late else weights.shares[:2])
    # Its variants are cut first: what cannot be cut is said before the long part begins.
    variants = list(_run_variants(collection, model, settings))
    results = _run_full(collection, lexical, model)
    if isinstance(encoder, LocalEncoder) and len(collection.candidates.ids) == len(
        collection.dataset.corpus
    ):
        progress(f"truncated evaluation of {label}", 0, 0, "")
        results[label].truncated = truncated_metrics(encoder, collection.dataset, cache)
    return results | {result.name: result for result in variants}


def _run_full(collection: Collection, lexical: Lexical, model: Model) -> dict[str, SystemResult]:
    """Rank by the model's own vectors, by its tokens, and by all of it with BM25."""
    encoded, corpus = model.encoded, model.encoded.corpus
    dense, late = corpus.dense(), corpus.late() if corpus.codes else None
    names = [model.label, *([f"late({model.label})"] if late else []), f"hybrid({model.label})"]
    results = {name: collection.open(name) for name in names}
    for row, block in _blocks(encoded.queries):
        clock = [time.perf_counter()]
        parts = [dense.scores(block)]
        clock.append(time.perf_counter())
        if late:
            parts.append(late.scores(block))
            clock.append(time.perf_counter())
        fused = fuse([lexical.ranker.scores(block), *parts], model.shares)
        clock.append(time.perf_counter())
        for name, scores in zip(names, (*parts, fused), strict=True):
            collection.record_scores(results[name], row, scores)
        spent = np.diff(clock).tolist()
        # The hybrid needs all that its parts need.
        for name, seconds in zip(names, (*spent[:-1], sum(spent)), strict=True):
            results[name].seconds += seconds
    sizes = [corpus.embeddings.vectors.nbytes / len(collection.dataset.corpus)]
    if corpus.codes is not None:
        sizes.append(corpus.codes.bytes_per_passage)
    sizes.append(lexical.bytes_per_passage + sum(sizes))
    for result, size in zip(results.values(), sizes, strict=True):
        result.seconds += encoded.seconds
        result.bytes_per_passage = size
    results[names[-1]].seconds += lexical.seconds
    results[model.label].encoded = encoded
    return results


def _run_variants(
    collection: Collection, model: Model, settings: EvaluateSettings
) -> Iterator[SystemResult]:
    """Rank by vectors that were made smaller."""
    encoded = model.encoded
    windows = encoded.corpus.embeddings
    owners = collection.candidates.owners[windows.owners]
    asked, vectors = encoded.queries.vectors, windows.vectors
    for variant in variants_of(model.label, asked, vectors, settings):
        started = time.perf_counter()
        result = collection.open(f"{model.label}{variant.name}")
        found = nearest(variant.queries, variant.vectors, collection.ranking_depth, owners=owners)
        collection.record(result, 0, *found)
        result.seconds = encoded.seconds + time.perf_counter() - started
        result.bytes_per_passage = variant.nbytes / len(collection.dataset.corpus)
        yield result


def _blocks(queries: EncodedQueries) -> Iterator[tuple[int, EncodedQueries]]:
    for begin in range(0, len(queries), QUERY_BLOCK):
        yield begin, queries[begin : begin + QUERY_BLOCK]


def _index_bytes(ranker: BM25Ranker) -> int:
    """Return what BM25's index takes: a score and a passage's number for each word in it."""
    arrays = getattr(ranker._index, "scores", {})
    return sum(int(array.nbytes) for array in arrays.values() if isinstance(array, np.ndarray))
