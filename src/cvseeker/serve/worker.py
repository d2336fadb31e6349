"""What is uploaded becomes searchable in the background, all that waits at once."""

import logging
import traceback
from collections import defaultdict
from collections.abc import Callable
from threading import Event, Thread

from cvseeker.core.errors import CVSeekerError
from cvseeker.core.files import read_jsonl
from cvseeker.core.record import Record
from cvseeker.core.settings import IngestSettings, Settings
from cvseeker.core.workspace import Workspace
from cvseeker.resumes import ingest_stage
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.search import index_stage
from cvseeker.serve.jobs import Job, JobFile, Jobs

# Whoever ends the server does not wait longer for what the next start takes up again.
_ENDING_SECONDS = 10.0


class Worker:
    """Brings record and index up to date with what was uploaded, one run at a time.

    ``changed`` is called once the index is another, before anybody is told that a job is done.
    """

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        *,
        load: Callable[[str | None], LocalEncoder],
        changed: Callable[[], object],
    ) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._load, self._changed = load, changed
        self._wake, self.ending = Event(), Event()
        self._thread = Thread(target=self._run, name="uploads", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier server left."""
        self._jobs.clean()
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Look for new uploads."""
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing more."""
        self.ending.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_ENDING_SECONDS)

    def _run(self) -> None:
        while not self.ending.is_set():
            self._wake.wait()
            self._wake.clear()
            while not self.ending.is_set() and (waiting := self._jobs.pending()):
                self._bring_in(waiting)

    def _bring_in(self, waiting: list[Job]) -> None:
        self._jobs.reading = frozenset(job.id for job in waiting)
        outcome, reason = dict[str, JobFile](), ""
        try:
            settings = self._settings()
            with self._workspace.alone("uploads"):
                ingest_stage(self._workspace, None, settings)
                index_stage(self._workspace, settings, load=self._load)
                outcome = self._outcome()
            self._changed()
        except CVSeekerError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 (the thread must outlive any upload)
            # Without the message, which may be about people.
            trace = "".join(traceback.format_tb(error.__traceback__))
            logging.getLogger(__name__).error("%s while uploads were read\n%s", type(error), trace)
            reason = f"that was our fault ({type(error).__name__}); the server's log has the place"
        for job in waiting:
            self._jobs.settle(job, outcome, reason)
        self._jobs.reading = frozenset()

    def _settings(self) -> Settings:
        """Return the settings that the workspace was made with."""
        ingested = self._workspace.manifest("ingest") or {"settings": {}}
        indexed = self._workspace.manifest("index") or {"counts": {}}
        known = {
            name: value
            for name, value in ingested["settings"].items()
            if name in IngestSettings.model_fields
        }
        settings = Settings().override("ingest", known)
        model = indexed["counts"].get("model", "tuned")
        return settings if model == "tuned" else settings.override("finetune", {"base": model})

    def _outcome(self) -> dict[str, JobFile]:
        """Return name → what became of each uploaded file."""
        numbers = defaultdict[str, list[int]](list)
        with Record.open(self._workspace.path) as record:
            for resume_id, number in record.numbers().items():
                # A table's rows have their place in it behind its name.
                numbers[resume_id.partition("#")[0]].append(number)
        rows = read_jsonl(self._workspace.stage_folder("ingest") / "files.jsonl")
        return {
            row["file"]: JobFile(
                name=row["file"],
                state=row["status"],
                reason=row["reason"],
                candidates=numbers.get(row["file"], []),
            )
            for row in rows
        }
