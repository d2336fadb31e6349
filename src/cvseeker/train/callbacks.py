"""What the trainer calls while it trains: validation through windows, and progress."""

from typing import TYPE_CHECKING, Any

from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import TrainerCallback

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.progress import Progress
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.memory import return_freed_memory
from cvseeker.retrieval.metrics import mean_metrics
from cvseeker.train.merge import QueryMetrics
from cvseeker.train.validation import validate_queries

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments


class WindowedEvaluator(BaseEvaluator):
    """Validation as search will use the encoder: windows, the best of which counts."""

    def __init__(self, encoder: LocalEncoder, dataset: RetrievalDataset) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.primary_metric = "ndcg@10"
        self._encoder = encoder
        self._dataset = dataset
        self.found: dict[int, QueryMetrics] = {}

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return metric → mean over the validation queries; what was found at a step is kept."""
        self.found[steps] = validate_queries(self._encoder, self._dataset)
        return mean_metrics(self.found[steps])


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
