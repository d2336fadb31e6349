from importlib.metadata import PackageNotFoundError, version

import pytest

import cvseeker
from cvseeker.cli import diagnosis
from cvseeker.cli.diagnosis import PACKAGES, diagnose
from cvseeker.core.errors import ModelError
from cvseeker.retrieval.models import CPU_BASE, GPU_BASE, packaged_minilm


def states() -> dict[str, diagnosis.Finding]:
    return {finding.what: finding for finding in diagnose()}


def test_what_is_installed_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    found = states()
    assert found["cvseeker"].state == cvseeker.__version__
    assert found["torch"].state == version("torch")
    assert set(PACKAGES) < set(found)
    assert capfd.readouterr() == ("", "")


def test_the_default_model_and_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "default_base", lambda: CPU_BASE)
    found = states()
    assert found["default base model"].state == CPU_BASE
    assert str(packaged_minilm()) in found["default base model"].remedy
    assert found["default with a GPU"].state == f"{GPU_BASE}: not on this machine"
    assert f"--base {GPU_BASE}" in found["default with a GPU"].remedy
    assert found["default with a GPU"].to_dict()["what"] == "default with a GPU"


def test_a_missing_package_names_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacking(name: str) -> str:
        if name == "bm25s":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(diagnosis, "version", lacking)
    assert states()["bm25s"].state == "not installed"
    assert states()["bm25s"].remedy == "pip install bm25s"


def test_what_an_llm_needs_is_told_and_never_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no key in OPENAI_API_KEY" in states()["queries from an LLM"].state
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    told = states()["queries from an LLM"]
    assert "a key in OPENAI_API_KEY" in told.state
    assert "secret" not in told.state + told.remedy
    monkeypatch.setattr(diagnosis, "find_spec", lambda name: None)
    assert states()["queries from an LLM"].remedy == "pip install 'cvseeker[llm]'"


def test_an_unusable_model_is_a_finding_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ModelError("altered weights")

    monkeypatch.setattr(diagnosis, "choose_model", refuse)
    finding = states()["default base model"]
    assert "altered weights" in finding.state
    assert "pip install" in finding.remedy
