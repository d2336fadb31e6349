import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.errors import DatasetError
from cvseeker.core.files import read_json
from cvseeker.core.settings import EvaluateSettings
from cvseeker.core.training_settings import FinetuneSettings, WindowSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.holdout import hold_out, with_distractors
from cvseeker.train import stage
from cvseeker.train.stage import FinetuneResult, finetune
from cvseeker.train.trainer import last_whole_checkpoint

SMALL = WindowSettings(window_tokens=32, overlap_tokens=8)

JOBS = {
    "ana": "pastry chef, chocolate tempering and sugar work",
    "bo": "backend engineer, Kafka and PostgreSQL",
    "cem": "intensive care nurse, ventilation and triage",
    "dina": "payroll accountant, month-end closing in SAP",
    "eli": "maintenance electrician, Siemens drives",
    "fay": "Django developer for a ticket shop",
    "gus": "forklift driver, night shifts in a warehouse",
    "hana": "tax lawyer, cross-border mergers",
    "ivo": "violin teacher, beginners and orchestra",
    "jo": "field geologist, core drilling and mapping",
    "kim": "dental technician, ceramic crowns",
    "lea": "beekeeper, queen breeding and honey sales",
}


@pytest.fixture
def dataset() -> RetrievalDataset:
    """Twelve people of a passage each, two queries about everyone."""
    queries = {f"{name}-{n}": text for name, job in JOBS.items() for n, text in ask(job)}
    return RetrievalDataset(
        corpus={
            f"{name}#1": f"{name.title()} works as {job}. Speaks German and English. " * 6
            for name, job in JOBS.items()
        },
        queries=queries,
        qrels={query_id: {f"{query_id.partition('-')[0]}#1": 1} for query_id in queries},
        person_groups={f"{name}#1": name for name in JOBS},
    )


def ask(job: str) -> list[tuple[str, str]]:
    title, _, rest = job.partition(", ")
    return [("a", title), ("b", f"Who knows about {rest or title}?")]


def settings_for(model: Path, **changes: Any) -> FinetuneSettings:
    return FinetuneSettings(
        **{
            "base": str(model),
            "windows": SMALL,
            "epochs": 2,
            "batch_size": 4,
            "evaluations_per_epoch": 1,
            "learning_rate": 1e-3,
            "patience": 9,
            "val_share": 0.25,
            # Twelve people prove nothing: the gate has tests of its own.
            "force": True,
            **changes,
        }
    )


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


class StoppedError(Exception):
    """Raised by a progress callback, in a kill's place."""


def stop_at(step: int, wanted: str = "fine-tune") -> Callable[[str, int, int, str], None]:
    def progress(task: str, done: int, total: int, note: str) -> None:
        if task == wanted and done == step:
            raise StoppedError

    return progress


def checkpoints(scratch: Path) -> list[int]:
    found = (scratch / "checkpoints").glob("checkpoint-*")
    return sorted(int(path.name.rpartition("-")[2]) for path in found)


def test_a_model_is_trained_in_silence(
    dataset: RetrievalDataset,
    tiny_model: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sentence_transformers import SentenceTransformer

    # Even where the hub may be asked.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    calls: list[tuple[str, int, int, str]] = []
    settings = settings_for(tiny_model)
    result = finetune(
        dataset,
        tmp_path / "model",
        settings=settings,
        scratch=tmp_path / "scratch",
        progress=lambda *call: calls.append(call),
    )
    assert capfd.readouterr() == ("", "")
    assert result.base == str(tiny_model)
    assert result.steps > 4
    assert 1 <= result.best_step <= result.steps
    assert weights(tmp_path / "model") != weights(tiny_model)
    plain = SentenceTransformer(str(tmp_path / "model"), device="cpu", local_files_only=True)
    assert np.allclose(np.linalg.norm(plain.encode(["chef", "nurse"]), axis=1), 1, atol=1e-5)
    saved = read_json(tmp_path / "model" / "cvseeker.json")
    assert saved["windows"] == SMALL.model_dump()
    assert sum(saved["hybrid"].values()) == pytest.approx(1, abs=0.01)
    assert LocalEncoder.from_name(str(tmp_path / "model")).codec is not None
    notes = [call for call in calls if call[0] == "fine-tune"]
    assert [done for _, done, _, _ in notes][-1] == result.steps
    assert any(note.startswith("loss ") and "nDCG@10" in note for *_, note in notes)
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert f"{result.pairs} training pairs" in card
    assert f"{result.verdict.tuned_scores['ndcg@10']:.3f}" in card
    for text in (*dataset.queries.values(), *dataset.corpus.values()):
        assert text not in card


def test_training_learns(dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path) -> None:
    losses: list[float] = []

    def note(stage: str, done: int, total: int, told: str) -> None:
        if told.startswith("loss "):
            losses.append(float(told.removeprefix("loss ").partition(",")[0]))

    finetune(
        dataset,
        tmp_path / "model",
        settings=settings_for(tiny_model, epochs=5),
        scratch=tmp_path / "scratch",
        progress=note,
    )
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])


