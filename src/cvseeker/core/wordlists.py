"""Lists of words that lie beside a package's code, in its folder ``words``."""

from functools import cache
from importlib import resources


@cache
def read_lines(package: str, name: str) -> tuple[str, ...]:
    """Read ``words/<name>.txt`` beside a package's code: an entry a line, ``#`` for comments."""
    path = resources.files(package) / "words" / f"{name}.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    return tuple(line for line in lines if line.strip() and not line.startswith("#"))


def read_words(package: str, name: str) -> frozenset[str]:
    """Return a list of words as a set; see :func:`read_lines`."""
    return frozenset(read_lines(package, name))


def read_pairs(package: str, name: str) -> dict[str, str]:
    """Return a list of two columns parted by a tab as key → value, which may be empty."""
    rows = (line.partition("\t") for line in read_lines(package, name))
    return {key: value for key, _, value in rows}
