"""What is searched for: queries and job descriptions, read before anything is ranked."""

from cvseeker.search.query.jobs import Job, Requirement, cut_job

__all__ = ["Job", "Requirement", "cut_job"]
