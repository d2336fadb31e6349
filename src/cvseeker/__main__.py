"""Run the command line, as ``python -m cvseeker`` too."""

import sys

from cvseeker.cli import main

if __name__ == "__main__":
    sys.exit(main())
