"""CVSeeker: turn a folder of résumés into an embedding model that knows them, and search with it.

Importing this package loads neither torch nor sentence-transformers; the modules that need them
import them when they are first used.
"""

from cvseeker.core import __version__

__all__ = ["__version__"]
