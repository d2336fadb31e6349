"""The data, settings, errors, files and workspace that everything else is made of."""
