"""What a stage's ``manifest.json`` says: what was read, what was written, and what came of it.

It is the last file that a stage writes, and knows each of the others by size, time and hash.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.hashes import file_hash, text_hash
from cvseeker.core.places import LEFT_OVER, sync

# Raised when a stage writes other files or means something else by the same settings.
FORMAT_VERSION = 2

MANIFEST = "manifest.json"
_BEGINNING = re.compile(rb'\{\s*(?:"format": \d+,\s*)?"stage": "[^"]+",\s*"fingerprint": "')

_KINDS: dict[str, type | tuple[type, ...]] = {
    "stage": str,
    "fingerprint": str,
    "complete": bool,
    "settings": dict,
    "inputs": dict,
    "outputs": dict,
    "counts": dict,
    "seconds": (int, float),
    "version": str,
}
_FACTS: dict[str, type] = {"size": int, "mtime_ns": int, "sha256": str}
# What file managers leave in any folder.
_LITTER = frozenset((".ds_store", "thumbs.db", "desktop.ini"))


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return a stage's manifest, ``None`` where there is none: other programs have such files, too.

    A damaged one, and one of a later version, are refused; an earlier version's is not complete.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = read_json(path)
    except InputError as error:
        raise WorkspaceError(f"{error}; move {folder} away, then run the command again") from error
    if not isinstance(manifest, dict) or not {"stage", "fingerprint"} <= manifest.keys():
        return None
    written = manifest.get("format", 1)
    if isinstance(written, int) and written > FORMAT_VERSION:
        made_by = str(manifest.get("version"))[:20]
        raise WorkspaceError(f"{folder}: made by a later version of CVSeeker, {made_by}; update it")
    if isinstance(written, int) and written < FORMAT_VERSION:
        return {"outputs": {}, **manifest, "complete": False}
    if not isinstance(written, int) or not _is_whole(manifest):
        raise WorkspaceError(f"{path}: damaged; move {folder} away, then run the command again")
    return manifest


def _is_whole(manifest: Mapping[str, Any]) -> bool:
    """Tell whether every part is there and of its kind."""
    return all(isinstance(manifest.get(key), kind) for key, kind in _KINDS.items()) and all(
        isinstance(facts, dict)
        and all(isinstance(facts.get(key), kind) for key, kind in _FACTS.items())
        for facts in manifest["outputs"].values()
    )


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest, and see that it is on the disk before anything is renamed."""
    write_json(folder / MANIFEST, {"format": FORMAT_VERSION, **manifest})
    sync(folder / MANIFEST)
    sync(folder)


def fingerprint_of(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Return what changes when a setting, an input or the format of the files does."""

    def lines(mapping: Mapping[str, Any]) -> list[str]:
        return [f"{key}={mapping[key]!r}" for key in sorted(mapping)]

    return text_hash(str(FORMAT_VERSION), *lines(settings), "inputs", *lines(inputs))


def is_stage_folder(path: Path) -> bool:
    """Tell whether a stage wrote a folder, which may be anybody's; of whatever version."""
    manifest = path / MANIFEST
    try:
        # A link leads elsewhere, a pipe never ends, and of a stranger's file the start is enough.
        if not stat.S_ISREG(manifest.lstat().st_mode):
            return False
        with manifest.open("rb") as file:
            return bool(_BEGINNING.match(file.read(200)))
    except OSError:
        return False


def record_outputs(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of a folder's files, all of which become their owner's alone.

    What begins with a dot in the folder itself is scratch. The files are on the disk afterwards:
    a power cut must not cost hours of training.
    """
    outputs = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(".") or name == MANIFEST:
            continue
        with suppress(OSError):  # of a file system without rights
            path.chmod(0o700 if path.is_dir() else 0o600)
        if path.is_file():
            sync(path)
            status = path.stat()
            outputs[name] = {
                "size": status.st_size,
                "mtime_ns": status.st_mtime_ns,
                "sha256": file_hash(path),
            }
    return outputs


def damages(
    folder: Path, outputs: Mapping[str, Mapping[str, Any]], *, verify: bool = False
) -> Iterator[str]:
    """Yield what is wrong with a folder's files, as :func:`record_outputs` knew them.

    Hashed are those whose time has changed, as all do in a copy, or with ``verify`` all. Those that
    are as they were get their time again, so that they are hashed once.
    """
    for name, facts in outputs.items():
        path = folder / name
        if not path.is_relative_to(folder) or ".." in path.parts[len(folder.parts) :]:
            yield f"{path}: outside of the stage's folder"
            continue
        try:
            status = path.stat()
        except (OSError, ValueError) as error:  # ValueError: a null byte in a name
            yield f"{path}: {'missing' if isinstance(error, FileNotFoundError) else error}"
            continue
        if not path.is_file() or status.st_size != facts["size"]:
            yield f"{path}: {status.st_size:,} bytes; the stage wrote {facts['size']:,}"
        elif verify or status.st_mtime_ns != facts["mtime_ns"]:
            if file_hash(path) != facts["sha256"]:
                yield f"{path}: changed since the stage wrote it"
            else:
                with suppress(OSError, OverflowError):
                    os.utime(path, ns=(status.st_atime_ns, facts["mtime_ns"]))


def foreign_file(folder: Path, manifest: Mapping[str, Any] | None, keeps: str = "") -> Path | None:
    """Return the first of a folder's files that the stage did not write and does not keep."""
    ours = {MANIFEST, *manifest["outputs"]} if manifest else set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        is_kept = bool(keeps) and name.startswith(keeps)
        if (
            name in ours
            or is_kept
            or path.name.lower() in _LITTER
            or LEFT_OVER.fullmatch(path.name)
        ):
            continue
        if path.is_symlink() or not path.is_dir():
            return path
    return None
