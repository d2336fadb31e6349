"""What an evaluation was made with: versions of software, and hashes of data and models."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cvseeker.core import __version__
from cvseeker.core.errors import InputError
from cvseeker.core.files import file_hash

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

    def to_dict(self) -> dict[str, Any]:
        """Return what is known, JSON-ready."""
        return asdict(self)


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

    Parameters
    ----------
    path
        A file or a folder. The same as ``sha256sum`` for a file; for a folder, that of the lines
        ``<sha256>  <path within it>``, sorted by path. Hidden files do not count.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    InputError
        If there is no such file or folder.
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
