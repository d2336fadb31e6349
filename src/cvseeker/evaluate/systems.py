"""The systems that one data set is ranked by: BM25, models and what is made of them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import EvaluateSettings, HybridWeights
from cvseeker.evaluate.cache import VectorCache
from cvseeker.evaluate.encoded import EncodedDataset, encode_dataset
from cvseeker.evaluate.results import METRICS_DEPTH, Contest, SystemResult
from cvseeker.evaluate.truncated import truncated_metrics
from cvseeker.evaluate.variants import variants_of
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import Encoder, LocalEncoder
from cvseeker.retrieval.fusion import fuse, learn_weights
from cvseeker.retrieval.late import LateInteractionRanker
from cvseeker.retrieval.metrics import QrelsTable
from cvseeker.retrieval.nearest import nearest
from cvseeker.retrieval.queries import EncodedQueries
from cvseeker.retrieval.ranker import top_k
from cvseeker.retrieval.windows import FloatArray

# Queries whose scores over the whole corpus are held at once.
QUERY_BLOCK = 256


@dataclass(slots=True)
class Lexical:
    """BM25 over a data set's corpus, which every hybrid needs, and what it takes.

    ``seconds`` grow with each use; ``bytes_per_passage`` are those of the index.
    """

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


def run_bm25(contest: Contest, lexical: Lexical) -> SystemResult:
    """Rank by BM25."""
    result = contest.open("bm25")
    started = time.perf_counter()
    queries = EncodedQueries.from_texts(list(contest.dataset.queries.values()))
    for row, block in _blocks(queries):
        contest.record_scores(result, row, lexical.ranker.scores(block))
    result.seconds = lexical.seconds + time.perf_counter() - started
    result.bytes_per_passage = lexical.bytes_per_passage
    return result


def run_model(
    contest: Contest,
    lexical: Lexical,
    label: str,
    encoder: Encoder,
    *,
    settings: EvaluateSettings,
    cache: VectorCache,
    validation: RetrievalDataset | None = None,
    progress: Progress = silent,
) -> dict[str, SystemResult]:
    """Rank by a model, by late interaction where it gives token vectors, by its hybrid, and cut.

    Parameters
    ----------
    contest
        The data set.
    lexical
        BM25 over it.
    label
        What the model is called.
    encoder
        The model.
    settings
        The hybrids' weights and the variants.
    cache
        Where vectors are kept.
    validation
        For the weights of an encoder that was saved with none.
    progress
        Called while the corpus is encoded.

    Returns
    -------
    dict
        ``<label>``, ``late(<label>)`` where there is such a thing, ``hybrid(<label>)``, then the
        variants ``<label>@<dimensions>`` and ``<label>[<quantisation>]``.
    """
    encoded = encode_dataset(encoder, label, contest.dataset, cache, progress)
    weights = settings.hybrid
    # A model that was tuned here was saved with shares learnt on validation; others get them now.
    saved = isinstance(encoder, LocalEncoder) and encoder.codec is not None
    if weights is None and validation is not None and not saved:
        weights = _learn(encoder, label, validation, cache)
    if weights is None:
        weights = encoder.hybrid if isinstance(encoder, LocalEncoder) else HybridWeights()
    late = encoded.codes is not None
    model = Model(label, encoder, encoded, weights.shares if late else weights.shares[:2])
    # Its variants are cut first: what cannot be cut is said before the long part begins.
    variants = list(_run_variants(contest, model, settings))
    results = _run_full(contest, lexical, model)
    if isinstance(encoder, LocalEncoder) and len(contest.candidates.ids) == len(
        contest.dataset.corpus
    ):
        progress(f"truncated evaluation of {label}", 0, 0, "")
        results[label].truncated = truncated_metrics(encoder, contest.dataset, cache)
    return results | {result.name: result for result in variants}


def _run_full(contest: Contest, lexical: Lexical, model: Model) -> dict[str, SystemResult]:
    """Rank by the model's own vectors, by its tokens, and by all of it with BM25."""
    encoded = model.encoded
    dense = DenseRanker(encoded.vectors, encoded.owners)
    late = LateInteractionRanker(encoded.codes) if encoded.codes else None
    names = [model.label, *([f"late({model.label})"] if late else []), f"hybrid({model.label})"]
    results = {name: contest.open(name) for name in names}
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
            contest.record_scores(results[name], row, scores)
        spent = np.diff(clock).tolist()
        # The hybrid needs all that its parts need.
        for name, seconds in zip(names, (*spent[:-1], sum(spent)), strict=True):
            results[name].seconds += seconds
    sizes = [encoded.vectors.nbytes / len(contest.dataset.corpus)]
    if encoded.codes is not None:
        sizes.append(encoded.codes.bytes_per_passage)
    sizes.append(lexical.bytes_per_passage + sum(sizes))
    for result, size in zip(results.values(), sizes, strict=True):
        result.seconds += encoded.seconds
        result.bytes_per_passage = size
    results[names[-1]].seconds += lexical.seconds
    results[model.label].encoded = encoded
    return results


def _run_variants(
    contest: Contest, model: Model, settings: EvaluateSettings
) -> Iterator[SystemResult]:
    """Rank by vectors that were made smaller."""
    encoded = model.encoded
    owners = contest.candidates.owners[encoded.owners]
    asked, vectors = encoded.queries.vectors, encoded.vectors
    for variant in variants_of(model.label, asked, vectors, settings):
        started = time.perf_counter()
        result = contest.open(f"{model.label}{variant.name}", variant_of=model.label)
        found = nearest(variant.queries, variant.vectors, contest.ranking_depth, owners=owners)
        contest.record(result, 0, *found)
        result.seconds = encoded.seconds + time.perf_counter() - started
        result.bytes_per_passage = variant.nbytes / len(contest.dataset.corpus)
        yield result


def _learn(
    encoder: Encoder, label: str, validation: RetrievalDataset, cache: VectorCache
) -> HybridWeights:
    """Learn the shares of BM25, dense vectors and late interaction on validation data."""
    encoded = encode_dataset(encoder, label, validation, cache)
    passage_ids, query_ids = list(validation.corpus), list(validation.queries)
    table = QrelsTable.from_qrels(validation.qrels, query_ids, passage_ids)
    bm25 = BM25Ranker(list(validation.corpus.values())).scores(encoded.queries)

    def mean(scores: FloatArray) -> float:
        return float(table.metrics(top_k(scores, METRICS_DEPTH))["ndcg@10"].mean())

    dense = DenseRanker(encoded.vectors, encoded.owners).scores(encoded.queries)
    # Where there is no third part, zeros change no ranking, and their share is dropped.
    late = np.zeros_like(bm25)
    if encoded.codes:
        late = LateInteractionRanker(encoded.codes).scores(encoded.queries)
    weights = learn_weights(bm25, dense, late, mean)
    # All on a part that is not there would leave nothing.
    usable = encoded.codes is not None or weights.bm25 + weights.dense > 0
    return weights if usable else HybridWeights()


def _blocks(queries: EncodedQueries) -> Iterator[tuple[int, EncodedQueries]]:
    for begin in range(0, len(queries), QUERY_BLOCK):
        yield begin, queries[begin : begin + QUERY_BLOCK]


def _index_bytes(ranker: BM25Ranker) -> int:
    """Return what BM25's index takes: a score and a passage's number for each word in it."""
    arrays = getattr(ranker._index, "scores", {})
    return sum(int(array.nbytes) for array in arrays.values() if isinstance(array, np.ndarray))
