"""The stages' own functions, mapped by Ray Data over the processors of a cluster.

Nothing is kept by Ray: results come back in their order to the process that was started, and the
stages keep them in the workspace as they do on one machine. So the same command goes on after a
kill, and no text of a résumé lies anywhere that a removal does not reach.
"""

import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

from cvseeker.core.errors import CVSeekerError, InputError, MissingExtraError
from cvseeker.core.mapping import Item, Mapper, Result
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.pipeline import run
from cvseeker.retrieval.machine import VARIABLE, device, encoding_dtype

if TYPE_CHECKING:
    import pyarrow as pa

LOCAL = "local"
# Batches in the cluster at once, a processor: what they hold fits its memory.
_WAVE = 16
_FOLDER = "cvseeker-ray"


def run_on_ray(
    address: str, sources: Sequence[Path], workspace: Workspace, settings: Settings, **rest: Any
) -> None:
    """Run the pipeline with its files read, texts looked at and passages encoded by a Ray cluster.

    Parameters
    ----------
    address
        ``host:port`` or ``auto``; ``local``: a cluster of this machine's processors but one.
    sources, workspace, settings
        As :func:`cvseeker.pipeline.run` has them. Every machine of the cluster sees the sources at
        the same place; the workspace is this machine's own.
    rest
        As there.

    Raises
    ------
    CVSeekerError
        If there is no cluster, or one that cannot be used; and as there.
    """
    # A batch of files has one processor, and so has the process that reads it.
    settings = settings.override("ingest", {"workers": 1})
    with ray_mapper(address) as mapper:
        run(sources, workspace, settings, mapper=mapper, **rest)


@contextmanager
def ray_mapper(address: str) -> Iterator[Mapper]:
    """Connect to a Ray cluster, or start one here, and yield what maps items over it.

    Parameters
    ----------
    address
        As :func:`run_on_ray` has it.

    Yields
    ------
    Mapper
        To be used while the context lasts.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    InputError
        If no cluster answers, or it is of other versions.
    """
    # Ray reads these when it is imported. Nobody is told that it runs.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with ExitStack() as stack:
        options = stack.enter_context(_local_cluster()) if address == LOCAL else {}
        ray = _imported()
        try:
            _connect(address, options, tries=3 if address == LOCAL else 1)
            yield _RayMapper(int(ray.cluster_resources().get("CPU", 1)))
        finally:
            ray.shutdown()


def _imported() -> Any:
    """Return Ray, which says nothing."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("Ray is not installed; run: pip install 'cvseeker[ray]'") from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    return ray


def _connect(address: str, options: dict[str, Any], *, tries: int) -> None:
    """Connect to a cluster, or start it: a busy machine may take longer than Ray waits."""
    import ray

    # Which precision is faster is this machine's to say: vectors of two would not fit together.
    precision = "bf16" if str(encoding_dtype(device())) == "torch.bfloat16" else "fp32"
    try:
        ray.init(
            address,
            **options,
            runtime_env={"env_vars": {VARIABLE: precision}},
            log_to_driver=False,
            logging_level=logging.CRITICAL,
        )
    except Exception as error:
        ray.shutdown()
        if tries > 1:
            return _connect(address, options, tries=tries - 1)
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"--ray {address}: no Ray cluster that can be used ({reason}); start one with "
            "ray start --head, or name this machine: --ray local"
        ) from error


@contextmanager
def _local_cluster() -> Iterator[dict[str, Any]]:
    """Yield the options of a cluster that nobody else reaches; its files go with it."""
    _delete_left_over()
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    # A cluster of one machine listens to that machine only.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    prefix = f"{_FOLDER}-{os.getpid()}-"
    with TemporaryDirectory(prefix=prefix, dir=_place(), ignore_cleanup_errors=True) as folder:
        yield {
            "num_cpus": max(1, (os.cpu_count() or 2) - 1),
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
            # Ray opens its own folder to all; the one around it is its owner's alone.
            "_temp_dir": f"{folder}/ray",
        }


def _place() -> Path:
    """Return where Ray's sockets may lie: their paths have 107 characters at most."""
    return Path("/tmp") if os.name == "posix" else Path(gettempdir())


def _delete_left_over() -> None:
    """Delete the folders of runs that were killed."""
    for path in _place().glob(f"{_FOLDER}-*-*"):
        try:
            os.kill(int(path.name.split("-")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (ValueError, OSError):
            continue


@dataclass(frozen=True, slots=True)
class _RayMapper:
    """Maps items, wave by wave, so that not all of them are in the cluster at once."""

    processors: int

    def __call__(
        self,
        function: Callable[[Iterable[Item]], Iterable[Result]],
        items: Iterable[Item],
        *,
        at_once: int = 64,
    ) -> Iterator[Result]:
        import ray

        left, sent = iter(items), None
        while wave := list(islice(left, at_once * self.processors * _WAVE)):
            sent = sent or ray.put(function)
            size = min(at_once, -(-len(wave) // self.processors))
            yield from _mapped(sent, [wave[at : at + size] for at in range(0, len(wave), size)])


def _mapped(function: Any, batches: Sequence[list[Any]]) -> Iterator[Any]:
    """Yield the results of batches, which are each a block of a data set."""
    import ray
    from ray.cloudpickle import dumps, loads

    rows = [{"batch": dumps(batch)} for batch in batches]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _apply,
        batch_size=1,
        batch_format="pyarrow",
        fn_kwargs={"function": function, "wanted": _versions()},
    )
    try:
        for row in dataset.iter_rows():
            for result in loads(row["batch"]):
                if isinstance(result, CVSeekerError):
                    raise result
                yield result
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"Ray lost a batch more often than it tries again ({reason}); what was done is kept: "
            "run the same command once more"
        ) from error


def _apply(rows: "pa.Table", function: Any, wanted: str) -> "pa.Table":
    """Apply a function to batches, on whatever machine; an error of ours is a result."""
    import pyarrow as pa
    from ray.cloudpickle import dumps, loads

    batches = map(loads, rows["batch"].to_pylist())
    results = [dumps(_results(function, batch, wanted)) for batch in batches]
    return pa.table({"batch": pa.array(results, pa.large_binary())})


def _results(function: Any, items: list[Any], wanted: str) -> list[Any]:
    if (here := _versions()) != wanted:
        return [InputError(f"a machine of the cluster has {here}; expected {wanted}")]
    try:
        return list(_received(function)(items))
    except CVSeekerError as error:
        return [error]


@lru_cache(maxsize=2)
def _received(function: Any) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return a function, with all that it holds, that was sent: once a process."""
    import ray

    found: Callable[[Iterable[Any]], Iterable[Any]] = ray.get(function)
    return found


def _versions() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("cvseeker", "torch"))
