"""Everything CVSeeker raises on purpose.

::

    CVSeekerError
    ├── InputError (ValueError)        the user's input: an argument, a file, a folder, a data set
    │   ├── SettingsError              a setting or a settings file
    │   ├── DatasetError               a corpus, queries or qrels that cannot be used
    │   └── WorkspaceError             a workspace that lacks the stage asked for
    ├── LlmError (RuntimeError)        an LLM that cannot be reached, or sends nothing usable
    ├── ModelError (ValueError)        a base model that cannot be found, trusted or loaded
    └── MissingExtraError (ImportError)  an optional part that is not installed

A message says what was wrong (with the value), what was expected, and the next command to type, in
one line. Only ``cli.py`` and ``serve/`` catch these.
"""


class CVSeekerError(Exception):
    """Base class of every error raised on purpose."""


class InputError(CVSeekerError, ValueError):
    """The user's input cannot be used."""


class SettingsError(InputError):
    """A setting has a value that it cannot have."""


class DatasetError(InputError):
    """A corpus, a set of queries or their qrels cannot be used."""


class WorkspaceError(InputError):
    """A workspace lacks what a stage needs."""


class LlmError(CVSeekerError, RuntimeError):
    """An LLM cannot be reached, refuses to work, or sends nothing usable."""


class ModelError(CVSeekerError, ValueError):
    """A model cannot be found, trusted or loaded."""


class MissingExtraError(CVSeekerError, ImportError):
    """An optional part is needed and not installed."""
