"""The stage ``model``: queries and qrels → a tuned encoder, kept only where it is better."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import DatasetError
from cvseeker.core.files import read_jsonl, write_jsonl
from cvseeker.core.places import check_output, make_folder
from cvseeker.core.progress import Progress, silent
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.settings import Settings
from cvseeker.core.training_settings import FinetuneSettings, HybridWeights
from cvseeker.core.workspace import StageResult
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.machine import device
from cvseeker.retrieval.models import choose_model, model_identity
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.validation import (
    METRIC,
    Validation,
    fit_codec,
    validate_search,
)
from cvseeker.train.adapters import check_model, merge_lora, prepare_model, require_peft
from cvseeker.train.card import write_model_card
from cvseeker.train.distributed import (
    Work,
    from_main,
    heard,
    is_main,
    rank,
    run_together,
    wait_for_all,
    world_size,
)
from cvseeker.train.gate import Verdict, Weights, decide, mix_weights, park_weights
from cvseeker.train.memory import advice_when_out_of_memory, with_smaller_mini_batches
from cvseeker.train.pairs import TrainingPair, build_pairs, mask_rivals
from cvseeker.train.sources import DEFAULT_SECTIONS, TrainingData, read_sources

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from cvseeker.train.trainer import PairTrainer

# Where the tuned model goes when the base is kept.
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """What fine-tuning came to; ``best_step`` is the one whose weights were judged.

    ``curve`` is (step, nDCG@10 on validation), that of the base at step 0; ``refit_pairs`` how many
    pairs of everybody the model that is kept was trained on, 0 if it is the one that was judged.
    """

    base: str
    pairs: int
    refit_pairs: int
    steps: int
    best_step: int
    curve: tuple[tuple[int, float], ...]
    verdict: Verdict
    pairs_per_second: float = field(compare=False)


def finetune_stage(
    data: TrainingData, settings: Settings, progress: Progress = silent
) -> StageResult:
    """Fine-tune on queries and qrels: → a tuned encoder, or the base where that is better.

    Parameters
    ----------
    data
        What is read, and where the model goes. Interrupted, the same call continues where it was.
    settings
        All stages' settings.
    progress
        Called at each step, in the main process.

    Returns
    -------
    StageResult
        Its counts are a ``FinetuneResult``.

    Raises
    ------
    CVSeekerError
        As :func:`finetune` does, or if the folder holds something that no stage wrote.
    """
    similarity = settings.ingest.duplicate_similarity

    def work(folder: Path) -> dict[str, Any]:
        train, val = data.read(similarity=similarity)
        result = finetune(
            train,
            folder,
            settings=settings.finetune,
            val=val,
            scratch=folder / ".training",
            sections=data.sections(settings.generate),
            given=data.given,
            store=data.store(),
            progress=heard(progress),
        )
        told = {"labels": data.labels} if data.labels else {}
        counts = asdict(result)
        if not result.refit_pairs:
            del counts["refit_pairs"]
        return counts | {**told, "left_out": dict(train.left_out)}

    if data.workspace.only and settings.finetune.base:
        check_output(data.workspace.path / data.stage, {"--base": Path(settings.finetune.base)})
    recipe = {
        **settings.finetune.recipe,
        **settings.generate.model_dump(include={"sections", "per_person"}),
        "duplicate_similarity": similarity,
    }

    def run(work: Work) -> StageResult:
        with data.workspace.alone("finetune", progress):
            base = model_identity(choose_model(settings.finetune.base))
            inputs = {"base": base, **data.hashes()}
            return data.workspace.run_stage(
                data.stage, recipe, inputs, work, kind="model", resumable=True
            )

    return run_together(run, work)


def check_finetune(settings: FinetuneSettings) -> None:
    """Refuse what this machine or the base cannot do; torch is loaded only where that is asked.

    Raises
    ------
    CVSeekerError
        If it can't be trained in the precision, a tracker or peft is missing, or the base is too
        small for what is to be cut or frozen.
    """
    _check_machine(settings)
    if settings.matryoshka or settings.frozen_layers:
        _base_encoder(settings)


def _check_machine(settings: FinetuneSettings) -> None:
    """Refuse what cannot be done here, whatever the base."""
    if settings.lora_rank is not None:
        require_peft()
    if settings.track or settings.precision in {"bf16", "fp16"}:
        from cvseeker.train.trainer import check_trackers, training_precision

        training_precision(settings.precision, device())
        check_trackers(settings.track)


def _base_encoder(settings: FinetuneSettings) -> LocalEncoder:
    """Load the base, and refuse what this machine or this model cannot do."""
    _check_machine(settings)
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    check_model(encoder.model, settings)
    encoder.model.float()  # what is stored in half precision is trained, judged and mixed in full
    return encoder


def finetune(
    train: RetrievalDataset,
    folder: Path,
    *,
    settings: FinetuneSettings,
    val: RetrievalDataset | None = None,
    scratch: Path,
    sections: Path | GenerateSettings = DEFAULT_SECTIONS,
    given: bool = True,
    store: VectorStore | None = None,
    progress: Progress = silent,
    callbacks: "tuple[TrainerCallback, ...]" = (),
) -> FinetuneResult:
    """Fine-tune the base model and save it as a plain sentence-transformers folder.

    Unless the tuned model is better, the base is saved in its place, and the tuned one in the
    folder ``refused`` within. If it is, and validation's persons were held out here, the base is
    trained once more, as far, on them as well: they have said what they had to say.

    Parameters
    ----------
    train
        Queries, qrels and their passages.
    folder
        Where the model goes.
    settings
        Base model, learning rate and so on.
    val
        The validation split; ``None``: a share of the persons of ``train`` is held out.
    scratch
        Where pairs and checkpoints are kept meanwhile. If it holds those of an interrupted run of
        the same data and settings, training continues from there, bit for bit; the caller
        deletes it afterwards.
    sections
        A folder with the cross-section pairs of both splits, or how they are made of the passages.
    given
        Whether the queries are somebody's own: then they are validated by, too, and the gain must
        be beyond chance, since their labels may be wrong.
    store
        Where the vectors of base and mixtures are kept; ``None``: with the checkpoints.
    progress
        Called at each step with the loss and the validation's outcome.
    callbacks
        Called by the trainer besides.

    Returns
    -------
    FinetuneResult

    Raises
    ------
    DatasetError
        If there are too few pairs, or too few persons to hold any out.
    ModelError
        If the base model cannot be found or loaded, or memory does not suffice.
    SettingsError
        If this machine cannot do what a setting asks for.
    """
    encoder = _base_encoder(settings)
    sources = read_sources(train, val, settings, sections, given=given)
    make_folder(scratch)
    pairs = from_main(lambda: _pairs(sources.train, encoder, settings, scratch))
    base_found = from_main(lambda: _validate_base(encoder, sources.judges, scratch, progress))
    base = park_weights(encoder.model, scratch / f"base-{rank()}.safetensors")
    trainer = _train(encoder, pairs, sources.judges, settings, scratch, progress, callbacks)
    tuned = park_weights(encoder.model, scratch / f"tuned-{rank()}.safetensors")
    verdict = from_main(
        lambda: decide(
            encoder,
            base,
            tuned,
            sources.judges,
            base_found=base_found,
            tuned_found=trainer.validations.found(trainer.state.best_global_step),
            evidence=given,
            force=settings.force,
            progress=progress,
        )
    )
    result = _result(encoder.name, pairs, base_found, trainer, verdict)
    if verdict.kept == "tuned" and sources.everybody is not None:
        share = result.best_step / trainer.state.max_steps
        tuned, refitted = _refit(
            encoder, base, sources.everybody, share, settings, scratch / "refit", progress
        )
        mix_weights(encoder.model, base, tuned, alpha=verdict.alpha)
        result = replace(result, refit_pairs=refitted)
    if is_main():
        fit_codec(encoder, sources.judges[0], store or VectorStore(scratch / "vectors"))
        encoder.save(folder)
        write_model_card(folder, result, settings, train=sources.train, val=sources.judges)
        if verdict.kept == "base":
            _save_refused(encoder, base, tuned, verdict.alpha, folder)
    return result


def _refit(
    encoder: LocalEncoder,
    base: Weights,
    everybody: RetrievalDataset,
    share: float,
    settings: FinetuneSettings,
    scratch: Path,
    progress: Progress,
) -> tuple[Weights, int]:
    """Train the base on everybody for a share of all steps; return its weights, and the pairs."""
    from cvseeker.train.trainer import plan_steps

    make_folder(scratch)
    mix_weights(encoder.model, base, base, alpha=0)
    pairs = from_main(lambda: _pairs(everybody, encoder, settings, scratch))
    steps = plan_steps(len(pairs), settings, processes=world_size()).steps
    # Trackers have been told of the training before.
    as_far = {"max_steps": max(1, round(steps * share)), "track": ()}
    _train(encoder, pairs, (), settings.model_copy(update=as_far), scratch, progress, ())
    return park_weights(encoder.model, scratch / f"tuned-{rank()}.safetensors"), len(pairs)


def _save_refused(
    encoder: LocalEncoder, base: Weights, tuned: Weights, alpha: float, folder: Path
) -> None:
    """Save the tuned model beside the base, without what was found for the base."""
    mix_weights(encoder.model, base, tuned, alpha=alpha)
    encoder.codec, encoder.hybrid = None, HybridWeights()
    encoder.save(folder / REFUSED)


def _result(
    base: str,
    pairs: list[TrainingPair],
    base_found: Validation,
    trainer: "PairTrainer",
    verdict: Verdict,
) -> FinetuneResult:
    found = [row for row in trainer.state.log_history if f"eval_{METRIC}" in row]
    return FinetuneResult(
        base=base,
        pairs=len(pairs),
        refit_pairs=0,
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step or trainer.state.global_step,
        curve=(
            (0, base_found.mean),
            *((int(row["step"]), float(row[f"eval_{METRIC}"])) for row in found),
        ),
        verdict=verdict,
        pairs_per_second=trainer.clock.pairs_per_second(),
    )


def _train(
    encoder: LocalEncoder,
    pairs: list[TrainingPair],
    val: Sequence[RetrievalDataset],
    settings: FinetuneSettings,
    scratch: Path,
    progress: Progress,
    callbacks: "tuple[TrainerCallback, ...]",
) -> "PairTrainer":
    """Train, with smaller mini-batches where memory runs out; adapters are merged in the end."""
    from cvseeker.train.trainer import build_trainer, last_whole_checkpoint

    checkpoints = scratch / "checkpoints"
    prepare_model(encoder.model, settings)
    start = park_weights(encoder.model, scratch / f"start-{rank()}.safetensors")

    def attempt(mini_batch_size: int | None) -> "PairTrainer":
        # What a failed attempt has trained must not be trained twice.
        mix_weights(encoder.model, start, start, alpha=0)
        trainer = build_trainer(
            encoder,
            pairs,
            val,
            settings.model_copy(update={"mini_batch_size": mini_batch_size}),
            checkpoints=checkpoints,
            progress=progress,
            callbacks=callbacks,
        )
        checkpoint = from_main(lambda: last_whole_checkpoint(checkpoints))
        trainer.train_on(checkpoint)
        merge_lora(encoder.model)
        encoder.model.eval()
        # The checkpoints are deleted once all processes have read the best of them.
        wait_for_all()
        return trainer

    with advice_when_out_of_memory(settings):
        if world_size() > 1:
            # The others would wait for what one process does again.
            return attempt(settings.mini_batch_size)
        return with_smaller_mini_batches(
            attempt,
            mini_batch_size=settings.mini_batch_size,
            batch_size=settings.batch_size,
            halved=lambda size: progress("fine-tune", 0, 0, f"memory ran out: {size} at once"),
        )


def _pairs(
    train: RetrievalDataset, encoder: LocalEncoder, settings: FinetuneSettings, scratch: Path
) -> list[TrainingPair]:
    """Build the pairs, or read those of an interrupted run."""
    path = scratch / "pairs.jsonl"
    if path.is_file():
        return [
            TrainingPair(**{**row, "answered": tuple(row["answered"])}) for row in read_jsonl(path)
        ]
    windows = encoder.split(list(train.corpus.values()))
    pairs = build_pairs(train, windows, max_pairs=settings.max_pairs, seed=settings.seed)
    if len({pair.group for pair in pairs}) < 2:
        raise DatasetError(
            f"{len(pairs)} pairs of one person: there is nobody to tell them from; "
            "expected queries about at least two persons"
        )
    pairs = mask_rivals(pairs, encoder)
    write_jsonl(path, (asdict(pair) for pair in pairs))
    return pairs


def _validate_base(
    encoder: LocalEncoder, val: Sequence[RetrievalDataset], scratch: Path, progress: Progress
) -> Validation:
    """Validate the base model, or read what an interrupted run found.

    Its token vectors get a codec of their own, as a tuned model's do: one that was fitted to more
    passages and is kept with their vectors would be better.
    """
    path = scratch / "base.json"
    found = Validation.read(path)
    if found is None:
        progress("validate the base", 0, 0, f"{sum(len(one.queries) for one in val)} queries")
        found = validate_search(encoder, val)
        found.write(path)
    return found
