"""The folder that holds one project's stages, each complete or absent.

A stage writes into a temporary folder and its ``manifest.json`` last; then the folder is renamed
into place. The manifest's fingerprint covers the settings and the inputs' hashes: while it matches,
and every file is as it was written, the stage is skipped.
"""

import inspect
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from cvseeker.core import __version__
from cvseeker.core.decisions import decisions
from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.core.lock import locked
from cvseeker.core.manifest import (
    MANIFEST,
    damages,
    fingerprint_of,
    is_stage_folder,
    read_manifest,
    record_outputs,
    write_manifest,
)
from cvseeker.core.places import check_output, delete_left_over
from cvseeker.core.progress import Progress, silent
from cvseeker.core.scratch import (
    MARKER,
    delete,
    finished_manifest,
    open_scratch,
    publish,
    refuse_foreign,
    timed,
)

COMMAND_OF_STAGE: dict[str, str] = {
    "ingest": "cvseeker ingest SOURCE... -w {workspace}",
    "queries": "cvseeker generate -w {workspace}",
    "judged": "cvseeker judge -w {workspace}",
    "model": "cvseeker finetune -w {workspace}",
    "evaluation": "cvseeker evaluate -w {workspace}",
    "index": "cvseeker index -w {workspace}",
    "audit": "cvseeker audit -w {workspace}",
}

T = TypeVar("T")
P = ParamSpec("P")

# A stage is away for a moment while it is replaced.
_ATTEMPTS = 20
_MOVING_SECONDS = 0.05

_LOCK = ".cvseeker.lock"
UPLOADS, JOBS = "uploads", "jobs"
# There while somebody is being removed: until that is done, nothing else is.
ERASING = "erasing.json"


@dataclass(frozen=True, slots=True)
class StageResult:
    """What running a stage came to; ``seconds`` are of the run that did it.

    ``skipped`` says whether an earlier run was still valid, ``folder`` where the stage's files lie.
    """

    counts: dict[str, Any]
    seconds: float
    skipped: bool
    folder: Path | None = None

    @property
    def decided(self) -> list[str]:
        """Sentences: which files failed, which model was kept and why, what the evaluation says."""
        return list(decisions(self.counts, self.folder or Path()))


