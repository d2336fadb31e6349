"""Sending a run's requests through the courier, from the command's side."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from cvseeker import errors
from cvseeker.errors import CVSeekerError, LlmError
from cvseeker.llm.chat import ChatRequest, ChatTask
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.sending import SendCounts, SendSettings

WAITING = "waiting for replies in flight of an interrupted run"


def send_all(
    requests: Iterable[ChatRequest],
    *,
    endpoint: Endpoint,
    task: ChatTask,
    settings: SendSettings,
    ledger: Path,
    changed: Callable[[SendCounts, str], None] = lambda counts, note: None,
) -> SendCounts:
    """Send all requests that the ledger does not hold yet, and wait for their outcomes.

    Interrupted at any moment, even by ``kill -9``, nothing that was answered is lost: the process
    that sends (see :mod:`cvseeker.llm.courier`) saves the replies in flight and ends.

    Parameters
    ----------
    requests
        Taken as they are needed; never held all at once.
    endpoint
        Which LLM; its key is handed on through the environment alone.
    task
        What all requests share.
    settings
        How requests are sent.
    ledger
        The ledger's file.
    changed
        Called some times a second with the counts so far and with what is being waited for.

    Returns
    -------
    SendCounts
        ``stopped`` is ``"budget"`` where the money ran out.

    Raises
    ------
    LlmError
        If the LLM cannot be reached, refuses the key, or does not exist.
    InputError
        If the ledger cannot be used, or there is no key.
    """
    endpoint.key()  # complain of a missing one before a process is started
    job = {
        "endpoint": asdict(endpoint),
        "task": asdict(task),
        "settings": asdict(settings),
        "ledger": str(ledger.resolve()),
    }
    feeder = _Feeder(job, requests)
    with tempfile.TemporaryFile() as complaints:
        # A session of its own: the terminal's Ctrl-C must not reach it.
        courier = subprocess.Popen(
            [sys.executable, "-P", "-m", "cvseeker.llm.courier"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            feeder.start(courier.stdin)
            counts = _follow(courier.stdout, changed)
        finally:
            _let_go(courier)
        feeder.check()
        if counts is None:
            complaints.seek(0)
            told = complaints.read().decode("utf-8", "replace").strip().splitlines()
            raise RuntimeError(f"the sending process ended early: {told[-1] if told else ''}")
    if counts.fatal:
        raise LlmError(counts.stopped)
    return counts


def _follow(
    events: IO[str] | None, changed: Callable[[SendCounts, str], None]
) -> SendCounts | None:
    """Pass on what the courier tells until it ends; return its last counts."""
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


def _let_go(courier: "subprocess.Popen[str]") -> None:
    """Close our ends: a courier that still works saves what is in flight and ends by itself."""
    for stream in (courier.stdout, courier.stdin):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        courier.wait(timeout=0.5)


class _Feeder:
    """Writes the job and its requests to the courier, in a thread of its own."""

    def __init__(self, job: Mapping[str, Any], requests: Iterable[ChatRequest]) -> None:
        self._job = job
        self._requests = requests
        self._failure: Exception | None = None

    def start(self, stream: IO[str] | None) -> None:
        """Begin to write; the thread ends with the requests, or when nobody reads them."""
        threading.Thread(target=self._feed, args=(stream,), daemon=True).start()

    def check(self) -> None:
        """Raise what came up while the requests were made."""
        if self._failure is not None:
            raise self._failure

    def _feed(self, stream: IO[str]) -> None:
        try:
            stream.write(f"{json.dumps(self._job)}\n")
            for request in self._requests:
                stream.write(f"{json.dumps(asdict(request))}\n")
                stream.flush()
            stream.write('{"end": true}\n')
            stream.flush()
        except (OSError, ValueError) as error:
            # The courier has ended; it says itself why. A fault in the requests is another matter.
            if not isinstance(error, BrokenPipeError) and not stream.closed:
                self._failure = error
        except Exception as error:  # noqa: BLE001  (raised by check, in the caller's thread)
            self._failure = error
        finally:
            with contextlib.suppress(OSError):
                stream.close()
