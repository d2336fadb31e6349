"""Several processes that train one model together, as ``torchrun`` starts them.

Every process runs the same command. The main one reads, prints and writes; the others wait until it
has opened the stage's folder, take part in the work there, and publish nothing.
"""

import atexit
import os
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cvseeker.core.progress import Progress, silent

T = TypeVar("T")
Result = TypeVar("Result")
Work = Callable[[Path], dict[str, Any]]

# Seconds that processes wait for one another: a large corpus is encoded by one of them meanwhile.
# Where a process dies, torchrun ends the others at once.
LONG_WAIT = 24 * 3600


def world_size() -> int:
    """Return how many processes train together; 1 where ``torchrun`` did not start this one."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "MASTER_ADDR" in os.environ else 1


def rank() -> int:
    """Return this process's number among them, from 0."""
    return int(os.environ.get("RANK", "0")) if world_size() > 1 else 0


def is_main() -> bool:
    """Return whether this is the process that reads, prints and writes."""
    return rank() == 0


def heard(progress: Progress) -> Progress:
    """Return the progress callback in the main process, and silence in the others."""
    return progress if is_main() else silent


def from_main(make: Callable[[], T]) -> T:
    """Return what the main process makes, pickled, in every process; the others wait for it."""
    if world_size() == 1:
        return make()
    from torch.distributed import broadcast_object_list

    carried = [make() if is_main() else None]
    broadcast_object_list(carried, src=0, group=_talk())
    return carried[0]  # type: ignore[return-value]


def wait_for_all() -> None:
    """Wait until every process has come this far."""
    if world_size() > 1:
        from torch.distributed import barrier

        barrier(group=_talk())


def run_together(run: Callable[[Work], Result], work: Work) -> Result:
    """Run a stage in the main process while the others take part in its work.

    ``run`` skips the stage, or opens a folder, has the work done there and publishes it; it is
    called in the main process only, and what it returns is returned in every process.
    """
    if world_size() == 1:
        return run(work)
    if not is_main():
        folder = from_main(lambda: "")
        if folder:
            work(Path(folder))
        return from_main(lambda: run(work))
    opened: list[str] = []

    def led(folder: Path) -> dict[str, Any]:
        opened.append(from_main(lambda: str(folder)))
        return work(folder)

    result = run(led)
    if not opened:
        from_main(lambda: "")
    return from_main(lambda: result)


@cache
def _talk() -> Any:
    """Join the other processes; objects travel between processors, whatever the GPUs do."""
    import torch
    from torch import distributed

    wait = timedelta(seconds=LONG_WAIT)
    if torch.cuda.is_available():
        # Before a model is loaded: each process has a GPU of its own.
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if not distributed.is_initialized():
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=wait)
        # Left to the end of the interpreter, its threads abort the process.
        atexit.register(distributed.destroy_process_group)
    return distributed.new_group(backend="gloo", timeout=wait)
