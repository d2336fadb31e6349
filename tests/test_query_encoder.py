import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvseeker.core.errors import SettingsError
from cvseeker.core.training_settings import HybridWeights, WindowSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.models import choose_model
from cvseeker.retrieval.query_encoder import QueryEncoder, _erf
from cvseeker.retrieval.ranker import EncodedQueries

QUERIES = [
    "icu nurse, night shifts",
    "C++ & Rust développeur; 5 years",
    "?",
    "a",
    "long query " * 200,
]


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def agree(name: str, texts: list[str] = QUERIES) -> None:
    """Compare with the same model in torch."""
    light = QueryEncoder.from_choice(choose_model(name))
    assert light is not None
    whole = LocalEncoder.from_name(name)
    found = EncodedQueries.from_texts(texts, light)
    expected = EncodedQueries.from_texts(texts, whole)
    assert found.words == expected.words
    assert np.allclose(found.vectors, expected.vectors, atol=2e-6)
    assert found.tokens is not None
    assert expected.tokens is not None
    assert np.allclose(found.tokens.vectors, expected.tokens.vectors, atol=2e-6)
    for part in ("ids", "spans", "bounds"):
        assert getattr(found.tokens, part).tolist() == getattr(expected.tokens, part).tolist()


def test_it_is_the_packaged_model(packaged_model: Path) -> None:
    agree(str(packaged_model))


def test_it_is_a_saved_model_with_prompt_and_shares(tiny_model: Path, tmp_path: Path) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model), windows=WindowSettings())
    encoder.model.prompts["query"] = "query: "
    encoder.hybrid = HybridWeights(bm25=0.1, dense=0.2, late=0.7)
    encoder.save(tmp_path / "saved")
    agree(str(tmp_path / "saved"))
    light = QueryEncoder.from_choice(choose_model(str(tmp_path / "saved")))
    assert light is not None
    assert light.prompt == "query: "
    assert light.hybrid == encoder.hybrid


def test_the_first_token_is_taken_where_the_model_takes_it(
    tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "cls")
    (pooling,) = folder.glob("*Pooling/config.json")
    change(pooling, pooling_mode="cls")
    agree(str(folder))


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"model_type": "roberta"}),
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode": "max"}),
        ("1_Pooling/config.json", {"include_prompt": False}),
    ],
)
def test_what_is_not_simple_is_left_to_torch(
    tiny_model: Path, tmp_path: Path, file: str, values: dict[str, object]
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "other")
    change(folder / file, **values)
    assert QueryEncoder.from_choice(choose_model(str(folder))) is None


def test_a_precision_that_is_none_is_refused_without_torch_too(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVSEEKER_PRECISION", "nonsense")
    with pytest.raises(SettingsError, match="CVSEEKER_PRECISION is 'nonsense'; expected one of"):
        QueryEncoder.from_choice(choose_model(str(tiny_model)))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "modules.json"])
def test_a_damaged_folder_is_left_to_torch(tiny_model: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "damaged")
    (folder / name).write_bytes(b"{")
    assert QueryEncoder.from_choice(choose_model(str(folder))) is None


def test_no_queries_have_no_vectors(tiny_model: Path) -> None:
    light = QueryEncoder.from_choice(choose_model(str(tiny_model)))
    assert light is not None
    vectors, tokens = light.encode([])
    assert vectors.shape[0] == 0
    assert tokens.bounds.tolist() == [0]


def test_the_error_function() -> None:
    values = np.linspace(-4, 4, 101, dtype=np.float32)
    expected = [math.erf(value) for value in values.tolist()]
    assert np.allclose(_erf(values), expected, atol=5e-7)


def test_a_search_loads_no_torch(tiny_model: Path) -> None:
    code = (
        "import sys; from cvseeker.retrieval.query_encoder import QueryEncoder; "
        "from cvseeker.retrieval.models import choose_model; "
        "from cvseeker.retrieval.ranker import EncodedQueries; "
        f"light = QueryEncoder.from_choice(choose_model({str(tiny_model)!r})); "
        "EncodedQueries.from_texts(['nurse'], light); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
