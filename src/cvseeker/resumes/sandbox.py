"""Reading files, and what their texts say, in worker processes: a malformed file costs only itself.

Libraries that parse PDF and XML in C can crash, loop or eat the memory on a hostile file. Each file
is read in a worker with a time-out and a memory limit, and what goes wrong becomes its reason.
"""

import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvseeker.resumes.clean import clean_text
from cvseeker.resumes.discover import SourceFile, display_name, refusal
from cvseeker.resumes.legibility import legibility
from cvseeker.resumes.readers import Document, ReadError, read_document

if TYPE_CHECKING:
    from pebble import ProcessFuture, ProcessPool

    from cvseeker.core.settings import IngestSettings

# Files in flight a worker: enough to keep all busy while the first in line takes its time.
_AHEAD = 16
# Workers are replaced now and then, since parsers in C leak.
_FILES_PER_WORKER = 500
_START_SECONDS = 120.0
_PRELOADED = [
    "cvseeker.resumes.sandbox",
    "cvseeker.resumes.candidates",
    "pypdfium2",
    "lxml.etree",
    "selectolax.lexbor",
]
_CRASHED = "the reader crashed on it"


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """What became of one file: its documents, cleaned, or the reason why there are none."""

    path: Path
    documents: tuple[Document, ...]
    reason: str


def read_files(files: Iterable[SourceFile], *, settings: "IngestSettings") -> Iterator[ReadOutcome]:
    """Read and clean files in worker processes, each within the time and memory allowed."""
    files = list(files)
    reasons = [
        file.refused or refusal(file.path, max_file_mb=settings.max_file_mb) for file in files
    ]
    readable = [file.path for file, reason in zip(files, reasons, strict=True) if not reason]
    outcomes = in_workers(_read, readable, settings)
    for file, refused in zip(files, reasons, strict=True):
        documents, reason = (None, refused) if refused else next(outcomes)
        yield ReadOutcome(file.path, documents or (), reason)


def in_workers(
    function: Callable[[Any], Any], tasks: Iterable[Any], settings: "IngestSettings"
) -> Iterator[tuple[Any, str]]:
    """Do a thing with each task in worker processes: yield what came of it, or ``None`` and why."""
    tasks = list(tasks)
    if not tasks:
        return
    workers = _Workers(min(settings.workers or multiprocessing.cpu_count(), len(tasks)), settings)
    try:
        waiting: deque[_Task] = deque()
        for task in tasks:
            waiting.append(workers.submit(function, task))
            if len(waiting) >= _AHEAD * workers.count:
                yield workers.collect(waiting.popleft())
        while waiting:
            yield workers.collect(waiting.popleft())
    finally:
        workers.stop()


@dataclass(frozen=True, slots=True)
class _Task:
    """A task in the hands of a pool."""

    function: Callable[[Any], Any]
    argument: Any
    future: "ProcessFuture[Any]"
    pool: "ProcessPool"


class _Workers:
    """A pool of worker processes, opened anew when it breaks."""

    def __init__(self, count: int, settings: "IngestSettings") -> None:
        self.count = count
        self._settings = settings
        self._pool = _open_pool(count, settings)

    def submit(self, function: Callable[[Any], Any], argument: Any) -> _Task:
        if not self._pool.active:
            self.stop()
            self._pool = _open_pool(self.count, self._settings)
        future = self._pool.schedule(
            _safely,
            args=[function, argument, self._settings.memory_mb],
            timeout=self._settings.timeout_seconds,
        )
        return _Task(function, argument, future, self._pool)

    def collect(self, task: _Task, *, again: bool = True) -> tuple[Any, str]:
        from pebble import ProcessExpired

        # A pool that breaks forgets its tasks: waiting for one of them would never end.
        while not wait([task.future], timeout=1.0).done and task.pool.active:
            pass
        if not task.future.done() and again:
            return self.collect(self.submit(task.function, task.argument), again=False)
        try:
            outcome: tuple[Any, str] = task.future.result(timeout=0)
        except (ProcessExpired, CancelledError):
            return None, _CRASHED
        except TimeoutError:
            timeout = f"took longer than {self._settings.timeout_seconds:g} s"
            return None, timeout if task.future.done() else _CRASHED
        return outcome

    def stop(self) -> None:
        _close(self._pool)


def _open_pool(workers: int, settings: "IngestSettings") -> "ProcessPool":
    from pebble import ProcessPool

    # Forking this process would copy threads and locks in any state; a fork server is clean.
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(_PRELOADED)
    pool = ProcessPool(
        max_workers=workers,
        max_tasks=_FILES_PER_WORKER,
        initializer=_limit_memory,
        initargs=(settings.memory_mb,),
        context=context,
    )
    try:
        # A script that runs at import, without the usual guard, starts no worker at all.
        pool.schedule(_answer).result(timeout=_START_SECONDS)
    except (TimeoutError, OSError, RuntimeError) as error:
        _close(pool)
        raise ReadError(
            "no worker process could be started; a script needs its calls below "
            "if __name__ == '__main__':"
        ) from error
    return pool


def _close(pool: Any) -> None:
    pool.stop()
    pool.join()


def _answer() -> bool:
    return True


def _safely(function: Callable[[Any], Any], task: Any, memory_mb: int) -> tuple[Any, str]:
    """Do a thing in a worker; every failure that Python survives becomes a reason."""
    try:
        return function(task), ""
    except ReadError as error:
        return None, display_name(str(error))
    except MemoryError:
        return None, f"needed more than {memory_mb} MB of memory"
    except RecursionError:
        return None, "nested too deeply to be a résumé"
    except Exception as error:  # noqa: BLE001
        # The one place that catches all: whatever a library raises is about this file alone.
        return None, f"the reader failed on it ({type(error).__name__})"


def _read(path: Path) -> tuple[Document, ...]:
    return tuple(map(_clean, read_document(path)))


def _clean(document: Document) -> Document:
    text = clean_text(document.text)
    return replace(document, text=text, legibility=legibility(text))


def _limit_memory(memory_mb: int) -> None:
    """Limit what a worker may claim beyond what it holds at its start; Linux alone obeys."""
    if sys.platform != "linux":
        return
    import resource

    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory_mb * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        # A crash of a C library must not leave a core file a worker behind.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
