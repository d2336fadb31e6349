"""Fine-tune a base model on pairs; keep it only where it is shown to be better."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import DatasetError
from cvseeker.core.files import read_json, read_jsonl, write_json, write_jsonl
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import FinetuneSettings, HybridWeights
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.holdout import hold_out, with_distractors
from cvseeker.train.adapters import merge_lora, prepare_model
from cvseeker.train.arguments import check_settings
from cvseeker.train.card import write_model_card
from cvseeker.train.checkpoints import last_whole_checkpoint
from cvseeker.train.distributed import from_main, is_main, rank, wait_for_all, world_size
from cvseeker.train.gate import Verdict, decide
from cvseeker.train.late import fit_late_interaction
from cvseeker.train.merge import QueryMetrics, mix_weights, park_weights
from cvseeker.train.out_of_memory import advice_when_out_of_memory, with_smaller_mini_batches
from cvseeker.train.pairs import TrainingPair, build_pairs
from cvseeker.train.validation import validate_queries

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from cvseeker.train.throughput import Throughput
    from cvseeker.train.trainer import PairTrainer

# Where the tuned model goes when the base is kept.
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """What fine-tuning came to.

    Attributes
    ----------
    base
        Name of the base model.
    pairs
        Training pairs used.
    steps
        Steps taken; ``best_step`` is the one whose weights were judged.
    verdict
        Which model was kept, and why.
    throughput
        How fast the training was, if any step was left to do.
    """

    base: str
    pairs: int
    steps: int
    best_step: int
    verdict: Verdict
    throughput: "Throughput" = field(compare=False)


def finetune(
    train: RetrievalDataset,
    folder: Path,
    *,
    settings: FinetuneSettings,
    val: RetrievalDataset | None = None,
    scratch: Path,
    progress: Progress = silent,
    callbacks: "tuple[TrainerCallback, ...]" = (),
) -> FinetuneResult:
    """Fine-tune the base model and save it as a plain sentence-transformers folder.

    Without evidence that the tuned model is better, the base is saved in its place, and the tuned
    one in the folder ``refused`` within.

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
    check_settings(settings)
    if val is None:
        train, val = hold_out(train, share=settings.val_share, seed=settings.seed)
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    val = with_distractors(val, train, passages=settings.val_passages)
    scratch.mkdir(parents=True, exist_ok=True)
    pairs = from_main(lambda: _pairs(train, encoder, settings, scratch / "pairs.jsonl"))
    progress("validate the base", 0, 0, f"{len(val.queries)} queries")
    encoder.model.float()  # what is stored in half precision is trained, judged and mixed in full
    base_scores = from_main(lambda: _base_scores(encoder, val, scratch / "base.json"))
    base = park_weights(encoder.model, scratch / f"base-{rank()}.safetensors")
    with advice_when_out_of_memory(settings):
        trainer = _train(encoder, pairs, val, settings, scratch, progress, callbacks)
    merge_lora(encoder.model)
    encoder.model.eval()
    tuned = park_weights(encoder.model, scratch / f"tuned-{rank()}.safetensors")
    verdict = from_main(
        lambda: decide(
            encoder,
            base,
            tuned,
            val,
            base_scores=base_scores,
            tuned_scores=trainer.validations.found.get(trainer.state.best_global_step or -1),
            force=settings.force,
            progress=progress,
        )
    )
    result = _result(encoder.name, pairs, trainer, verdict)
    if is_main():
        fit_late_interaction(encoder, val)
        encoder.save(folder)
        write_model_card(folder, result, settings, train=train, val=val)
        if verdict.kept == "base":
            mix_weights(encoder.model, base, tuned, alpha=verdict.alpha)
            # What was found for the base is not true of it.
            encoder.codec, encoder.hybrid = None, HybridWeights()
            encoder.save(folder / REFUSED)
    return result


def _result(
    base: str, pairs: list[TrainingPair], trainer: "PairTrainer", verdict: Verdict
) -> FinetuneResult:
    return FinetuneResult(
        base=base,
        pairs=len(pairs),
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step or trainer.state.global_step,
        verdict=verdict,
        throughput=trainer.meter.read(),
    )


def _train(
    encoder: LocalEncoder,
    pairs: list[TrainingPair],
    val: RetrievalDataset,
    settings: FinetuneSettings,
    scratch: Path,
    progress: Progress,
    callbacks: "tuple[TrainerCallback, ...]",
) -> "PairTrainer":
    """Train, with smaller mini-batches where memory runs out."""
    from cvseeker.train.trainer import build_trainer

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
        trainer.train(resume_from_checkpoint=checkpoint)
        # The checkpoints are deleted once all processes have read the best of them.
        wait_for_all()
        return trainer

    if world_size() > 1:
        # The others would wait for what one process does again.
        return attempt(settings.mini_batch_size)
    trainer, _ = with_smaller_mini_batches(
        attempt,
        mini_batch_size=settings.mini_batch_size,
        batch_size=settings.batch_size,
        halved=lambda size: progress("fine-tune", 0, 0, f"memory ran out: {size} pairs at once"),
    )
    return trainer


def _pairs(
    train: RetrievalDataset, encoder: LocalEncoder, settings: FinetuneSettings, path: Path
) -> list[TrainingPair]:
    """Build the pairs, or read those of an interrupted run."""
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
    write_jsonl(path, (asdict(pair) for pair in pairs))
    return pairs


def _base_scores(encoder: LocalEncoder, val: RetrievalDataset, path: Path) -> QueryMetrics:
    """Validate the base model, or read what an interrupted run found."""
    if not path.is_file():
        write_json(path, validate_queries(encoder, val))
    scores: QueryMetrics = read_json(path)
    return scores
