"""The ``cvseeker`` command line."""
