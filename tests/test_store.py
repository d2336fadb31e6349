import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.errors import ModelError
from cvseeker.core.training_settings import WindowSettings
from cvseeker.retrieval import corpus as corpora
from cvseeker.retrieval import encoder as local
from cvseeker.retrieval import store as module
from cvseeker.retrieval.codec import CODEC_FILE, TokenCodec
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import VectorStore, encoder_identity
from cvseeker.retrieval.tokens import encode_passages_with_tokens

TEXTS = ["chef", "Go and Kafka " * 9, "night nurse", "...", "payroll in SAP", "a chef and a nurse"]


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> LocalEncoder:
    windows = WindowSettings(window_tokens=24, overlap_tokens=8)
    return LocalEncoder.from_name(str(tiny_model), windows=windows)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the texts that a model was run over, as they come."""
    seen: list[str] = []

    def spy(encoder: LocalEncoder, texts: Sequence[str]) -> Any:
        seen.extend(texts)
        return encode_passages_with_tokens(encoder, texts)

    monkeypatch.setattr(corpora, "encode_passages_with_tokens", spy)
    return seen


def same(one: EncodedCorpus, other: EncodedCorpus) -> None:
    assert one.codes is not None
    assert other.codes is not None
    assert one.embeddings.windows == other.embeddings.windows
    assert one.embeddings.owners.tolist() == other.embeddings.owners.tolist()
    assert np.allclose(one.embeddings.vectors, other.embeddings.vectors, atol=1e-5)
    assert one.codes.bounds.tolist() == other.codes.bounds.tolist()
    assert one.codes.spans.tolist() == other.codes.spans.tolist()
    assert one.codes.frequencies.tolist() == other.codes.frequencies.tolist()
    # A number beside its centre may tip.
    assert np.mean(one.codes.codes == other.codes.codes) > 0.97


def test_it_is_what_the_model_says_of_the_passages(
    encoder: LocalEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "BLOCK", 4)
    reports: list[tuple[int, int]] = []
    corpus = VectorStore().encode_corpus(
        encoder, TEXTS, lambda _task, done, total, _note: reports.append((done, total))
    )
    plain, tokens = encode_passages_with_tokens(encoder, TEXTS)
    assert reports == [(4, 6), (6, 6)]
    assert corpus.embeddings.windows == plain.windows
    assert np.allclose(corpus.embeddings.vectors, plain.vectors, atol=1e-5)
    assert corpus.codes is not None
    assert corpus.codes.spans.tolist() == tokens.spans.tolist()
    assert corpus.codes.frequencies.tolist() == tokens.frequencies.tolist()
    # The codec is fitted to the first block.
    _, first = encode_passages_with_tokens(encoder, TEXTS[:4])
    assert np.allclose(corpus.codes.codec.center, TokenCodec.fit(first.vectors).center, atol=1e-4)
    assert corpus.seconds > 0


@settings(max_examples=15)
@given(
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=9),
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=9),
)
def test_any_choice_in_any_order_is_what_encoding_anew_gives(
    encoder: LocalEncoder,
    tmp_path_factory: pytest.TempPathFactory,
    first: list[str],
    second: list[str],
) -> None:
    fixed = LocalEncoder(encoder.model, name="fixed", windows=encoder.windows)
    fixed.codec = TokenCodec.fit(encode_passages_with_tokens(encoder, TEXTS)[1].vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "BLOCK", 2)
        store = VectorStore(tmp_path_factory.mktemp("store"))
        store.encode_corpus(fixed, first)
        same(store.encode_corpus(fixed, second), VectorStore().encode_corpus(fixed, second))


def test_nothing_is_encoded_twice(
    encoder: LocalEncoder, encoded: list[str], tmp_path: Path
) -> None:
    store = VectorStore(tmp_path)
    store.encode_corpus(encoder, TEXTS[:4])
    reports: list[Any] = []
    again = VectorStore(tmp_path).encode_corpus(
        encoder, [TEXTS[2], TEXTS[5], TEXTS[0], TEXTS[2]], lambda *call: reports.append(call)
    )
    assert encoded == [*TEXTS[:4], TEXTS[5]]
    assert [done for _, done, _, _ in reports] == [1]
    assert [window.passage for window in again.embeddings.windows] == [0, 1, 2, 3]


def test_an_interrupted_run_goes_on(
    encoder: LocalEncoder, encoded: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "BLOCK", 2)

    def stop(_task: str, done: int, _total: int, _note: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        VectorStore(tmp_path).encode_corpus(encoder, TEXTS, stop)
    VectorStore(tmp_path).encode_corpus(encoder, TEXTS)
    assert encoded == TEXTS


def test_another_model_window_or_precision_is_another_entry(
    encoder: LocalEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = LocalEncoder(encoder.model, name="other", windows=WindowSettings(window_tokens=32))
    identities = {encoder_identity(encoder), encoder_identity(other)}
    monkeypatch.setenv("CVSEEKER_PRECISION", "bf16")
    identities.add(encoder_identity(encoder))
    assert len(identities) == 3


def test_codes_of_another_codec_lie_elsewhere(encoder: LocalEncoder, tmp_path: Path) -> None:
    store = VectorStore(tmp_path)
    fitted = store.encode_corpus(encoder, TEXTS)
    own = LocalEncoder(encoder.model, name="own", windows=encoder.windows)
    own.codec = TokenCodec.fit(encode_passages_with_tokens(encoder, TEXTS)[1].vectors, dims=16)
    codes = store.encode_corpus(own, TEXTS).codes
    assert codes is not None
    assert codes.codes.shape[1] == 2
    assert store.encode_corpus(own, TEXTS).codes is not None
    same(store.encode_corpus(encoder, TEXTS), fitted)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def rewrite(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Return what changes the arrays of a block and keeps the file whole."""

    def work(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        change(arrays)
        np.savez(path, **arrays)

    return work


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("*.npz", cut),
        ("*.npz", lambda path: path.write_bytes(b"")),
        ("*.npz", rewrite(lambda arrays: arrays["vectors"].fill(np.nan))),
        ("*.npz", rewrite(lambda arrays: arrays.update(codes=arrays["codes"][1:]))),
        ("*.npz", rewrite(lambda arrays: arrays.update(windows=arrays["windows"][1:]))),
        ("*.npz", rewrite(lambda arrays: arrays.pop("ids"))),
        (CODEC_FILE, Path.unlink),
        (CODEC_FILE, cut),
        (CODEC_FILE, lambda path: TokenCodec.fit(np.eye(32, dtype=np.float32)).save(path.parent)),
    ],
)
def test_what_is_damaged_or_gone_is_encoded_again(
    encoder: LocalEncoder,
    encoded: list[str],
    tmp_path: Path,
    name: str,
    damage: Callable[[Path], Any],
) -> None:
    store = VectorStore(tmp_path)
    store.encode_corpus(encoder, TEXTS)
    for path in tmp_path.rglob(name):
        damage(path)
    again = store.encode_corpus(encoder, TEXTS)
    if name != CODEC_FILE:
        same(again, VectorStore().encode_corpus(encoder, TEXTS))
    assert encoded[: 2 * len(TEXTS)] == [*TEXTS, *TEXTS]
    del encoded[:]
    store.encode_corpus(encoder, TEXTS)
    assert encoded == []


