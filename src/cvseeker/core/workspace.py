"""The folder that holds one project's stages, each complete or absent.

A stage writes into a temporary folder, which is renamed into place once its ``manifest.json`` is
written; the manifest's presence therefore means that the stage completed. Its fingerprint covers
the settings and the inputs' hashes: while it matches, the stage is skipped.
"""

import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvseeker.core import __version__
from cvseeker.core.decisions import decisions
from cvseeker.core.errors import WorkspaceError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.hashes import file_hash, text_hash

COMMAND_OF_STAGE: dict[str, str] = {
    "ingest": "cvseeker ingest SOURCE... -w {workspace}",
    "queries": "cvseeker generate -w {workspace}",
    "judged": "cvseeker judge -w {workspace}",
    "model": "cvseeker finetune -w {workspace}",
    "evaluation": "cvseeker evaluate -w {workspace}",
    "index": "cvseeker index -w {workspace}",
}

# Raised when a stage writes other files or means something else by the same settings.
FORMAT_VERSION = 1

# Stands in a stage's folder while its files are being replaced one by one.
_MOVING = ".moving"


@dataclass(frozen=True, slots=True)
class StageResult:
    """What running a stage came to.

    Attributes
    ----------
    counts
        What was counted and decided, JSON-ready.
    seconds
        How long it took, in the run that did it.
    skipped
        Whether an earlier run was still valid.
    folder
        Where the stage's files lie; ``None`` where it has no folder.
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

    @property
    def cache(self) -> Path:
        """Where vectors are kept for all stages; any file in it may be deleted."""
        return self.path / "cache"

    def stage_folder(self, stage: str) -> Path:
        """Return where a stage lies, whether or not it is complete."""
        return self.path / stage

    def scratch_folder(self, stage: str) -> Path:
        """Return the folder that a stage in progress writes to; it outlives an interruption."""
        return self.path / f".{stage}.part"

    def manifest(self, stage: str) -> dict[str, Any] | None:
        """Return a complete stage's manifest, or ``None`` where the stage is not complete."""
        path = self.stage_folder(stage) / "manifest.json"
        manifest = read_json(path) if path.is_file() else None
        # Other programs have files of this name, too.
        ours = isinstance(manifest, dict) and {"stage", "fingerprint"} <= manifest.keys()
        return manifest if ours else None

    def require(self, stage: str) -> Path:
        """Return a complete stage's folder.

        Raises
        ------
        WorkspaceError
            If the stage is not complete; the message names the command that completes it.
        """
        folder = self.stage_folder(stage)
        if self.manifest(stage) is None:
            command = COMMAND_OF_STAGE[stage].format(workspace=shlex.quote(str(self.path)))
            raise WorkspaceError(f"{folder}: no finished {stage} stage there; run: {command}")
        return folder

    def output_hashes(self, stage: str) -> dict[str, str]:
        """Return the hashes of a complete stage's files: the inputs of the stages after it."""
        self.require(stage)
        manifest = self.manifest(stage) or {}
        return {f"{stage}/{name}": digest for name, digest in manifest["outputs"].items()}

    def labels_stage(self) -> str:
        """Return ``judged`` where that was made from the present queries, else ``queries``."""
        judged = self.manifest("judged")
        present = self.output_hashes("queries").items()
        return "judged" if judged and present <= judged["inputs"].items() else "queries"

    def run_stage(
        self,
        stage: str,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        work: Callable[[Path], dict[str, Any]],
        *,
        resumable: bool = False,
        keeps: str = "",
        finished: Callable[[Mapping[str, Any]], bool] = lambda counts: True,
    ) -> StageResult:
        """Run ``work`` in a scratch folder and move it into place, unless nothing changed.

        Parameters
        ----------
        stage
            The stage's name, which is its folder's name.
        settings
            What the outcome depends on, JSON-ready.
        inputs
            Name → hash of everything that is read.
        work
            Fills the folder it is given and returns the stage's counts.
        resumable
            Keep the scratch folder of an interrupted run of the same fingerprint, for ``work``
            to continue; otherwise it starts empty.
        keeps
            A file's name, with whatever is appended to it, that stays in the stage's folder
            through all runs, finished or not. ``work`` may use it there meanwhile.
        finished
            Tells by the counts of an unchanged run whether it may be skipped.

        Returns
        -------
        StageResult
            Of this run, or of the run that is still valid.

        Raises
        ------
        WorkspaceError
            If the folder holds something that no stage wrote; nothing is touched then.
        """
        fingerprint = _fingerprint(settings, inputs)
        manifest = self.manifest(stage)
        unchanged = manifest is not None and manifest["fingerprint"] == fingerprint
        if manifest is not None and unchanged and finished(manifest["counts"]):
            kept = self.stage_folder(stage)
            return StageResult(manifest["counts"], manifest["seconds"], skipped=True, folder=kept)
        self._refuse_foreign(self.stage_folder(stage), manifest, keeps)
        scratch = self._open_scratch(stage, fingerprint, resumable=resumable)
        started = time.perf_counter()
        try:
            counts = work(scratch)
        except (Exception, KeyboardInterrupt):
            if not resumable:
                self._clear_away(scratch)
            raise
        seconds = round(time.perf_counter() - started, 3)
        manifest = {
            "stage": stage,
            "fingerprint": fingerprint,
            "settings": dict(settings),
            "inputs": dict(inputs),
            "outputs": _hash_files(scratch),
            "counts": counts,
            "seconds": seconds,
            "version": __version__,
        }
        self._publish(stage, scratch, manifest, keeps)
        return StageResult(counts, seconds, skipped=False, folder=self.stage_folder(stage))

    def _refuse_foreign(self, folder: Path, manifest: dict[str, Any] | None, keeps: str) -> None:
        """Refuse to replace what CVSeeker did not write."""
        if self.path.exists() and not self.path.is_dir():
            raise WorkspaceError(f"{self.path}: a file; expected a folder, new or of CVSeeker's")
        if manifest is not None or not folder.exists() or (folder / _MOVING).exists():
            return
        ours = folder.is_dir() and all(_is_kept(path, keeps) for path in folder.iterdir())
        if not ours:
            raise WorkspaceError(
                f"{folder}: already there and not written by CVSeeker; name another place, or move "
                "it away first"
            )

    def _open_scratch(self, stage: str, fingerprint: str, *, resumable: bool) -> Path:
        scratch = self.scratch_folder(stage)
        marker = scratch / ".fingerprint"
        same = marker.is_file() and marker.read_text(encoding="utf-8") == fingerprint
        if not (resumable and same):
            shutil.rmtree(scratch, ignore_errors=True)
            try:
                scratch.mkdir(parents=True)
            except OSError as error:
                raise WorkspaceError(
                    f"{self.path}: cannot write there ({error.strerror}); name another place"
                ) from error
            marker.write_text(fingerprint, encoding="utf-8")
        return scratch

    def _clear_away(self, scratch: Path) -> None:
        """Delete what a failed stage wrote, and the workspace where that was all there is."""
        shutil.rmtree(scratch, ignore_errors=True)
        with suppress(OSError):
            self.path.rmdir()

    def _publish(self, stage: str, scratch: Path, manifest: dict[str, Any], keeps: str) -> None:
        """Replace the stage's folder by the scratch folder; the manifest is the last file written.

        The old folder is moved away whole before it is deleted: a kill halfway through deleting
        must not leave half a stage in its place. A kill between the two moves leaves no stage
        folder, and the next run redoes the stage.
        """
        (scratch / ".fingerprint").unlink(missing_ok=True)
        write_json(scratch / "manifest.json", manifest)
        folder, retired = self.stage_folder(stage), self.path / f".{stage}.old"
        if keeps:
            _move_into(scratch, folder, keeps)
            return
        shutil.rmtree(retired, ignore_errors=True)
        if folder.exists():
            folder.replace(retired)
        scratch.replace(folder)
        shutil.rmtree(retired, ignore_errors=True)


def _is_kept(path: Path, keeps: str) -> bool:
    return bool(keeps) and path.name.startswith(keeps)


def _move_into(scratch: Path, folder: Path, keeps: str) -> None:
    """Replace a folder's content but for what is kept; the manifest goes first and comes last.

    A kill halfway leaves a folder without a manifest, marked as ours, and the next run redoes it.
    """
    folder.mkdir(exist_ok=True)
    marker = folder / _MOVING
    marker.touch()
    (folder / "manifest.json").unlink(missing_ok=True)
    for path in list(folder.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        elif path != marker and not _is_kept(path, keeps):
            path.unlink()
    for path in sorted(scratch.iterdir(), key=lambda path: path.name == "manifest.json"):
        path.replace(folder / path.name)
    marker.unlink()
    scratch.rmdir()


def _fingerprint(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    def lines(mapping: Mapping[str, Any]) -> list[str]:
        return [f"{key}={mapping[key]!r}" for key in sorted(mapping)]

    return text_hash(str(FORMAT_VERSION), *lines(settings), "inputs", *lines(inputs))


def _hash_files(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): file_hash(path)
        for path in files
        if path.name != ".fingerprint"
    }
