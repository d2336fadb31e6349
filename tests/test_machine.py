import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cvseeker.core.errors import SettingsError
from cvseeker.core.training_settings import WindowSettings
from cvseeker.retrieval import machine
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.machine import encoding_dtype, threads_on
from cvseeker.retrieval.tokens import encode_passages_with_tokens


@pytest.fixture
def encoder(tiny_model: Path) -> LocalEncoder:
    windows = WindowSettings(window_tokens=24, overlap_tokens=8)
    return LocalEncoder.from_name(str(tiny_model), windows=windows)


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the trial decide; return where it is remembered."""
    monkeypatch.setenv("CVSEEKER_PRECISION", "auto")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    machine._tried.cache_clear()
    return tmp_path / "cache" / "cvseeker" / "precision.json"


@pytest.mark.parametrize(
    ("speedup", "expected"), [(2.5, torch.bfloat16), (1.1, torch.float32), (0.4, torch.float32)]
)
def test_the_faster_one_is_used_and_remembered(
    untried: Path, monkeypatch: pytest.MonkeyPatch, speedup: float, expected: torch.dtype
) -> None:
    monkeypatch.setattr(machine, "_speedup", lambda device: speedup)
    assert encoding_dtype("cpu") == expected
    assert len(json.loads(untried.read_text())) == 1
    machine._tried.cache_clear()
    monkeypatch.delattr(machine, "_speedup")  # not tried again
    assert encoding_dtype("cpu") == expected


def test_it_is_really_tried(untried: Path) -> None:
    assert 0.01 < machine._speedup("cpu") < 100
    assert machine._speedup("mps") == 0


def test_a_directory_that_cannot_be_written_is_no_matter(
    untried: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    monkeypatch.setattr(machine, "_speedup", lambda device: 2.0)
    assert encoding_dtype("cpu") == torch.bfloat16


def test_a_damaged_memory_is_written_anew(untried: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    untried.parent.mkdir(parents=True)
    untried.write_text("{")
    monkeypatch.setattr(machine, "_speedup", lambda device: 2.0)
    assert encoding_dtype("cpu") == torch.bfloat16
    assert list(json.loads(untried.read_text()).values()) == ["bf16"]


def test_the_variable_overrides_and_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVSEEKER_PRECISION", "bf16")
    assert encoding_dtype("cpu") == torch.bfloat16
    monkeypatch.setenv("CVSEEKER_PRECISION", "fp64")
    with pytest.raises(SettingsError, match="'fp64'; expected one of: auto, fp32, bf16"):
        encoding_dtype("cpu")


def test_half_the_bits_say_nearly_the_same(
    encoder: LocalEncoder, tiny_corpus: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = list(tiny_corpus.values())
    pooled, tokens = encode_passages_with_tokens(encoder, texts)
    monkeypatch.setenv("CVSEEKER_PRECISION", "bf16")
    half_pooled, half_tokens = encode_passages_with_tokens(encoder, texts)
    assert encoder.encoding_model() is not encoder.model
    assert half_pooled.vectors.dtype == half_tokens.vectors.dtype == np.float32
    assert not np.array_equal(pooled.vectors, half_pooled.vectors)
    assert (pooled.vectors * half_pooled.vectors).sum(axis=1).min() > 0.999
    assert (tokens.vectors * half_tokens.vectors).sum(axis=1).min() > 0.995
    assert next(encoder.model.parameters()).dtype == torch.float32


def test_the_copy_follows_the_weights(
    encoder: LocalEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVSEEKER_PRECISION", "bf16")
    before = encoder.encode_queries(["pastry chef"])
    assert encoder.encoding_model() is encoder.encoding_model()
    with torch.no_grad():
        for weight in encoder.model.parameters():
            weight.mul_(1.5)
    scaled = encoder.encode_queries(["pastry chef"])
    assert not np.allclose(scaled, before, atol=1e-3)
    # PyTorch does not count what a fused optimizer changes.
    optimizer = torch.optim.AdamW(encoder.model.parameters(), lr=0.1, fused=True)
    for weight in encoder.model.parameters():
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert not np.allclose(encoder.encode_queries(["pastry chef"]), scaled, atol=1e-3)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.mark.parametrize(("device", "expected"), [("cpu", 2), ("cuda", 1)])
def test_each_thread_calculates_by_itself(two_threads: None, device: str, expected: int) -> None:
    with threads_on(device) as threads:
        assert threads == expected
        assert torch.get_num_threads() == 1
        with threads_on("cpu") as inner:
            assert inner == 1


@pytest.mark.parametrize(("count", "threads"), [(4, 1), (9, 2)])
def test_few_texts_take_one_thread_and_many_all(
    encoder: LocalEncoder,
    two_threads: None,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    threads: int,
) -> None:
    texts = [f"a nurse {'who drives ' * number}" for number in range(count)]
    expected = np.concatenate([encoder.encode_queries([text]) for text in texts])
    meeting, seen = threading.Barrier(threads, timeout=30), set()

    def watch(_module: Any, _inputs: Any) -> None:
        meeting.wait()  # until as many threads are here as should be
        seen.add(threading.get_ident())

    hook = encoder.model[0].register_forward_pre_hook(watch)
    vectors = encoder.encode_queries(texts)
    hook.remove()
    assert len(seen) == threads
    assert np.allclose(vectors, expected, atol=1e-6)