def test_interrupted_and_resumed_the_weights_are_the_same(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    settings = settings_for(tiny_model)

    def run(name: str, progress: Callable[..., None]) -> FinetuneResult:
        return finetune(
            dataset,
            tmp_path / name,
            settings=settings,
            scratch=tmp_path / f"{name}-scratch",
            progress=progress,
        )

    undisturbed = run("one", lambda *call: None)
    steps_per_epoch = undisturbed.steps // 2
    for step, left in ((2, []), (steps_per_epoch + 2, [steps_per_epoch])):
        with pytest.raises(StoppedError):
            run("two", stop_at(step))
        assert checkpoints(tmp_path / "two-scratch") == left
    seen: list[int] = []
    resumed = run("two", lambda task, done, *_: seen.append(done) if task == "fine-tune" else None)
    assert seen[0] == steps_per_epoch + 1
    assert resumed == undisturbed
    assert weights(tmp_path / "two") == weights(tmp_path / "one")


def test_what_is_kept_was_trained_on_everybody_interrupted_or_not(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tiny_model)

    def run(name: str, progress: Callable[..., None], **more: Any) -> FinetuneResult:
        scratch = tmp_path / f"{name}-scratch"
        return finetune(
            dataset, tmp_path / name, settings=settings, scratch=scratch, progress=progress, **more
        )

    undisturbed = run("one", lambda *call: None)
    assert undisturbed.refit_pairs > undisturbed.pairs
    everybody = (tmp_path / "one-scratch" / "refit" / "pairs.jsonl").read_text(encoding="utf-8")
    assert all(f'"{text}"' in everybody for text in dataset.queries.values())
    with pytest.raises(StoppedError):
        run("two", stop_at(2, "fine-tune on everybody"))
    with monkeypatch.context() as patch:
        patch.setattr(stage, "fit_codec", stop)
        with pytest.raises(StoppedError):
            run("two", lambda *call: None)
    assert run("two", stop_at(1, "fine-tune on everybody")) == undisturbed  # no step is left
    assert weights(tmp_path / "two") == weights(tmp_path / "one")


def stop(*_: object) -> None:
    raise StoppedError


@pytest.mark.parametrize("given", [True, False])
def test_persons_who_were_named_to_judge_are_never_trained_on(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path, given: bool
) -> None:
    train, val = hold_out(dataset, share=0.25, seed=13)
    result = finetune(
        train,
        tmp_path / "model",
        settings=settings_for(tiny_model, epochs=1),
        val=val,
        scratch=tmp_path / "scratch",
        given=given,
    )
    assert result.refit_pairs == 0


def test_a_model_that_is_refused_is_trained_once(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    settings = settings_for(tiny_model, max_steps=1, force=False)
    result = finetune(dataset, tmp_path / "model", settings=settings, scratch=tmp_path / "scratch")
    assert (result.verdict.kept, result.refit_pairs) == ("base", 0)


def stop_before(wanted: str) -> Callable[[str, int, int, str], None]:
    def progress(task: str, done: int, total: int, note: str) -> None:
        if task == wanted:
            raise StoppedError

    return progress


@pytest.mark.parametrize(
    ("changes", "interrupt", "steps"),
    [
        # Within an epoch; the trainer looks whether it is at the end after a step only.
        ({"max_steps": 2}, stop_before("weigh tuned against base"), 2),
        # Nothing gets better, and patience ends with the third validation.
        ({"learning_rate": 1e-9, "patience": 2}, stop_before("weigh tuned against base"), 3),
        ({"learning_rate": 1e-9, "patience": 2}, stop_at(3), 3),
    ],
    ids=["no steps are left", "no patience is left", "some patience is left"],
)
def test_interrupted_and_moved_a_training_ends_where_it_would_have(
    dataset: RetrievalDataset,
    tiny_model: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    interrupt: Callable[[str, int, int, str], None],
    steps: int,
) -> None:
    settings = settings_for(tiny_model, evaluations_per_epoch=9, **changes)

    def run(name: str, scratch: str, progress: Callable[..., None]) -> FinetuneResult:
        place = tmp_path / name
        return finetune(
            dataset, place, settings=settings, scratch=tmp_path / scratch, progress=progress
        )

    undisturbed = run("one", "scratch", lambda *call: None)
    assert undisturbed.steps == steps
    with pytest.raises(StoppedError):
        run("two", "before", interrupt)
    (tmp_path / "before").rename(tmp_path / "after")
    assert run("two", "after", lambda *call: None) == undisturbed
    assert weights(tmp_path / "two") == weights(tmp_path / "one")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from cvseeker.core.training_settings import FinetuneSettings
    from cvseeker.core.datasets import read_dataset
    from cvseeker.train.stage import finetune

    out, kill_at = Path(sys.argv[1]), int(sys.argv[2])

    def progress(task, done, total, note):
        if task == "fine-tune" and done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    finetune(
        read_dataset(out / "data"),
        out / "model",
        settings=FinetuneSettings.model_validate_json((out / "settings.json").read_text()),
        scratch=out / "scratch",
        progress=progress,
    )
"""


@pytest.mark.slow
def test_killed_and_resumed_the_weights_are_the_same(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    def run(name: str, kill_at: int) -> int:
        out = tmp_path / name
        write_dataset(dataset, out / "data", split="test")
        (out / "settings.json").write_text(settings_for(tiny_model).model_dump_json())
        program = [sys.executable, "-c", textwrap.dedent(KILLED), str(out), str(kill_at)]
        return subprocess.run(
            program, timeout=250, check=False, capture_output=True, env=dict(os.environ)
        ).returncode

    assert run("one", kill_at=0) == 0
    assert run("two", kill_at=7) == -signal.SIGKILL
    assert not (tmp_path / "two" / "model").exists()
    assert run("two", kill_at=0) == 0
    assert weights(tmp_path / "two" / "model") == weights(tmp_path / "one" / "model")


@pytest.mark.parametrize("torn", ["trainer_state.json", "optimizer.pt", "model.safetensors"])
def test_a_torn_checkpoint_is_discarded(tmp_path: Path, torn: str) -> None:
    for step in (2, 4, 10):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
            (folder / name).touch()
        (folder / "trainer_state.json").write_text("{}")
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
    (tmp_path / "checkpoint-10" / torn).unlink()
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-4")
    assert not (tmp_path / "checkpoint-10").exists()
    (tmp_path / "checkpoint-4" / "trainer_state.json").write_text('{"epo')
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-2")
    shutil.rmtree(tmp_path / "checkpoint-2")
    assert last_whole_checkpoint(tmp_path) is None


def test_a_torn_checkpoint_costs_only_the_steps_since_the_one_before(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    settings = settings_for(tiny_model, epochs=1, evaluations_per_epoch=3)
    scratch = tmp_path / "scratch"
    whole = finetune(dataset, tmp_path / "one", settings=settings, scratch=tmp_path / "s1")
    with pytest.raises(StoppedError):
        finetune(dataset, tmp_path / "two", settings=settings, scratch=scratch, progress=stop_at(4))
    newest = max(checkpoints(scratch))
    (scratch / "checkpoints" / f"checkpoint-{newest}" / "trainer_state.json").unlink()
    assert finetune(dataset, tmp_path / "two", settings=settings, scratch=scratch) == whole
    assert weights(tmp_path / "one") == weights(tmp_path / "two")


def test_fewer_steps_than_a_validation_takes_still_end_in_one(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    settings = settings_for(tiny_model, epochs=0.2, evaluations_per_epoch=1)
    result = finetune(dataset, tmp_path / "model", settings=settings, scratch=tmp_path / "scratch")
    assert (result.steps, result.best_step) == (1, 1)
    assert checkpoints(tmp_path / "scratch") == [1]


def test_one_person_alone_is_refused(
    dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    alone = dataset.subset({"ana#1"})
    with pytest.raises(DatasetError, match="2 pairs of one person") as caught:
        finetune(
            alone,
            tmp_path / "model",
            settings=settings_for(tiny_model),
            val=dataset,
            scratch=tmp_path / "scratch",
        )
    assert "\n" not in str(caught.value)
    with pytest.raises(DatasetError, match=r"2 queries about 1 persons are too few .* --val"):
        finetune(
            alone,
            tmp_path / "model",
            settings=settings_for(tiny_model),
            scratch=tmp_path / "scratch",
        )
    assert not (tmp_path / "model").exists()


def test_held_out_people_are_nowhere_in_training(dataset: RetrievalDataset) -> None:
    shared = replace(
        dataset, person_groups={**dataset.person_groups, "ana#1": "bo", "cem#1": "dina"}
    )
    for seed in range(5):
        train, val = hold_out(shared, share=0.3, seed=seed)
        assert train.queries
        assert val.queries
        groups = [{shared.person_groups[key] for key in part.corpus} for part in (train, val)]
        assert not groups[0] & groups[1]
        assert len(train.corpus) + len(val.corpus) == len(dataset.corpus)


def test_a_small_validation_corpus_is_filled_up(dataset: RetrievalDataset) -> None:
    train, val = hold_out(dataset, share=0.25, seed=13)
    filled = with_distractors(val, train, passages=len(val.corpus) + 3)
    assert len(filled.corpus) == len(val.corpus) + 3
    assert (filled.queries, filled.qrels) == (val.queries, val.qrels)
    assert filled == with_distractors(val, train, passages=len(val.corpus) + 3)
    assert len(with_distractors(val, train, passages=999).corpus) == 12
    assert with_distractors(val, train, passages=1) == val


def test_the_packaged_model_end_to_end(
    dataset: RetrievalDataset, packaged_model: Path, tmp_path: Path
) -> None:
    from cvseeker.evaluate.run import run_systems

    settings = FinetuneSettings(windows=SMALL, epochs=1, batch_size=4, val_share=0.25, force=True)
    train, val = hold_out(dataset, share=0.25, seed=13)
    few = replace(train, queries=dict(list(train.queries.items())[:16]))
    few = replace(few, qrels={key: few.qrels[key] for key in few.queries})
    result = finetune(
        few, tmp_path / "model", settings=settings, val=val, scratch=tmp_path / "scratch"
    )
    assert result.base == "sentence-transformers/all-MiniLM-L6-v2"
    assert result.steps == 4
    compared = run_systems(
        dataset,
        {"base": "base", "tuned": str(tmp_path / "model")},
        settings=EvaluateSettings(windows=SMALL),
    )
    assert list(compared) == [
        "bm25",
        "base",
        "late(base)",
        "hybrid(base)",
        "tuned",
        "late(tuned)",
        "hybrid(tuned)",
    ]
    summaries = {name: system.summary() for name, system in compared.items()}
    assert summaries["base"]["accuracy@1"] > 0.8
    assert summaries["hybrid(tuned)"]["ndcg@10"] > 0.8
    assert compared["base"].run != compared["tuned"].run
    assert result.verdict.forced
    assert json.dumps(asdict(result))
