"""What an evaluation was made with, and what makes it again: versions, hashes, settings."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cvseeker.core import __version__
from cvseeker.core.hashes import path_hashes

_PACKAGES = ("torch", "sentence-transformers", "transformers", "numpy")


@dataclass(frozen=True, slots=True)
class Provenance:
    """The software's versions, and the SHA-256 of the data set and of models, "" if not here."""

    versions: Mapping[str, str]
    dataset: str = ""
    models: Mapping[str, str] = field(default_factory=dict)


def provenance(
    dataset: Path | None = None, models: Mapping[str, Path | None] | None = None
) -> Provenance:
    """Say what an evaluation was made with; ``models`` is name → folder, ``None`` without one."""
    versions = {"cvseeker": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    hashes = {name: path_hash(folder) if folder else "" for name, folder in (models or {}).items()}
    return Provenance(versions, path_hash(dataset) if dataset else "", hashes)


def path_hash(path: Path) -> str:
    """Return the SHA-256 of a file, as ``sha256sum`` prints it, or of the list of a folder's files.

    The list's lines are ``<sha256>  <path within it>``, sorted by path, without hidden files.
    """
    found = {
        name.partition("/")[2]: digest for name, digest in path_hashes("dataset", path).items()
    }
    if path.is_file():
        return next(iter(found.values()))
    lines = (
        f"{found[name]}  {name}\n"
        for name in sorted(found)
        if not any(part.startswith(".") for part in name.split("/"))
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def settings_toml(settings: Mapping[str, Any], name: str = "") -> str:
    r"""Write settings as TOML; what is ``None`` is left to its default, for TOML has no null.

    Examples
    --------
    >>> settings_toml({"evaluate": {"top_k": 100, "windows": None}})
    '[evaluate]\ntop_k = 100'
    """
    values = [
        # JSON's strings, numbers and booleans are TOML's as well.
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in settings.items()
        if value is not None and not isinstance(value, Mapping)
    ]
    tables = [
        settings_toml(value, f"{name}.{key}" if name else key)
        for key, value in settings.items()
        if isinstance(value, Mapping)
    ]
    head = [f"[{name}]"] if name and values else []
    return "\n\n".join(part for part in ["\n".join(head + values), *tables] if part)
