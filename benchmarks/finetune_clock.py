"""The one clock of all contenders of ``finetune.py``: a callback of the trainer beneath them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback


class Clock(TrainerCallback):
    """Times the call and its steps, counts tokens, and writes snapshots off the clock.

    Parameters
    ----------
    folder
        Of the snapshots.
    every
        Steps between two snapshots; 0: none are written.
    skip
        First steps that the rates leave out: they warm a GPU up.
    """

    def __init__(self, folder: Path, *, every: int, skip: int) -> None:
        self.validation_seconds = 0.0
        self.snapshots: list[dict[str, Any]] = []
        self._folder = folder
        self._every = every
        self._skip = skip
        self._paused = 0.0
        self._began = time.perf_counter()
        self._since: float | None = None
        self._counts: list[torch.Tensor] = []
        self._steps: list[tuple[float, list[torch.Tensor]]] = []
        self._pairs = 0.0
        self._hooked = False

    def start(self) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def elapsed(self) -> float:
        """Return the seconds since the start without those that snapshots took."""
        return time.perf_counter() - self._began - self._paused

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock for a while."""
        began = time.perf_counter()
        yield
        self._paused += time.perf_counter() - began

    def on_train_begin(self, *_: Any, **kwargs: Any) -> None:
        """Listen at the transformer."""
        if not self._hooked:
            kwargs["model"][0].register_forward_pre_hook(self._count)
            self._hooked = True

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start a step, unless its time has run on since the step before."""
        if self._since is None:
            self._since = time.perf_counter()

    def on_step_end(self, *positional: Any, **kwargs: Any) -> None:
        """Note the step; write a snapshot where it is time for one."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        _, state, _ = positional
        self._steps.append((now - (self._since or now), self._counts))
        self._counts = []
        self._pairs = float(state.epoch) * len(kwargs["train_dataloader"].dataset)
        if self._every and state.global_step % self._every == 0:
            self._write_snapshot(kwargs["model"], int(state.global_step), now)
        self._since = time.perf_counter()

    def on_evaluate(self, *_: Any, **__: Any) -> None:
        """Leave a validation out of the steps."""
        self._since = None

    def on_save(self, *_: Any, **__: Any) -> None:
        """Leave the writing of a checkpoint out of the steps."""
        self._since = None

    def figures(self) -> dict[str, float]:
        """Return what was counted; rates are of the steps alone, padding counts for nothing."""
        kept = self._steps[self._skip :] or self._steps
        seconds = sum(duration for duration, _ in kept)
        counts = [each for _, counted in kept for each in counted]
        tokens, squares, slots = torch.stack(counts).sum(0).tolist() if counts else (0, 0, 1)
        return {
            "steps": len(self._steps),
            "pairs": round(self._pairs),
            "step_seconds": sum(duration for duration, _ in self._steps),
            "pairs_per_step_second": self._pairs / len(self._steps) * len(kept) / seconds,
            "tokens_per_second": tokens / seconds,
            "squares_per_second": squares / seconds,
            "padding_share": 1 - tokens / slots,
        }

    def _count(self, module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        """Count what is trained on: tokens, their lengths' squares, and places for tokens."""
        if not module.training or not torch.is_grad_enabled():
            return
        features = inputs[0]
        if "cu_seq_lens_q" in features:
            lengths = features["cu_seq_lens_q"].diff().long()
        else:
            lengths = features["attention_mask"].sum(1)
        slots = lengths.new_tensor(features["input_ids"].numel())
        self._counts.append(torch.stack([lengths.sum(), (lengths * lengths).sum(), slots]))

    def _write_snapshot(self, model: SentenceTransformer, step: int, now: float) -> None:
        seconds = now - self._began - self._paused
        folder = self._folder / f"step-{step}"
        with self.paused():
            model.save_pretrained(str(folder), create_model_card=False)
        self.snapshots.append({"step": step, "seconds": seconds, "folder": str(folder)})
