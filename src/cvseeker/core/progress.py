"""How the core reports progress: it calls back and never prints; ``cli.py`` draws."""

from collections.abc import Callable

Progress = Callable[[str, int, int, str], None]
"""``progress(task, done, total, note)``; ``total`` is 0 where it is not known."""


def silent(task: str, done: int, total: int, note: str = "") -> None:
    """Report to nobody."""
