"""The data, settings, errors, files and workspace that everything else is made of."""

__version__ = "0.2.0"
