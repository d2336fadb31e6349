"""Reading and writing files so that a reader never meets a half-written one."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError
from cvseeker.core.named_files import read_text
from cvseeker.core.places import make_file, make_folder


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a neighbour to write into, and rename it to ``path`` once it is whole.

    File and folder are their owner's alone, whatever the umask.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        make_folder(path.parent)
        temporary.unlink(missing_ok=True)  # a link would be written through
        make_file(temporary)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); name another place"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8; ``path`` is whole, or as it was."""
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
    """Read a JSON file that the user named."""
    text = read_text(path, "a JSON file")
    try:
        return json.loads(text, object_pairs_hook=_unique)
    # ValueError, which JSON's own error is: a number of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; of a name that stands twice one would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"{counts.most_common(1)[0][0]!r} stands twice in one object")
    return found


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object a line and return how many were written."""
    lines = (f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in rows)
    return write_lines(path, lines)


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file, one a line; blank lines are passed over."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected one JSON object a line")
    # In bytes: a U+2028 or a lone carriage return inside a value must not end the line.
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:  # not UTF-8 or not JSON
                raise InputError(f"{path}, line {number}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise InputError(
                    f"{path}, line {number}: expected a JSON object, got {str(row)[:40]!r}"
                )
            yield row
