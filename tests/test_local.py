import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.core.errors import CVSeekerError, ModelError
from cvseeker.core.training_settings import WindowSettings
from cvseeker.retrieval import encoder as local
from cvseeker.retrieval.encoder import LocalEncoder, load_model
from cvseeker.retrieval.models import QUERY_PROMPTS, BaseModelChoice, choose_model
from cvseeker.retrieval.query_encoder import QueryEncoder

LONG = "Backend engineer. Go, PostgreSQL and Kafka for a payment service. " * 12
SMALL = WindowSettings(window_tokens=24, overlap_tokens=6)


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> LocalEncoder:
    return LocalEncoder.from_name(str(tiny_model), windows=SMALL)


def plain(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def with_prompts(model: Path, folder: Path, **settings: Any) -> Path:
    """Copy a model and change what its configuration says of prompts."""
    shutil.copytree(model, folder)
    path = folder / "config_sentence_transformers.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return folder


def test_vectors_are_of_unit_length(encoder: LocalEncoder) -> None:
    queries = encoder.encode_queries(["chef", LONG, ""])
    windows = encoder.encode_passages(["chef", LONG, ""]).vectors
    for vectors in (queries, windows):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == 32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_order_is_kept(encoder: LocalEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["chef", LONG, "nurse on nights", "payroll", LONG[:200], "drives"]
    alone = np.concatenate([encoder.encode_queries([text]) for text in texts])
    assert np.allclose(encoder.encode_queries(texts), alone, atol=1e-6)
    monkeypatch.setattr(local, "BATCH_TOKENS", 64)
    assert np.allclose(encoder.encode_queries(texts), alone, atol=1e-6)


def test_windows_belong_to_their_passages(encoder: LocalEncoder) -> None:
    texts = ["chef", LONG, "nurse"]
    embeddings = encoder.encode_passages(texts)
    assert embeddings.owners.tolist() == [window.passage for window in embeddings.windows]
    assert embeddings.owners[0] == 0
    assert embeddings.owners[-1] == 2
    assert np.all(np.diff(embeddings.owners) >= 0)
    assert len(embeddings.windows) > 4
    for window, vector in zip(embeddings.windows, embeddings.vectors, strict=True):
        assert window.text in texts[window.passage]
        assert np.allclose(encoder.encode_queries([window.text])[0], vector, atol=1e-6)


def test_a_passage_of_one_window_is_plainly_encoded(
    encoder: LocalEncoder, tiny_model: Path, tiny_corpus: dict[str, str]
) -> None:
    texts = [text[:60] for text in tiny_corpus.values()]
    whole = LocalEncoder(encoder.model, name="tiny", windows=WindowSettings())
    embeddings = whole.encode_passages(texts)
    assert len(embeddings.windows) == len(texts)
    assert np.allclose(embeddings.vectors, plain(tiny_model).encode(texts), atol=1e-6)


def test_a_saved_encoder_is_a_plain_model(encoder: LocalEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path / "saved")
    texts = ["chef", "intensive care nurse"]
    assert np.array_equal(plain(tmp_path / "saved").encode(texts), encoder.model.encode(texts))
    again = LocalEncoder.from_name(str(tmp_path / "saved"))
    assert again.windows == SMALL
    assert np.array_equal(again.encode_queries(texts), encoder.encode_queries(texts))
    named = LocalEncoder.from_name(str(tmp_path / "saved"), windows=WindowSettings())
    assert named.windows == WindowSettings()


def test_a_model_saved_by_others_has_the_default_windows(tiny_model: Path) -> None:
    assert LocalEncoder.from_name(str(tiny_model)).windows == WindowSettings()


def test_the_query_prompt_is_put_before_queries_only(tiny_model: Path, tmp_path: Path) -> None:
    folder = with_prompts(tiny_model, tmp_path / "m", prompts={"query": "backend engineer: "})
    encoder, model = LocalEncoder.from_name(str(folder)), plain(tiny_model)
    assert encoder.query_prompt == "backend engineer: "
    expected = model.encode(["backend engineer: chef", "chef"])
    assert np.allclose(encoder.encode_queries(["chef"])[0], expected[0], atol=1e-6)
    assert np.allclose(encoder.encode_passages(["chef"]).vectors[0], expected[1], atol=1e-6)
    assert not np.allclose(expected[0], expected[1], atol=1e-3)


def test_a_default_prompt_is_not_put_before_passages(tiny_model: Path, tmp_path: Path) -> None:
    folder = with_prompts(
        tiny_model, tmp_path / "m", prompts={"query": "nurse: "}, default_prompt_name="query"
    )
    encoder, model = LocalEncoder.from_name(str(folder)), plain(tiny_model)
    vectors = encoder.encode_passages(["chef"]).vectors
    assert np.allclose(vectors, model.encode(["chef"]), atol=1e-6)
    assert np.allclose(encoder.encode_queries(["chef"]), model.encode(["nurse: chef"]), atol=1e-6)


def test_a_known_models_prompt_is_filled_in(tiny_model: Path) -> None:
    ((name, prompt),) = QUERY_PROMPTS.items()
    assert load_model(BaseModelChoice(name, str(tiny_model), is_local=True)).prompts["query"] == (
        prompt
    )
    other = load_model(BaseModelChoice("other", str(tiny_model), is_local=True))
    assert not other.prompts.get("query")


@pytest.mark.parametrize("limit", [16, 64])
def test_windows_are_no_longer_than_the_model_reads(tiny_model: Path, limit: int) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    encoder.model.max_seq_length = limit
    windows = encoder.split([LONG])
    lengths = [len(encoder.model.tokenizer(window.text)["input_ids"]) for window in windows]
    assert limit // 2 < max(lengths) <= limit
    assert encoder.windows.window_tokens == WindowSettings().window_tokens


def test_progress_is_told_and_nothing_is_printed(
    encoder: LocalEncoder,
    tiny_model: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(local, "BATCH_TOKENS", 256)
    calls: list[tuple[str, int, int, str]] = []
    loaded = LocalEncoder.from_name(str(tiny_model), windows=SMALL)
    embeddings = loaded.encode_passages([LONG, "chef"], lambda *call: calls.append(call))
    loaded.save(tmp_path / "saved")
    count = len(embeddings.windows)
    done = [done for _, done, _, _ in calls]
    assert len(done) > 1
    assert done == sorted(done)
    assert done[-1] == count
    assert {(task, total) for task, _, total, _ in calls} == {(f"encode with {tiny_model}", count)}
    assert capfd.readouterr() == ("", "")


def rewrite_weights(change: Callable[[str, Any], Any]) -> Callable[[Path], None]:
    """Return what changes a folder's weights by name."""

    def work(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        path = folder / "model.safetensors"
        weights = load_file(path)
        save_file({name: change(name, weights[name]) for name in weights}, path)

    return work


def only(part: str, value: float) -> Callable[[str, Any], Any]:
    return lambda name, array: np.full_like(array, value) if part in name else array


def one_nan(name: str, array: Any) -> Any:
    changed = array.copy()
    changed.flat[-1] = np.nan if "word_embeddings" in name else changed.flat[-1]
    return changed


def put(name: str, content: bytes | str) -> Callable[[Path], Any]:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def pooling(**values: Any) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        (path,) = folder.glob("*Pooling/config.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return work


def without_tokenizer(folder: Path) -> None:
    for path in [*folder.glob("token*"), *folder.glob("vocab*"), *folder.glob("special*")]:
        path.unlink()


BROKEN: dict[str, Callable[[Path], Any]] = {
    "no weights": put("model.safetensors", b"no weights"),
    "empty weights": put("model.safetensors", b""),
    "cut weights": lambda folder: os.truncate(folder / "model.safetensors", 20_000),
    "a header beyond the file": put("model.safetensors", b"\xff" * 64),
    "weights of zero": rewrite_weights(only("", 0)),
    "words of zero": rewrite_weights(only("word_embeddings", 0)),
    "weights of NaN": rewrite_weights(only("", np.nan)),
    "one NaN": rewrite_weights(one_nan),
    "infinite": rewrite_weights(only("LayerNorm.bias", np.inf)),
    "another size": rewrite_weights(lambda name, array: array[..., :-1].copy()),
    "no tokenizer": without_tokenizer,
    "an empty tokenizer": put("tokenizer.json", "{}"),
    "a tokenizer too deep": put("tokenizer.json", "[" * 100_000),
    "a tokenizer of bytes": put("tokenizer.json", b"\xff\x00"),
    "no modules": put("modules.json", "[]"),
    "modules too deep": put("modules.json", "[" * 100_000),
    "modules that are none": put("modules.json", '{"a": 1}'),
    "numbers too long": put("config_sentence_transformers.json", '{"a": ' + "9" * 5000 + "}"),
    "unknown pooling": pooling(pooling_mode="nonsense"),
    "pooling of other dimensions": pooling(
        word_embedding_dimension=10**9, embedding_dimension=10**9
    ),
    "windows of nobody": put("cvseeker.json", '{"windows": {"window_tokens": "many"}}'),
    "settings too deep": put("cvseeker.json", "[" * 100_000),
    "settings that are none": put("cvseeker.json", "[1]"),
    "a codec of another": put("late.safetensors", b"\x08\0\0\0\0\0\0\0{}      "),
    "an unknown model": put("config.json", '{"model_type": "unheard-of"}'),
    "an empty configuration": put("config.json", "{}"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_loaded_is_told_in_one_line(
    tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    BROKEN[kind](broken)
    with pytest.raises(CVSeekerError) as caught:
        LocalEncoder.from_name(str(broken))
    assert str(broken) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def renamed(change: Callable[[str], str | None]) -> Callable[[Path], object]:
    """Give the weights other names, or none."""

    def rename(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        path = folder / "model.safetensors"
        weights = {change(name): array for name, array in load_file(path).items()}
        kept = {name: array for name, array in weights.items() if name is not None}
        save_file(kept, path, metadata={"format": "pt"})

    return rename


@pytest.mark.parametrize(
    "change",
    [
        lambda name: f"other.{name}",
        lambda name: name.replace("layer.1.", "layer.9."),
        lambda name: None if name == "encoder.layer.0.output.dense.bias" else name,
    ],
    ids=["all", "a layer", "one left out"],
)
def test_weights_of_other_names_are_not_made_up(
    tiny_model: Path, tmp_path: Path, change: Callable[[str], str | None]
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "other"))
    renamed(change)(folder)
    assert QueryEncoder.from_choice(choose_model(str(folder))) is None
    with pytest.raises(ModelError, match=r"its files have no weight (encoder|embeddings)\."):
        LocalEncoder.from_name(str(folder))


@pytest.mark.parametrize(
    "change",
    [lambda name: f"bert.{name}", lambda name: None if "pooler" in name else name],
    ids=["with a prefix", "without a pooler"],
)
def test_names_that_the_library_knows_and_weights_without_use_do_not_matter(
    tiny_model: Path, tmp_path: Path, change: Callable[[str], str | None]
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "other"))
    renamed(change)(folder)
    expected = LocalEncoder.from_name(str(tiny_model)).encode_queries(["a pastry chef"])
    found = LocalEncoder.from_name(str(folder)).encode_queries(["a pastry chef"])
    assert np.array_equal(found, expected)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


def test_pickled_weights_are_not_run(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "trap"))
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(tmp_path / "sprung")))
    with pytest.raises(ModelError, match="cannot load this model"):
        LocalEncoder.from_name(str(folder))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("kind", ["subprocess.Popen", "os.system", "builtins.exec"])
def test_a_foreign_class_is_not_loaded(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "trap"))
    modules = json.loads((folder / "modules.json").read_text())
    modules[-1]["type"] = kind
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match="cannot load this model"):
        LocalEncoder.from_name(str(folder))


def test_code_that_comes_with_weights_is_not_run(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trap"
    shutil.copytree(tiny_model, folder)
    (folder / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\nclass Trap: pass\n")
    modules = json.loads((folder / "modules.json").read_text())
    modules[-1]["type"] = "trap.Trap"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match="cannot load this model"):
        LocalEncoder.from_name(str(folder))
    assert not (tmp_path / "sprung").exists()


def test_a_tokenizer_without_offsets_is_refused(tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models

    tokenizer = Tokenizer(models.WordLevel({"chef": 0, "[UNK]": 1}, unk_token="[UNK]"))
    static = StaticEmbedding(tokenizer, embedding_weights=torch.eye(2).numpy())
    SentenceTransformer(modules=[static], device="cpu").save_pretrained(
        str(tmp_path / "static"), create_model_card=False
    )
    with pytest.raises(ModelError, match="gives no character offsets"):
        LocalEncoder.from_name(str(tmp_path / "static"))
