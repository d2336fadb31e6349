"""Candidates' files as they lie there, rendered in a process with limits."""

import json
import subprocess
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from threading import BoundedSemaphore

from cvseeker.core.hashes import file_hash
from cvseeker.core.record import Record
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Service

_SCRIPT = Path(__file__).with_name("rendering.py")
_SECONDS, _MEGABYTES = 15, 1500
_turns = BoundedSemaphore(2)


def original_pdf(service: Service, number: int) -> Path | None:
    """Return a candidate's PDF if it still is the file that was read."""
    with Record.open(service.workspace.path) as record:
        found = next(record.candidates([number]), None)
    if found is None or not found.sha256:
        return None
    path = Path(found.resume.source)
    try:
        is_same = path.suffix.lower() == ".pdf" and file_hash(path) == found.sha256
    except OSError:
        return None
    return path if is_same else None


def page_count(path: Path) -> int:
    """Return how many pages a PDF has; 0 where that cannot be said."""
    try:
        return int(_run(path, 0, ())[0])
    except Problem:
        return 0


def page_image(path: Path, number: int, words: Sequence[str]) -> bytes:
    """Return a page, counted from 1, as a PNG with the words lit up."""
    count, image = _run(path, number, words)
    if not image:
        raise Problem(HTTPStatus.NOT_FOUND, f"no page {number}; the file has {count}")
    return image


def _run(path: Path, number: int, words: Sequence[str]) -> tuple[int, bytes]:
    command = [sys.executable, "-P", str(_SCRIPT), str(path), str(number), str(_MEGABYTES)]
    try:
        with _turns:
            done = subprocess.run(
                command,
                input=json.dumps(list(words)).encode(),
                capture_output=True,
                timeout=_SECONDS,
                check=True,
            )
    except (subprocess.SubprocessError, OSError) as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the page cannot be rendered") from error
    count, _, image = done.stdout.partition(b"\n")
    return int(count), image
