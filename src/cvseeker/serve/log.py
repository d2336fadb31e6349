"""Who did what, written down behind the requests' backs: an fsync a batch, not one a search."""

import logging
import time
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from fastapi import Request

from cvseeker.core.errors import CVSeekerError
from cvseeker.core.record import NAME, Journal, Record

if TYPE_CHECKING:
    from cvseeker.serve.service import Service

# What a kill may lose of what changes nothing.
_GATHERED_SECONDS = 0.05
_READING = ("searched", "viewed")
_ENDING_SECONDS = 10.0

_Entry = tuple[float, str, str, dict[str, Any]]


class LogWriter:
    """Writes the log of a workspace, in the order in which things were done."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._entries: SimpleQueue[_Entry] = SimpleQueue()
        self._writing = Lock()
        self._ending = Event()
        self._thread = Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_ENDING_SECONDS)
        self.flush()

    def add(self, who: str, what: str, about: dict[str, Any]) -> None:
        """Have an entry written soon."""
        self._entries.put((time.time(), who, what, about))

    def flush(self) -> None:
        """Write what has been added; what this returns after is on the disk."""
        with self._writing:
            batch = [self._entries.get() for _ in range(self._entries.qsize())]
            if batch and (self._workspace / NAME).is_file():
                with Record.open(self._workspace) as record:
                    Journal(record).write_all(batch)

    def _run(self) -> None:
        while not self._ending.wait(_GATHERED_SECONDS):
            if self._entries.empty():
                continue
            try:
                self.flush()
            except CVSeekerError as error:
                logging.getLogger(__name__).error("the log cannot be written: %s", error)


def caller(request: Request) -> str:
    """Return who asks: the name of a token, or whoever sits at this machine."""
    return getattr(request.state, "caller", "") or "this machine"


def log(request: Request, service: "Service", what: str, **about: Any) -> None:
    """Write down who did what.

    What changes something, or leaves the house, is on the disk when this returns.
    """
    service.log.add(caller(request), what, about)
    if what not in _READING:
        service.log.flush()
