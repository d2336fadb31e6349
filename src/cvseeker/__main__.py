"""Run the command line, as ``python -m cvseeker`` too; it may be interrupted while it loads."""

import os
import signal
import sys


def main() -> int:
    """Load the command line and run what was typed."""
    # An interruption within an import is a traceback, or lost in what the import catches.
    before = signal.signal(signal.SIGINT, _leave)
    from cvseeker.cli import main as run

    signal.signal(signal.SIGINT, before)
    return run()


def _leave(*_: object) -> None:
    os.write(2, b"cvseeker: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
