"""Commands as the user can type them: quoted, and with the path by which ``cvseeker`` was run."""

import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

# A command in a message, such as "run: cvseeker ingest SOURCE... -w DIR".
_COMMAND = re.compile(r"(?<![\w./-])cvseeker (?=[a-z-])")


def command(*words: str | Path) -> str:
    """Return a command that can be pasted.

    Examples
    --------
    >>> command("search", "-w", "my workspace", "icu nurse")
    "cvseeker search -w 'my workspace' 'icu nurse'"
    """
    return f"{program()} {shlex.join(map(str, words))}"


def pasteable(message: str) -> str:
    """Let the commands that a message names begin as the user began this one."""
    return _COMMAND.sub(lambda _: f"{program()} ", message)


@cache
def program() -> str:
    """Return what runs ``cvseeker`` here: its name, or the path where the name would not do."""
    typed = Path(sys.argv[0])
    on_path = shutil.which("cvseeker")
    if typed.parts[-2:] == ("cvseeker", "__main__.py"):
        python = shutil.which(Path(sys.executable).name)
        known = python is not None and Path(python).samefile(sys.executable)
        return f"{Path(sys.executable).name if known else shlex.quote(sys.executable)} -m cvseeker"
    if typed.name != "cvseeker" or (on_path and Path(on_path).samefile(typed)):
        return "cvseeker"
    return shlex.quote(str(typed))
