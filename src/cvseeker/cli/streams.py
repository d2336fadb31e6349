"""The three standard streams, whatever the shell made of them, and plain text into two of them."""

import codecs
import io
import json
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from cvseeker.core.screen import printable


def prepare_streams() -> None:
    """Open what is closed, and let what an output cannot say be written as escapes."""
    # A closed stream's number would be given to the next file that is opened.
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _open_nothing(number)
            mode = "r" if number == 0 else "w"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    codecs.register_error("cvseeker.escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="cvseeker.escape")


def unwritable(stream: TextIO) -> OSError | None:
    """Return why an output cannot be written; what is left for it is dropped then."""
    try:
        stream.flush()
    except OSError as error:
        # The interpreter flushes once more as it ends.
        with suppress(OSError):
            _open_nothing(stream.fileno())
        return error
    return None


def say(line: str) -> None:
    """Write a line to stderr; that nobody can read it ends no training."""
    with suppress(OSError):
        sys.stderr.write(f"{printable(line)}\n")
        sys.stderr.flush()


def put(text: object) -> None:
    """Write a text of one line or several to stdout."""
    sys.stdout.write(f"{printable(str(text), lines=True).rstrip()}\n")


def put_json(value: Any) -> None:
    """Write a value to stdout as JSON."""
    put(json.dumps(value, ensure_ascii=False, indent=2))


def _open_nothing(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what an output cannot say, such as é in ASCII, as JSON does: ``\u00e9``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    codes = (f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))
    return "".join(codes), error.end
