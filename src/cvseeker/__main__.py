"""The ``cvseeker`` command: runs the command line and turns errors into one line each."""

import sys


def main() -> None:
    """Run the command line; exit with 0 fine, 1 our fault, 2 the user's input, 130 interrupted."""
    from cvseeker.cli import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
