"""A workspace that is searched by many: opened once, and again when its index is another."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from cvseeker.core.errors import WorkspaceError
from cvseeker.core.workspace import Workspace
from cvseeker.search import CandidateSearch
from cvseeker.serve.measures import Measures

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True, slots=True)
class Opened:
    """A search that is open; ``generation`` names the index that it is over."""

    search: CandidateSearch
    generation: str


class Service:
    """The search of a workspace, for several threads.

    Parameters
    ----------
    path
        The workspace.
    searches
        How many run at once; the others wait.
    """

    def __init__(self, path: Path, *, searches: int = 2) -> None:
        self.workspace = Workspace(path)
        self.measures = Measures()
        self._lock = Lock()
        self._turns = BoundedSemaphore(searches)
        self._opened: Opened | None = None

    @property
    def generation(self) -> str:
        """The index that there is now; empty where there is none."""
        try:
            manifest = (self.workspace.stage_folder("index") / "manifest.json").read_bytes()
        except OSError:
            return ""
        return hashlib.sha256(manifest).hexdigest()[:16]

    def open(self) -> Opened:
        """Return the search over the present index.

        While a new index cannot be opened, such as between a new model and its index, the one
        before goes on answering.

        Raises
        ------
        WorkspaceError
            If there is none, and was none before.
        """
        with self._lock:
            generation = self.generation
            if self._opened is None or self._opened.generation != generation:
                try:
                    self._opened = Opened(CandidateSearch.open(self.workspace.path), generation)
                except WorkspaceError:
                    if self._opened is None:
                        raise
            return self._opened

    @contextmanager
    def searching(self) -> Iterator[Opened]:
        """Wait for a turn, and count and time the search."""
        opened = self.open()
        with self._turns, self.measures.timed("search"):
            yield opened

    def load_model(self) -> "SentenceTransformer":
        """Load the model that search uses, whole, for embeddings."""
        from cvseeker.retrieval.encoder import LocalEncoder

        self.open()
        name = (self.workspace.manifest("index") or {})["counts"]["model"]
        if name == "tuned":
            name = str(self.workspace.stage_folder("model"))
        return LocalEncoder.from_name(name).model

    def readiness(self) -> str:
        """Say why searches cannot be answered; empty where they can."""
        try:
            self.open()
        except WorkspaceError as error:
            return str(error)
        return ""
