"""An index of candidates, and candidates found in it."""

from cvseeker.search.finder import CandidateHit, CandidateSearch, Found
from cvseeker.search.stage import index_stage

__all__ = ["CandidateHit", "CandidateSearch", "Found", "index_stage"]
