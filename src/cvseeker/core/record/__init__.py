"""The one truth about candidates: ``record.sqlite``."""

from cvseeker.core.record.record import Candidate, Change, Record

__all__ = ["Candidate", "Change", "Record"]
