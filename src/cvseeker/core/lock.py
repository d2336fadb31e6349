"""Who may write somewhere: one process at a time, and one thread of it.

The system releases a lock when its process dies, however that happens.
"""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from cvseeker.core.errors import WorkspaceError
from cvseeker.core.places import make_folder
from cvseeker.core.progress import Progress, silent

# Long enough for most commands to end; whoever waits for a training wants to be told.
WAIT_SECONDS = 600.0
_POLL_SECONDS = 0.1
_BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


@dataclass(slots=True)
class _Held:
    """What this process knows of a lock."""

    thread: Any = field(default_factory=RLock)
    depth: int = 0


_HELD: dict[str, _Held] = {}


@contextmanager
def locked(path: Path, what: str, progress: Progress = silent) -> Iterator[None]:
    """Hold a lock; whoever holds it may take it again.

    The file is there while somebody holds the lock, and so is its folder. Others are told ``what``
    they wait for; ``progress`` is told once if another process holds it, for ten minutes at most.
    """
    held = _HELD.setdefault(os.path.realpath(path), _Held())
    if not held.thread.acquire(timeout=WAIT_SECONDS):
        raise _still_busy(path, "another thread of this process")
    try:
        if held.depth:
            yield
            return
        is_new = not path.parent.exists()
        descriptor = _wait(path, what, progress)
        held.depth = 1
        try:
            yield
        finally:
            held.depth = 0
            _release(descriptor, path)
            if is_new:
                with suppress(OSError):
                    path.parent.rmdir()
    finally:
        held.thread.release()


def _wait(path: Path, what: str, progress: Progress) -> int:
    """Take the lock as soon as nobody else has it."""
    began, holder = time.monotonic(), ""
    while True:
        try:
            make_folder(path.parent)
            # What a link of this name leads to must not be written over.
            flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            # Whoever held it has just deleted the folder.
            if time.monotonic() - began > 1:
                raise
            continue
        except OSError as error:
            raise WorkspaceError(
                f"{path.parent}: cannot write there ({error.strerror}); name another place"
            ) from error
        taken = False
        try:
            taken = _take(descriptor) and _is_file(descriptor, path)
            if taken:
                _sign(descriptor, what)
                return descriptor
            found = os.read(descriptor, 200).decode("utf-8", "replace")
        finally:
            if not taken:
                os.close(descriptor)
        if not holder and found:
            holder = found
            progress("waiting", 0, 0, f"{path.parent} is in use: {holder}")
        if time.monotonic() - began > WAIT_SECONDS:
            raise _still_busy(path, holder)
        time.sleep(_POLL_SECONDS)


def _still_busy(path: Path, holder: str) -> WorkspaceError:
    return WorkspaceError(
        f"{path.parent}: in use for {WAIT_SECONDS:,.0f} s by {holder or 'another process'}; wait "
        "until that is done, then run the same command"
    )


def _take(descriptor: int) -> bool:
    """Lock an open file, unless another process has; processes that this one forks have not."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # Beyond what is written there, which others read.
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _is_file(descriptor: int, path: Path) -> bool:
    """Tell whether an open file still has its name: who held the lock before has deleted it."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _sign(descriptor: int, what: str) -> None:
    """Write who holds the lock; without room on the disk, nobody is told."""
    if os.fstat(descriptor).st_nlink > 1:
        return  # a file of somebody's, which has this name too
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{what}, process {os.getpid()}".encode())


def _release(descriptor: int, path: Path) -> None:
    """Delete the file while it is locked, where the system lets us; then let go of it."""
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)
    if sys.platform == "win32":
        with suppress(OSError):
            path.unlink()
