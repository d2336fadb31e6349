"""Who did what, written down behind the requests' backs: an fsync a batch, not one a search."""

import logging
import time
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from cvseeker.core.errors import CVSeekerError
from cvseeker.core.record import NAME, Journal, Record

# What a kill may lose of what changes nothing.
_GATHERED_SECONDS = 0.05
# How long what is searched while somebody types waits for the next letter.
_TYPING_SECONDS = 5.0
_READING = ("searched", "viewed")
_ENDING_SECONDS = 10.0

_Entry = tuple[float, str, str, dict[str, Any]]


class LogWriter:
    """Writes the log of a workspace, in the order in which things were done."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._entries: SimpleQueue[_Entry] = SimpleQueue()
        # Who types → what they have searched last.
        self._typed: dict[str, _Entry] = {}
        self._adding, self._writing = Lock(), Lock()
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

    def add(self, who: str, what: str, about: dict[str, Any], *, live: bool = False) -> None:
        """Have an entry written soon; what changes something or leaves the house, at once.

        What is searched ``live`` gives way to what the same one searches next.
        """
        entry = time.time(), who, what, about
        with self._adding:
            before = self._typed.pop(who, None)
            if before and "query" not in about:
                self._entries.put(before)
            if live:
                self._typed[who] = entry
            else:
                self._entries.put(entry)
        if what not in _READING:
            self.flush()

    def flush(self) -> None:
        """Write what has been added; what this returns after is on the disk."""
        self._settle(0.0)
        self._write()

    def _write(self) -> None:
        with self._writing:
            batch = [self._entries.get() for _ in range(self._entries.qsize())]
            if batch and (self._workspace / NAME).is_file():
                with Record.open(self._workspace) as record:
                    Journal(record).write_all(batch)

    def _settle(self, seconds: float) -> None:
        """Take what was typed so long ago for what was meant."""
        before = time.time() - seconds
        with self._adding:
            for who in [who for who, (at, *_) in self._typed.items() if at <= before]:
                self._entries.put(self._typed.pop(who))

    def _run(self) -> None:
        while not self._ending.wait(_GATHERED_SECONDS):
            self._settle(_TYPING_SECONDS)
            if self._entries.empty():
                continue
            try:
                self._write()
            except CVSeekerError as error:
                logging.getLogger(__name__).error("the log cannot be written: %s", error)