def test_queries_are_encoded_once(encoder: LocalEncoder, tmp_path: Path) -> None:
    store = VectorStore(tmp_path)
    first, seconds = store.encode_queries(encoder, TEXTS)
    again, remembered = store.encode_queries(encoder, TEXTS)
    assert remembered == seconds > 0
    plain = EncodedQueries.from_texts(TEXTS, encoder)
    for found in (first, again):
        assert found.words == plain.words
        assert np.allclose(found.vectors, plain.vectors, atol=1e-6)
        assert found.tokens is not None
        assert plain.tokens is not None
        assert found.tokens.spans.tolist() == plain.tokens.spans.tolist()
        assert np.allclose(found.tokens.vectors, plain.tokens.vectors, atol=1e-6)


def test_the_models_used_last_are_kept(
    hash_encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_MODELS", 2)
    (tmp_path / "embeddings.sqlite").touch()
    (tmp_path / "notes").mkdir()
    store = VectorStore(tmp_path)
    folders: dict[str, Path] = {}
    for name, kept in (
        ("base", {"base"}),
        ("first", {"base", "first"}),
        ("base", {"base", "first"}),
        ("second", {"base", "second"}),
        ("third", {"second", "third"}),
    ):
        hash_encoder.identity = name
        store.encode_corpus(hash_encoder, TEXTS)
        folders[name] = tmp_path / encoder_identity(hash_encoder)
        for known in folders.values():  # a minute passes
            if known.exists():
                os.utime(known, (0, known.stat().st_mtime - 60))
        assert {key for key, folder in folders.items() if folder.exists()} == kept
    assert (tmp_path / "embeddings.sqlite").exists()
    assert (tmp_path / "notes").exists()


def test_weights_are_hashed_once_while_they_stay(
    encoder: LocalEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []
    whole = local._weights_hash

    def spy(model: Any) -> str:
        hashed.append(1)
        return whole(model)

    monkeypatch.setattr(local, "_weights_hash", spy)
    fresh = LocalEncoder(encoder.model, name="fresh", windows=encoder.windows)
    first = encoder_identity(fresh)
    assert encoder_identity(fresh) == first
    assert len(hashed) == 1
    weight = next(encoder.model.parameters())
    before = weight.detach().clone()
    with torch.no_grad():
        weight += 1
    changed = encoder_identity(fresh)
    with torch.no_grad():
        weight.copy_(before)
    assert changed != first
    assert encoder_identity(fresh) == first
    assert len(hashed) == 3


def test_an_encoder_without_token_vectors_has_pooled_ones(
    hash_encoder: Any, tmp_path: Path
) -> None:
    store = VectorStore(tmp_path)
    corpus = store.encode_corpus(hash_encoder, TEXTS)
    assert corpus.codes is None
    expected = hash_encoder.encode_passages(TEXTS)
    assert np.allclose(corpus.embeddings.vectors, expected.vectors)
    assert np.allclose(
        store.encode_corpus(hash_encoder, TEXTS).embeddings.vectors, expected.vectors
    )
    with pytest.raises(ModelError, match="no token vectors"):
        corpus.late()


def test_vectors_that_are_no_numbers_are_refused(hash_encoder: Any, tmp_path: Path) -> None:
    class Broken(type(hash_encoder)):  # type: ignore[misc]
        def encode_passages(self, texts: Sequence[str], *rest: Any) -> Any:
            pooled = super().encode_passages(texts, *rest)
            pooled.vectors[0] = np.nan
            return pooled

    with pytest.raises(ModelError, match="hold NaN or infinity"):
        VectorStore(tmp_path).encode_corpus(Broken(), TEXTS)
    assert not list(tmp_path.rglob("*.npz"))


def test_an_empty_corpus_is_empty(hash_encoder: Any) -> None:
    assert not VectorStore().encode_corpus(hash_encoder, []).embeddings.windows
