"""An index of candidates, and candidates found in it."""

from cvseeker.search.finder import CandidateHit, CandidateSearch, Found
from cvseeker.search.searcher import Hit, Searcher
from cvseeker.search.stage import index_stage, open_base_searcher, open_searcher

__all__ = [
    "CandidateHit",
    "CandidateSearch",
    "Found",
    "Hit",
    "Searcher",
    "index_stage",
    "open_base_searcher",
    "open_searcher",
]
