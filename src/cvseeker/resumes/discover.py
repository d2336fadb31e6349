"""Finding the files of the sources that a user names, and naming them safely."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cvseeker.core.errors import InputError

# Files that programs leave beside documents.
_LITTER = frozenset(("thumbs.db", "desktop.ini", "__macosx"))
_LINE_ENDS = dict.fromkeys(map(ord, "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), "␤")
_SPECIAL = (
    (stat.S_ISFIFO, "a pipe, not a file: not opened"),
    (stat.S_ISSOCK, "a socket, not a file: not opened"),
    (stat.S_ISCHR, "a device, not a file: not opened"),
    (stat.S_ISBLK, "a device, not a file: not opened"),
    (stat.S_ISDIR, "a folder, not a file"),
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An input file."""

    # Its name may hold bytes that are no UTF-8.
    path: Path
    # Its POSIX path within its source folder, or its name where the file itself was given. Valid
    # UTF-8 on one line, and different for every file found.
    relative: str


def find_files(sources: Sequence[Path]) -> list[SourceFile]:
    """List the files of folders, recursively, and the files among the sources."""
    # Hidden files, pipes and broken links too, so that nothing vanishes from the account.
    found: list[tuple[Path, SourceFile]] = []
    seen: set[str] = set()
    for source in sources:
        for file in _files_of(source):
            place = str(file.path.parent.resolve() / file.path.name)
            if place not in seen:
                seen.add(place)
                found.append((source, file))
    return _without_clashes(found)


def refusal(path: Path, *, max_file_mb: float) -> str:
    """Say why a file must not be opened."""
    if _is_hidden(path.name):
        return "hidden or temporary file: skipped"
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
    """Return a path as one line of valid UTF-8, for a screen or a JSON file."""
    raw = str(path).encode("utf-8", "surrogateescape" if os.name == "posix" else "replace")
    return raw.decode("utf-8", "backslashreplace").translate(_LINE_ENDS)


def _files_of(source: Path) -> Iterator[SourceFile]:
    if source.is_dir():
        for path in _walk(source):
            yield SourceFile(path, display_name(path.relative_to(source).as_posix()))
    elif source.exists() or source.is_symlink():
        yield SourceFile(source, display_name(source.name))
    else:
        raise InputError(
            f"{display_name(source)}: no such file or folder; expected a folder of résumés, or one"
        )


def _walk(source: Path) -> Iterator[Path]:
    """Yield a folder's files in order; a folder that a link leads back to is entered once."""
    entered: set[tuple[int, int]] = set()
    for folder, subfolders, files in os.walk(source, followlinks=True):
        status = Path(folder).stat()
        # On file systems without inode numbers every folder has number 0.
        identity = (status.st_dev, status.st_ino)
        if status.st_ino and identity in entered:
            subfolders.clear()
            continue
        entered.add(identity)
        hidden = sorted(name for name in subfolders if _is_hidden(name))
        subfolders[:] = sorted(set(subfolders) - set(hidden))
        yield from (Path(folder, name) for name in sorted([*files, *hidden]))


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
        unique, number = relative, 2
        while unique in taken:
            unique, number = f"{relative} ({number})", number + 1
        taken.add(unique)
        files.append(replace(file, relative=unique))
    return files
