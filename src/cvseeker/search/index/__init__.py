"""The index of candidates, derived from the record and a model."""

from cvseeker.search.index.base import Candidate, Engine, Scored
from cvseeker.search.index.build import index_candidates, resume_index
from cvseeker.search.index.candidates import CandidateIndex
from cvseeker.search.index.engines import ENOUGH, open_engine

__all__ = [
    "ENOUGH",
    "Candidate",
    "CandidateIndex",
    "Engine",
    "Scored",
    "index_candidates",
    "open_engine",
    "resume_index",
]
