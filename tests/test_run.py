from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError, ModelError
from cvseeker.core.settings import EvaluateSettings
from cvseeker.core.training_settings import HybridWeights, WindowSettings
from cvseeker.evaluate import run
from cvseeker.evaluate.collection import Candidates
from cvseeker.evaluate.run import run_systems
from cvseeker.evaluate.trec import write_run
from cvseeker.evaluate.wording import made_of
from cvseeker.retrieval import validation
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.fusion import fuse
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import VectorStore

SETTINGS = EvaluateSettings(windows=WindowSettings(window_tokens=24, overlap_tokens=6))


def test_every_system_is_run(
    tiny_dataset: RetrievalDataset, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "QUERY_BLOCK", 4)
    results = run_systems(tiny_dataset, {"tuned": str(tiny_model)}, settings=SETTINGS)
    assert list(results) == ["bm25", "tuned", "late(tuned)", "hybrid(tuned)"]
    corpus, queries = list(tiny_dataset.corpus.values()), list(tiny_dataset.queries.values())
    encoder = LocalEncoder.from_name(str(tiny_model), windows=SETTINGS.windows)
    bm25 = BM25Ranker(corpus)
    encoded = VectorStore().encode_corpus(encoder, corpus)
    asked = EncodedQueries.from_texts(queries, encoder)
    parts = [ranker.scores(asked) for ranker in (bm25, encoded.dense(), encoded.late())]
    fused = fuse(parts, encoder.hybrid.shares)
    for result in results.values():
        assert result.bytes_per_passage
        assert result.seconds > 0
    for (name, result), expected in zip(results.items(), (*parts, fused), strict=True):
        assert result.name == name
        for (query_id, ranked), row in zip(result.run.items(), expected, strict=True):
            assert dict(ranked) == pytest.approx(
                dict(zip(tiny_dataset.corpus, row.tolist(), strict=True)), abs=1e-5
            )
            scores = [score for _, score in ranked]
            assert scores == sorted(scores, reverse=True), query_id
    row = results["tuned"].summary()
    assert row["queries"] == 6
    assert set(row["information_retrieval_evaluator"]) >= {"ndcg@10", "mrr@10", "map@100"}
    assert "information_retrieval_evaluator" not in results["bm25"].summary()
    assert results["bm25"].summary()["accuracy@1"] == 1.0


def test_a_short_run_leaves_the_metrics_alone(tiny_dataset: RetrievalDataset) -> None:
    corpus = {f"p{at}": "nurse " * (at + 1) + "chef " * 40 for at in range(30)}
    dataset = RetrievalDataset(corpus, {"q": "nurse"}, {"q": {"p0": 1}})
    whole = run_systems(dataset, {}, settings=EvaluateSettings())["bm25"]
    short = run_systems(dataset, {}, settings=EvaluateSettings(top_k=10))["bm25"]
    assert len(short.run["q"]) == 10
    assert short.run["q"] == whole.run["q"][:10]
    assert short.per_query == whole.per_query
    assert short.per_query["q"]["map@100"] == pytest.approx(1 / 30)


def test_resumes_count_by_their_best_passage(tiny_model: Path) -> None:
    dataset = RetrievalDataset(
        corpus={"a#1": "violin", "a#2": "nurse in triage", "b#1": "nurse"},
        queries={"q": "triage nurse"},
        qrels={"q": {"a": 2}},
    )
    results = run_systems(
        dataset,
        {"m": str(tiny_model)},
        settings=SETTINGS,
        resume_of={"a#1": "a", "a#2": "a", "b#1": "b"},
    )
    assert [key for key, _ in results["bm25"].run["q"]] == ["a", "b"]
    assert results["bm25"].per_query["q"]["ndcg@10"] == 1.0
    assert results["m"].truncated == {}


def test_candidates_are_reduced_by_maximum() -> None:
    candidates = Candidates.from_corpus(["a#1", "a#2", "b#1"], {"a#1": "a", "a#2": "a", "b#1": "b"})
    assert candidates.ids == ["a", "b"]
    assert candidates.reduce(np.float32([[1, 3, 2], [5, 4, 0]])).tolist() == [[3, 2], [5, 0]]
    assert Candidates.from_corpus(["x", "y"], None).ids == ["x", "y"]


