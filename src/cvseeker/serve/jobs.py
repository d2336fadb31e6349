"""Uploads and what becomes of them: on the disk before they are acknowledged."""

import hashlib
import os
import secrets
import time
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Literal

from pydantic import BaseModel, ValidationError

from cvseeker.core.files import write_text
from cvseeker.core.places import delete_left_over, make_folder, sync
from cvseeker.core.workspace import JOBS, Workspace
from cvseeker.serve.problems import Problem

JobState = Literal["waiting", "reading", "done", "failed"]
FileState = Literal["waiting", "ok", "duplicate", "failed"]
# How long what became of an upload is told.
KEPT_SECONDS = 7 * 86_400.0
# As large as a file may be that is read.
LARGEST_FILE = 50_000_000
_AT_ONCE = 1 << 20
_LONGEST_STEM, _LONGEST_SUFFIX = 40, 10


class JobFile(BaseModel):
    """A file of an upload, what became of it, and the numbers of the candidates in it."""

    name: str
    state: FileState = "waiting"
    reason: str = ""
    candidates: list[int] = []


class Job(BaseModel):
    """An upload; ``failed`` says that no candidate can be found by it, and why."""

    id: str
    state: JobState = "waiting"
    reason: str = ""
    created: float
    files: list[JobFile]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in {"done", "failed"}


class _KeptJob(Job):
    """A job as it lies on the disk; ``body`` is a hash of what was sent."""

    body: str


class Jobs:
    """The uploads of a workspace; which of them are not over yet, survives a power cut.

    A job lies in ``jobs`` until it is over, and then for a while in ``jobs/done``.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._uploads, self._open = workspace.uploads, workspace.path / JOBS
        self._done = self._open / "done"
        self._accepting = Lock()
        self.reading: frozenset[str] = frozenset()

    def accept(self, files: Sequence[tuple[str, BinaryIO]], *, key: str = "") -> Job:
        """Keep files and the job of reading them; what this returns is on the disk.

        The same key with the same files is the same job.
        """
        for folder in (self._uploads, self._done):
            make_folder(folder)
        parts: dict[str, Path] = {}
        try:
            for name, content in files:
                part, stored = self._receive(name, content)
                parts.setdefault(stored, part)
            with self._accepting:
                return self._shown(self._accepted(parts, key))
        finally:
            for part in parts.values():
                part.unlink(missing_ok=True)

    def _accepted(self, parts: Mapping[str, Path], key: str) -> _KeptJob:
        """Put files into their place, then their job, unless that is there already."""
        body = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        id_ = hashlib.sha256(key.encode()).hexdigest()[:32] if key else secrets.token_hex(16)
        known = self._read(id_)
        if known is None:
            for name, part in parts.items():
                part.replace(self._uploads / name)
            sync(self._uploads)
            sync(self._uploads.parent)
            job_files = [JobFile(name=name) for name in parts]
            known = _KeptJob(id=id_, created=time.time(), files=job_files, body=body)
            self._write(self._open, known)
        elif known.body != body:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "the Idempotency-Key was sent with other files before; send a new one",
            )
        return known

    def find(self, id_: str) -> Job | None:
        """Return a job."""
        found = self._read(id_)
        return self._shown(found) if found else None

    def pending(self) -> list[Job]:
        """Return the jobs that are not over, the oldest first."""
        found = []
        for path in self._open.glob("*.json"):
            if (self._done / path.name).exists():  # killed before it was deleted
                path.unlink(missing_ok=True)
            elif (job := self._read(path.stem)) is not None:
                found.append(job)
        return sorted(found, key=lambda job: job.created)

    def settle(self, job: Job, files: Mapping[str, JobFile], reason: str) -> None:
        """Write what became of a job: of each file, or why nothing became of any."""
        kept = self._read(job.id)
        if kept is None:
            return
        outcome = [files.get(one.name, one) for one in kept.files]
        if not reason and not any(one.candidates for one in outcome):
            reason = "; ".join(f"{one.name}: {one.reason}" for one in outcome)
        state: JobState = "failed" if reason else "done"
        update = {"state": state, "reason": reason, "files": outcome}
        self._write(self._done, kept.model_copy(update=update))
        (self._open / f"{job.id}.json").unlink(missing_ok=True)

    def clean(self) -> None:
        """Forget jobs that have long been over, and what kills have left."""
        delete_left_over(self._open)
        before = time.time() - KEPT_SECONDS
        for path in self._done.glob("*.json"):
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def _receive(self, name: str, content: BinaryIO) -> tuple[Path, str]:
        """Write a file beside its place; return where it is, and the name that it is to have."""
        part = self._open / f".{secrets.token_hex(8)}.{os.getpid()}.part"
        digest, size = hashlib.sha256(), 0
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                while chunk := content.read(_AT_ONCE):
                    size += len(chunk)
                    if size > LARGEST_FILE:
                        raise Problem(
                            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                            f"{name[:100]}: larger than {LARGEST_FILE / 1e6:,.0f} MB",
                        )
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if not size:
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name[:100]}: an empty file")
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return part, stored_name(name, digest.hexdigest())

    def _shown(self, kept: _KeptJob) -> Job:
        job = Job(**kept.model_dump(exclude={"body"}))
        if job.state == "waiting" and job.id in self.reading:
            job.state = "reading"
        return job

    def _read(self, id_: str) -> _KeptJob | None:
        for folder in (self._done, self._open):
            # What a power cut left of a job was never acknowledged.
            with suppress(OSError, ValidationError):
                return _KeptJob.model_validate_json((folder / f"{id_}.json").read_bytes())
        return None

    def _write(self, folder: Path, job: _KeptJob) -> None:
        path = folder / f"{job.id}.json"
        write_text(path, job.model_dump_json())
        sync(path)
        sync(folder)


def stored_name(name: str, digest: str) -> str:
    """Return a name that every file system takes, and that no other content has."""
    last = unicodedata.normalize("NFKC", name).replace("\\", "/").rpartition("/")[2]
    stem, dot, suffix = last.rpartition(".")
    if not dot:
        stem, suffix = last, ""
    stem = "".join(letter if letter.isalnum() else "-" for letter in stem)[:_LONGEST_STEM]
    suffix = "".join(filter(str.isalnum, suffix.lower()))[:_LONGEST_SUFFIX]
    return f"{stem.strip('-') or 'resume'}-{digest[:16]}{f'.{suffix}' if suffix else ''}"
