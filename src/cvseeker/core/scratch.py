"""Where a stage in progress writes, and how what it wrote takes the stage's place."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cvseeker.core.errors import WorkspaceError
from cvseeker.core.files import write_text
from cvseeker.core.manifest import MANIFEST, damages, foreign_file, read_manifest, write_manifest
from cvseeker.core.places import delete_left_over, make_folder, sync

# Stands in the scratch folder of a stage that continues where it was interrupted.
MARKER = ".fingerprint"


def refuse_foreign(folder: Path, kind: str, keeps: str) -> None:
    """Refuse to replace what no stage of this kind wrote."""
    if folder.exists() and not folder.is_dir():
        raise WorkspaceError(f"{folder}: a file; expected a folder, new or of CVSeeker's")
    manifest = read_manifest(folder)
    if manifest is not None and manifest["stage"] != kind:
        raise WorkspaceError(
            f"{folder}: holds another stage, {manifest['stage']!r}, not {kind!r}; name another "
            "place, or move it away first"
        )
    if foreign := foreign_file(folder, manifest, keeps):
        raise WorkspaceError(
            f"{foreign}: not written by CVSeeker, and its folder is to be replaced; name another "
            "place, or move it away first"
        )


def finished_manifest(scratch: Path, kind: str, fingerprint: str) -> dict[str, Any] | None:
    """Return the manifest of a scratch folder in which the same work was done, to the end."""
    try:
        manifest = read_manifest(scratch)
    except WorkspaceError:
        return None
    wanted = {"stage": kind, "fingerprint": fingerprint, "complete": True}
    if manifest is None or not wanted.items() <= manifest.items():
        return None
    return None if any(damages(scratch, manifest["outputs"])) else manifest


def open_scratch(scratch: Path, fingerprint: str, *, resumable: bool) -> None:
    """Make a scratch folder, or leave that of an interrupted run, which continues."""
    marker = scratch / MARKER
    # A manifest is of work that was done, and that cannot be used.
    same = marker.is_file() and not (scratch / MANIFEST).exists()
    if resumable and same and marker.read_text("utf-8", "replace") == fingerprint:
        # Nobody else writes there.
        delete_left_over(scratch, older_than=0)
        return
    delete(scratch)
    try:
        make_folder(scratch)
        if resumable:
            write_text(marker, fingerprint)
    except OSError as error:
        raise WorkspaceError(
            f"{scratch.parent}: cannot write there ({error.strerror}); name another place"
        ) from error


def timed(
    work: Callable[[Path], dict[str, Any]], scratch: Path, *, resumable: bool
) -> tuple[dict[str, Any], float]:
    """Return what the work counts and how many seconds it took; a failed one leaves no litter."""
    started = time.perf_counter()
    try:
        counts = work(scratch)
    except (Exception, KeyboardInterrupt):
        if not resumable or all(path.name == MARKER for path in scratch.iterdir()):
            delete(scratch)
        raise
    return counts, round(time.perf_counter() - started, 3)


def publish(
    scratch: Path, folder: Path, manifest: Mapping[str, Any], *, keeps: str, retired: Path
) -> None:
    """Replace the stage's folder by the scratch folder, which is complete.

    The old folder is moved away whole before it is deleted: a kill halfway through deleting
    must not leave half a stage in its place. A kill between the two moves leaves no stage
    folder, and the next run moves the scratch folder there.
    """
    for path in scratch.glob(".*"):
        delete(path)
    if keeps:
        _move_into(scratch, folder, manifest, keeps)
        return
    if folder.exists() or folder.is_symlink():
        folder.replace(retired)
    scratch.replace(folder)
    sync(folder.parent)
    delete(retired)


def _move_into(scratch: Path, folder: Path, manifest: Mapping[str, Any], keeps: str) -> None:
    """Replace a folder's content but for what is kept.

    Meanwhile its manifest, which is not complete, names the files of both: a kill halfway leaves
    a folder that is ours, and the next run redoes it.
    """
    make_folder(folder)
    outputs = (read_manifest(folder) or {"outputs": {}})["outputs"] | manifest["outputs"]
    write_manifest(folder, {**manifest, "outputs": outputs, "complete": False})
    for path in list(folder.iterdir()):
        if path.name != MANIFEST and not path.name.startswith(keeps):
            delete(path)
    for path in sorted(scratch.iterdir(), key=lambda path: path.name == MANIFEST):
        path.replace(folder / path.name)
    sync(folder)
    scratch.rmdir()


def delete(path: Path) -> None:
    """Delete a folder, or whatever else is there: to open a pipe would wait for ever."""
    if path.is_dir() and not path.is_symlink():
        (path / MARKER).unlink(missing_ok=True)  # what is half deleted must not be continued
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