@dataclass(frozen=True, slots=True)
class StageState:
    """``done``, ``not done``, ``outdated`` or ``damaged``; why, and what to type."""

    stage: str
    state: str
    problems: list[str]
    command: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder of stages.

    Examples
    --------
    >>> import tempfile
    >>> workspace = Workspace(Path(tempfile.mkdtemp()))
    >>> result = workspace.run_stage("index", {"a": 1}, {}, lambda folder: {"passages": 3})
    >>> result.counts, result.skipped
    ({'passages': 3}, False)
    >>> workspace.run_stage("index", {"a": 1}, {}, lambda folder: {"passages": 3}).skipped
    True
    """

    path: Path
    # The one folder in ``path``, which is the user's then, that a stage may write.
    only: str = ""

    @classmethod
    def around(cls, out: Path, inputs: Mapping[str, Path | None]) -> Self:
        """Return what runs a stage into a folder of its own, which is the stage's name there.

        ``inputs`` are all that is read, by what the user calls it: the folder must not touch them.
        """
        check_output(out, inputs)
        return cls(out.resolve().parent, only=out.resolve().name)

    @property
    def cache(self) -> Path:
        """Where vectors are kept for all stages; any file in it may be deleted."""
        return self.path / (f"{self.only}.cache" if self.only else "cache")

    @property
    def uploads(self) -> Path:
        """Where résumés lie that were sent to the server: as much a source as any folder."""
        return self.path / UPLOADS

    @property
    def erasing(self) -> Path:
        """Where a removal that is not done yet stands, for the next one to complete."""
        return self.path / ERASING

    def stage_folder(self, stage: str) -> Path:
        """Return where a stage lies, whether or not it is complete."""
        return self.path / stage

    def scratch_folder(self, stage: str) -> Path:
        """Return the folder that a stage in progress writes to; it outlives an interruption."""
        return self.path / f".{stage}.part"

    def retired_folder(self, stage: str) -> Path:
        """Return where a stage goes until its successor is in its place."""
        return self.path / f".{stage}.old"

    def manifest(self, stage: str) -> dict[str, Any] | None:
        """Return a complete stage's manifest, or ``None`` where the stage is not complete."""
        manifest = read_manifest(self.stage_folder(stage))
        return manifest if manifest and manifest["complete"] else None

    def require(self, stage: str) -> Path:
        """Return a complete stage's folder, whose files are as the stage wrote them.

        Otherwise the message names the command that completes it.
        """
        self._refuse_half_erased()
        folder, manifest = self.stage_folder(stage), self.manifest(stage)
        if manifest is None or manifest["stage"] != stage:
            raise WorkspaceError(
                f"{folder}: no finished {stage} stage there; run: {self.command(stage)}"
            )
        for damage in damages(folder, manifest["outputs"]):
            raise WorkspaceError(f"{damage}; run: {self.command(stage)}")
        return folder

    def read(self, stage: str, load: Callable[[Path], T]) -> T:
        """Return what is loaded from a complete stage, all of it from one run of the stage."""
        for _ in range(_ATTEMPTS):
            before = self.manifest(stage)
            try:
                loaded = load(self.require(stage))
            except (InputError, OSError):
                # Whoever replaces a stage moves the old one away first.
                time.sleep(_MOVING_SECONDS)
                if self.manifest(stage) == before:
                    raise
            else:
                if self.manifest(stage) == before:
                    return loaded
        raise WorkspaceError(f"{self.stage_folder(stage)}: being replaced; try again")

    def command(self, stage: str) -> str:
        """Return what is typed to run a stage."""
        return COMMAND_OF_STAGE[stage].format(workspace=shlex.quote(str(self.path)))

    def output_hashes(self, stage: str) -> dict[str, str]:
        """Return the hashes of a complete stage's files: the inputs of the stages after it."""
        self.require(stage)
        return self._written(stage)

    def labels_stage(self) -> str:
        """Return ``judged`` where that was made from the present queries, else ``queries``."""
        judged = self.manifest("judged")
        present = self._written("queries").items()
        return "judged" if judged and present <= judged["inputs"].items() else "queries"

    def sections_folder(self) -> Path:
        """Return where cross-section pairs lie, in BEIR's form, if there are any."""
        return self.stage_folder("queries") / "sections" / "beir"

    def newer_than(self, stage: str) -> str:
        """Return the first stage that has changed since a complete one read it, or came after.

        Empty where there is none, and where the stage itself is not complete.
        """
        manifest = self.manifest(stage)
        if manifest is None:
            return ""
        inputs = manifest["inputs"]
        read = [one for one in COMMAND_OF_STAGE if any(key.startswith(f"{one}/") for key in inputs)]
        for one in read:
            present = self._written(one)
            if present and present != {
                key: value for key, value in inputs.items() if key.startswith(f"{one}/")
            }:
                return one
        if stage == "index" and "model" not in read and self.manifest("model"):
            return "model"
        by_labels = stage in {"model", "evaluation", "audit"} and "queries" in read
        return "judged" if by_labels and self.labels_stage() == "judged" else ""

    def states(self, *, verify: bool = False) -> list[StageState]:
        """Return the state that each stage is in; with ``verify`` every file is hashed."""
        states = [self._state(stage, verify=verify) for stage in COMMAND_OF_STAGE]
        # Of a damaged manifest nobody can tell that it is ours; its stage is not "not done".
        if not is_workspace(self.path) and all(one.state == "not done" for one in states):
            place = shlex.quote(str(self.path))
            raise WorkspaceError(
                f"{self.path}: no workspace; make one with: cvseeker run SOURCE... -w {place}"
            )
        return states

    def _state(self, stage: str, *, verify: bool) -> StageState:
        """Look at a stage's files, and whether what it read is still the same."""
        folder, state, problems = self.stage_folder(stage), "done", []
        try:
            manifest = self.manifest(stage)
            if manifest is None:
                begun = (self.scratch_folder(stage) / MARKER).is_file()
                state = "interrupted, goes on where it was" if begun else "not done"
            elif problems := list(damages(folder, manifest["outputs"], verify=verify)):
                state = "damaged"
            elif newer := self.newer_than(stage):
                state, problems = "outdated", [f"{folder}: older than the present {newer}"]
        except WorkspaceError as error:
            state, problems = "damaged", [str(error)]
        return StageState(stage, state, problems, "" if state == "done" else self.command(stage))

    @contextmanager
    def alone(
        self, what: str, progress: Progress = silent, *, erasing: bool = False
    ) -> Iterator[None]:
        """Let no other process write here meanwhile; what dead ones left goes.

        Others are told ``what`` they wait for, for ten minutes at most. While somebody's removal is
        not done, only what is ``erasing`` may go on.
        """
        if self.path.exists() and not self.path.is_dir():
            raise WorkspaceError(f"{self.path}: a file; expected a folder, new or of CVSeeker's")
        lock = f".{self.only}.lock" if self.only else _LOCK
        with locked(self.path / lock, what, progress):
            if not erasing:
                self._refuse_half_erased()
            for stage in [self.only] if self.only else COMMAND_OF_STAGE:
                delete(self.retired_folder(stage))
                scratch = self.scratch_folder(stage)
                if not any((scratch / name).is_file() for name in (MARKER, MANIFEST)):
                    delete(scratch)
            delete_left_over(self.cache)
            yield

    def _refuse_half_erased(self) -> None:
        if not self.only and self.erasing.exists():
            place = shlex.quote(str(self.path))
            raise WorkspaceError(
                f"{self.path}: somebody is being removed, and that was interrupted; complete it "
                f"first: cvseeker remove -w {place}"
            )

    def upstream(self, stage: str) -> list[str]:
        """Return the stages that a complete one read and that are as they were then."""
        inputs = (self.manifest(stage) or {"inputs": {}})["inputs"]
        return [
            one
            for one in COMMAND_OF_STAGE
            if (present := self._written(one)) and present.items() <= inputs.items()
        ]

    def rewrote(
        self, stage: str, *, follows: Collection[str], gone: Collection[str] = (), keeps: str = ""
    ) -> None:
        """Bring a complete stage's manifest up to files that were changed in its folder.

        Stages that it ``follows`` were changed in the same way, and so are what it was made from;
        inputs that are ``gone`` it is no longer made from; ``keeps`` is as in :meth:`run_stage`.
        """
        folder, manifest = self.stage_folder(stage), self.manifest(stage)
        if manifest is None:
            return
        present = {key: value for one in follows for key, value in self._written(one).items()}
        former = tuple(f"{one}/" for one in follows)
        inputs = {
            key: value
            for key, value in manifest["inputs"].items()
            if key not in gone and not key.startswith(former)
        }
        inputs |= present
        outputs = record_outputs(folder)
        manifest |= {
            "inputs": inputs,
            "fingerprint": fingerprint_of(manifest["settings"], inputs),
            "outputs": {
                name: facts
                for name, facts in outputs.items()
                if not keeps or not name.startswith(keeps)
            },
        }
        write_manifest(folder, manifest)

    def run_stage(
        self,
        stage: str,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        work: Callable[[Path], dict[str, Any]],
        *,
        kind: str = "",
        resumable: bool = False,
        keeps: str = "",
        finished: Callable[[Mapping[str, Any]], bool] = lambda counts: True,
        progress: Progress = silent,
    ) -> StageResult:
        """Run ``work`` in a scratch folder and move it into place, unless nothing changed.

        Parameters
        ----------
        stage
            The stage's name, which is its folder's name.
        settings, inputs
            What the outcome depends on, JSON-ready, and name → hash of everything that is read.
        work
            Fills the folder it is given and returns the stage's counts. What it names with a dot
            in front is scratch, and goes once all else is written.
        kind
            The stage's name where its folder has one of the user's.
        resumable
            Keep the scratch folder of an interrupted run of the same fingerprint, for ``work``
            to continue; otherwise it starts empty.
        keeps
            A file's name, with whatever is appended to it, that stays in the stage's folder
            through all runs, finished or not. ``work`` may use it there meanwhile.
        finished
            Tells by the counts of an unchanged run whether it may be skipped.

        Raises
        ------
        WorkspaceError
            If the folder holds something that no stage of the kind wrote; nothing is touched then.
        """
        # A stage on files of the user's never replaces a workspace's, nor the other way.
        kind = f"{kind or stage} of files" if self.only else stage
        with self.alone(kind, progress):
            fingerprint = fingerprint_of(settings, inputs)
            folder, manifest = self.stage_folder(stage), self.manifest(stage)
            if (
                manifest is not None
                and manifest["stage"] == kind
                and manifest["fingerprint"] == fingerprint
                and finished(manifest["counts"])
                and not any(damages(folder, manifest["outputs"]))
            ):
                return StageResult(manifest["counts"], manifest["seconds"], True, folder)
            refuse_foreign(folder, kind, keeps)
            scratch = self.scratch_folder(stage)
            # Of a run that was killed after its work was done.
            manifest = finished_manifest(scratch, kind, fingerprint)
            if manifest is None:
                open_scratch(scratch, fingerprint, resumable=resumable)
                counts, seconds = timed(work, scratch, resumable=resumable)
                manifest = {
                    "stage": kind,
                    "fingerprint": fingerprint,
                    "complete": True,
                    "settings": dict(settings),
                    "inputs": dict(inputs),
                    "outputs": record_outputs(scratch),
                    "counts": counts,
                    "seconds": seconds,
                    "version": __version__,
                }
                write_manifest(scratch, manifest)
            # Something may have been put there meanwhile.
            refuse_foreign(folder, kind, keeps)
            publish(scratch, folder, manifest, keeps=keeps, retired=self.retired_folder(stage))
            return StageResult(manifest["counts"], manifest["seconds"], False, folder)

    def _written(self, stage: str) -> dict[str, str]:
        """Return the hashes of what a complete stage wrote, empty where it is not complete."""
        outputs = (self.manifest(stage) or {"outputs": {}})["outputs"]
        return {f"{stage}/{name}": facts["sha256"] for name, facts in outputs.items()}


def exclusive(stage: Callable[P, T]) -> Callable[P, T]:
    """Let a function run while no other process writes into the workspace that it is given.

    From its first look at what it reads, so that nobody replaces that meanwhile. Its parameter
    ``progress`` is told of a wait; without a workspace among the arguments, there is none.
    """
    parameters = inspect.signature(stage)

    @wraps(stage)
    def run(*arguments: P.args, **options: P.kwargs) -> T:
        given = parameters.bind(*arguments, **options).arguments
        workspace = next((one for one in given.values() if isinstance(one, Workspace)), None)
        if workspace is None:
            return stage(*arguments, **options)
        with workspace.alone(stage.__name__, given.get("progress", silent)):
            return stage(*arguments, **options)

    return run


def is_workspace(path: Path) -> bool:
    """Tell whether a folder holds stages of CVSeeker's, or is about to."""
    stages = map(path.joinpath, COMMAND_OF_STAGE)
    return (path / _LOCK).exists() or any(map(is_stage_folder, stages))
