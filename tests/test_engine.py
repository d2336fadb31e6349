"""LlamaIndex's fine-tuning engine, with one import changed."""

import hashlib
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.errors import DatasetError, MissingExtraError, SettingsError, WorkspaceError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.workspace import StageResult
from cvseeker.llama_index import EmbeddingQAFinetuneDataset, SentenceTransformersFinetuneEngine
from cvseeker.retrieval.encoder import LocalEncoder

EMBEDDING_MODULE = "llama_index.embeddings.huggingface"
PROMPT = "find: "


@dataclass
class Outcome:
    """Stands for what fine-tuning came to."""

    pairs: int
    verdict: dict[str, str] = field(default_factory=lambda: {"kept": "tuned"})
    refit_pairs: int = 0


@pytest.fixture
def dataset(tiny_dataset: RetrievalDataset) -> EmbeddingQAFinetuneDataset:
    return EmbeddingQAFinetuneDataset(
        queries=tiny_dataset.queries,
        corpus=tiny_dataset.corpus,
        relevant_docs={key: list(grades) for key, grades in tiny_dataset.qrels.items()},
    )


@pytest.fixture
def prompted_model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with prompts of its own for queries and for documents."""
    folder = tmp_path / "prompted"
    shutil.copytree(tiny_model, folder)
    config = folder / "config_sentence_transformers.json"
    write_json(config, read_json(config) | {"prompts": {"query": PROMPT, "document": "text: "}})
    return folder


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RetrievalDataset, Any, Any]]:
    """What the training underneath was given; nothing is trained."""
    calls: list[tuple[RetrievalDataset, Any, Any]] = []

    def finetune(
        train: RetrievalDataset, folder: Path, *, settings: Any, val: Any, scratch: Path, **_: Any
    ) -> Outcome:
        calls.append((train, val, settings))
        scratch.mkdir()
        (folder / "weights").write_text("w", encoding="utf-8")
        return Outcome(pairs=len(train.queries))

    monkeypatch.setattr("cvseeker.train.stage.finetune", finetune)
    return calls


def engine_for(
    dataset: Any, model: Path, out: Path, **changes: Any
) -> SentenceTransformersFinetuneEngine:
    options = {"val_dataset": dataset, "batch_size": 3, "show_progress_bar": False, **changes}
    return SentenceTransformersFinetuneEngine(dataset, str(model), str(out), **options)


def train_tiny(engine: SentenceTransformersFinetuneEngine) -> StageResult:
    """Six queries are too few for a verdict: the base is kept."""
    with pytest.warns(UserWarning, match="the base model was kept"):
        return engine.finetune()


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_the_parameters_are_those_of_the_original() -> None:
    parameters = inspect.signature(SentenceTransformersFinetuneEngine).parameters.values()
    assert {item.kind for item in parameters} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert [(item.name, item.default) for item in parameters] == [
        ("dataset", inspect.Parameter.empty),
        ("model_id", "BAAI/bge-small-en"),
        ("model_output_path", "exp_finetune"),
        ("batch_size", 10),
        ("val_dataset", None),
        ("loss", None),
        ("epochs", 2),
        ("show_progress_bar", True),
        ("evaluation_steps", 50),
        ("use_all_docs", False),
    ]


def test_a_model_is_trained_once(
    dataset: EmbeddingQAFinetuneDataset,
    tiny_model: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from sentence_transformers import SentenceTransformer

    out = tmp_path / "exp_finetune"
    result = train_tiny(engine_for(dataset, tiny_model, out))
    assert not result.skipped
    assert result.counts["pairs"] == 6
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exp_finetune"]
    assert not (out / ".training").exists()
    for folder in (out, out / "refused"):
        plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        assert plain.encode(["chef"]).shape == (1, 32)
    assert weights(out / "refused") != weights(out)

    before = weights(out)
    assert train_tiny(engine_for(dataset, tiny_model, out)).skipped
    (out / "manifest.json").unlink()
    with pytest.raises(WorkspaceError, match="not written by CVSeeker"):
        engine_for(dataset, tiny_model, out).finetune()
    assert weights(out) == before


def test_an_interrupted_training_leaves_no_model_and_goes_on(
    dataset: EmbeddingQAFinetuneDataset,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[int] = []

    @contextmanager
    def bar(title: str, *, shown: bool) -> Iterator[Callable[..., None]]:
        def progress(task: str, done: int, total: int, note: str = "") -> None:
            if task == "fine-tune":
                steps.append(done)
                if len(steps) == 6:
                    raise KeyboardInterrupt

        yield progress

    out = tmp_path / "interrupted"
    with monkeypatch.context() as patch:
        patch.setattr("cvseeker.llama_index.engine.bar", bar)
        with pytest.raises(KeyboardInterrupt):
            engine_for(dataset, tiny_model, out, epochs=4).finetune()
        assert not out.exists()
        train_tiny(engine_for(dataset, tiny_model, out, epochs=4))
    assert steps[6] > 1, "training began anew"
    train_tiny(engine_for(dataset, tiny_model, tmp_path / "straight", epochs=4))
    assert weights(out / "refused") == weights(tmp_path / "straight" / "refused")


def test_progress_is_shown_where_it_is_wanted(
    dataset: EmbeddingQAFinetuneDataset,
    tiny_model: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shown = {"epochs": 1, "show_progress_bar": True}
    train_tiny(engine_for(dataset, tiny_model, tmp_path / "out", **shown))
    out, err = capfd.readouterr()
    assert out == ""
    assert "fine-tune: 100%" in err
    assert "loss " in err


def test_a_refusal_is_told_each_time(
    dataset: EmbeddingQAFinetuneDataset,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(train: RetrievalDataset, folder: Path, *, scratch: Path, **_: Any) -> Outcome:
        scratch.mkdir()
        return Outcome(6, {"kept": "base", "reason": "no evidence"})

    monkeypatch.setattr("cvseeker.train.stage.finetune", refuse)
    for skipped in (False, True):
        with pytest.warns(UserWarning, match=r"kept \(no evidence\); the tuned one is") as caught:
            result = engine_for(dataset, tiny_model, tmp_path / "out").finetune()
        assert result.skipped == skipped
        assert caught[0].filename == __file__


def test_settings_reach_the_training(
    dataset: EmbeddingQAFinetuneDataset, tiny_model: Path, tmp_path: Path, trained: list[Any]
) -> None:
    engine_for(dataset, tiny_model, tmp_path / "out", epochs=3, batch_size=7).finetune()
    engine_for(dataset, tiny_model, tmp_path / "out2", val_dataset=None).finetune()
    (_, val, settings), (_, no_val, _) = trained
    assert (settings.base, settings.epochs, settings.batch_size) == (str(tiny_model), 3, 7)
    assert (val.corpus, val.queries) == (dataset.corpus, dataset.queries)
    assert {key: list(grades) for key, grades in val.qrels.items()} == dataset.relevant_docs
    assert no_val is None


@pytest.mark.parametrize("use_all_docs", [False, True])
def test_only_the_first_relevant_passage_counts_unless_all_are_wanted(
    dataset: EmbeddingQAFinetuneDataset,
    tiny_model: Path,
    tmp_path: Path,
    trained: list[Any],
    use_all_docs: bool,
) -> None:
    dataset.relevant_docs["q2"] = ["fay-okoro#1", "bo-lindahl#1"]
    out = tmp_path / "out"
    engine_for(dataset, tiny_model, out, use_all_docs=use_all_docs).finetune()
    train, val, _ = trained[0]
    assert train.corpus == dataset.corpus
    assert train.qrels["q1"] == {"ana-prunk#1": 1}
    first, both = {"fay-okoro#1": 1}, {"fay-okoro#1": 1, "bo-lindahl#1": 1}
    assert train.qrels["q2"] == (both if use_all_docs else first)
    assert val.qrels["q2"] == both
    assert (
        not engine_for(dataset, tiny_model, out, use_all_docs=not use_all_docs).finetune().skipped
    )


def test_a_grade_of_nought_is_not_the_first_relevant_passage(
    tiny_dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path, trained: list[Any]
) -> None:
    tiny_dataset.qrels["q1"] = {"bo-lindahl#1": 0, "ana-prunk#1": 2, "fay-okoro#1": 1}
    write_dataset(tiny_dataset, tmp_path / "beir", split="train")
    engine_for(tmp_path / "beir", tiny_model, tmp_path / "out").finetune()
    assert trained[0][0].qrels["q1"] == {"ana-prunk#1": 2}


def test_a_data_set_may_come_in_several_forms(
    dataset: EmbeddingQAFinetuneDataset, tiny_model: Path, tmp_path: Path, trained: list[Any]
) -> None:
    path, out = tmp_path / "train.json", tmp_path / "out"
    dataset.save_json(str(path))
    foreign = SimpleNamespace(**dataset.model_dump(exclude={"mode"}))
    assert not engine_for(foreign, tiny_model, out).finetune().skipped
    for same in (dataset, path, str(path), json.loads(path.read_text(encoding="utf-8"))):
        assert engine_for(same, tiny_model, out).finetune().skipped, type(same)
    dataset.queries["q1"] += " and more"
    assert not engine_for(dataset, tiny_model, out).finetune().skipped
    assert len(trained) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corpus": {}}, "no passages"),
        ({"relevant_docs": {"q1": []}}, "'q1' has no relevant passage"),
        ({"queries": {"q1": 7}}, "dataset SimpleNamespace: 'queries.q1': input should be"),
        ({"relevant_docs": {"q1": ["nobody#1"]}, "queries": {"q1": "chef"}}, "'nobody#1'"),
    ],
)
def test_a_bad_data_set_is_refused_before_anything_is_written(
    dataset: EmbeddingQAFinetuneDataset,
    tiny_model: Path,
    tmp_path: Path,
    change: dict[str, Any],
    message: str,
) -> None:
    bad = SimpleNamespace(**(dataset.model_dump() | change))
    with pytest.raises(DatasetError, match=message) as caught:
        engine_for(bad, tiny_model, tmp_path / "out", val_dataset=dataset)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (None, "dataset NoneType: 'value': .* expected an EmbeddingQAFinetuneDataset"),
        (SimpleNamespace(queries={}, corpus={}), "'relevant_docs': field required"),
        ("nowhere.json", "nowhere.json: no such file"),
    ],
)
def test_what_is_no_data_set_is_refused(dataset: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        SentenceTransformersFinetuneEngine(dataset)


def test_a_loss_of_ones_own_is_refused(dataset: EmbeddingQAFinetuneDataset) -> None:
    with pytest.raises(SettingsError, match=r"loss SimpleNamespace: .* expected loss=None"):
        SentenceTransformersFinetuneEngine(dataset, loss=SimpleNamespace())


def test_a_batch_of_one_is_refused(dataset: EmbeddingQAFinetuneDataset) -> None:
    with pytest.raises(SettingsError, match="batch_size is 1"):
        SentenceTransformersFinetuneEngine(dataset, batch_size=1)


class HuggingFaceEmbedding:
    """Encodes as LlamaIndex's class does: with prompts under the names ``query`` and ``text``."""

    def __init__(self, model_name: str, **options: Any) -> None:
        from sentence_transformers import SentenceTransformer

        self.options = options
        prompts = {name: options[f"{name}_instruction"] or "" for name in ("query", "text")}
        self.model = SentenceTransformer(
            model_name, device="cpu", prompts=prompts, local_files_only=True
        )

    def encode(self, texts: list[str], prompt_name: str) -> Any:
        return self.model.encode(texts, prompt_name=prompt_name, normalize_embeddings=True)


