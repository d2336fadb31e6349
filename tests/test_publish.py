from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cvseeker.core.errors import ModelError
from cvseeker.train.publish import publish_model


class Hub:
    """Stands in for the hub's client and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.private = True
        self.failure: Exception | None = None

    def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> str:
        self.asked.append(("create", (repository, private, exist_ok)))
        if self.failure:
            raise self.failure
        return f"https://hub.example/{repository}"

    def repo_info(self, repository: str) -> SimpleNamespace:
        return SimpleNamespace(private=self.private)

    def upload_folder(self, **options: Any) -> None:
        self.asked.append(("upload", options))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    return hub


def test_a_model_goes_to_a_private_repository(hub: Hub, tmp_path: Path) -> None:
    assert publish_model(tmp_path, "ana/cooks") == "https://hub.example/ana/cooks"
    (_, created), (_, uploaded) = hub.asked
    assert created == ("ana/cooks", True, True)
    assert uploaded["repo_id"] == "ana/cooks"
    assert uploaded["folder_path"] == str(tmp_path)
    assert uploaded["ignore_patterns"] == ["manifest.json"]


def test_a_public_repository_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.private = False
    with pytest.raises(ModelError, match="ana/cooks: this repository is public"):
        publish_model(tmp_path, "ana/cooks")
    assert [name for name, _ in hub.asked] == ["create"]


def test_what_goes_wrong_is_one_line(hub: Hub, tmp_path: Path) -> None:
    hub.failure = ConnectionError("cannot\nreach the hub")
    with pytest.raises(ModelError) as caught:
        publish_model(tmp_path, "ana/cooks")
    assert "cannot reach the hub" in str(caught.value)
    assert "HF_TOKEN" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("repository", ["a/b/c", "ana/coo ks", ""])
def test_an_impossible_name_is_refused(repository: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot upload"):
        publish_model(tmp_path, repository)
