"""What is searched for: queries and job descriptions, read before anything is ranked."""

from cvseeker.search.query.jobs import Job, Requirement, cut_job
from cvseeker.search.query.pool import Pool
from cvseeker.search.query.reading import Reading, correct, read_query

__all__ = ["Job", "Pool", "Reading", "Requirement", "correct", "cut_job", "read_query"]
