"""A workspace that is searched by many: opened once, and again when its index is another."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Literal

from cvseeker.core.errors import CVSeekerError, WorkspaceError
from cvseeker.core.workspace import Workspace
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.models import choose_model, model_identity
from cvseeker.search import CandidateSearch
from cvseeker.serve.jobs import Jobs
from cvseeker.serve.log import LogWriter
from cvseeker.serve.measures import Measures
from cvseeker.serve.untuned import Opened, Untuned
from cvseeker.serve.worker import Worker

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


Model = Literal["tuned", "untuned"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which of two models serves unless somebody asks for the other, and what has chosen it."""

    model: Model
    by: Literal["the evaluation", "validation"]


class Service:
    """The search of a workspace, for several threads; so many ``searches`` run at once."""

    def __init__(self, path: Path, *, searches: int = 2) -> None:
        self.workspace = Workspace(path)
        self.measures = Measures()
        self.jobs = Jobs(self.workspace)
        self.log = LogWriter(path)
        self.worker = Worker(self.workspace, self.jobs, load=self._encoder, changed=self.refresh)
        self.untuned = Untuned(path)
        self._opening = Lock()
        self._turns = BoundedSemaphore(searches)
        self._opened: Opened | None = None
        self._loaded: tuple[str, LocalEncoder] | None = None

    def start(self) -> None:
        """Begin what goes on in the background."""
        self.log.start()
        self.worker.start()
        with suppress(CVSeekerError):
            if (chosen := self.chosen()) and chosen.model == "untuned":
                self.untuned.open(self.generation)

    def stop(self) -> None:
        """End it."""
        self.worker.stop()
        self.log.stop()

    @property
    def generation(self) -> str:
        """The index that there is now; empty where there is none."""
        try:
            manifest = (self.workspace.stage_folder("index") / "manifest.json").read_bytes()
        except OSError:
            return ""
        return hashlib.sha256(manifest).hexdigest()[:16]

    def open(self) -> Opened:
        """Return the search over the present index; a ``WorkspaceError`` where there is none.

        While another opens it, or it cannot be opened, such as between a new model and its index,
        the one before goes on answering.
        """
        opened = self._opened
        if opened is None:
            return self.refresh()
        if opened.generation != self.generation and self._opening.acquire(blocking=False):
            try:
                return self._reopened()
            finally:
                self._opening.release()
        return opened

    def refresh(self) -> Opened:
        """Wait until the search over the present index is open, and return it."""
        with self._opening:
            return self._reopened()

    def _reopened(self) -> Opened:
        generation = self.generation
        if self._opened is None or self._opened.generation != generation:
            try:
                self._opened = Opened(CandidateSearch.open(self.workspace.path), generation)
            except WorkspaceError:
                if self._opened is None:
                    raise
        return self._opened

    def chosen(self) -> Chosen | None:
        """Return which model serves; ``None`` where there is only one."""
        index, model = self.workspace.manifest("index"), self.workspace.manifest("model")
        if not index or not model or index["counts"]["model"] != "tuned":
            return None
        if model["counts"]["verdict"]["kept"] != "tuned":
            return None
        evaluation = self.workspace.manifest("evaluation")
        if not evaluation or self.workspace.newer_than("evaluation") == "model":
            return Chosen("tuned", "validation")
        use = evaluation["counts"].get("use", "hybrid(tuned)")
        return Chosen("untuned" if "(base)" in use else "tuned", "the evaluation")

    @contextmanager
    def searching(self, *, untuned: bool = False) -> Iterator[Opened]:
        """Wait for a turn, and count and time the search; ``Making`` while it is not there yet."""
        opened = self.untuned.open(self.generation) if untuned else self.open()
        with self._turns, self.measures.timed("search"):
            yield opened

    def load_model(self) -> "SentenceTransformer":
        """Load the model that search uses, whole, for embeddings.

        Not the one that uploads are encoded by: a tokenizer serves one thread.
        """
        self.open()
        name = (self.workspace.manifest("index") or {})["counts"]["model"]
        if name == "tuned":
            name = str(self.workspace.stage_folder("model"))
        return LocalEncoder.from_name(name).model

    def _encoder(self, name: str | None) -> LocalEncoder:
        """Return a model for the worker, loaded once while it stays what it is."""
        choice = choose_model(name)
        identity = model_identity(choice)
        if self._loaded is None or self._loaded[0] != identity:
            self._loaded = identity, LocalEncoder.from_choice(choice)
        return self._loaded[1]

    def readiness(self) -> str:
        """Say why searches cannot be answered; empty where they can."""
        try:
            self.open()
        except WorkspaceError as error:
            return str(error)
        return ""
