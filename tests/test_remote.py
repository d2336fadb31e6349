"""Remote encoders against a real local server: faults, order, money, and kills."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.core.errors import InputError, LlmError
from cvseeker.core.settings import EmbeddingSettings
from cvseeker.llm.ledger import Ledger, sole_sender
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.remote import EmbeddingCost, RemoteEncoder
from fake_embeddings import DIM, FakeEmbeddings, running_embeddings, vector_of

MODEL = "text-embedding-3-small"
KEY = "sk-fictional-3141592653"


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    with running_embeddings() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "embeddings.sqlite"


def encoder_of(server: FakeEmbeddings, cache: Path, **settings: Any) -> RemoteEncoder:
    return RemoteEncoder(MODEL, EmbeddingSettings(url=server.url, **settings), cache=cache)


def texts_of(count: int) -> list[str]:
    return [f"Passage {number}: fitter, {number % 7} years of lathes." for number in range(count)]


def test_every_text_is_embedded_once_and_in_order_whatever_fails(
    server: FakeEmbeddings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.faults = "500 shuffled 429 drop missing garbled nan duplicate beyond shuffled".split()
    texts = texts_of(40)
    encoder = encoder_of(server, cache, batch_texts=6, max_concurrency=3, price=0.5)
    notes: list[tuple[str, int, int, str]] = []
    # The first and the last are the same text: paid for once.
    embedded = encoder.encode_passages([*texts, texts[0]], lambda *note: notes.append(note))
    assert embedded.vectors.dtype == np.float32
    assert embedded.vectors.shape == (41, DIM)
    expected = np.stack([vector_of(text) for text in [*texts, texts[0]]])
    np.testing.assert_allclose(embedded.vectors, expected, atol=1e-6)
    assert embedded.owners.tolist() == list(range(41))
    assert dict(server.answered) == dict.fromkeys(texts, 1)
    assert not server.faults
    # What is cached is sent no more.
    requests = len(server.bodies)
    queries = encoder.encode_queries(texts[5:7])
    np.testing.assert_array_equal(queries, embedded.vectors[5:7])
    assert len(server.bodies) == requests
    assert notes[-1][:3] == (f"encode with {MODEL}", 40, 40)
    with Ledger(cache) as ledger:
        tokens = sum(row.prompt_tokens for row in ledger.rows())
        assert ledger.spent() == tokens * 500_000
    _check_what_was_told(server, cache)


def _check_what_was_told(server: FakeEmbeddings, cache: Path) -> None:
    """The key goes to the server alone, and the server learns nothing of this machine."""
    assert all(headers["authorization"] == f"Bearer {KEY}" for headers in server.headers)
    assert not [name for name in server.headers[0] if name.startswith("x-stainless")]
    assert all(body["encoding_format"] == "float" for body in server.bodies)
    assert all(body.keys() == {"model", "input", "encoding_format"} for body in server.bodies)
    assert KEY.encode() not in cache.read_bytes()


KILLED = """
import json, sys
from pathlib import Path
from cvseeker.core.settings import EmbeddingSettings
from cvseeker.retrieval.remote import RemoteEncoder
url, cache, texts = json.loads(sys.argv[1])
settings = EmbeddingSettings(url=url, batch_texts=5, max_concurrency=3)
encoder = RemoteEncoder("some-model", settings, cache=Path(cache))
print(len(encoder.encode_passages(texts).vectors))
"""


@pytest.mark.parametrize("kills", [(5,), pytest.param((4, 9, 14), marks=pytest.mark.slow)])
def test_killed_midway_nothing_is_paid_for_twice(
    server: FakeEmbeddings, cache: Path, kills: tuple[int, ...]
) -> None:
    server.latency = 0.3
    texts = texts_of(120)
    job = json.dumps([server.url, str(cache), texts])

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, job],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )

    for requests in kills:
        process = start()
        until = time.monotonic() + 60
        while len(server.bodies) < requests and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert 0 < len(server.answered) < len(texts)
    # At once: it waits for the replies in flight of the one before it.
    server.latency = 0.0
    output, errors = start().communicate(timeout=100)
    assert (output, errors) == ("120\n", "")
    assert dict(server.answered) == dict.fromkeys(texts, 1)


def test_a_server_that_takes_fewer_texts_is_sent_fewer(server: FakeEmbeddings, cache: Path) -> None:
    server.most_texts = 8
    vectors = encoder_of(server, cache, dimensions=4).encode_queries(texts_of(30))
    assert vectors.shape == (30, 4)
    assert set(server.answered.values()) == {1}
    assert [len(body["input"]) for body in server.bodies] == [30, 15, 7, 7, 7, 7, 2]
    assert {body["dimensions"] for body in server.bodies} == {4}


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (["401"], r"/v1: the key in OPENAI_API_KEY was refused \(401\); .* under \[embedding\]"),
        (["nan"] * 5, r"no usable vectors from .* \(a row's embedding holds NaN"),
        (["garbled"] * 5, r"no usable vectors from .* \(the reply is not JSON\)"),
        (["", *["garbled"] * 5], r"for 1 of 2 texts \(the reply is not JSON\); what came is kept"),
    ],
    ids=["wrong key", "NaN", "garbled", "garbled later"],
)
def test_what_cannot_be_mended_is_told_in_a_line(
    server: FakeEmbeddings,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.faults = list(faults)
    with pytest.raises(LlmError, match=message) as caught:
        encoder_of(server, cache, batch_texts=1).encode_queries(texts_of(2))
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.bodies) == len(faults)


def test_a_model_of_another_dimension_is_told(server: FakeEmbeddings, cache: Path) -> None:
    encoder = encoder_of(server, cache)
    encoder.encode_queries(["one"])
    server.dim = 5
    with pytest.raises(LlmError, match=r"gave 5 numbers a text; expected 8, as it gave before"):
        encoder.encode_queries(["one", "two"])


def test_nobody_at_the_address_is_told(cache: Path) -> None:
    settings = EmbeddingSettings(url="http://127.0.0.1:1/v1")
    with pytest.raises(LlmError, match=r"nobody answers there; .* check --embedding-url"):
        RemoteEncoder(MODEL, settings, cache=cache).encode_queries(["one"])


def test_a_second_run_waits_for_the_first(server: FakeEmbeddings, cache: Path) -> None:
    with sole_sender(cache):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, json.dumps([server.url, str(cache), ["one"]])],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(1.0)
        assert not server.bodies
    assert process.communicate(timeout=60)[0] == "1\n"


def test_no_key_is_told_before_anything_is_sent(cache: Path) -> None:
    with pytest.raises(
        InputError, match=r"no key in .* OPENAI_API_KEY;.*--embedding-url$"
    ) as caught:
        RemoteEncoder(MODEL, EmbeddingSettings(), cache=cache)
    assert "--llm" not in str(caught.value)
    with pytest.raises(InputError, match=r"--embedding-url 'ftp://x': expected an address"):
        RemoteEncoder(MODEL, EmbeddingSettings(url="ftp://x"), cache=cache)
    assert not cache.exists()


def test_the_cost_is_known_before_anything_is_sent(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    encoder = RemoteEncoder("text-embedding-3-large", EmbeddingSettings(), cache=cache)
    # "Senior nurse in Oslo" has 4 tokens in the model's vocabulary; OpenAI asks $0.13 a million.
    cost = encoder.estimate(queries=["Senior nurse in Oslo"], passages=["Senior nurse in Oslo"])
    assert cost == EmbeddingCost(
        name="text-embedding-3-large",
        url="https://api.openai.com/v1",
        texts=1,
        unknown=1,
        tokens=4,
        exact=True,
        cut=0,
        usd=Decimal("0.00000052"),
    )
    assert "price not known" not in cost.line()


def test_its_identity_is_of_what_makes_the_vectors(server: FakeEmbeddings, cache: Path) -> None:
    plain = encoder_of(server, cache).identity
    assert encoder_of(server, cache, price=1.0, batch_texts=3, key_env="OTHER").identity == plain
    seen: tuple[dict[str, Any], ...] = (
        {"dimensions": 4},
        {"max_tokens": 99},
        {"window_words": 9},
        {"query_prompt": "q"},
    )
    others = {encoder_of(server, cache, **settings).identity for settings in seen}
    assert len({plain, *others}) == 5


def test_a_price_is_set_or_not_known(server: FakeEmbeddings, cache: Path) -> None:
    unpriced = encoder_of(server, cache).estimate(passages=texts_of(3))
    assert unpriced.usd is None  # a server of one's own has not OpenAI's prices
    assert "3 of 3 texts are sent" in unpriced.line()
    assert "price not known, see --embedding-price" in unpriced.line()
    priced = encoder_of(server, cache, price=2.0).estimate(passages=texts_of(3))
    assert priced.usd == Decimal("0.000002") * priced.tokens
    assert not server.bodies


def test_long_texts_are_cut_at_what_the_model_sees_and_it_is_said(
    server: FakeEmbeddings, cache: Path
) -> None:
    encoder = encoder_of(server, cache, max_tokens=16, query_prompt="query: ")
    long = "welder " * 40
    cost = encoder.estimate(queries=["who welds?"], passages=["short", long])
    assert (cost.texts, cost.cut) == (3, 1)
    assert cost.line().endswith("; 1 too long for the model, cut at their end")
    encoder.fetch(queries=["who welds?"], passages=["short", long])
    assert encoder.estimate(queries=["who welds?"], passages=["short", long]).unknown == 0
    query, short, cut = server.bodies[0]["input"]
    assert (query, short) == ("query: who welds?", "short")
    assert long.startswith(cut)
    assert 0 < encoder.client.counter.count([cut])[0] <= 16
    embedded = encoder.encode_passages(["short", long])
    assert [window.text for window in embedded.windows] == ["short", long]
    np.testing.assert_allclose(embedded.vectors[1], vector_of(cut), atol=1e-6)


def test_windows_of_words_cover_the_passage(server: FakeEmbeddings, cache: Path) -> None:
    encoder = encoder_of(server, cache, window_words=8)
    text = " ".join(f"word{number}" for number in range(20))
    windows = encoder.split(["short one", text])
    assert [window.passage for window in windows] == [0, 1, 1, 1]
    assert [text[window.start :].startswith(window.text) for window in windows[1:]] == [True] * 3
    assert {word for window in windows[1:] for word in window.text.split()} == set(text.split())


def test_an_empty_text_is_refused(server: FakeEmbeddings, cache: Path) -> None:
    with pytest.raises(InputError, match="a text to encode is empty"):
        encoder_of(server, cache).encode_queries(["one", " "])
    assert not server.bodies


def test_it_ranks_as_any_encoder(
    server: FakeEmbeddings, cache: Path, tiny_corpus: dict[str, str]
) -> None:
    corpus = list(tiny_corpus.values())
    encoder = encoder_of(server, cache)
    windows = encoder.encode_passages(corpus)
    asked = EncodedQueries.from_texts(corpus, encoder)
    scores = DenseRanker(windows.vectors, windows.owners).scores(asked)
    assert scores.argmax(axis=1).tolist() == list(range(len(corpus)))
