"""CVSeeker: turn a folder of résumés into an embedding model that knows them, and search with it.

Importing this package loads neither torch nor sentence-transformers; the modules that need them
import them when they are first used.
"""

__version__ = "0.1.0"
