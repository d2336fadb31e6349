"""A kill before any operation on files, and nothing after it, as by ``kill -9``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}


class Killed(BaseException):
    """Nothing runs after it, as after ``kill -9``."""


class Killer:
    """Counts the operations that change files within a folder, and kills before one of them."""

    def __init__(self) -> None:
        self.within = ""
        self.left: int | None = None
        self.seen = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at what the interpreter is about to do."""
        if not self.within or not (event in CHANGING or event == "open"):
            return
        if event == "open" and not _writes(arguments):
            return
        # Deleting a folder names its files within it, beside the folder's descriptor.
        inside = str(arguments[0]).startswith(self.within)
        if not inside and (event == "open" or arguments[-1] == -1):
            return
        self.seen += 1
        if self.left is not None and self.seen > self.left:
            raise Killed

    @contextmanager
    def watching(self, folder: Path, *, left: int | None = None) -> Iterator[None]:
        """Count within a folder; after ``left`` operations every further one is the end."""
        self.within, self.left, self.seen = str(folder), left, 0
        try:
            yield
        finally:
            self.within = ""

    def refuse_any_other_outcome(
        self, folder: Path, begin: Callable[[], object], command: Callable[[], object]
    ) -> int:
        """Kill a command before each operation in turn; again, it must give what it gives at once.

        ``begin`` puts everything as it was before. Returns the number of operations.
        """

        def ended(*, left: int | None = None) -> tuple[bool, object]:
            with self.watching(folder, left=left), suppress(Killed):
                return True, command()
            return False, None

        begin()
        reference, operations = ended(), self.seen
        assert reference[0]
        for left in range(operations):
            begin()
            assert not ended(left=left)[0], left
            assert ended() == reference, left
        return operations


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    return bool(flags & 3) if mode is None else bool(set("wax+") & set(mode))
