"""Files that a user names, read whole or by lines; what may never end is not opened."""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError


def read_text(path: Path, expected: str = "a text file") -> str:
    """Read a file of UTF-8 that the user named, with or without a byte order mark.

    What is no plain file is refused: a pipe may never end, and neither does a device.
    """
    with _told(path, expected):
        return path.read_text(encoding="utf-8-sig")


def read_lines(path: Path, expected: str) -> Iterator[str]:
    """Yield the lines of such a file, each with its end."""
    # Only a line feed ends a line; a separator of paragraphs may stand in a text.
    with _told(path, expected), path.open(encoding="utf-8-sig", newline="\n") as file:
        yield from file


@contextmanager
def _told(path: Path, expected: str) -> Iterator[None]:
    """Say in a line what keeps a file from being read."""
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "a pipe, a socket or a device"
            raise InputError(f"{path}: {kind}; expected {expected}")
        yield
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start}); expected {expected}") from error
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected {expected}") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); expected {expected}") from error


def read_toml(
    path: Path, expected: str, *, parse_float: Callable[[str], Any] = float
) -> dict[str, Any]:
    """Read a TOML file that the user named."""
    text = read_text(path, expected)
    try:
        return tomllib.loads(text, parse_float=parse_float)
    # ValueError, which tomllib's own error is: a number of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not TOML ({error}); expected {expected}") from error
