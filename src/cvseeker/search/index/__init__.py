"""The index of candidates, derived from the record and a model."""

from cvseeker.search.index.base import Candidate, Scored
from cvseeker.search.index.build import index_candidates, resume_index
from cvseeker.search.index.candidates import CandidateIndex

__all__ = ["Candidate", "CandidateIndex", "Scored", "index_candidates", "resume_index"]
