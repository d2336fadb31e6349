"""What an evaluation was made with, and what makes it again: versions, hashes, settings."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cvseeker.core import __version__
from cvseeker.core.errors import InputError
from cvseeker.core.hashes import file_hash

_PACKAGES = ("torch", "sentence-transformers", "transformers", "numpy")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where figures come from.

    ``versions`` is the name of the software → its version; ``dataset`` and ``models`` are SHA-256
    in hexadecimal, ``""`` for a model that is not on this machine as a folder.
    """

    versions: Mapping[str, str]
    dataset: str
    models: Mapping[str, str]


def provenance(
    *, dataset: Path | None = None, models: Mapping[str, Path | None] | None = None
) -> Provenance:
    """Say what an evaluation was made with.

    Parameters
    ----------
    dataset
        The data set's file or folder; ``None``: not known.
    models
        Name of the model → its folder, ``None`` for one that is no folder.

    Returns
    -------
    Provenance
        Without the versions of what is not installed.

    Raises
    ------
    InputError
        If a path does not exist.
    """
    versions = {"cvseeker": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return Provenance(
        versions,
        path_hash(dataset) if dataset is not None else "",
        {
            name: "" if folder is None else path_hash(folder)
            for name, folder in (models or {}).items()
        },
    )


def path_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and hashes of a folder's files.

    The same as ``sha256sum`` for a file; for a folder, that of the lines ``<sha256>  <path within
    it>``, sorted by path. Hidden files do not count.
    """
    if path.is_file():
        return file_hash(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder; expected what was evaluated")
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    lines = (
        f"{file_hash(path / name)}  {name}\n"
        for name in names
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
