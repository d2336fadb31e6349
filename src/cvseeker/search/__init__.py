"""An index of passages, and candidates found in it."""

from cvseeker.search.searcher import Hit, Searcher
from cvseeker.search.stage import index_stage, open_base_searcher, open_searcher

__all__ = [
    "Hit",
    "Searcher",
    "index_stage",
    "open_base_searcher",
    "open_searcher",
]
