"""Finding the files of the sources that a user names, and naming them safely."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cvseeker.core.errors import InputError
from cvseeker.core.manifest import is_stage_folder
from cvseeker.core.record import NAME
from cvseeker.core.screen import printable
from cvseeker.core.workspace import COMMAND_OF_STAGE, JOBS, UPLOADS, is_workspace

# Files that programs leave beside documents.
_LITTER = frozenset(("thumbs.db", "desktop.ini", "__macosx"))
_HIDDEN = "hidden or temporary file: skipped"
_OURS = "written by CVSeeker, no résumé: skipped"
_LEADS_OUT = "a link that leads out of the source folder: not opened"
_SPECIAL = (
    (stat.S_ISFIFO, "a pipe, not a file: not opened"),
    (stat.S_ISSOCK, "a socket, not a file: not opened"),
    (stat.S_ISCHR, "a device, not a file: not opened"),
    (stat.S_ISBLK, "a device, not a file: not opened"),
    (stat.S_ISDIR, "a folder, not a file"),
)
_IN_WORKSPACE = frozenset(
    (
        *COMMAND_OF_STAGE,
        "cache",
        UPLOADS,
        JOBS,
        *(f"{NAME}{suffix}" for suffix in ("", "-wal", "-shm")),
    )
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An input file, or a folder that must not or cannot be entered."""

    # Its name may hold bytes that are no UTF-8.
    path: Path
    # Its POSIX path within its source folder, or its name where the file itself was given. Valid
    # UTF-8 on one line, and different for every file found.
    relative: str
    # Why it is not opened, whatever is in it; empty if it may be.
    refused: str = ""


def find_files(sources: Sequence[Path]) -> list[SourceFile]:
    """List the files of folders, recursively, and the files among the sources, each once."""
    # Hidden files, pipes and links that lead out too, so that nothing vanishes from the account.
    walk = _Walk(sources)
    return _without_clashes([(source, file) for source in sources for file in walk.files(source)])


def refusal(path: Path, *, max_file_mb: float) -> str:
    """Say why a file must not be opened."""
    if _is_hidden(path.name):
        return _HIDDEN
    try:
        status = path.stat()
    except FileNotFoundError:
        return "a link to nothing" if path.is_symlink() else "the file has vanished"
    except OSError as error:
        return f"not readable: {error.strerror or error}"
    for is_kind, reason in _SPECIAL:
        if is_kind(status.st_mode):
            return reason
    size = status.st_size / 1e6
    if size > max_file_mb:
        return f"{size:,.0f} MB: larger than the limit of {max_file_mb:,.0f} MB (max_file_mb)"
    return ""


def display_name(path: Path | str) -> str:
    """Return a path, or what else files say, as one line of UTF-8 for a screen or a JSON file."""
    raw = str(path).encode("utf-8", "surrogateescape" if os.name == "posix" else "replace")
    return printable(raw.decode("utf-8", "backslashreplace"))


_Identity = tuple[int, int] | str


class _Walk:
    """A way through all sources on which each folder is entered once."""

    def __init__(self, sources: Sequence[Path]) -> None:
        self._roots = [Path(os.path.realpath(source)) for source in sources]
        self._entered: set[_Identity] = set()
        self._listed: set[tuple[_Identity, str]] = set()

    def files(self, source: Path) -> Iterator[SourceFile]:
        """Yield the files of a source in order."""
        if source.is_dir():
            for path, refused in self._below(source):
                within = path.relative_to(source).as_posix() if path != source else source.name
                yield SourceFile(path, display_name(within), refused)
        elif source.exists() or source.is_symlink():
            if self._is_new(_identity(source.parent), source.name):
                yield SourceFile(source, display_name(source.name))
        else:
            raise InputError(
                f"{display_name(source)}: no such file or folder; "
                "expected a folder of résumés, or one"
            )

    def _below(self, source: Path) -> Iterator[tuple[Path, str]]:
        """Yield what is in a folder and why it is refused; what links lead to comes last."""
        folders, linked = [source], list[Path]()
        while folders or linked:
            folder = folders.pop() if folders else linked.pop(0)
            try:
                identity, entries = self._enter(folder)
                ours = is_workspace(folder) or is_stage_folder(folder)
            except OSError as error:
                yield folder, f"a folder that cannot be read: {error.strerror or error}"
                continue
            if ours and folder != source:
                yield folder, _OURS
                continue
            subfolders = []
            for entry in entries:
                path = folder / entry.name
                if refused := self._refused(entry, ours=ours):
                    yield path, refused
                elif entry.is_dir(follow_symlinks=False):
                    subfolders.append(path)
                elif entry.is_symlink() and _is_folder(path):
                    linked.append(path)
                elif self._is_new(identity, entry.name):
                    yield path, ""
            folders += reversed(subfolders)

    def _enter(self, folder: Path) -> tuple[_Identity, list[os.DirEntry[str]]]:
        """Return what is in a folder in order; nothing where it was entered before."""
        identity = _identity(folder)
        if identity in self._entered:
            return identity, []
        self._entered.add(identity)
        with os.scandir(folder) as entries:
            return identity, sorted(entries, key=lambda entry: entry.name)

    def _refused(self, entry: os.DirEntry[str], *, ours: bool) -> str:
        """Say why an entry must not be followed, whatever it is."""
        if _is_hidden(entry.name):
            return _HIDDEN
        if ours and entry.name in _IN_WORKSPACE:
            return _OURS
        if entry.is_symlink():
            target = Path(os.path.realpath(entry.path))
            if not any(target.is_relative_to(root) for root in self._roots):
                return _LEADS_OUT
        return ""

    def _is_new(self, folder: _Identity, name: str) -> bool:
        """Tell whether a file is met for the first time."""
        known = (folder, name) in self._listed
        self._listed.add((folder, name))
        return not known


def _identity(folder: Path) -> _Identity:
    """Return what tells a folder from all others, whatever its path."""
    status = folder.stat()
    # On file systems without inode numbers every folder has number 0.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _LITTER


def _without_clashes(found: list[tuple[Path, SourceFile]]) -> list[SourceFile]:
    """Put the source folder's name before paths that several sources share, then a number."""
    counts = Counter(file.relative for _, file in found)
    clashing = {source for source, file in found if counts[file.relative] > 1}
    taken: set[str] = set()
    files = []
    for source, file in found:
        relative = file.relative
        if source in clashing:
            folder = source if source.is_dir() else source.parent
            relative = f"{display_name(folder.resolve().name)}/{relative}"
        files.append(replace(file, relative=unused(relative, taken)))
    return files


def unused(name: str, taken: set[str]) -> str:
    """Return a name with the first number that makes it new, and note it as taken."""
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    taken.add(unique)
    return unique
