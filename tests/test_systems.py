from pathlib import Path

import pytest

from cvseeker.cli.evaluate import named_models, named_paths
from cvseeker.core.errors import InputError
from cvseeker.evaluate import Systems


def test_systems_are_told_as_options() -> None:
    systems = Systems(
        {"base": "base", "my model": "folder/of mine"},
        remote=["text-embedding-3-large"],
        runs={"elastic": Path("runs/elastic.trec")},
    )
    assert systems.flags() == (
        " --model base --model 'my model=of mine' --openai text-embedding-3-large"
        " --run elastic=elastic.trec"
    )
    assert not Systems().any()


def test_a_changed_run_is_another_input(tmp_path: Path) -> None:
    run = tmp_path / "a.trec"
    run.write_text("q1 Q0 p1 1 0.5 a\n", encoding="utf-8")
    before = Systems(runs={"a": run}).hashes()
    run.write_text("q1 Q0 p2 1 0.5 a\n", encoding="utf-8")
    assert list(before) == list(after := Systems(runs={"a": run}).hashes())
    assert before != after
    with pytest.raises(InputError, match=r"none\.trec: no such file or folder"):
        Systems(runs={"a": tmp_path / "none.trec"}).hashes()


def test_a_model_may_be_given_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    values = ["base", "tuned=models/second", "a=b"]
    assert named_models(values) == {"base": "base", "tuned": "models/second", "a=b": "a=b"}
    with pytest.raises(InputError, match="'tuned' is named twice"):
        named_models(["tuned=a", "tuned=b"])
    with pytest.raises(InputError, match="expected NAME=PATH"):
        named_paths(["a.trec"], "--run")
