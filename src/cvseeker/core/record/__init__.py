"""The one truth about candidates: ``record.sqlite``."""

from cvseeker.core.record.journal import Journal
from cvseeker.core.record.lists import FIRST, Shortlists
from cvseeker.core.record.record import NAME, Candidate, Change, ChangeKind, Record

__all__ = [
    "FIRST",
    "NAME",
    "Candidate",
    "Change",
    "ChangeKind",
    "Journal",
    "Record",
    "Shortlists",
]