def test_a_missing_model_is_refused(tiny_dataset: RetrievalDataset, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        run_systems(tiny_dataset, {"m": str(tmp_path / "none")}, settings=SETTINGS)


def test_it_is_silent(
    tiny_dataset: RetrievalDataset, tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tasks: set[str] = set()
    run_systems(
        tiny_dataset,
        {"tuned": str(tiny_model)},
        settings=SETTINGS,
        progress=lambda task, *_: tasks.add(task),
    )
    assert capfd.readouterr() == ("", "")
    assert tasks


def test_smaller_vectors_are_systems_of_their_own(
    tiny_dataset: RetrievalDataset, tiny_model: Path
) -> None:
    settings = SETTINGS.model_copy(update={"dimensions": (16, 8), "quantise": ("int8", "binary")})
    results = run_systems(tiny_dataset, {"m": str(tiny_model)}, settings=settings)
    names = ["bm25", "m", "late(m)", "hybrid(m)", "m@16", "m@8", "m[int8]", "m[binary]"]
    assert list(results) == names
    size = results["m"].bytes_per_passage or 0
    shares = [(results[name].bytes_per_passage or 0) / size for name in names[4:]]
    assert shares == pytest.approx([1 / 2, 1 / 4, 1 / 4, 1 / 32])
    assert [made_of(name, names)[0] for name in names] == ["", "", "m", "m", *["m"] * 4]
    whole, fine = dict(results["m"].run["q1"]), dict(results["m[int8]"].run["q1"])
    assert fine == pytest.approx(whole, abs=0.02)
    assert dict(results["m[binary]"].run["q1"]) != pytest.approx(whole, abs=0.02)
    assert results["m@16"].summary()["bytes_per_passage"] == pytest.approx(size / 2)
    with pytest.raises(InputError, match="32 dimensions and cannot be cut to 32"):
        run_systems(
            tiny_dataset,
            {"m": str(tiny_model)},
            settings=SETTINGS.model_copy(update={"dimensions": (32,)}),
        )


def test_any_encoder_takes_part(tiny_dataset: RetrievalDataset, hash_encoder: Any) -> None:
    results = run_systems(tiny_dataset, {"remote": hash_encoder}, settings=EvaluateSettings())
    assert list(results) == ["bm25", "remote", "hybrid(remote)"]
    corpus, queries = list(tiny_dataset.corpus.values()), list(tiny_dataset.queries.values())
    windows = hash_encoder.encode_passages(corpus)
    asked = EncodedQueries.from_texts(queries, hash_encoder)
    dense = DenseRanker(windows.vectors, windows.owners).scores(asked)
    default = HybridWeights()
    fused = fuse([BM25Ranker(corpus).scores(asked), dense], [default.bm25, default.dense])
    for row, query_id in enumerate(tiny_dataset.queries):
        expected = dict(zip(tiny_dataset.corpus, fused[row].tolist(), strict=True))
        assert dict(results["hybrid(remote)"].run[query_id]) == pytest.approx(expected, abs=1e-5)


def test_a_local_model_saved_with_no_weights_learns_all_three(
    tiny_dataset: RetrievalDataset, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def all_on_late(values: Any, groups: Any, *, late: bool) -> HybridWeights:
        seen.append(late)
        return HybridWeights(bm25=0, dense=0, late=1)

    monkeypatch.setattr(validation, "learn_weights", all_on_late)
    models, settings = {"base": str(tiny_model)}, EvaluateSettings()
    results = run_systems(tiny_dataset, models, settings=settings, validation=[tiny_dataset])
    assert seen == [True]
    assert results["hybrid(base)"].per_query == results["late(base)"].per_query


def test_weights_are_learnt_on_validation(
    tiny_dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    """On validation data where vectors say nothing, BM25 is given all, and the other way round."""

    class Blind(type(hash_encoder)):  # type: ignore[misc]
        def encode_queries(self, texts: Sequence[str]) -> Any:
            return np.flip(super().encode_queries(texts), axis=0).copy()

    models = {"remote": Blind()}
    settings = EvaluateSettings()
    with_them = run_systems(tiny_dataset, models, settings=settings, validation=[tiny_dataset])
    without = run_systems(tiny_dataset, models, settings=settings)
    name = "hybrid(remote)"
    assert with_them[name].summary()["accuracy@1"] == 1.0
    assert with_them[name].run != without[name].run


def test_what_no_model_should_give_is_refused(
    tiny_dataset: RetrievalDataset, hash_encoder: Any
) -> None:
    kind = type(hash_encoder)

    class Broken(kind):  # type: ignore[misc,valid-type]
        def encode_queries(self, texts: Sequence[str]) -> Any:
            return super().encode_queries(texts) * np.float32(np.nan)

    class Two(kind):  # type: ignore[misc,valid-type]
        def encode_passages(self, texts: Sequence[str], progress: Any = None) -> Any:
            return kind(dim=128).encode_passages(texts)

    with pytest.raises(ModelError, match="vectors of passages hold NaN"):
        run_systems(tiny_dataset, {"m": Broken()}, settings=EvaluateSettings())
    with pytest.raises(ModelError, match="of 256 dimensions for queries and of 128 for passages"):
        run_systems(tiny_dataset, {"m": Two()}, settings=EvaluateSettings())


def test_a_second_run_encodes_nothing(
    tiny_dataset: RetrievalDataset,
    tiny_model: Path,
    hash_encoder: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    forward = SentenceTransformer.forward

    def counted(self: Any, inputs: Any, **options: Any) -> Any:
        calls.append(len(inputs["input_ids"]))
        return forward(self, inputs, **options)

    def counted_queries(texts: Sequence[str]) -> Any:
        calls.append(len(texts))
        return type(hash_encoder).encode_queries(hash_encoder, texts)

    # The words by which a loaded model is tried do not count.
    monkeypatch.setattr("cvseeker.retrieval.encoder._damage", lambda model: "")
    monkeypatch.setattr(SentenceTransformer, "forward", counted)
    monkeypatch.setattr(hash_encoder, "encode_queries", counted_queries)
    cache = tmp_path / "cache"
    models = {"m": str(tiny_model), "remote": hash_encoder}

    def run(dataset: RetrievalDataset, settings: EvaluateSettings = SETTINGS) -> Any:
        calls.clear()
        return run_systems(dataset, models, settings=settings, cache=cache)

    first = run(tiny_dataset)
    assert sum(calls) > 0
    again = run(tiny_dataset)
    assert calls == []
    for name, result in first.items():
        assert again[name].per_query == result.per_query
        assert dict(again[name].run) == dict(result.run)
        assert again[name].truncated == result.truncated
        # What it took to encode still counts.
        assert again[name].seconds > 0
    assert not list(cache.glob(".*"))
    assert not any(b"pastry" in path.read_bytes() for path in cache.rglob("*") if path.is_file())
    # Another window: all passages again. Another query: the queries alone.
    run(tiny_dataset, EvaluateSettings(windows=WindowSettings(window_tokens=16, overlap_tokens=4)))
    assert sum(calls) > 0
    asked = {**tiny_dataset.queries, "q1": "who makes pralines"}
    run(replace(tiny_dataset, queries=asked))
    assert sum(calls) == 3 * 6  # with tokens, cut, and by the other encoder


def test_a_damaged_entry_is_made_anew(
    tiny_dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    models = {"m": str(tiny_model)}
    first = run_systems(tiny_dataset, models, settings=SETTINGS, cache=tmp_path)
    for path in tmp_path.rglob("vectors.npy"):
        path.write_bytes(path.read_bytes()[:70])
    again = run_systems(tiny_dataset, models, settings=SETTINGS, cache=tmp_path)
    assert again["m"].per_query == first["m"].per_query


def test_unjudged_passages_are_left_out_if_asked(tiny_dataset: RetrievalDataset) -> None:
    qrels = {**tiny_dataset.qrels, "q2": {"fay-okoro#1": 1, "ana-prunk#1": 0}}
    dataset = replace(tiny_dataset, qrels=qrels)
    plain = run_systems(dataset, {}, settings=EvaluateSettings())["bm25"]
    ignore = EvaluateSettings.model_validate({"unjudged": "ignore"})
    condensed = run_systems(dataset, {}, settings=ignore)["bm25"]
    assert plain.per_query["q2"]["mrr@10"] == 0.5
    assert condensed.per_query["q2"]["mrr@10"] == 1.0
    assert plain.per_query["q2"]["judged@10"] == pytest.approx(2 / 6)
    assert condensed.per_query["q2"]["judged@10"] == pytest.approx(2 / 6)
    assert condensed.run == plain.run


def test_two_systems_of_one_name_are_refused(
    tiny_dataset: RetrievalDataset, tmp_path: Path
) -> None:
    runs = {"bm25": write_bm25(tmp_path, tiny_dataset)}
    with pytest.raises(InputError, match="two systems are called 'bm25'"):
        run_systems(tiny_dataset, {}, settings=SETTINGS, runs=runs)


def write_bm25(folder: Path, dataset: RetrievalDataset) -> Path:
    """Write BM25's run."""
    result = run_systems(dataset, {}, settings=EvaluateSettings())["bm25"]
    write_run(folder / "bm25.trec", result.run, system="bm25")
    return folder / "bm25.trec"


def test_a_run_made_elsewhere_is_a_system(tiny_dataset: RetrievalDataset, tmp_path: Path) -> None:
    runs = {"theirs": write_bm25(tmp_path, tiny_dataset)}
    results = run_systems(tiny_dataset, {}, settings=EvaluateSettings(), runs=runs)
    assert list(results) == ["bm25", "theirs"]
    assert results["theirs"].per_query == results["bm25"].per_query
    assert "bytes_per_passage" not in results["theirs"].summary()
