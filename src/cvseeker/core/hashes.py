"""Hashes that tell whether texts, files and folders changed."""

import hashlib
from pathlib import Path

from cvseeker.core.errors import InputError


def text_hash(*parts: str) -> str:
    """Return 16 hexadecimal digits that identify the texts, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:16]


def path_hashes(name: str, path: Path) -> dict[str, str]:
    """Return ``<name>/<path within it>`` → SHA-256 of a file, or of every file of a folder."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected what --{name} names")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {f"{name}/{file.relative_to(path).as_posix()}": file_hash(file) for file in files}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        # A failed read does not say of which file.
        error.filename = error.filename or str(path)
        raise
