from pathlib import Path

import pytest

from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.evaluate.material import workspace_material
from cvseeker.queries import generate_stage
from cvseeker.resumes import Ingested, ingest_stage
from kills import PEOPLE, RESUME


@pytest.mark.parametrize(("refit_pairs", "splits"), [(0, {"train"}), (9, {"train", "val"})])
def test_whoever_the_model_was_trained_on_at_last_counts_as_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refit_pairs: int, splits: set[str]
) -> None:
    (tmp_path / "cvs").mkdir()
    for number, (name, title, first, second, employer) in enumerate(PEOPLE):
        text = RESUME.format(
            name=name, title=title, first=first, second=second, employer=employer, size=3
        )
        (tmp_path / "cvs" / f"{number}.txt").write_text(text, encoding="utf-8")
    ingest = {"workers": 1, "val_share": 0.2, "test_share": 0.3}
    settings = Settings().override("ingest", ingest)
    workspace = Workspace(tmp_path / "w")
    ingest_stage(workspace, [tmp_path / "cvs"], settings)
    generate_stage(workspace, settings)
    read = Workspace.manifest

    def with_model(self: Workspace, stage: str) -> object:
        counts = {"refit_pairs": refit_pairs}
        model = {"stage": "model", "seconds": 1.0, "counts": counts}
        return model if stage == "model" else read(self, stage)

    monkeypatch.setattr(Workspace, "manifest", with_model)
    training = workspace_material(workspace, settings, None).training
    assert training is not None
    passages = Ingested(workspace.require("ingest")).passages()
    expected = {passage.person_group for passage in passages if passage.split in splits}
    assert set(training.person_groups.values()) == expected
