"""The cache of vectors: what is stored comes back, after another process's death too."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvseeker.core.errors import InputError
from cvseeker.llm.embeddings.vectors import VectorCache, model_key, text_key
from cvseeker.llm.ledger import Ledger

MODEL = model_key("http://localhost/v1", "some-model", None)


def vectors_of(*numbers: float) -> dict[bytes, np.ndarray]:
    return {text_key(MODEL, f"text {n}"): np.float32([n, 0.5, -0.5]) for n in numbers}


def test_vectors_come_back_bit_for_bit_in_the_order_asked_for(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "new" / "cache.sqlite") as cache:
        vectors = vectors_of(0.1, 0.2, 0.3)
        cache.store(MODEL, vectors)
    with VectorCache(tmp_path / "new" / "cache.sqlite") as cache:
        keys = list(vectors)
        asked = [keys[2], keys[0], keys[2]]
        read = cache.read(asked)
        assert read.dtype == np.float32
        assert read.tolist() == [vectors[key].tolist() for key in asked]
        assert cache.known([*keys, b"other"]) == set(keys)
        assert cache.dim(MODEL) == 3
        assert cache.dim(b"other") is None
        assert cache.read([]).shape == (0, 0)


def test_more_keys_than_a_statement_takes(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "cache.sqlite") as cache:
        vectors = vectors_of(*range(2500))
        cache.store(MODEL, vectors)
        assert len(cache.known(list(vectors))) == 2500
        assert cache.read(list(vectors))[:, 0].tolist() == list(range(2500))


def test_a_key_is_of_address_model_dimensions_and_text() -> None:
    url, model, text = "http://localhost/v1", "m", "text"
    keys = {
        text_key(model_key(url, model, None), text),
        text_key(model_key("http://localhost:1/v1", model, None), text),
        text_key(model_key(url, "n", None), text),
        text_key(model_key(url, model, 256), text),
        text_key(model_key(url, model, None), "text "),
        text_key(model_key("http://localhost/v", "1m", None), text),
    }
    assert len(keys) == 6


def test_a_missing_vector_is_told(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "cache.sqlite") as cache:
        cache.store(MODEL, vectors_of(1))
        with pytest.raises(InputError, match="1 of 2 vectors are missing"):
            cache.read([*vectors_of(1), b"other"])


def test_a_ledger_and_a_cache_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    with VectorCache(path) as cache, Ledger(path) as ledger:
        cache.store(MODEL, vectors_of(1))
        assert ledger.spent() == 0
    with Ledger(path), VectorCache(path) as cache:
        assert len(cache.read(list(vectors_of(1)))) == 1


def test_what_is_stored_survives_kill_9(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from cvseeker.llm.embeddings.vectors import VectorCache\n"
        "cache = VectorCache(Path(sys.argv[1]))\n"
        "cache.store(b'model', {b'one': np.float32([1, 0])})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "cache.sqlite"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    with VectorCache(path) as cache:
        assert cache.read([b"one"]).tolist() == [[1, 0]]


def test_vectors_are_stored_all_or_none(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with VectorCache(path) as cache:
        with sqlite3.connect(path) as database:
            database.execute(
                "CREATE TRIGGER full BEFORE INSERT ON vectors WHEN NEW.key = x'62' "
                "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        database.close()
        with pytest.raises(InputError, match="disk full"):
            cache.store(MODEL, {b"a": np.float32([1, 0]), b"b": np.float32([0, 1])})
        assert cache.known([b"a", b"b"]) == set()
        cache.store(MODEL, {b"a": np.float32([1, 0])})
        assert cache.known([b"a", b"b"]) == {b"a"}


def test_what_is_no_cache_is_told_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"not a database, but long enough to look like one" * 40)
    with pytest.raises(InputError, match="not usable as a cache of embeddings") as caught:
        VectorCache(path)
    assert "\n" not in str(caught.value)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="name another place"):
        VectorCache(tmp_path / "file" / "cache.sqlite")


@pytest.mark.parametrize(
    ("blob", "told"),
    [
        (b"12345", "wrong type"),
        (b"", "wrong type"),
        ("text", "wrong type"),
        (5, "wrong type"),
        (np.float32([1, np.nan, 0]).tobytes(), "holds NaN"),
        (np.float32([0, 0, 0]).tobytes(), "all zeros"),
        (np.float32([1, 0]).tobytes(), "vectors of 3 and of 2 numbers"),
    ],
)
def test_a_vector_that_is_none_is_told(tmp_path: Path, blob: object, told: str) -> None:
    with VectorCache(tmp_path / "cache.sqlite") as cache:
        vectors = vectors_of(1, 2)
        cache.store(MODEL, vectors)
        first, second = sorted(vectors)
        cache._execute("UPDATE vectors SET vector = ? WHERE key = ?", (blob, second))
        with pytest.raises(InputError, match="not usable as a cache") as caught:
            cache.read([first, second])
    assert told in str(caught.value)


def test_another_programs_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE vectors (other)")
    database.close()
    with VectorCache(path) as cache, pytest.raises(InputError, match="not usable as a cache"):
        cache.known([b"key"])
