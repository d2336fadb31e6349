"""How long a model takes on this machine, found out by trying."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cvseeker.train.arguments import Precision

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Rows of a trial batch: enough for a processor's matrix routines.
TRIAL_ROWS = 8


def seconds_a_token(
    model: "SentenceTransformer", *, length: int, precision: Precision
) -> tuple[float, float]:
    """Return the seconds that a model takes for a token.

    Parameters
    ----------
    model
        As it is to be trained: where, and which weights. They stay as they are.
    length
        Tokens in a row.
    precision
        Of the arithmetic.

    Returns
    -------
    tuple of float
        To train on a token, and to encode one. Each is tried twice on random tokens; the first
        try only allocates memory and chooses kernels.
    """
    import torch

    vocabulary = len(model.tokenizer)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, vocabulary, (TRIAL_ROWS, length), generator=generator)  # (rows, tokens)
    features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    features = {name: value.to(model.device) for name, value in features.items()}
    types = {"bf16": torch.bfloat16, "fp16": torch.float16}

    def forward() -> torch.Tensor:
        kind = types.get(precision, torch.float32)
        with torch.autocast(model.device.type, dtype=kind, enabled=precision != "fp32"):
            vectors: torch.Tensor = model(dict(features))["sentence_embedding"]
        return vectors.float()

    def step() -> None:
        forward().sum().backward()
        model.zero_grad()

    def encode() -> None:
        with torch.no_grad():
            forward()

    model.train()
    trained = _second_try(step)
    model.eval()
    return trained / ids.numel(), _second_try(encode) / ids.numel()


def _second_try(work: Callable[[], None]) -> float:
    import torch

    seconds = 0.0
    for _ in range(2):
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    return seconds
