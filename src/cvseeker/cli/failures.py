"""What ended a command, in one line: what was wrong, what was expected, what to type next.

This is the one place that knows the kinds of exception; nothing else in the command line catches.
"""

import errno
import os
import traceback
from dataclasses import dataclass
from types import FrameType

import typer
from typer.exceptions import TyperException

from cvseeker.core.errors import CVSeekerError

# 128 + SIGINT, as shells say it; Typer returns it too.
INTERRUPTED = 130
# A name may have 4,096 characters, and a hostile file's complaint any number.
LONGEST_LINE = 2000

AGAIN = "type the same command again, which continues"
ELSEWHERE = "name another place, or change its rights"
_OF_THE_SYSTEM = {
    errno.ENOSPC: f"no room is left on the disk; free some, and {AGAIN}",
    errno.EDQUOT: f"your share of the disk is used up; free some, and {AGAIN}",
    errno.EFBIG: f"larger than files may be here; raise the limit with ulimit -f, and {AGAIN}",
    errno.EROFS: "nothing can be written there (a read-only file system); name another place",
    errno.EACCES: f"no right to read or write there; {ELSEWHERE}",
    errno.EPERM: f"not permitted; {ELSEWHERE}",
    errno.ENAMETOOLONG: "too long a name; expected a shorter one",
    errno.EMFILE: f"too many open files; raise the limit with ulimit -n 4096, and {AGAIN}",
    errno.ENFILE: f"too many open files on this machine; close some programs, and {AGAIN}",
    errno.ENOMEM: f"no memory is left; close some programs, and {AGAIN}",
    errno.EISDIR: "a folder; expected a file",
    errno.ENOTDIR: "a file; expected a folder",
    errno.ENOENT: "no such file or folder; expected one that is there",
    errno.EEXIST: "already there; name another place",
    errno.ELOOP: "links that lead in a circle; expected a file or a folder",
    errno.EIO: "the disk cannot be read or written; look after it, or name another place",
    errno.EBADF: "the output is closed; leave out >&- or name a file",
}
# What NumPy, safetensors, SQLite and torch say, which write by themselves and pass no number on.
_OF_A_FULL_DISK = ("No space left", "disk is full", "requested and", "PytorchStreamWriter failed")
# By the package of the exception: what these raise, they raise for what they read.
_OF_DAMAGED_FILES = {"json", "pyarrow", "safetensors_rust", "sqlite3", "tomllib", "zipfile", "zlib"}
_READERS = {"json", "numpy.lib", "numpy._core.memmap", "safetensors", "tokenizers", "zipfile"}


@dataclass(frozen=True, slots=True)
class Failure:
    """A line for stderr, empty where nothing is to be said, and the exit status."""

    line: str
    status: int


def explain(error: BaseException, command: str) -> Failure:
    """Say what ended a command: 2 the user's input or machine, 1 our fault, 130 interrupted."""
    line, status = _explained(error, command)
    line = " ".join(line.split())
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 2 :]}"
    return Failure(line, status)


def _explained(error: BaseException, command: str) -> tuple[str, int]:
    match error:
        case TyperException():
            sentence = " ".join(error.format_message().split())
            end = "" if sentence.endswith((".", "?", "!")) else "."
            return f"{sentence}{end} See: {command} --help", 2
        case CVSeekerError():
            return str(error), 2
        case KeyboardInterrupt() | typer.Abort():
            return "interrupted; the same command continues where it stopped", INTERRUPTED
        case MemoryError():
            return f"no memory is left; close some programs, and {AGAIN}", 2
        case Exception() if any(phrase in str(error) for phrase in _OF_A_FULL_DISK):
            return _of_the_system(OSError(errno.ENOSPC, "", getattr(error, "filename", None))), 2
        case OSError():
            return _of_the_system(error), 2
        case UnicodeError():
            return f"a text is no UTF-8 ({error}); expected UTF-8", 2
        case RecursionError():
            return "something is nested too deeply to be read; expected a flatter file", 2
        case _ if is_damage(error):
            reason = str(error) or type(error).__name__
            return f"a file is damaged ({reason}); make it again by the command that wrote it", 2
    return _our_fault(error), 1


def _of_the_system(error: OSError) -> str:
    named = [os.fsdecode(name) for name in (error.filename, error.filename2) if name is not None]
    told = _OF_THE_SYSTEM.get(error.errno or 0)
    if error.errno == errno.ENOENT and not named:
        told = "the folder that you are in is gone; go to one that is there: cd"
    told = told or f"{error.strerror or error}; expected a file or a server that can be used"
    return f"{' → '.join(named)}: {told}" if named else told


def is_damage(error: BaseException) -> bool:
    """Tell whether an exception comes from what a file holds, not from what we do with it."""
    if type(error).__module__.partition(".")[0] in _OF_DAMAGED_FILES or isinstance(error, EOFError):
        return True
    frame = _innermost(error)
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return isinstance(error, ValueError) and any(name.startswith(reader) for reader in _READERS)


def _our_fault(error: BaseException) -> str:
    """Keep the traceback in a file, which only its owner may read, and say where."""
    import tempfile

    frame = _innermost(error)
    where = ""
    if frame is not None:
        where = f" ({frame.f_globals.get('__name__', '?')}, line {frame.f_lineno})"
    told = f"that was our fault: {type(error).__name__}: {error}{where}"
    try:
        handle, path = tempfile.mkstemp(prefix="cvseeker-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{told}; please report it"
    return f"{told}; please report it with {path}"


def _innermost(error: BaseException) -> FrameType | None:
    frames = list(traceback.walk_tb(error.__traceback__))
    return frames[-1][0] if frames else None
