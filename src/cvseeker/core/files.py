"""Reading and writing files so that a reader never meets a half-written one."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a neighbour to write into, and rename it to ``path`` once it is whole.

    Raises
    ------
    InputError
        If there is no room or no right to write there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); name another place"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8; ``path`` is whole, or as it was.

    Raises
    ------
    InputError
        If there is no room or no right to write there.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines, each with its end, one at a time and as :func:`write_text`; return how many."""
    number = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for line in lines:
            file.write(line)
            number += 1
    return number


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON; names keep their accents, key order is kept."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError
        If the file is missing, is not UTF-8 or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a JSON file") from None
    except (UnicodeDecodeError, json.JSONDecodeError, OSError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object a line and return how many were written."""
    lines = (f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in rows)
    return write_lines(path, lines)


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file, one a line; blank lines are passed over.

    Raises
    ------
    InputError
        If the file is missing or a line is not a JSON object (the message names the line).
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected one JSON object a line")
    # In bytes: a U+2028 or a lone carriage return inside a value must not end the line.
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8"))
            except ValueError as error:  # not UTF-8 or not JSON
                raise InputError(f"{path}, line {number}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise InputError(
                    f"{path}, line {number}: expected a JSON object, got {str(row)[:40]!r}"
                )
            yield row


def text_hash(*parts: str) -> str:
    """Return 16 hexadecimal digits that identify the texts, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:16]


def path_hashes(name: str, path: Path) -> dict[str, str]:
    """Return the SHA-256 of a file, or of every file of a folder, by ``<name>/<path within it>``.

    Raises
    ------
    InputError
        If there is nothing of that name.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected what --{name} names")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {f"{name}/{file.relative_to(path).as_posix()}": file_hash(file) for file in files}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def read_lines(package: str, name: str) -> tuple[str, ...]:
    """Read a list that lies beside a package's code, without comments and blank lines.

    Parameters
    ----------
    package
        Such as ``cvseeker.core``, where lists lie that several packages need.
    name
        The list is ``words/<name>.txt``: an entry a line, ``#`` begins a line that is a comment.

    Returns
    -------
    tuple of str
        The entries in their order.
    """
    path = resources.files(package) / "words" / f"{name}.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    return tuple(line for line in lines if line.strip() and not line.startswith("#"))


def read_words(package: str, name: str) -> frozenset[str]:
    """Return a list of words as a set; see :func:`read_lines`."""
    return frozenset(read_lines(package, name))


def read_pairs(package: str, name: str) -> dict[str, str]:
    """Return a list of two columns parted by a tab as key → value, which may be empty."""
    rows = (line.partition("\t") for line in read_lines(package, name))
    return {key: value for key, _, value in rows}
