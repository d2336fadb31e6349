from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvseeker.core.errors import InputError, ModelError
from cvseeker.core.training_settings import WindowSettings
from cvseeker.retrieval.codec import CODEC_FILE, TokenCodec, TokenCodes
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.tokens import TokenVectors, encode_passages_with_tokens, unit


def vectors(count: int, dim: int = 32, seed: int = 1) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32))


@pytest.fixture
def codec() -> TokenCodec:
    return TokenCodec.fit(vectors(500), dims=16)


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> LocalEncoder:
    windows = WindowSettings(window_tokens=24, overlap_tokens=8)
    return LocalEncoder.from_name(str(tiny_model), windows=windows)


@given(
    arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 5).map(lambda number: 8 * number)))
)
def test_the_signs_of_numbers_are_decoded(signs: np.ndarray) -> None:
    k = signs.shape[1]
    center, spread = np.full(k, 0.01, np.float32), np.full(k, 0.1, np.float32)
    codec = TokenCodec(np.eye(k, dtype=np.float32), center, spread)
    given = np.where(signs, 0.5, -0.5).astype(np.float32)
    codes = codec.encode(given)
    assert codes.shape == (len(signs), k // 8)
    assert codes.dtype == np.uint8
    decoded = codec.decode(codes)
    assert decoded.dtype == np.float32
    assert np.allclose(decoded, np.where(signs, 0.11, -0.09), atol=1e-6)
    assert np.array_equal(codec.encode(decoded), codes)


def test_the_last_digits_do_not_make_the_signs() -> None:
    # Sixteen dimensions of one variance, whose axes may be any, and some that are left out.
    alike, _ = np.linalg.qr(vectors(2000).astype(np.float64))
    corpus = (40 * alike * np.where(np.arange(32) < 16, 1, 0.1)).astype(np.float32)
    noise = vectors(2000, seed=3)
    one, other = (TokenCodec.fit(given, dims=16) for given in (corpus, corpus + 1e-3 * noise))
    signs = [2 * codec.signs(codec.encode(corpus)) - 1 for codec in (one, other)]
    # A dimension may be turned round as a whole, which changes no score.
    agreeing = np.abs((signs[0] * signs[1]).mean(axis=0))
    assert agreeing.min() > 0.9


def test_cosines_with_codes_are_right_on_average() -> None:
    corpus, queries = vectors(4000, dim=64), vectors(40, dim=64, seed=2)
    # Some answer a query and some are its opposite, as far as tokens do.
    corpus[:40] = unit(queries + 0.1 * corpus[:40])
    corpus[40:80] = unit(-queries + 0.1 * corpus[40:80])
    codec = TokenCodec.fit(corpus, dims=64)
    full = queries @ corpus.T
    coded = codec.project(queries) @ codec.decode(codec.encode(corpus)).T
    slope, offset = np.polyfit(full.ravel(), coded.ravel(), 1)
    assert slope == pytest.approx(1, abs=0.05)
    assert offset == pytest.approx(0, abs=0.01)
    assert np.corrcoef(full.ravel(), coded.ravel())[0, 1] > 0.75


def test_the_dimensions_of_most_variance_are_kept() -> None:
    scales = np.where(np.arange(24) % 3 == 0, 4, 0.1)
    given = (np.random.default_rng(1).normal(size=(900, 24)) * scales).astype(np.float32)
    codec = TokenCodec.fit(unit(given), dims=8)
    kept = np.linalg.norm(codec.projection, axis=1)
    assert np.allclose(kept, scales > 1, atol=0.05)
    assert np.allclose(codec.projection.T @ codec.projection, np.eye(8), atol=1e-5)


@pytest.mark.parametrize(("dims", "kept"), [(16, 16), (15, 8), (288, 32)])
def test_signs_fill_whole_bytes(dims: int, kept: int) -> None:
    codec = TokenCodec.fit(vectors(99), dims=dims)
    assert codec.encode(vectors(3)).shape == (3, kept // 8)


@pytest.mark.parametrize(("count", "dim", "dims"), [(0, 32, 16), (9, 32, 7), (9, 4, 16)])
def test_what_no_signs_can_be_made_of_is_refused(count: int, dim: int, dims: int) -> None:
    with pytest.raises(InputError, match=f"^{count} token vectors of {dim} dim.* to fit {dims} "):
        TokenCodec.fit(vectors(count, dim), dims=dims)


def test_another_models_vectors_are_refused(codec: TokenCodec) -> None:
    with pytest.raises(InputError, match="24 dimensions for a codec of 32"):
        codec.project(vectors(3, dim=24))


def test_a_codec_is_read_as_it_was_written(codec: TokenCodec, tmp_path: Path) -> None:
    codec.save(tmp_path)
    read = TokenCodec.load(tmp_path)
    for name in ("projection", "center", "spread"):
        assert np.array_equal(getattr(read, name), getattr(codec, name))
        assert getattr(read, name).dtype == np.float32


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_missing_or_damaged_codec_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / CODEC_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="cannot read how token vectors are kept") as caught:
        TokenCodec.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_codes_say_what_the_vectors_do(
    encoder: LocalEncoder, codec: TokenCodec, tiny_corpus: dict[str, str]
) -> None:
    _, tokens = encode_passages_with_tokens(encoder, [*tiny_corpus.values(), "..."])
    codes = TokenCodes.from_vectors(tokens, codec)
    assert codes.spans.tolist() == tokens.spans.tolist()
    assert codes.bounds.tolist() == tokens.bounds.tolist()
    assert codes.frequencies.tolist() == tokens.frequencies.tolist()
    some = np.array([3, 0, 11])
    asked = codec.project(tokens.vectors[:2])
    expected = codec.decode(codec.encode(tokens.vectors))[some] @ asked.T
    factors, offsets = codes.project(tokens.vectors[:2])
    assert np.allclose(codes.rows(some) @ factors.T + offsets, expected, atol=1e-5)
    count = len(tokens.ids)
    assert codes.bytes_per_passage == (count * (16 / 8 + 4 + 2) + 8 * 8) / 7


def test_a_passage_of_750_tokens_takes_no_more_than_32_kib() -> None:
    spans = np.stack([np.arange(750) * 6, np.arange(750) * 6 + 5], axis=1)
    given = vectors(750, dim=384)
    tokens = TokenVectors(given, np.arange(750), spans, np.array([0, 750]))
    codes = TokenCodes.from_vectors(tokens, TokenCodec.fit(given))
    assert codes.codes.shape[1] == 288 / 8
    assert codes.bytes_per_passage <= 32 * 1024