def test_llama_index_gets_the_same_vectors(
    dataset: EmbeddingQAFinetuneDataset,
    prompted_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stub = ModuleType(EMBEDDING_MODULE)
    stub.HuggingFaceEmbedding = HuggingFaceEmbedding  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, EMBEDDING_MODULE, stub)
    monkeypatch.chdir(tmp_path)
    engine = engine_for(dataset, prompted_model, Path("out"), epochs=1)
    train_tiny(engine)
    monkeypatch.chdir(tmp_path.parent)
    model = engine.get_finetuned_model(embed_batch_size=7)
    assert model.options["trust_remote_code"] is False
    assert model.options["embed_batch_size"] == 7
    assert model.options["query_instruction"] == PROMPT
    assert model.options["text_instruction"] == "text: "
    ours = LocalEncoder.from_name(str(tmp_path / "out"))
    queries = list(dataset.queries.values())
    passages = [text[:60] for text in dataset.corpus.values()]
    embeddings = ours.encode_passages(passages)
    assert len(embeddings.windows) == len(passages), "a passage is to be one window here"
    assert np.allclose(model.encode(queries, "query"), ours.encode_queries(queries), atol=1e-6)
    assert np.allclose(model.encode(passages, "text"), embeddings.vectors, atol=1e-6)
    assert not np.allclose(model.encode(queries, "text"), ours.encode_queries(queries), atol=1e-3)


def test_without_llama_index_the_error_names_the_way_out(
    dataset: EmbeddingQAFinetuneDataset,
    tiny_model: Path,
    tmp_path: Path,
    trained: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, EMBEDDING_MODULE, None)
    engine = engine_for(dataset, tiny_model, tmp_path / "out")
    with pytest.raises(WorkspaceError, match=r"call finetune\(\) first"):
        engine.get_finetuned_model()
    engine.finetune()
    with pytest.raises(MissingExtraError) as caught:
        engine.get_finetuned_model()
    message = str(caught.value)
    assert "run: pip install llama-index-embeddings-huggingface" in message
    assert f"SentenceTransformer('{tmp_path / 'out'}')" in message
    assert "\n" not in message


def test_the_import_loads_nothing_heavy() -> None:
    code = (
        "import sys, cvseeker.llama_index; "
        "print({'torch', 'sentence_transformers', 'transformers', 'datasets'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
