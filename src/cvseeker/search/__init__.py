"""An index of passages, and candidates found in it."""

from cvseeker.search.searcher import Hit
from cvseeker.search.stage import index_stage, open_base_searcher, open_searcher

__all__ = [
    "Hit",
    "index_stage",
    "open_base_searcher",
    "open_searcher",
]
