"""The search by the model before it was tuned, made in memory when it is first asked for."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from cvseeker.core.errors import CVSeekerError, WorkspaceError
from cvseeker.search import CandidateSearch


@dataclass(frozen=True, slots=True)
class Opened:
    """A search that is open; ``generation`` names the index that it is over."""

    search: CandidateSearch
    generation: str


class Making(CVSeekerError):  # noqa: N818 (no error, a state)
    """It is being made; the message says how far that is."""


class Untuned:
    """Makes the search in the background, again once the index is another.

    Vectors are kept in the workspace's cache: each text is encoded once, not at every start.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._lock = Lock()
        self._thread: Thread | None = None
        self._opened: Opened | None = None
        self._failure = self._progress = ""

    def open(self, generation: str) -> Opened:
        """Return the search; while it is made again, the one before, and ``Making`` without one.

        Where it cannot be made, the next call tries again.
        """
        opened = self._opened
        if opened is None or opened.generation != generation:
            self._begin(generation)
        if opened:
            return opened
        failure, self._failure = self._failure, ""
        if failure:
            raise WorkspaceError(failure)
        raise Making(self._progress)

    def _begin(self, generation: str) -> None:
        with self._lock:
            if not self._failure and not (self._thread and self._thread.is_alive()):
                self._progress = ""
                make = (generation,)
                self._thread = Thread(target=self._make, args=make, name="untuned", daemon=True)
                self._thread.start()

    def _make(self, generation: str) -> None:
        try:
            found = CandidateSearch.open(self._workspace, untuned=True, progress=self._report)
            self._opened = Opened(found, generation)
        except Exception as error:  # noqa: BLE001 (it is told to whoever asks next)
            ours = f"that was our fault ({type(error).__name__})"
            self._failure = str(error) if isinstance(error, CVSeekerError) else ours

    def _report(self, _: str, done: int, total: int, note: str = "") -> None:
        self._progress = f"{done:,} of {total:,} {note}".strip() if total else ""
