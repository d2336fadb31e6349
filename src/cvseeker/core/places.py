"""Where files and folders go: private to whoever makes them, and never onto what is read."""

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cvseeker.core.errors import InputError

# What a file is written as before it is renamed, and what a kill leaves.
LEFT_OVER = re.compile(r"\..+\.\d+\.part")
# Longer than any file takes to be written.
ABANDONED_SECONDS = 3600.0


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, each for its owner alone."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file for its owner alone where there is none, for others to write into."""
    # Opened only where it is new: to close a file lets go of this process's locks on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check_output(out: Path, inputs: Mapping[str, Path | None]) -> None:
    """Refuse an output that is, holds or lies within what is read, or the present or home folder.

    ``inputs`` are what a user calls them → files and folders; ``None`` and what is not there do not
    count. Links are followed, and names that a file system takes for the same are the same.
    """
    try:
        place = out.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a null byte
        raise InputError(f"{out}: no place to write to ({error}); name another place") from error
    for what, here in (("the folder you are in", "."), ("your home folder", "~")):
        if _is_within(Path(here).expanduser().resolve(), place):
            raise InputError(f"{out}: is or holds {what}; expected a new place, such as ./result")
    for name, path in inputs.items():
        if path is None or not path.exists():
            continue
        source = path.resolve()
        holds, lies_within = _is_within(source, place), _is_within(place, source)
        if holds or lies_within:
            how = "is" if holds and lies_within else "holds" if holds else "lies within"
            raise InputError(f"{out}: {how} what {name} names, {path}; name another place to write")


def _is_within(inner: Path, outer: Path) -> bool:
    """Tell whether a path is another or lies below it."""
    return any(_is_same(part, outer) for part in (inner, *inner.parents))


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one == other or one.samefile(other)
    return False


def delete_left_over(folder: Path, *, older_than: float = ABANDONED_SECONDS) -> None:
    """Delete what killed runs left half-written in a folder and below, unless it is in use."""
    before = time.time() - older_than
    with suppress(OSError):
        for path in folder.rglob(".*.part"):
            if LEFT_OVER.fullmatch(path.name) and path.lstat().st_mtime < before:
                path.unlink()
