"""The trainer, and what it calls while it trains: validation through windows, and progress."""

from typing import TYPE_CHECKING, Any

from sentence_transformers import SentenceTransformerTrainer
from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import TrainerCallback

from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder
from cvseeker.encoder.memory import return_freed_memory
from cvseeker.progress import Progress
from cvseeker.train.validation import validate

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments


class PlainTrainer(SentenceTransformerTrainer):
    """The trainer without its model card: that one draws a bar, and quotes training texts."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none; CVSeeker writes a card of its own."""


class WindowedEvaluator(BaseEvaluator):
    """Validation as search will use the encoder: windows, the best of which counts."""

    def __init__(self, encoder: LocalEncoder, dataset: RetrievalDataset) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.primary_metric = "ndcg@10"
        self._encoder = encoder
        self._dataset = dataset

    def __call__(self, model: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return metric → mean over the validation queries."""
        return validate(self._encoder, self._dataset)


class ReportProgress(TrainerCallback):
    """Passes each step's loss and the latest validation on to a progress callback."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._loss = ""
        self._ndcg = ""

    def on_step_end(
        self,
        args: "TrainingArguments",
        state: "TrainerState",
        control: "TrainerControl",
        **kwargs: Any,
    ) -> None:
        """Keep the step's memory from piling up on the next one's."""
        return_freed_memory()

    def on_log(
        self,
        args: "TrainingArguments",
        state: "TrainerState",
        control: "TrainerControl",
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Report a step."""
        logs = logs or {}
        if "loss" in logs:
            self._loss = f"loss {float(logs['loss']):.3f}"
        if "eval_ndcg@10" in logs:
            self._ndcg = f"validation nDCG@10 {float(logs['eval_ndcg@10']):.3f}"
        note = ", ".join(part for part in (self._loss, self._ndcg) if part)
        self._progress("fine-tune", state.global_step, state.max_steps, note)
