"""Where an interrupted training goes on."""

import json
import shutil
from pathlib import Path

# What a resumed run reads, besides the state.
# Of adapters only these are saved; of several processes each has a random state of its own.
CHECKPOINT_FILES = ("*model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth")


def last_whole_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written whole; others are deleted.

    The trainer writes ``trainer_state.json`` last, so a checkpoint with a readable one is whole,
    unless it was being deleted: then other files are missing.
    """
    checkpoints = sorted(
        folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2])
    )
    whole = None
    for checkpoint in checkpoints:
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)
            continue
        if all(any(checkpoint.glob(name)) for name in CHECKPOINT_FILES):
            whole = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return str(whole) if whole else None
