"""Fine-tune a base model on pairs, with early stopping on validation nDCG@10."""

from dataclasses import asdict, dataclass
from pathlib import Path

from cvseeker.config import FinetuneSettings
from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder
from cvseeker.errors import DatasetError
from cvseeker.files import read_json, read_jsonl, write_json, write_jsonl
from cvseeker.progress import Progress, silent
from cvseeker.rank.metrics import METRICS
from cvseeker.train.card import write_model_card
from cvseeker.train.checkpoints import last_whole_checkpoint
from cvseeker.train.holdout import hold_out, with_distractors
from cvseeker.train.pairs import TrainingPair, build_pairs
from cvseeker.train.validation import validate


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
        Steps taken; ``best_step`` is the one whose weights were kept.
    base_scores, tuned_scores
        Metric → mean on the validation split, before and after.
    """

    base: str
    pairs: int
    steps: int
    best_step: int
    base_scores: dict[str, float]
    tuned_scores: dict[str, float]


def finetune(
    train: RetrievalDataset,
    folder: Path,
    *,
    settings: FinetuneSettings,
    val: RetrievalDataset | None = None,
    scratch: Path,
    progress: Progress = silent,
) -> FinetuneResult:
    """Fine-tune the base model and save it as a plain sentence-transformers folder.

    Parameters
    ----------
    train
        Queries, qrels and their passages.
    folder
        Where the tuned model goes.
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

    Returns
    -------
    FinetuneResult

    Raises
    ------
    DatasetError
        If there are too few pairs, or too few persons to hold any out.
    ModelError
        If the base model cannot be found or loaded.
    """
    if val is None:
        train, val = hold_out(train, share=settings.val_share, seed=settings.seed)
    encoder = LocalEncoder.from_name(settings.base, windows=settings.windows)
    val = with_distractors(val, train, passages=settings.val_passages, seed=settings.seed)
    scratch.mkdir(parents=True, exist_ok=True)
    pairs = _pairs(train, encoder, settings, scratch / "pairs.jsonl", progress)
    base_scores = _base_scores(encoder, val, scratch / "base.json")
    from cvseeker.train.trainer import build_trainer, set_dropout

    set_dropout(encoder.model, settings.dropout)
    trainer = build_trainer(encoder, pairs, val, settings, scratch / "checkpoints", progress)
    trainer.train(resume_from_checkpoint=last_whole_checkpoint(scratch / "checkpoints"))
    encoder.model.eval()
    result = FinetuneResult(
        base=encoder.name,
        pairs=len(pairs),
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step or trainer.state.global_step,
        base_scores=base_scores,
        tuned_scores=_scores_at(trainer.state.log_history, trainer.state.best_global_step),
    )
    encoder.save(folder)
    write_model_card(folder, result, settings, train=train, val=val)
    return result


def _scores_at(log: list[dict[str, float]], step: int | None) -> dict[str, float]:
    """Return what the validation found at a step, the last one where no step was the best."""
    validations = [entry for entry in log if "eval_ndcg@10" in entry]
    best = next((entry for entry in validations if entry["step"] == step), validations[-1])
    return {name: float(best[f"eval_{name}"]) for name in METRICS}


def _pairs(
    train: RetrievalDataset,
    encoder: LocalEncoder,
    settings: FinetuneSettings,
    path: Path,
    progress: Progress,
) -> list[TrainingPair]:
    """Build the pairs, or read those of an interrupted run."""
    if path.is_file():
        return [TrainingPair(**row) for row in read_jsonl(path)]
    pairs = build_pairs(
        train, encoder, max_pairs=settings.max_pairs, seed=settings.seed, progress=progress
    )
    if len({pair.group for pair in pairs}) < 2:
        raise DatasetError(
            f"{len(pairs)} pairs of one person: there is nobody to tell them from; "
            "expected queries about at least two persons"
        )
    write_jsonl(path, (asdict(pair) for pair in pairs))
    return pairs


def _base_scores(encoder: LocalEncoder, val: RetrievalDataset, path: Path) -> dict[str, float]:
    """Validate the base model, or read what an interrupted run found."""
    if not path.is_file():
        write_json(path, validate(encoder, val))
    scores: dict[str, float] = read_json(path)
    return scores
