"""The command's side: starts the worker, feeds it requests, and follows what it reports."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterable, Mapping
from dataclasses import asdict
from typing import IO, Any

from cvseeker.core import errors
from cvseeker.core.errors import CVSeekerError, LlmError
from cvseeker.llm.account import Changed, Job, SendCounts, unheard
from cvseeker.llm.request import Request

WAITING = "waiting for replies in flight of an interrupted run"


def send_all(
    requests: Iterable[Request],
    job: Job[Any],
    *,
    changed: Changed = unheard,
    secrets: Mapping[str, str] | None = None,
) -> SendCounts:
    """Send all requests that the ledger does not hold yet, and wait for their outcomes.

    Interrupted at any moment, even by ``kill -9``, nothing that was answered is lost. Requests are
    taken as they are needed. The key is handed on through the environment alone: ``secrets`` are
    variables of the worker beside those of this process.
    """
    if job.endpoint.key_env not in (secrets or {}):
        job.endpoint.key()  # complain of a missing one before a process is started
    feeder = _Feeder(job, requests)
    with tempfile.TemporaryFile() as complaints:
        # A session of its own: the terminal's Ctrl-C must not reach it.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cvseeker.llm.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **(secrets or {})},
            start_new_session=True,
        )
        try:
            feeder.start(process.stdin)
            counts = _follow(process.stdout, changed)
        finally:
            feeder.stop()
            _let_go(process)
        feeder.check()
        if counts is None:
            complaints.seek(0)
            lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
            last = job.endpoint.hide(lines[-1] if lines else "")
            raise RuntimeError(f"the sending process ended early: {last}")
    if counts.fatal:
        raise LlmError(counts.stopped)
    return counts


def _follow(events: IO[bytes] | None, changed: Changed) -> SendCounts | None:
    """Pass on what the worker reports until it ends; return its last counts."""
    final: SendCounts | None = None
    for line in events or ():
        event = json.loads(line)
        if "error" in event:
            raise getattr(errors, event["sort"], CVSeekerError)(event["error"])
        counts = SendCounts(**event.get("counts", {}))
        changed(counts, WAITING if event.get("waiting") else "")
        if event.get("end"):
            final = counts
    return final


def _let_go(worker: "subprocess.Popen[bytes]") -> None:
    """Close our end: a worker that is still busy saves what is in flight and ends by itself."""
    if worker.stdout is not None:
        worker.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(timeout=0.5)


class _Feeder:
    """Writes the job and its requests to the worker, in a thread of its own.

    The thread alone closes the stream: while it waits for a busy worker to read on, whoever else
    tried would wait with it.
    """

    def __init__(self, job: Job[Any], requests: Iterable[Request]) -> None:
        self._job = job
        self._requests = iter(requests)
        self._failure: Exception | None = None
        self._stopped = False

    def start(self, stream: IO[bytes] | None) -> None:
        """Begin to write; the thread ends with the requests, or when nobody reads them."""
        threading.Thread(target=self._feed, args=(stream,), daemon=True).start()

    def stop(self) -> None:
        """Write no further request."""
        self._stopped = True

    def check(self) -> None:
        """Raise what came up while the requests were made."""
        if self._failure is not None:
            raise self._failure

    def _feed(self, stream: IO[bytes]) -> None:
        try:
            _write_line(stream, self._job.to_json())
            for request in self._requests:
                if self._stopped:
                    return
                _write_line(stream, json.dumps(asdict(request)))
            _write_line(stream, '{"end": true}')
        except BrokenPipeError:
            pass  # the worker has ended; it says itself why
        except Exception as error:  # noqa: BLE001  (raised by check, in the caller's thread)
            self._failure = error
        finally:
            # A database that a generator opened must be closed by the thread that opened it.
            if isinstance(self._requests, Generator):
                self._requests.close()
            stream.close()


def _write_line(stream: IO[bytes], row: str) -> None:
    """Write a line past the stream's buffer, whose lock would hold up the end of the program."""
    left = f"{row}\n".encode()
    while left:
        left = left[os.write(stream.fileno(), left) :]
