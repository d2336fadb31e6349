"""What a recruiter reads off a résumé in ten seconds, each with the stretch that says so."""

from cvseeker.resumes.insights.read import read_insights

__all__ = ["read_insights"]
