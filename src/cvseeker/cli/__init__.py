"""The ``cvseeker`` command line: parse, make one call, print."""

from cvseeker.cli.app import app, main

__all__ = ["app", "main"]
